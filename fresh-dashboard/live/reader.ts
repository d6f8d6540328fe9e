/**
 * Whether somebody reads this page or aims at something on it: then what comes must not move what
 * is there.
 *
 * @module
 */
import { now } from "./clock.ts";

/** Who did nothing for this long looks on from afar, as at a screen on a wall. */
const rest_ms = 30_000;
/** A page is at its top up to here. */
const top_px = 8;
const signs = ["pointermove", "pointerdown", "wheel", "keydown", "focusin"] as const;

export interface Reader {
  /** Whether the page is at its top, and was left alone. */
  away(): boolean;
  /** Stops listening. */
  end(): void;
}

export function watchReader(): Reader {
  let touched = -Infinity;
  const note = (event: Event) => {
    // A browser repeats the pointer's place when what is below it changes.
    if (event instanceof PointerEvent && event.type === "pointermove") {
      if (event.movementX === 0 && event.movementY === 0) return;
    }
    touched = now();
  };
  for (const sign of signs) addEventListener(sign, note, { passive: true });
  return {
    away: () => scrollY <= top_px && now() - touched > rest_ms,
    end() {
      for (const sign of signs) removeEventListener(sign, note);
    },
  };
}
