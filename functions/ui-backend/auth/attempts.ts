/**
 * How often somebody may guess a password: failures are counted for each address and user name, and
 * for each address. In memory: each process counts for itself.
 *
 * @module
 */
import { HttpProblem, perProcess } from "functions/define.ts";

/** Failures within a minute before guesses are refused. */
export const limits = { perPair: 5, perAddress: 50, window_ms: 60_000 } as const;
/** Most keys remembered; the one that was silent longest is forgotten first. */
const maxKeys = 10_000;
/** Passwords checked at the same time: each takes 32 MiB, and can outrun the count by one. */
const atOnce = 4;

/** Failures by key within a sliding window. */
export class Failures {
  readonly #times = new Map<string, number[]>();

  constructor(readonly limit: number, readonly window_ms: number, readonly maxKeys: number) {}

  /** Milliseconds until another try is allowed; 0 when it is now. */
  wait(key: string, now: number): number {
    const times = this.#recent(key, now);
    if (times.length < this.limit) return 0;
    return times[times.length - this.limit]! + this.window_ms - now;
  }

  add(key: string, now: number): void {
    const times = this.#recent(key, now);
    times.push(now);
    this.#times.delete(key);
    this.#times.set(key, times.slice(-this.limit));
    if (this.#times.size > this.maxKeys) this.#times.delete(this.#times.keys().next().value!);
  }

  reset(key: string): void {
    this.#times.delete(key);
  }

  /** How many keys are remembered. */
  get size(): number {
    return this.#times.size;
  }

  #recent(key: string, now: number): number[] {
    return (this.#times.get(key) ?? []).filter((time) => time > now - this.window_ms);
  }
}

/** Lets password checks through, a few at a time, while there were not too many failures. */
export class LoginGuard {
  readonly #pairs = new Failures(limits.perPair, limits.window_ms, maxKeys);
  readonly #addresses = new Failures(limits.perAddress, limits.window_ms, maxKeys);
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  /**
   * Runs a check that resolves to undefined for a failure.
   *
   * @throws {HttpProblem} 429 `too_many_attempts`, without running it
   */
  async attempt<T>(
    remote: string,
    username: string,
    now: number,
    check: () => Promise<T | undefined>,
  ): Promise<T | undefined> {
    const pair = `${remote} ${username}`;
    // Counted when its turn comes: guesses sent at once are not all judged by an empty count.
    if (this.#running >= atOnce) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    } else this.#running++;
    try {
      const wait = Math.max(this.#pairs.wait(pair, now), this.#addresses.wait(remote, now));
      if (wait > 0) {
        const seconds = Math.ceil(wait / 1000);
        throw new HttpProblem(
          429,
          "too_many_attempts",
          `Too many failed logins: try again in ${seconds} s`,
          { headers: { "retry-after": String(seconds) } },
        );
      }
      const result = await check();
      if (result === undefined) {
        this.#pairs.add(pair, now);
        this.#addresses.add(remote, now);
      } else this.#pairs.reset(pair);
      return result;
    } finally {
      // A waiting check takes over this one's place.
      const next = this.#waiting.shift();
      if (next) next();
      else this.#running--;
    }
  }
}

export const loginGuard = perProcess(() => new LoginGuard());
