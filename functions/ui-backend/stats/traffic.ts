/** How much data this process has seen of late. @module */
import { perProcess } from "functions/define.ts";

/** Counts in slots of ten seconds over the last minute. */
export class Traffic {
  readonly started_at: number;
  readonly #slots = new Map<number, number>();

  constructor(now: number) {
    this.started_at = now;
  }

  add(count: number, now: number): void {
    const slot = Math.floor(now / 10_000);
    this.#slots.set(slot, (this.#slots.get(slot) ?? 0) + count);
    for (const old of this.#slots.keys()) {
      if (old < slot - 6) this.#slots.delete(old);
    }
  }

  /** What came in the last whole minute of slots. */
  perMinute(now: number): number {
    const slot = Math.floor(now / 10_000);
    let sum = 0;
    for (let i = 1; i <= 6; i++) sum += this.#slots.get(slot - i) ?? 0;
    return sum;
  }
}

export const traffic = perProcess((env) => new Traffic(env.clock.now()));
