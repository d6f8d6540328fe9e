/**
 * Publishing: calls that come side by side share requests, one request is under way at a time (so
 * that a retry never overtakes), and what waits is bounded in bytes and in time.
 *
 * @module
 */
import { Permanent, Unavailable } from "shared/define/errors.ts";
import type { Clock } from "shared/time/clock.ts";
import { positiveMurmur2 } from "../murmur2.ts";
import type { Outgoing } from "../port.ts";
import { type Cluster, errorType, gzip, noCompression, type TopicData } from "./client.ts";

/** Most of what one request carries. A broker takes 1 MiB for each partition unless told otherwise. */
const request_bytes = 900_000;
const requestMessages = 5_000;
/** Requests from this size on are compressed. */
const compressFrom_bytes = 16_384;
/** Most of what waits; beyond, calls are refused at once. */
const queue_bytes = 32 * 1024 * 1024;
/** How long a call is tried for before its caller is told. */
const patience_ms = 8_000;
/** How long the replicas may take to store a request. */
const store_ms = 8_000;
/** Milliseconds that refused callers are told to wait. */
const refused_ms = 1_000;
/** The pauses after a failed request double from the first to the longest. */
const firstPause_ms = 50;
const longestPause_ms = 1_000;
/** What a message costs besides its text. */
const overhead_bytes = 64;
/** Most keys whose hash is remembered. */
const rememberedKeys = 20_000;

/** The message itself is wrong: no retry helps. */
const faults = ["MESSAGE_TOO_LARGE", "RECORD_LIST_TOO_LARGE", "INVALID_RECORD"];

interface Call {
  /** Messages that are not yet stored. */
  left: number;
  readonly deadline: number;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
  settled: boolean;
}

interface Waiting {
  readonly call: Call;
  readonly message: Outgoing;
  readonly bytes: number;
}

type ByPartition = Map<number, TopicData["partitions"][number]>;

export class Publisher {
  readonly #cluster: Cluster;
  readonly #clock: Clock;
  #queue: Waiting[] = [];
  #bytes = 0;
  #running = false;
  readonly #closed = new AbortController();
  readonly #hashes = new Map<string, number>();

  constructor(cluster: Cluster, clock: Clock) {
    this.#cluster = cluster;
    this.#clock = clock;
  }

  /**
   * Publishes messages of topics that exist. A call is stored in order and as a whole, but when the
   * broker fails in the middle a part of it may have been stored although it is refused.
   *
   * @throws {Unavailable} when the broker does not store it in time
   * @throws {Permanent} when the broker never takes such a message
   */
  publish(messages: readonly Outgoing[]): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#closed.signal.aborted) return reject(unavailable("the broker was closed"));
      const size = (m: Outgoing) => m.value.length + m.key.length + overhead_bytes;
      const bytes = messages.reduce((sum, message) => sum + size(message), 0);
      if (this.#bytes > 0 && this.#bytes + bytes > queue_bytes) {
        return reject(unavailable(`at most ${queue_bytes} bytes may wait to be published`));
      }
      const deadline = this.#clock.now() + patience_ms;
      const call: Call = { left: messages.length, deadline, resolve, reject, settled: false };
      for (const message of messages) {
        this.#queue.push({ call, message, bytes: size(message) });
      }
      this.#bytes += bytes;
      if (!this.#running) this.#run();
    });
  }

  /** Sends until nothing waits; never rejects. */
  async #run(): Promise<void> {
    this.#running = true;
    // Calls of the same turn go together.
    await undefined;
    let failures = 0;
    while (this.#queue.length > 0 && !this.#closed.signal.aborted) {
      const chunk = this.#next();
      try {
        await this.#timed(this.#send(chunk));
        this.#bytes -= chunk.reduce((sum, { bytes }) => sum + bytes, 0);
        this.#queue.splice(0, chunk.length);
        for (const { call } of chunk) this.#stored(call);
        failures = 0;
      } catch (error) {
        if (faults.includes(errorType(error))) {
          await this.#sendApart(chunk, error);
          continue;
        }
        if (errorType(error) === "KafkaJSRequestTimeoutError") this.#cluster.cut();
        this.#expire(error);
        const pause_ms = Math.min(longestPause_ms, firstPause_ms * 2 ** Math.min(failures++, 10));
        await this.#clock.sleep(pause_ms, this.#closed.signal);
        await this.#cluster.refresh().catch(() => {
          // The next request fails for the same reason, and tells it.
        });
      }
    }
    this.#running = false;
  }

  /** What goes with the next request: always the oldest. */
  #next(): Waiting[] {
    let bytes = 0;
    let count = 0;
    for (const waiting of this.#queue) {
      if (count > 0 && (bytes + waiting.bytes > request_bytes || count >= requestMessages)) break;
      bytes += waiting.bytes;
      count++;
    }
    return this.#queue.slice(0, count);
  }

  async #send(chunk: readonly Waiting[]): Promise<void> {
    await this.#cluster.watch([...new Set(chunk.map(({ message }) => message.topic))]);
    const timestamp = String(this.#clock.now());
    // By leader, topic and partition.
    const requests = new Map<number, Map<string, ByPartition>>();
    const leadersOf = new Map<string, number[]>();
    let bytes = 0;
    for (const { message: { topic, key, value, headers }, bytes: size } of chunk) {
      bytes += size;
      let leaders = leadersOf.get(topic);
      if (!leaders) leadersOf.set(topic, leaders = this.#cluster.leaders(topic));
      const partition = this.#hash(key) % leaders.length;
      const topics = child(requests, leaders[partition]!, () => new Map<string, ByPartition>());
      const partitions = child(topics, topic, (): ByPartition => new Map());
      const { messages } = child(
        partitions,
        partition,
        (): TopicData["partitions"][number] => ({ partition, messages: [] }),
      );
      messages.push({ key, value, headers, timestamp });
    }
    const sent = await Promise.allSettled(
      [...requests].map(async ([leader, topics]) =>
        (await this.#cluster.node(leader)).produce({
          acks: -1,
          timeout: store_ms,
          compression: bytes < compressFrom_bytes ? noCompression : gzip,
          topicData: [...topics].map(([topic, partitions]) => ({
            topic,
            partitions: [...partitions.values()],
          })),
        })
      ),
    );
    for (const one of sent) if (one.status === "rejected") throw one.reason;
  }

  /** A part of what was refused may be fine: halves go on their own, down to the culprit. */
  async #sendApart(chunk: readonly Waiting[], refusal: unknown): Promise<void> {
    if (chunk.length === 1) {
      const { call, message, bytes } = chunk[0]!;
      this.#bytes -= bytes;
      this.#queue.shift();
      call.left = -1;
      settle(call, () =>
        call.reject(
          new Permanent(
            `Cannot publish to "${message.topic}" as the broker refuses the message: current value is "${message.value.length} characters"`,
            { cause: refusal },
          ),
        ));
      return;
    }
    const middle = Math.ceil(chunk.length / 2);
    for (const half of [chunk.slice(0, middle), chunk.slice(middle)]) {
      try {
        await this.#timed(this.#send(half));
      } catch (error) {
        if (!faults.includes(errorType(error))) return; // All that is left is tried again.
        await this.#sendApart(half, error);
        continue;
      }
      this.#bytes -= half.reduce((sum, { bytes }) => sum + bytes, 0);
      this.#queue.splice(0, half.length);
      for (const { call } of half) this.#stored(call);
    }
  }

  /** Waits for a request; callers whose time is over do not wait with it. */
  async #timed(sending: Promise<void>): Promise<void> {
    const sent = new AbortController();
    const watching = (async () => {
      while (!sent.signal.aborted) {
        await this.#clock.sleep(1_000, sent.signal);
        if (!sent.signal.aborted) this.#refuseLate(new Error("No answer yet"));
      }
    })();
    try {
      await sending;
    } finally {
      sent.abort();
      await watching;
    }
  }

  #stored(call: Call) {
    if (--call.left === 0) settle(call, call.resolve);
  }

  /** Refuses calls whose time is over, and forgets what they still had waiting. */
  #expire(cause: unknown) {
    this.#refuseLate(cause);
    const kept = this.#queue.filter(({ call }) => !call.settled);
    this.#queue = kept;
    this.#bytes = kept.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  #refuseLate(cause: unknown) {
    const now = this.#clock.now();
    for (const { call } of this.#queue) {
      if (call.deadline > now) break;
      settle(
        call,
        () => call.reject(unavailable(`the broker must store it within ${patience_ms} ms`, cause)),
      );
    }
  }

  #hash(key: string): number {
    let hash = this.#hashes.get(key);
    if (hash === undefined) {
      hash = positiveMurmur2(key);
      if (this.#hashes.size >= rememberedKeys) this.#hashes.clear();
      this.#hashes.set(key, hash);
    }
    return hash;
  }

  /** Refuses all that waits. */
  close(): void {
    this.#closed.abort();
    for (const { call } of this.#queue) {
      settle(call, () => call.reject(unavailable("the broker was closed")));
    }
    this.#queue = [];
    this.#bytes = 0;
  }
}

function settle(call: Call, how: () => void) {
  if (call.settled) return;
  call.settled = true;
  how();
}

function child<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  let value = map.get(key);
  if (value === undefined) map.set(key, value = make());
  return value;
}

function unavailable(rule: string, cause?: unknown): Unavailable {
  return new Unavailable(`Cannot publish as ${rule}`, {
    after: refused_ms,
    ...(cause === undefined ? {} : { cause }),
  });
}
