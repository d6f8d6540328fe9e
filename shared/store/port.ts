/**
 * The store: records, due times, series, marks and leases. Shaped by what Redis can do; every
 * adapter passes `tests/contract/store.ts`. Reads are methods; all writes go through `apply`, which
 * is atomic.
 *
 * @module
 */
import type { Kind, Queue } from "shared/define/values.ts";
import type { Labels } from "shared/model/labels.ts";
import type { Sample } from "shared/model/metric.ts";

/** A stored record. */
export interface Stored<T> {
  readonly key: string;
  readonly value: T;
  /** 1 when created; grows by one with each change. */
  readonly version: number;
  /** What the kind's records are ordered by, e.g. epoch milliseconds. */
  readonly rank: number;
}

export type Change =
  | {
    readonly do: "put";
    readonly kind: string;
    readonly key: string;
    readonly value: unknown;
    /** The version it must have now (0: it must not exist), else `Conflict`. */
    readonly version?: number;
    /** Keeps the record's rank when absent (0 for a new one). */
    readonly rank?: number;
    /** Milliseconds until it is gone. */
    readonly ttl_ms?: number;
  }
  | {
    readonly do: "delete";
    readonly kind: string;
    readonly key: string;
    readonly version?: number;
  }
  /** Sets when `id` is due in a queue; replaces an earlier due time, and resets its attempts. */
  | {
    readonly do: "schedule";
    readonly queue: string;
    readonly id: string;
    /** Epoch milliseconds. */
    readonly at: number;
    /** Items of one lane share its limit of what runs together; `""` when absent. */
    readonly lane?: string;
  }
  /** Takes `id` out of a queue; with a token only when nobody scheduled it since it was taken. */
  | {
    readonly do: "unschedule";
    readonly queue: string;
    readonly id: string;
    readonly token?: string;
  }
  /**
   * Hides a taken item from others until then, if its token still holds: later while it is worked
   * on, sooner to give it back. Nothing else of it changes.
   */
  | {
    readonly do: "hold";
    readonly queue: string;
    readonly id: string;
    readonly token: string;
    /** Epoch milliseconds. */
    readonly until: number;
  }
  /** Appends samples; the same sample (series, time and id) again changes nothing. */
  | { readonly do: "append"; readonly samples: readonly Sample[] }
  /** Remembers keys for `seen`. */
  | { readonly do: "mark"; readonly keys: readonly string[]; readonly ttl_ms: number };

/** `put(ruleKind, rule.id, rule, { version: 3 })`: the change that stores a record. */
export function put<T>(
  kind: Kind<T>,
  key: string,
  value: T,
  options: { version?: number; rank?: number; ttl_ms?: number } = {},
): Change {
  return { do: "put", kind: kind.name, key, value, ...options };
}

/** The change that deletes a record. */
export function remove(kind: Kind<unknown>, key: string, version?: number): Change {
  return { do: "delete", kind: kind.name, key, version };
}

/** The change that makes `id` due at `at` (epoch milliseconds). */
export function schedule(queue: Queue, id: string, at: number, lane = ""): Change {
  return { do: "schedule", queue: queue.name, id, at, lane };
}

/** The change that takes `id` out of a queue. */
export function unschedule(queue: Queue, id: string): Change {
  return { do: "unschedule", queue: queue.name, id };
}

/** The change that hides a taken item until then (epoch milliseconds), if its token still holds. */
export function hold(queue: Queue, { id, token }: Taken, until: number): Change {
  return { do: "hold", queue: queue.name, id, token, until };
}

/** The change that appends samples to their series. */
export function append(samples: readonly Sample[]): Change {
  return { do: "append", samples };
}

/** A due item that was taken: nobody else gets it until the lease ends, which `hold` may move. */
export interface Taken {
  readonly id: string;
  readonly at: number;
  readonly lane: string;
  /** How often it was taken before since it was scheduled. */
  readonly attempt: number;
  readonly token: string;
}

export interface ListOptions {
  /** Rank, inclusive. */
  readonly from?: number;
  /** Rank, inclusive. */
  readonly to?: number;
  /** By rank, then key; `asc` when absent. */
  readonly order?: "asc" | "desc";
  /** 1,000 when absent. */
  readonly limit?: number;
  readonly offset?: number;
}

export interface Series {
  /** `service|metric|labels`. */
  readonly series: string;
  readonly service: string;
  readonly metric: string;
  readonly labels: Labels;
  readonly unit: string;
  /** The newest sample by event time. */
  readonly last: { readonly t: number; readonly v: number };
}

export interface Point {
  readonly t: number;
  /** The value, or the mean of the step. */
  readonly v: number;
  /** With a step: the least and greatest value in it, and how many there were. */
  readonly min?: number;
  readonly max?: number;
  readonly count?: number;
}

/** What may be read: what handlers are given. */
export interface StoreReader {
  get<T>(kind: Kind<T>, key: string): Promise<Stored<T> | undefined>;
  /** In the order of the keys. */
  getMany<T>(kind: Kind<T>, keys: readonly string[]): Promise<(Stored<T> | undefined)[]>;
  list<T>(kind: Kind<T>, options?: ListOptions): Promise<Stored<T>[]>;
  count(kind: Kind<unknown>, options?: Pick<ListOptions, "from" | "to">): Promise<number>;
  /** Grows with every change of the kind's records: one cheap read tells whether a copy is stale. */
  revision(kind: Kind<unknown>): Promise<number>;
  /** The series there are, with their newest sample; ordered by identity. */
  series(where?: { service?: string; metric?: string }): Promise<Series[]>;
  /**
   * The points of the matching series with `from <= t <= to`, oldest first; with `step_ms` one
   * point for each step that has samples, at the step's start.
   */
  range(query: {
    service: string;
    metric?: string;
    from: number;
    to: number;
    step_ms?: number;
  }): Promise<(Series & { points: Point[] })[]>;
  /**
   * Calls back soon after a change of a kind's records or a queue, by whichever process: a hint to
   * look again, which may come twice or for nothing. Returns what ends it.
   */
  watch(name: string, callback: () => void): () => void;
}

export interface Store extends StoreReader {
  /**
   * Makes all changes or none; when it resolves they survive a killed process.
   *
   * @throws {Conflict} when a record has not the version it should have
   * @throws {Unavailable} when the store is away or full
   */
  apply(changes: readonly Change[]): Promise<void>;
  /** Which of the keys are marked. */
  seen(keys: readonly string[]): Promise<boolean[]>;
  /** Takes up to `limit` due items for `lease_ms`, earliest first, none of the lanes in `skip`. */
  take(queue: Queue, options: {
    now: number;
    limit: number;
    lease_ms: number;
    skip?: readonly string[];
  }): Promise<Taken[]>;
  /** When the next item is due (or its lease ends), epoch milliseconds; undefined when none is. */
  next(queue: Queue, skip?: readonly string[]): Promise<number | undefined>;
  /** True for one caller per key until `ttl_ms` has passed. */
  once(key: string, ttl_ms: number): Promise<boolean>;
  /** True while `holder` has the lease: taken when free or its own, and extended to `ttl_ms`. */
  lease(name: string, holder: string, ttl_ms: number): Promise<boolean>;
  /** Resolves when the store can be written to. @throws {Unavailable} */
  check(): Promise<void>;
  /** Housekeeping: drops what is past its TTL or retention. Called now and then by the runner. */
  maintain(): Promise<void>;
  close(): Promise<void>;
}
