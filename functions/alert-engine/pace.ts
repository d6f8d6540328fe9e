/** When each destination may be spoken to next: asked for by itself, or by its kind. @module */
import { perProcess } from "functions/define.ts";

/** A turn that nobody has claimed for so long after its time is nobody's. */
const unclaimed_ms = 600_000;

/**
 * Times in epoch milliseconds. In memory: another process finds out by itself, and a restart asks at
 * most once too early.
 */
export class Pace {
  /** When the next free turn of a destination is. */
  #free = new Map<string, number>();
  /** Until when a destination asked to be left alone. */
  #blocked = new Map<string, number>();
  /** The turns that were promised, by who waits for them. */
  #turns = new Map<string, number>();

  /**
   * When `who` may speak to a destination: `now` or earlier means at once, and uses the turn.
   * Asking again before the promised time changes nothing.
   */
  turn(destination: string, who: string, now: number, pace_ms: number): number {
    const blocked = this.#blocked.get(destination) ?? 0;
    let turn = this.#turns.get(who);
    if (turn === undefined || turn < blocked) {
      turn = Math.max(now, blocked, this.#free.get(destination) ?? 0);
      if (pace_ms > 0) this.#free.set(destination, turn + pace_ms);
    }
    if (turn <= now) this.#turns.delete(who);
    else if (pace_ms > 0) this.#turns.set(who, turn);
    this.#forget(now);
    return turn;
  }

  /** A destination asked to be left alone until a time. */
  block(destination: string, until: number): void {
    this.#blocked.set(destination, Math.max(until, this.#blocked.get(destination) ?? 0));
  }

  /** Keeps the maps as small as what they are about. */
  #forget(now: number): void {
    for (const [key, at] of this.#turns) {
      // Another replica has used it.
      if (at > now - unclaimed_ms) break;
      this.#turns.delete(key);
    }
    for (const map of [this.#free, this.#blocked]) {
      for (const [key, at] of map) {
        if (at > now) break;
        map.delete(key);
      }
    }
  }
}

export const pace = perProcess(() => new Pace());
