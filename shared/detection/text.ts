/** Numbers as people read them in alerts. @module */

/** A number with at most four significant digits, whole numbers in full. */
export function formatNumber(n: number): string {
  return Number.isInteger(n) && Math.abs(n) < 1e15 ? String(n) : String(Number(n.toPrecision(4)));
}

/** A number with its unit: `93.2 %`, `80 ms`. */
export function formatValue(n: number, unit: string): string {
  const short = unit === "percent" ? "%" : unit === "per_s" ? "per second" : unit;
  return short === "" ? formatNumber(n) : `${formatNumber(n)} ${short}`;
}
