/**
 * What may start a function: a topic, a clock, a due time, an HTTP request. Plain values: the runner
 * gives them meaning.
 *
 * @module
 */
import type { z } from "zod";
import type { Queue, Topic } from "./values.ts";

/** `I` is what the handler is given; `X` is what the trigger adds to the context. */
interface Typed<I, X> {
  /** Never set: carries the types. */
  readonly types?: { input: I; extra: X };
}

/**
 * State that belongs to a partition: in memory while the partition is assigned, snapshot to the
 * store together with the offset it stands for, loaded again on assignment.
 */
export interface PartitionState<S> {
  /** Stored with the snapshots: never renamed. */
  readonly name: string;
  create(): S;
  /**
   * The parts that changed since the last call, by key, each a JSON value; `null` removes a part.
   * Called at a snapshot; clears whatever marks parts as changed.
   */
  dirty(state: S): Iterable<[key: string, part: unknown]>;
  /** Puts one stored part back. */
  restore(state: S, key: string, part: unknown): void;
}

/** What a function with partition state finds in its context. */
export interface PartitionContext<S> {
  readonly state: S;
  readonly partition: number;
  /** These messages were handled before, and their effects made: the state catches up with itself. */
  readonly replaying: boolean;
  /**
   * Stores the state as it is, as of before this batch: what comes from here on is decided by
   * something that a replay from further back would not find any more.
   */
  checkpoint(): Promise<void>;
}

export interface TopicTrigger<I = unknown, X = unknown> extends Typed<I, X> {
  readonly kind: "topic";
  readonly topic: Topic;
  /** Most records of one call; when absent records come one at a time. */
  readonly batch?: number;
  readonly state?: PartitionState<unknown>;
  /** With state: an empty batch after this much silence, e.g. `5s`, so that time can pass. */
  readonly wake?: string;
  /** Every replica sees every message, from now on, and nothing is remembered as done. */
  readonly broadcast?: boolean;
}

/** Messages of a topic, one at a time; in order per key, keys side by side. */
export function topic<T>(topic: Topic<string, T>): TopicTrigger<T, unknown>;
/** Messages of a topic in batches: what arrived while the last batch was worked on. */
export function topic<T>(
  topic: Topic<string, T>,
  options: { batch: number; broadcast?: boolean },
): TopicTrigger<readonly T[], unknown>;
/** Batches of one partition with that partition's state. */
export function topic<T, S>(
  topic: Topic<string, T>,
  options: { batch: number; state: PartitionState<S>; wake?: string },
): TopicTrigger<readonly T[], PartitionContext<S>>;
// deno-lint-ignore no-explicit-any -- the overloads above are the types
export function topic(topic: Topic<string, any>, options: object = {}): TopicTrigger<any, any> {
  return { kind: "topic", topic, ...options };
}

/** A tick of a schedule: one replica gets it. Times are epoch milliseconds. */
export interface Tick {
  /** When it was due, which is not quite when it runs. */
  readonly at: number;
}

export interface ScheduleTrigger extends Typed<Tick, unknown> {
  readonly kind: "schedule";
  /** `{ every }` is a duration, `{ cron }` a cron pattern (seconds allowed), in UTC. */
  readonly schedule: { every: string } | { cron: string };
}

/** A tick each `interval` (at least 1s), aligned to the clock. */
export function every(interval: string): ScheduleTrigger {
  return { kind: "schedule", schedule: { every: interval } };
}

/** A tick at each match of a cron pattern, in UTC. */
export function cron(pattern: string): ScheduleTrigger {
  return { kind: "schedule", schedule: { cron: pattern } };
}

/** An item of a due queue whose time has come. */
export interface Due {
  readonly id: string;
  /** When it was due, epoch milliseconds. */
  readonly at: number;
  /** How often this due time was tried before. */
  readonly attempt: number;
}

export interface DueTrigger extends Typed<Due, unknown> {
  readonly kind: "due";
  readonly queue: Queue;
  /** Items of one lane that may run together; lanes never wait for each other. */
  readonly perLane: number;
}

/** Items of a due queue as their time comes; each is gone unless the handler schedules it again. */
export function due(queue: Queue, options: { perLane?: number } = {}): DueTrigger {
  return { kind: "due", queue, perLane: options.perLane ?? 8 };
}

/** Roles, from least to most; a role may do all that those before it may. */
export const roles = ["viewer", "operator", "admin"] as const;
export type Role = (typeof roles)[number];

/** Who may call a route: nobody in particular, a holder of the ingest token, or a role. */
export type Access = "public" | "ingest" | Role;

/** The authenticated caller of a route with a role. */
export interface Caller {
  id: string;
  username: string;
  role: Role;
  /** The login that the token came from, which a logout ends. */
  session?: string;
  /** When the token ends, epoch milliseconds. */
  expires_at?: number;
}

type Params<Path extends string> = Path extends `${infer Head}/${infer Tail}`
  ? Params<Head> | Params<Tail>
  : Path extends `:${infer Name}` ? Name
  : never;

/** What the handler of a route is given. */
export interface HttpInput<P extends string, Q, B> {
  readonly params: Readonly<Record<P, string>>;
  readonly query: Q;
  readonly body: B;
  /** The caller; for `public` and `ingest` routes nobody. */
  readonly user: Caller;
  /** The request itself, its body already read where the route declares one. */
  readonly request: Request;
  /** The caller's address, e.g. `127.0.0.1`. */
  readonly remote: string;
  /** Makes the request a WebSocket; return the response. */
  upgrade(options?: { protocol?: string }): { socket: WebSocket; response: Response };
}

export interface HttpTrigger<I = unknown> extends Typed<I, unknown> {
  readonly kind: "http";
  readonly method: string;
  /** With `:name` parameters. */
  readonly path: string;
  readonly access: Access;
  readonly query?: z.ZodType;
  /** A schema (a JSON body), or `bytes`: the body as a `Uint8Array`, decompressed. */
  readonly body?: z.ZodType | "bytes";
  /** Most bytes of a body, before and after decompression; 1 MiB when absent. */
  readonly limit?: number;
  /** What `data` looks like, for OpenAPI. */
  readonly reply?: z.ZodType;
  /** The token may also come as `?token=`, for clients that cannot set headers. */
  readonly tokenInQuery?: boolean;
  /** One line for OpenAPI. */
  readonly summary?: string;
  /** How errors look, where it is not the platform's envelope. */
  readonly refuse?: (status: number, message: string, request: Request) => Response;
}

/**
 * An HTTP route. The handler returns the `data` of the envelope, a `reply(…)`, or a `Response` that
 * is sent as it is.
 *
 * @example
 * ```ts
 * http("POST /api/alerts/:id/acknowledge", { access: "operator", body: Acknowledgement })
 * ```
 */
export function http<
  const Route extends `${"GET" | "POST" | "PUT" | "DELETE"} /${string}`,
  Q = Record<string, never>,
  B = undefined,
>(
  route: Route,
  options:
    & Omit<HttpTrigger, "kind" | "method" | "path" | "query" | "body" | "types">
    & { query?: z.ZodType<Q>; body?: z.ZodType<B> },
): HttpTrigger<HttpInput<Params<Route>, Q, B>>;
/** An HTTP route that takes its body as bytes. */
export function http<
  const Route extends `${"POST" | "PUT"} /${string}`,
  Q = Record<string, never>,
>(
  route: Route,
  options:
    & Omit<HttpTrigger, "kind" | "method" | "path" | "query" | "body" | "types">
    & { query?: z.ZodType<Q>; body: "bytes" },
): HttpTrigger<HttpInput<Params<Route>, Q, Uint8Array<ArrayBuffer>>>;
export function http(
  route: string,
  options: Omit<HttpTrigger, "kind" | "method" | "path">,
): HttpTrigger<never> {
  const [method = "", path = ""] = route.split(" ");
  return { kind: "http", method, path, ...options } as HttpTrigger<never>;
}

export type Trigger = TopicTrigger | ScheduleTrigger | DueTrigger | HttpTrigger;

/** The input of a trigger's handler. */
export type InputOf<On> = On extends Typed<infer I, infer _> ? I : never;
/** What a trigger adds to its handler's context. */
export type ExtraOf<On> = On extends Typed<infer _, infer X> ? X : never;

/** A route's answer with more than data. */
export class Reply {
  readonly data: unknown;
  readonly status: number;
  readonly meta?: unknown;
  readonly headers: Record<string, string>;
  constructor(data: unknown, options: ReplyOptions) {
    this.data = data;
    this.status = options.status ?? 200;
    if (options.meta !== undefined) this.meta = options.meta;
    this.headers = options.headers ?? {};
  }
}

export interface ReplyOptions {
  status?: number;
  meta?: unknown;
  headers?: Record<string, string>;
}

/** An answer with a status, `meta` or headers, e.g. `reply(rule, { status: 201 })`. */
export function reply(data: unknown, options: ReplyOptions = {}): Reply {
  return new Reply(data, options);
}
