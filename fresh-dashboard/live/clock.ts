/**
 * The time of this page, which moves once a second: what ages are counted from. It is the server's
 * time, whatever the reader's clock says.
 *
 * @module
 */
import { type ReadonlySignal, signal } from "@preact/signals";
import { IS_BROWSER } from "fresh/runtime";

/** What `_app` takes from the server's time before it writes `data-seq`. */
const overlap_ms = 2_000;
/** A difference of the clocks that cannot be the way of the page from there to here. */
const noticeable_ms = 5_000;

const skew_ms = IS_BROWSER ? skew() : 0;
const ticks = signal(0);
let users = 0;
let timer: ReturnType<typeof setInterval> | undefined;

/** Epoch milliseconds, once a second while somebody needs it; 0 before, and on the server. */
export const clock: ReadonlySignal<number> = ticks;

/** Epoch milliseconds, at this moment. */
export function now(): number {
  return Date.now() - skew_ms;
}

/** Lets `clock` move; the result ends that. An effect of components. */
export function tick(): () => void {
  if (users++ === 0) {
    ticks.value = now();
    timer = setInterval(() => ticks.value = now(), 1_000);
  }
  return () => {
    if (--users === 0) clearInterval(timer);
  };
}

function skew(): number {
  const rendered = Number(document.documentElement.dataset.seq) / 1_000 + overlap_ms;
  const difference = Date.now() - rendered;
  return Math.abs(difference) > noticeable_ms && performance.now() < noticeable_ms ? difference : 0;
}
