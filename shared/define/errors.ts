/**
 * The error vocabulary of the whole system: two classes for work that failed, one for a request
 * that was wrong. Anything else that is thrown is a bug, and is treated as one.
 *
 * @module
 */

/** The input can never succeed: it goes to the dead letter at once, without a retry. */
export class Permanent extends Error {
  override name = "Permanent";
}

/**
 * The world is not ready (a broker or store that is away, full, or contended): nothing is wrong
 * with the input, so it is retried for as long as it takes and never dead-lettered.
 */
export class Retryable extends Error {
  override name = "Retryable";
  /** Milliseconds to wait before the next try; when absent the runner backs off by itself. */
  readonly after?: number;
  constructor(message: string, options: ErrorOptions & { after?: number } = {}) {
    super(message, options);
    if (options.after !== undefined) this.after = options.after;
  }
}

/** A dependency answers no write (away or full): HTTP callers get 503 with `Retry-After`. */
export class Unavailable extends Retryable {
  override name = "Unavailable";
}

/** Another writer changed a record first: load it again and decide again. */
export class Conflict extends Retryable {
  override name = "Conflict";
  constructor(message: string, options: ErrorOptions = {}) {
    super(message, { ...options, after: 0 });
  }
}

/** One field that is wrong, and why. `path` is dotted, e.g. `matchers.0`. */
export interface ProblemDetail {
  path: string;
  message: string;
}

/**
 * A request that is answered with an error status; the runner turns it into the error envelope.
 *
 * @example
 * ```ts
 * throw new HttpProblem(404, "not_found", `There is no rule "${id}"`);
 * ```
 */
export class HttpProblem extends Error {
  override name = "HttpProblem";
  readonly status: number;
  /** A stable machine-readable word, e.g. `not_found`. */
  readonly code: string;
  readonly details?: ProblemDetail[];
  readonly headers: Record<string, string>;
  /** What there is to tell all the same, e.g. counts. */
  readonly data?: unknown;
  constructor(
    status: number,
    code: string,
    message: string,
    options: ErrorOptions & {
      details?: ProblemDetail[];
      headers?: Record<string, string>;
      data?: unknown;
    } = {},
  ) {
    super(message, options);
    this.status = status;
    this.code = code;
    if (options.details) this.details = options.details;
    this.headers = options.headers ?? {};
    this.data = options.data;
  }
}
