/**
 * Time as a value that is handed around: nothing else in the project reads a clock or starts a
 * timer, so a day can be replayed in a second.
 *
 * @module
 */

export interface Clock {
  /** Epoch milliseconds. */
  now(): number;
  /**
   * Waits; `Infinity` waits for the signal alone. An aborted signal ends the wait early and is no
   * error: look at the signal afterwards.
   */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** The longest delay a timer takes (2^31 − 1 ms); longer waits are cut to it. */
const longestTimer_ms = 2_147_483_647;

/** The time of the machine. */
export const systemClock: Clock = {
  now: () => Date.now(),
  sleep(ms, signal) {
    return new Promise((resolve) => {
      if (signal?.aborted) return resolve();
      const timer = ms === Infinity ? undefined : setTimeout(wake, Math.min(ms, longestTimer_ms));
      function wake() {
        clearTimeout(timer);
        signal?.removeEventListener("abort", wake);
        resolve();
      }
      signal?.addEventListener("abort", wake, { once: true });
    });
  },
};
