/** Durations as configuration files write them: `500ms`, `5s`, `1h30m`. @module */

const units: Record<string, number> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
  y: 31_536_000_000,
};

/** Prometheus counts nanoseconds in 64 bits: 292 years. */
const longest_ms = 290 * units.y!;

/**
 * Reads a duration in Prometheus' notation (units from large to small, each at most once).
 *
 * @returns milliseconds
 * @throws {RangeError} when the text is not a duration, or a longer one than Prometheus can hold
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 *
 * assert.equal(parseDuration("1h30m"), 5_400_000);
 * ```
 */
export function parseDuration(text: string): number {
  if (text === "0") return 0;
  const match = /^(?:(\d+)y)?(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?$/
    .exec(text);
  if (!match || text === "") {
    throw new RangeError(
      `Cannot read a duration as a number with a unit (ms, s, m, h, d, w, y): current value is "${text}"`,
    );
  }
  const order = ["y", "w", "d", "h", "m", "s", "ms"];
  const ms = order.reduce((sum, unit, i) => sum + Number(match[i + 1] ?? 0) * units[unit]!, 0);
  if (ms > longest_ms) {
    throw new RangeError(
      `Cannot read a duration as at most 290 years: current value is "${text}"`,
    );
  }
  return ms;
}

/**
 * Writes milliseconds as a duration, `0s` for none.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 *
 * assert.equal(formatDuration(5_400_000), "1h30m");
 * ```
 */
export function formatDuration(ms: number): string {
  if (ms === 0) return "0s";
  let rest = ms;
  let text = "";
  for (const unit of ["d", "h", "m", "s", "ms"]) {
    const count = Math.floor(rest / units[unit]!);
    if (count > 0) text += `${count}${unit}`;
    rest -= count * units[unit]!;
  }
  return text;
}
