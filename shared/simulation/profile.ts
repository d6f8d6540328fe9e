/**
 * What a simulated service is like, as data: a profile says how busy it gets, how it answers when it
 * is, what it measures and what it writes. It must never hold code: the model that gives these
 * numbers meaning is `signal.ts`, and the text `messages.ts`.
 *
 * @module
 */
import type { IncidentKind } from "./incidents.ts";

/** What something is when the service is quiet (load 0) and when it is busy (load 1). */
export interface Range {
  readonly quiet: number;
  readonly busy: number;
}

/** How busy the service is over a day (UTC), as a share of what it can take, kept within 0 to 1. */
export interface Day {
  readonly mean: number;
  /** Waves that are added to the mean: one a day is the rush hour, two a day are lunch and evening. */
  readonly waves: readonly {
    readonly per_day: number;
    readonly amplitude: number;
    /** The hour (UTC) of the wave's first peak. */
    readonly peak_hour: number;
  }[];
  /** Most that a burst of some seconds adds. */
  readonly burst: number;
}

/** Answer times in milliseconds of a service with nothing to do. */
export interface Latency {
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  /** How much of its capacity a busy service uses, below 1: answers slow down by 1/(1 − use). */
  readonly utilisation: number;
}

/** A measurement that only this kind of service has. */
export interface Measure extends Range {
  readonly type: string;
  readonly unit: string;
  readonly labels?: Readonly<Record<string, string>>;
  /** What an incident in which every request fails adds. */
  readonly trouble?: number;
}

/**
 * A line that the service writes. `{name}` in the message is filled from the profile's words, and is
 * a field of the line; `{duration_ms}` is how long a request takes at that time.
 */
export interface Line {
  /** The function or file that writes it, e.g. `login.ts:42`. */
  readonly caller: string;
  readonly message: string;
}

/** Everything there is to know of a simulated service. */
export interface Profile {
  readonly name: string;
  /** How often it reports metrics, `5s` when absent. */
  readonly metrics_every?: string;
  /** How often it writes log lines, `3s` when absent. */
  readonly logs_every?: string;
  readonly day: Day;
  /** Requests a second. */
  readonly request_rate: Range;
  readonly latency: Latency;
  /** Percent of requests that fail. */
  readonly error_rate: Range;
  /** Percent. */
  readonly cpu: Range;
  /** Percent. */
  readonly memory: Range;
  readonly measures: readonly Measure[];
  readonly lines: Readonly<Record<"debug" | "info" | "warn" | "error", readonly Line[]>>;
  /** The causes that an incident may have: its error lines are all of one of them. */
  readonly causes: Partial<Readonly<Record<IncidentKind, readonly Line[]>>>;
  /** What `{name}` may stand for; each `#` becomes a digit. */
  readonly words: Readonly<Record<string, readonly string[]>>;
  /** How often each kind of incident comes, relative to the others; 1 when absent, 0 for never. */
  readonly incidents?: Partial<Readonly<Record<IncidentKind, number>>>;
}

/** One simulation: the same run gives the same signal, whoever asks and in whatever order. */
export interface Run {
  readonly seed: string;
  /** The service that has an incident soon after `at` (epoch ms), so that a fresh start shows one. */
  readonly opening?: { readonly service: string; readonly at: number };
}
