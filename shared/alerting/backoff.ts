/**
 * What an attempt to deliver means, and when the next one is: pure, so that all patience is in one
 * table.
 *
 * @module
 */

/** How long a notification is tried. */
export interface Patience {
  /** Attempts in all. */
  readonly attempts: number;
  /** The bound of the first wait, milliseconds; it doubles with each attempt. */
  readonly base_ms: number;
  /** The greatest bound of a wait, milliseconds. */
  readonly cap_ms: number;
}

/** Waits of at most 1 s, 2 s, 4 s … 15 min: about half an hour in all, an hour at most. */
export const patience: Patience = { attempts: 14, base_ms: 1_000, cap_ms: 900_000 };

/**
 * The wait before the next attempt: full jitter, uniform in [0, min(cap, base · 2^(attempts − 1))).
 * Source: Marc Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
 *
 * @param failed attempts that failed so far, at least 1
 * @param random uniform in [0, 1)
 * @returns milliseconds
 */
export function backoff_ms(failed: number, random: number, { base_ms, cap_ms }: Patience): number {
  return Math.floor(random * Math.min(cap_ms, base_ms * 2 ** (failed - 1)));
}

/** Why an attempt failed: bounded, for metrics. */
export type FailureReason =
  | "timeout"
  | "network"
  | "rate limited"
  | "server"
  | "auth"
  | "gone"
  | "rejected"
  | "redirected"
  | "not configured"
  | "error";

export type Outcome =
  | { readonly kind: "delivered" }
  | { readonly kind: "retry" | "final"; readonly reason: FailureReason };

/** What an HTTP status says about a delivery: 2xx alone is success. */
export function outcomeOfStatus(status: number): Outcome {
  if (status >= 200 && status < 300) return { kind: "delivered" };
  if (status === 408) return { kind: "retry", reason: "timeout" };
  if (status === 429) return { kind: "retry", reason: "rate limited" };
  if (status >= 500) return { kind: "retry", reason: "server" };
  if (status === 401 || status === 403) return { kind: "final", reason: "auth" };
  if (status === 404 || status === 410) return { kind: "final", reason: "gone" };
  // Following a redirect would send what the message says to whom nobody named.
  if (status >= 300 && status < 400) return { kind: "final", reason: "redirected" };
  return { kind: "final", reason: "rejected" };
}

/** The longest that a destination may ask to be left alone, milliseconds. */
export const longestRetryAfter_ms = 3_600_000;

/**
 * A `Retry-After` header in milliseconds from now: seconds or an HTTP date (RFC 9110, 10.2.3), cut to
 * `longestRetryAfter_ms`; undefined when there is none that can be read.
 */
export function retryAfter_ms(header: string | null, now: number): number | undefined {
  if (header === null) return undefined;
  const text = header.trim();
  const ms = /^\d+(\.\d+)?$/.test(text) ? Number(text) * 1_000 : Date.parse(text) - now;
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(0, Math.ceil(ms)), longestRetryAfter_ms);
}

/** What becomes of a delivery after a failed attempt. */
export type Next =
  /** Tried again at `at`, epoch milliseconds. */
  | { readonly kind: "retry"; readonly at: number }
  | { readonly kind: "give up"; readonly because: "it can never succeed" | "patience ended" };

/** Decides whether and when a delivery is tried again. */
export function afterFailure(
  { failed, kind, after_ms, now, random, patience }: {
    /** Attempts that failed, this one included. */
    failed: number;
    kind: "retry" | "final";
    /** What the destination asked for. */
    after_ms?: number;
    now: number;
    random: number;
    patience: Patience;
  },
): Next {
  if (kind === "final") return { kind: "give up", because: "it can never succeed" };
  if (failed >= patience.attempts) return { kind: "give up", because: "patience ended" };
  return { kind: "retry", at: now + Math.max(after_ms ?? 0, backoff_ms(failed, random, patience)) };
}
