/**
 * The store in Redis, shared by all processes that use one prefix. Must never say that something is
 * stored which Redis has not acknowledged: how much of that outlives a crash of Redis itself is its
 * own setting (`appendfsync`), and its `maxmemory-policy` must be `noeviction`.
 *
 * Under the prefix (`eventflow:`), all readable with redis-cli:
 *
 * | key | type | holds |
 * |---|---|---|
 * | `record:<kind>:<key>` | hash | `value` (JSON), `version`, `rank`; expires by itself |
 * | `records:<kind>` | sorted set | keys by rank |
 * | `ends:<kind>` | sorted set | keys by when they expire |
 * | `revision` | hash | the revision of each kind |
 * | `due:<queue>` | sorted set | lanes by when their earliest item is free |
 * | `lane:<queue>:<lane>` | sorted set | ids by when they are free: due, or their lease has ended |
 * | `item:<queue>:<id>` | hash | `at`, `lane`, `attempt`, `token` |
 * | `services` | set | services that have series |
 * | `series:<service>` | hash | `metric`, `labels`, `unit` (JSON) of each series |
 * | `points:<series>` | sorted set | `<hash of the sample's id>:<value>` by event time |
 * | `mark:<key>` `once:<key>` `lease:<name>` | string | expire by themselves |
 * | `born` | string | made with the first of all; where it is gone or another, all else is lost |
 * | `changed:<kind or queue>` | channel | a message after each change |
 *
 * A command whose answer was lost may have been carried out. All may be repeated: a put with a
 * version is then a `Conflict`, which makes its handler decide anew; a schedule, hold, append, mark or
 * lease changes nothing more; an item that was taken comes again when its lease ends; a `once` that was
 * granted is granted to nobody else.
 *
 * For one server or a primary with replicas, not for Redis Cluster: an `apply` spans many keys.
 *
 * @module
 */
import { Conflict, type Kind, type Queue } from "shared/define/mod.ts";
import { hash52 } from "shared/model/ids.ts";
import type { Sample } from "shared/model/metric.ts";
import type {
  Change,
  ListOptions,
  Point,
  Series,
  Store,
  Stored,
  StoreReader,
  Taken,
} from "./port.ts";
import { type Command, Connection, type ConnectionOptions } from "./redis/connection.ts";

export interface RedisStoreOptions extends ConnectionOptions {
  /** What all keys begin with; `eventflow:` when absent. */
  readonly prefix?: string;
  /** How long points are kept; 24 hours when absent. */
  readonly retention_ms?: number;
  /** Most points of one series, oldest dropped first; 20,000 (about 2 MB) when absent. */
  readonly max_points?: number;
}

const defaultRetention_ms = 86_400_000;
const defaultMaxPoints = 20_000;
/** Most points of one series in a step: Lua passes no more than some thousand arguments to a call. */
const pointsAtOnce = 2_000;
/** Most series that one round trip reads or trims. */
const seriesAtOnce = 200;
/** Most series whose points are in memory while they are read. */
const rangesAtOnce = 8;
/** Most records that one step of the housekeeping drops. */
const dropAtOnce = 1_000;

/**
 * Connects to Redis. The connection is then kept up for ever: while Redis is away every call fails
 * with `Unavailable`.
 *
 * @throws {Unavailable} when Redis cannot be reached in time, or refuses the user or the database
 * @example
 * ```ts
 * const store = await openRedisStore({ address: "localhost:6379", clock: systemClock, log });
 * ```
 */
export async function openRedisStore(options: RedisStoreOptions): Promise<Store> {
  const connection = await Connection.open(options);
  try {
    const store = new RedisStore(options, connection);
    await store.noteBirth();
    return store;
  } catch (error) {
    await connection.close();
    throw error;
  }
}

class RedisStore implements Store {
  readonly #options: RedisStoreOptions;
  readonly #redis: Connection;
  readonly #prefix: string;
  readonly #watchers = new Map<string, Set<() => void>>();
  readonly #told = new Set<string>();
  #born: string | undefined;

  constructor(options: RedisStoreOptions, connection: Connection) {
    this.#options = options;
    this.#redis = connection;
    this.#prefix = options.prefix ?? "eventflow:";
  }

  #key(...parts: string[]): string {
    return this.#prefix + parts.join(":");
  }

  /** Notes which data these are. @returns whether they are others than before */
  async noteBirth(): Promise<boolean> {
    const key = this.#key("born");
    await this.#redis.call(["set", key, crypto.randomUUID(), "NX"]);
    const born = await this.#redis.call(["get", key]) as string;
    const others = this.#born !== undefined && born !== this.#born;
    this.#born = born;
    return others;
  }

  // --- records

  async get<T>(kind: Kind<T>, key: string): Promise<Stored<T> | undefined> {
    const found = await this.#redis.call(this.#read(kind, key));
    return stored<T>(key, found as Fields);
  }

  async getMany<T>(kind: Kind<T>, keys: readonly string[]): Promise<(Stored<T> | undefined)[]> {
    const found = await this.#redis.callAll(keys.map((key) => this.#read(kind, key)));
    return keys.map((key, i) => stored<T>(key, found[i] as Fields));
  }

  #read(kind: Kind<unknown>, key: string): Command {
    return ["hmget", this.#key("record", kind.name, toText(key)), "value", "version", "rank"];
  }

  async list<T>(kind: Kind<T>, options: ListOptions = {}): Promise<Stored<T>[]> {
    const { from = -Infinity, to = Infinity, order = "asc", limit = 1_000, offset = 0 } = options;
    const [first, last] = order === "desc" ? [to, from] : [from, to];
    const { keys, args } = this.#ofKind(kind.name);
    const found = await this.#redis.run("list", keys, [
      ...args,
      order,
      bound(first),
      bound(last),
      offset,
      Number.isFinite(limit) ? limit : -1,
    ]) as string[];
    const records: Stored<T>[] = [];
    for (let i = 0; i < found.length; i += 4) {
      records.push(stored<T>(fromText(found[i]!), found.slice(i + 1, i + 4) as Fields)!);
    }
    return records;
  }

  async count(
    kind: Kind<unknown>,
    { from = -Infinity, to = Infinity }: Pick<ListOptions, "from" | "to"> = {},
  ): Promise<number> {
    const { keys, args } = this.#ofKind(kind.name);
    return await this.#redis.run("count", keys, [...args, bound(from), bound(to)]) as number;
  }

  async revision(kind: Kind<unknown>): Promise<number> {
    return Number(await this.#redis.call(["hget", this.#key("revision"), kind.name]) ?? 0);
  }

  /** What the scripts that look after expired records begin with. */
  #ofKind(kind: string) {
    return {
      keys: [this.#key("records", kind), this.#key("ends", kind), this.#key("revision")],
      args: [this.#key("record", kind, ""), kind, this.#key("changed", kind)],
    };
  }

  // --- series

  async series(where: { service?: string; metric?: string } = {}): Promise<Series[]> {
    const found: Series[] = [];
    const about = await this.#about(where);
    for (let i = 0; i < about.length; i += seriesAtOnce) {
      const some = about.slice(i, i + seriesAtOnce);
      const newest = await this.#redis.callAll(
        some.map(({ series }) => this.#newest(series)),
      ) as string[][];
      some.forEach((one, j) => {
        const last = points(newest[j]!)[0];
        if (last) found.push({ ...one, last });
      });
    }
    return found;
  }

  async range(query: Parameters<StoreReader["range"]>[0]): ReturnType<StoreReader["range"]> {
    const { from, to, step_ms } = query;
    if (step_ms !== undefined && !(Number.isInteger(step_ms) && step_ms > 0)) {
      throw new RangeError(
        `Cannot read a range as step_ms must be a whole number above 0: current value is "${step_ms}"`,
      );
    }
    const found: (Series & { points: Point[] })[] = [];
    const about = await this.#about(query);
    for (let i = 0; i < about.length; i += rangesAtOnce) {
      const some = about.slice(i, i + rangesAtOnce);
      const answers = await this.#redis.callAll(some.flatMap(({ series }): Command[] => [
        this.#newest(series),
        [
          "zrangebyscore",
          this.#key("points", toText(series)),
          bound(from),
          bound(to),
          "withscores",
        ],
      ])) as string[][];
      some.forEach((one, j) => {
        const last = points(answers[2 * j]!)[0];
        const all = points(answers[2 * j + 1]!);
        if (!last || all.length === 0) return;
        found.push({ ...one, last, points: step_ms === undefined ? all : steps(all, step_ms) });
      });
    }
    return found;
  }

  #newest(series: string): Command {
    return ["zrange", this.#key("points", toText(series)), -1, -1, "withscores"];
  }

  /** The series there are, ordered by identity; some may have no points any more. */
  async #about(
    { service, metric }: { service?: string; metric?: string },
  ): Promise<Omit<Series, "last">[]> {
    const services = service === undefined
      ? await this.#redis.call(["smembers", this.#key("services")]) as string[]
      : [toText(service)];
    const hashes = await this.#redis.callAll(
      services.map((name) => ["hgetall", this.#key("series", name)]),
    ) as Record<string, string>[];
    const found: Omit<Series, "last">[] = [];
    hashes.forEach((hash, i) => {
      for (const [series, about] of Object.entries(hash)) {
        const one = JSON.parse(about) as Pick<Series, "metric" | "labels" | "unit">;
        if (metric !== undefined && one.metric !== metric) continue;
        found.push({ series: fromText(series), service: fromText(services[i]!), ...one });
      }
    });
    return found.sort((a, b) => a.series < b.series ? -1 : a.series > b.series ? 1 : 0);
  }

  // --- writing

  async apply(changes: readonly Change[]): Promise<void> {
    if (changes.length === 0) return;
    const { keys, args } = this.#written(changes);
    const misfit = await this.#redis.run("apply", keys, args) as [string, string] | null;
    if (!misfit) return;
    const change = changes[Number(misfit[0])] as Change & { do: "put" | "delete" };
    throw new Conflict(
      `Cannot ${change.do} ${change.kind} "${change.key}" as its version must be ${change.version}: current value is "${
        misfit[1]
      }"`,
    );
  }

  /** The keys and arguments of the script `apply`. */
  #written(changes: readonly Change[]) {
    const keys: string[] = [];
    const places = new Map<string, number>();
    const key = (...parts: string[]) => {
      const name = this.#key(...parts);
      let place = places.get(name);
      if (place === undefined) places.set(name, place = keys.push(name));
      return place;
    };
    const checks: (string | number)[] = [];
    const steps: (string | number)[] = [];
    let stepCount = 0;
    const step = (...args: (string | number)[]) => {
      for (const arg of args) steps.push(arg);
      stepCount++;
    };
    const names = new Set<string>();

    changes.forEach((change, i) => {
      switch (change.do) {
        case "put":
        case "delete": {
          const id = toText(change.key);
          const kind = plainName(change.kind);
          names.add(kind);
          const record = key("record", kind, id);
          if (change.version !== undefined) checks.push(i, record, change.version);
          const own = [kind, id, record, key("records", kind), key("ends", kind)];
          if (change.do === "delete") return step("delete", ...own);
          return step(
            "put",
            ...own,
            json(change),
            change.rank === undefined ? "" : finite(change.rank, "a rank"),
            change.ttl_ms === undefined ? "" : ttl(change.ttl_ms),
          );
        }
        case "schedule":
        case "unschedule":
        case "hold": {
          const id = toText(change.id);
          const queue = plainName(change.queue);
          names.add(queue);
          const own = [
            id,
            key("item", queue, id),
            key("due", queue),
            this.#key("lane", queue, ""),
          ];
          if (change.do === "unschedule") return step("unschedule", ...own, change.token ?? "");
          if (change.do === "hold") {
            return step("hold", ...own, change.token, finite(change.until, "a due time"));
          }
          const lane = toText(change.lane ?? "");
          return step(
            "schedule",
            ...own,
            key("lane", queue, lane),
            lane,
            finite(change.at, "a due time"),
          );
        }
        case "append":
          for (const [series, samples] of Map.groupBy(change.samples, ({ series }) => series)) {
            const { service, metric, labels, unit } = samples.at(-1)!;
            const name = toText(series);
            const owner = toText(service);
            for (let i = 0; i < samples.length; i += pointsAtOnce) {
              step(
                "append",
                key("points", name),
                key("services"),
                key("series", owner),
                owner,
                name,
                JSON.stringify({ metric, labels, unit }),
                ...pointsOf(samples.slice(i, i + pointsAtOnce)),
              );
            }
          }
          return;
        case "mark":
          step("mark", ttl(change.ttl_ms), change.keys.length);
          for (const one of change.keys) steps.push(key("mark", toText(one)));
      }
    });

    const { clock, retention_ms = defaultRetention_ms, max_points = defaultMaxPoints } =
      this.#options;
    const args = [
      checks.length / 3,
      ...checks,
      clock.now() - retention_ms,
      max_points,
      key("revision"),
      stepCount,
    ];
    for (const arg of steps) args.push(arg);
    args.push(names.size, ...[...names].map((name) => this.#key("changed", name)));
    return { keys, args };
  }

  // --- watching

  watch(name: string, callback: () => void): () => void {
    // A function of its own for each caller, so that one callback may watch twice.
    const watcher = () => callback();
    const channel = this.#key("changed", name);
    let watchers = this.#watchers.get(name);
    if (!watchers) {
      this.#watchers.set(name, watchers = new Set());
      this.#redis.listen(channel, () => this.#tell(name));
    }
    watchers.add(watcher);
    return () => {
      watchers.delete(watcher);
      if (watchers.size > 0 || this.#watchers.get(name) !== watchers) return;
      this.#watchers.delete(name);
      this.#redis.unlisten(channel);
    };
  }

  /** Once for all messages that came together. */
  #tell(name: string) {
    if (this.#told.has(name)) return;
    this.#told.add(name);
    queueMicrotask(() => {
      this.#told.delete(name);
      for (const watcher of this.#watchers.get(name) ?? []) watcher();
    });
  }

  // --- marks, leases

  async seen(keys: readonly string[]): Promise<boolean[]> {
    if (keys.length === 0) return [];
    const found = await this.#redis.call([
      "mget",
      ...keys.map((key) => this.#key("mark", toText(key))),
    ]) as (string | null)[];
    return found.map((mark) => mark !== null);
  }

  async once(key: string, ttl_ms: number): Promise<boolean> {
    const name = this.#key("once", toText(key));
    return await this.#redis.call(["set", name, 1, "PX", ttl(ttl_ms), "NX"]) === "OK";
  }

  async lease(name: string, holder: string, ttl_ms: number): Promise<boolean> {
    const key = this.#key("lease", toText(name));
    return await this.#redis.run("lease", [key], [toText(holder), ttl(ttl_ms)]) === 1;
  }

  // --- due times

  async take(
    queue: Queue,
    { now, limit, lease_ms, skip = [] }: {
      now: number;
      limit: number;
      lease_ms: number;
      skip?: readonly string[];
    },
  ): Promise<Taken[]> {
    const token = crypto.randomUUID();
    const found = await this.#redis.run("take", [this.#key("due", queue.name)], [
      this.#key("lane", queue.name, ""),
      this.#key("item", queue.name, ""),
      now,
      limit,
      // Later than now, or one look would take an item twice.
      now + Math.max(1, lease_ms),
      token,
      ...skip.map(toText),
    ]) as string[];
    const taken: Taken[] = [];
    for (let i = 0; i < found.length; i += 4) {
      const [id, at, lane, attempt] = found.slice(i, i + 4) as [string, string, string, string];
      taken.push({
        id: fromText(id),
        at: Number(at),
        lane: fromText(lane),
        attempt: Number(attempt),
        token,
      });
    }
    return taken;
  }

  async next(queue: Queue, skip: readonly string[] = []): Promise<number | undefined> {
    const without = new Set(skip.map(toText));
    const first = await this.#redis.call(
      ["zrange", this.#key("due", queue.name), 0, without.size, "withscores"],
    ) as string[];
    const i = first.findIndex((lane, i) => i % 2 === 0 && !without.has(lane));
    return i < 0 ? undefined : Number(first[i + 1]);
  }

  // --- the server

  async check(): Promise<void> {
    await this.#redis.call(["set", this.#key("check"), this.#options.clock.now(), "PX", 60_000]);
  }

  async maintain(): Promise<void> {
    if (await this.noteBirth()) {
      this.#options.log.error(
        "Redis has lost what was stored: rules, alerts, due notifications and state are gone. Give it its data back, or restart EventFlow for the default rules",
      );
    }
    const kinds = await this.#redis.call(["hkeys", this.#key("revision")]) as string[];
    for (const kind of kinds) {
      const { keys, args } = this.#ofKind(kind);
      while (await this.#redis.run("drop", keys, [...args, dropAtOnce]) === dropAtOnce);
    }
    const before = this.#options.clock.now() - (this.#options.retention_ms ?? defaultRetention_ms);
    const services = this.#key("services");
    for (const service of await this.#redis.call(["smembers", services]) as string[]) {
      const series = this.#key("series", service);
      const names = await this.#redis.call(["hkeys", series]) as string[];
      for (let i = 0; i < names.length; i += seriesAtOnce) {
        const some = names.slice(i, i + seriesAtOnce);
        const keys = some.map((name) => this.#key("points", name));
        await this.#redis.run("trim", [services, series, ...keys], [service, before, ...some]);
      }
    }
  }

  async close(): Promise<void> {
    await this.#redis.close();
  }
}

type Fields = [value: string | null, version: string, rank: string];

function stored<T>(key: string, [value, version, rank]: Fields): Stored<T> | undefined {
  if (value === null) return undefined;
  return { key, value: JSON.parse(value), version: Number(version), rank: Number(rank) };
}

/**
 * Points as a script takes them: the first time where each is later than the one before, else
 * nothing; and `["time","<hash>:<value>",…]`, in one argument, as each costs as much as several points
 * do.
 */
function pointsOf(samples: readonly Sample[]): [rising: string, points: string] {
  let text = "";
  let last = -Infinity;
  for (const { id, t, v } of samples) {
    last = finite(t, "a time") > last ? t : Infinity;
    text += `,"${t}","${hash52(id).toString(36)}:${finite(v, "a sample")}"`;
  }
  return [last < Infinity ? `${samples[0]!.t}` : "", `[${text.slice(1)}]`];
}

/** The points of an answer `<hash>:<value>, time, …`. */
function points(answer: readonly string[]): { t: number; v: number }[] {
  const found = [];
  for (let i = 0; i < answer.length; i += 2) {
    const name = answer[i]!;
    found.push({ t: Number(answer[i + 1]), v: Number(name.slice(name.indexOf(":") + 1)) });
  }
  return found;
}

/** One point for each step; steps are aligned to the epoch. */
function steps(all: readonly { t: number; v: number }[], step_ms: number): Point[] {
  const found: { t: number; v: number; min: number; max: number; count: number }[] = [];
  for (const { t, v } of all) {
    const start = Math.floor(t / step_ms) * step_ms;
    const step = found.at(-1);
    if (step?.t === start) {
      step.v += v;
      step.min = Math.min(step.min, v);
      step.max = Math.max(step.max, v);
      step.count++;
    } else {
      found.push({ t: start, v, min: v, max: v, count: 1 });
    }
  }
  for (const step of found) step.v /= step.count;
  return found;
}

/** How Redis writes an end of a span of scores. */
function bound(n: number): string {
  return n === Infinity ? "+inf" : n === -Infinity ? "-inf" : String(n);
}

function ttl(ms: number): number {
  return Math.max(1, Math.ceil(finite(ms, "a time to live")));
}

function finite(n: number, what: string): number {
  if (Number.isFinite(n)) return n;
  throw new TypeError(
    `Cannot store ${what} as it must be a finite number: current value is "${n}"`,
  );
}

function json({ kind, key, value }: Change & { do: "put" }): string {
  const text = JSON.stringify(value);
  if (text !== undefined) return text;
  throw new TypeError(
    `Cannot put ${kind} "${key}" as its value must be JSON: current value is "${typeof value}"`,
  );
}

/** The name of a kind or queue: without the sign that stands between the parts of keys. */
function plainName(name: string): string {
  if (!name.includes(":")) return name;
  throw new TypeError(
    `Cannot store a kind or queue as its name must hold no colon: current value is "${name}"`,
  );
}

/** A text as it can be sent: lone surrogates have no UTF-8, and would all look alike. */
function toText(text: string): string {
  return text.isWellFormed() && !text.startsWith("\u0001") ? text : `\u0001${JSON.stringify(text)}`;
}

/** The text that `toText` was given. */
function fromText(text: string): string {
  return text.startsWith("\u0001") ? JSON.parse(text.slice(1)) : text;
}
