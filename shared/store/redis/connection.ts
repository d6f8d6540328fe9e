/**
 * The only door to ioredis: one connection for commands and one that listens, both kept up for ever.
 * A command is sent once and answered within a bounded time, or fails; nothing waits in a queue for
 * Redis to come back, so nothing is written behind the back of a caller who was told it failed.
 *
 * @module
 */
import { Redis, type RedisOptions } from "ioredis";
import { Unavailable } from "shared/define/mod.ts";
import type { Log } from "shared/telemetry/log.ts";
import type { Clock } from "shared/time/clock.ts";
import { scripts } from "./scripts.ts";

export interface ConnectionOptions {
  /** `redis://` or, over TLS, `rediss://`, with user, password and database if need be. */
  readonly url?: string;
  /** `host:port`, when there is no more to say. */
  readonly address?: string;
  /** PEM of the authority that signed the server's certificate; the system's when absent. */
  readonly ca?: string;
  readonly clock: Clock;
  readonly log: Log;
  /** How long an answer may take; 5 s when absent. */
  readonly command_timeout_ms?: number;
  /** How long to try at the start; 10 s when absent. */
  readonly open_timeout_ms?: number;
  /**
   * How often a connection is asked whether it lives; 10 s when absent. One that was cut silently
   * shows it only so, and hints are late by as much.
   */
  readonly heartbeat_ms?: number;
}

const commandTimeout_ms = 5_000;
const openTimeout_ms = 10_000;
/** Waits between tries to connect: from the first to the last, each twice the one before. */
const firstBackoff_ms = 50;
const lastBackoff_ms = 2_000;
const heartbeat_ms = 10_000;
/** How long what is under way may still be answered at the end. */
const close_ms = 1_000;

/** Answers that say "not now" and nothing about the command. */
const notNow =
  /\b(OOM|READONLY|LOADING|BUSY|MASTERDOWN|MISCONF|NOREPLICAS|CLUSTERDOWN|TRYAGAIN|NOAUTH|WRONGPASS|NOPERM)\b/;
/** Answers that more tries do not change. */
const refused = /\b(NOAUTH|WRONGPASS|NOPERM|DB index is out of range)\b/;

export type Command = readonly [name: string, ...args: (string | number)[]];
type Scripts = Record<
  keyof typeof scripts,
  (count: number, keys: readonly string[], args: readonly (string | number)[]) => Promise<unknown>
>;

/** A connection to a Redis server, or the lasting attempt to have one. */
export class Connection {
  readonly #redis: Redis;
  readonly #listener: Redis;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #where: string;
  readonly #closing = new AbortController();
  readonly #kept: Promise<void>;
  readonly #listeners = new Map<string, () => void>();
  #lastError: Error | undefined;

  private constructor(options: ConnectionOptions) {
    const redisOptions = readOptions(options);
    this.#clock = options.clock;
    this.#log = options.log;
    this.#where = `${redisOptions.host}:${redisOptions.port}`;
    this.#redis = new Redis(redisOptions);
    this.#listener = new Redis(redisOptions);
    for (const redis of [this.#redis, this.#listener]) {
      redis.on("error", (error: Error) => this.#lastError = cleaned(error));
    }
    this.#listener.on("message", (channel: string) => this.#listeners.get(channel)?.());
    this.#kept = Promise.all([
      this.#keep(this.#redis, () => {}),
      this.#keep(this.#listener, () => this.#listenAgain()),
      this.#beat(options.heartbeat_ms ?? heartbeat_ms),
    ]).then(() => {});
  }

  /**
   * Connects.
   *
   * @throws {Unavailable} when Redis cannot be reached in time, or refuses the user or the database
   */
  static async open(options: ConnectionOptions): Promise<Connection> {
    const connection = new Connection(options);
    const failure = await connection.#opened(options.open_timeout_ms ?? openTimeout_ms);
    if (!failure) return connection;
    await connection.close();
    throw failure;
  }

  async #opened(timeout_ms: number): Promise<Unavailable | undefined> {
    const end = this.#clock.now() + timeout_ms;
    for (;;) {
      // First of all, as a database that is refused leaves the connection ready, in another one.
      const hopeless = this.#lastError && refused.test(this.#lastError.message);
      const ready = this.#redis.status === "ready" && this.#listener.status === "ready";
      if (ready && !hopeless) {
        this.#lastError = undefined;
        return;
      }
      if (hopeless || this.#clock.now() >= end) {
        return new Unavailable(this.#complaint(this.#lastError?.message ?? "no answer"), {
          cause: this.#lastError,
        });
      }
      await this.#clock.sleep(10);
    }
  }

  /** Sends a command. @throws {Unavailable} */
  async call([name, ...args]: Command): Promise<unknown> {
    return await this.#sent(this.#redis, () => this.#redis.call(name, args));
  }

  /** Runs a script, in one round trip. @throws {Unavailable} */
  async run(
    script: keyof typeof scripts,
    keys: readonly string[],
    args: readonly (string | number)[],
  ): Promise<unknown> {
    const redis = this.#redis as Redis & Scripts;
    return await this.#sent(redis, () => redis[script](keys.length, keys, args));
  }

  /** Sends commands together, and resolves with their answers. @throws {Unavailable} */
  async callAll(commands: readonly Command[]): Promise<unknown[]> {
    if (commands.length === 0) return [];
    const answers = await this.#sent(
      this.#redis,
      () => this.#redis.pipeline(commands.map((command) => [...command])).exec(),
    );
    return await Promise.all(
      answers!.map(([error, answer]) =>
        error ? this.#sent(this.#redis, () => Promise.reject(error)) : answer
      ),
    );
  }

  /**
   * Calls back for each message in a channel, and each time the channel is heard (again): messages
   * may have been missed before.
   */
  listen(channel: string, callback: () => void): void {
    this.#listeners.set(channel, callback);
    if (this.#listener.status === "ready") this.#subscribe([channel]);
  }

  /** Ends what `listen` began. */
  unlisten(channel: string): void {
    this.#listeners.delete(channel);
    if (this.#listener.status !== "ready") return;
    this.#sent(this.#listener, () => this.#listener.unsubscribe(channel)).catch((error) =>
      this.#log.debug("Cannot stop listening to Redis", { channel, error })
    );
  }

  #listenAgain() {
    if (this.#listeners.size > 0) this.#subscribe([...this.#listeners.keys()]);
  }

  #subscribe(channels: string[]) {
    this.#sent(this.#listener, () => this.#listener.subscribe(...channels)).then(
      () => channels.forEach((channel) => this.#listeners.get(channel)?.()),
      (error) => {
        // A connection that was lost is made again, and the channels are subscribed to then.
        if (this.#listener.status === "ready" && !this.#closing.signal.aborted) {
          this.#log.warn("Cannot listen to Redis: changes by others are noticed late", { error });
        }
      },
    );
  }

  /** Ends when what is under way is answered, or a moment later. */
  async close(): Promise<void> {
    this.#closing.abort();
    const ended = new AbortController();
    const limit = this.#clock.sleep(close_ms, ended.signal).then(() => {
      if (ended.signal.aborted) return;
      for (const redis of [this.#redis, this.#listener]) redis.disconnect();
    });
    await Promise.all([this.#redis, this.#listener].map(async (redis) => {
      if (redis.status === "end" || redis.status === "wait") return;
      if (redis.status === "ready") await redis.quit().catch(() => redis.disconnect());
      else redis.disconnect();
    }));
    await this.#kept;
    ended.abort();
    await limit;
    // ioredis cuts a connection by a timer, also one that has just ended by itself.
    await this.#clock.sleep(0);
  }

  // --- failure

  async #sent<T>(redis: Redis, send: () => Promise<T>): Promise<T> {
    try {
      return await send();
    } catch (error) {
      const cause = cleaned(error);
      // What is sent on a connection that gives no answer may still arrive: it must not.
      if (cause.message === "Command timed out" && redis.status === "ready") redis.disconnect(true);
      if (cause.name === "ReplyError" && !notNow.test(cause.message)) {
        throw new Error(
          `Cannot use Redis at ${this.#where} as it must take the command: current value is "${cause.message}"`,
          { cause },
        );
      }
      const away = redis.status !== "ready" && this.#lastError;
      throw new Unavailable(this.#complaint(away ? away.message : cause.message), { cause });
    }
  }

  #complaint(value: string): string {
    return `Cannot use the store as Redis at ${this.#where} must answer: current value is "${value}"`;
  }

  /** Connects, and again whenever the connection has ended, until closed. */
  async #keep(redis: Redis, ready: () => void): Promise<void> {
    const { signal } = this.#closing;
    const tells = redis === this.#redis;
    let wasReady = false;
    for (let backoff_ms = firstBackoff_ms; !signal.aborted;) {
      const ended = new Promise<void>((resolve) => redis.once("end", () => resolve()));
      try {
        await redis.connect();
        if (wasReady) this.#lastError = undefined;
        if (wasReady && tells) this.#log.info(`Redis at ${this.#where} is back`);
        wasReady = true;
        backoff_ms = firstBackoff_ms;
        ready();
      } catch (error) {
        // The reason came as an event; this one says no more than that it did not work.
        this.#lastError ??= cleaned(error);
      }
      await ended;
      if (signal.aborted) return;
      if (backoff_ms === firstBackoff_ms && wasReady && tells) {
        this.#log.warn(`Redis at ${this.#where} is away`, { error: this.#lastError });
      }
      await this.#clock.sleep(backoff_ms, signal);
      backoff_ms = Math.min(2 * backoff_ms, lastBackoff_ms);
    }
  }

  async #beat(every_ms: number): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      await this.#clock.sleep(every_ms, signal);
      await Promise.all([this.#redis, this.#listener].map(async (redis) => {
        if (redis.status !== "ready" || signal.aborted) return;
        await this.#sent(redis, () => redis.ping()).catch((error) =>
          this.#log.debug("Redis does not answer", { error })
        );
      }));
    }
  }
}

/**
 * What ioredis is told: the address, and to neither queue, nor repeat, nor reconnect by itself.
 *
 * @throws {TypeError} when there is neither an address nor a URL
 */
export function readOptions(
  { url, address, ca, command_timeout_ms = commandTimeout_ms }: ConnectionOptions,
): RedisOptions {
  const text = url ?? `redis://${address}`;
  if (!url && !address || !URL.canParse(text)) {
    // A URL may hold a password.
    throw new TypeError(
      `Cannot connect to Redis as there must be an address or a URL: current value is "${
        url ? "•••" : address ?? ""
      }"`,
    );
  }
  const { protocol, hostname, port, username, password, pathname } = new URL(text);
  const host = hostname.replace(/^\[(.*)\]$/, "$1") || "localhost";
  return {
    host,
    port: Number(port || 6379),
    ...(username ? { username: decodeURIComponent(username) } : {}),
    ...(password ? { password: decodeURIComponent(password) } : {}),
    db: Number(pathname.slice(1) || 0),
    ...(protocol === "rediss:" ? { tls: ca === undefined ? {} : { ca } } : {}),
    scripts: Object.fromEntries(Object.entries(scripts).map(([name, lua]) => [name, { lua }])),
    lazyConnect: true,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    autoResubscribe: false,
    retryStrategy: () => null,
    // After a failover the old primary answers so: the address leads to the new one by then.
    reconnectOnError: (error) => /\bREADONLY\b/.test(error.message),
    commandTimeout: command_timeout_ms,
    connectTimeout: command_timeout_ms,
    // A connection that is given up is cut, and what was not yet sent is not.
    disconnectTimeout: 0,
    keepAlive: 10_000,
    disableClientInfo: true,
  };
}

/** An error without the command that ioredis hangs on it: that holds data, or the password. */
function cleaned(error: unknown): Error {
  if (!(error instanceof Error)) return new Error(String(error));
  delete (error as Error & { command?: unknown }).command;
  return error;
}
