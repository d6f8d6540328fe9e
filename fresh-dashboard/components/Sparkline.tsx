/** The shape of a series, as wide as its place. What it shows is said beside it. @module */

/** Points between which there is a hole are not joined. */
export interface SparkPoint {
  t: number;
  v: number;
}

export function Sparkline(
  { points, from, to, gap_ms = Infinity, class: look = "h-8 text-chart-1" }: {
    points: readonly SparkPoint[];
    /** Epoch milliseconds at the left and the right edge. */
    from: number;
    to: number;
    gap_ms?: number;
    class?: string;
  },
) {
  return (
    <svg
      viewBox="0 0 100 100"
      preserveAspectRatio="none"
      class={`block w-full overflow-hidden ${look}`}
      fill="none"
      stroke="currentColor"
      aria-hidden="true"
    >
      <path
        d={sparkPath(points, from, to, gap_ms)}
        stroke-width="1.5"
        stroke-linejoin="round"
        stroke-linecap="round"
        vector-effect="non-scaling-stroke"
      />
    </svg>
  );
}

/** The path of a line in a square of 100; what hardly moves is a calm line in the middle. */
export function sparkPath(
  points: readonly SparkPoint[],
  from: number,
  to: number,
  gap_ms = Infinity,
  range?: { low: number; high: number },
): string {
  const shown = points.filter(({ t }) => t >= from && t <= to);
  let low = range?.low ?? Infinity;
  let high = range?.high ?? -Infinity;
  if (!range) {
    for (const { v } of shown) {
      low = Math.min(low, v);
      high = Math.max(high, v);
    }
    const middle = (low + high) / 2;
    const reach = Math.max((high - low) / 2, Math.abs(middle) * 0.1, 1e-9);
    low = middle - reach;
    high = middle + reach;
  }
  let before = -Infinity;
  return shown.map(({ t, v }) => {
    const x = ((t - from) / (to - from) * 100).toFixed(2);
    const part = (v - low) / (high - low || 1);
    // A line that fills its place needs room for its own thickness.
    const y = (range ? 100 - part * 100 : 94 - part * 88).toFixed(2);
    const step = t - before > gap_ms || before === -Infinity ? "M" : "L";
    before = t;
    return `${step}${x} ${y}`;
  }).join("");
}
