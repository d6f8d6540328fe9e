/** A clock that stands still until it is told to move: a day passes in the time its work takes. @module */
import { setImmediate } from "node:timers";
import type { Clock } from "shared/time/clock.ts";

interface Sleeper {
  at: number;
  wake: () => void;
}

export class VirtualClock implements Clock {
  #now: number;
  readonly #sleepers = new Set<Sleeper>();

  /** Starts at `start`, epoch milliseconds. */
  constructor(start = Date.parse("2026-01-05T09:00:00.000Z")) {
    this.#now = start;
  }

  now(): number {
    return this.#now;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal?.aborted) return resolve();
      const sleeper: Sleeper = {
        at: this.#now + Math.max(0, ms),
        wake: () => {
          this.#sleepers.delete(sleeper);
          signal?.removeEventListener("abort", sleeper.wake);
          resolve();
        },
      };
      signal?.addEventListener("abort", sleeper.wake, { once: true });
      this.#sleepers.add(sleeper);
    });
  }

  /** Moves on by `ms`, waking sleepers in order and letting each finish what it does. */
  async advance(ms: number): Promise<void> {
    const until = this.#now + ms;
    await settled();
    for (;;) {
      let first: Sleeper | undefined;
      for (const sleeper of this.#sleepers) {
        if (sleeper.at <= until && (!first || sleeper.at < first.at)) first = sleeper;
      }
      if (!first) break;
      this.#now = Math.max(this.#now, first.at);
      first.wake();
      await settled();
    }
    this.#now = until;
  }
}

/**
 * Resolves when all work that needs no time and no outside is done: everything in the virtual world
 * is microtasks, and they all run before the next turn of the event loop.
 */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
