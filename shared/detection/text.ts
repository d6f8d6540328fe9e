/** Numbers as people read them in alerts. @module */

/** A number with at most four significant digits, whole numbers in full. */
export function formatNumber(n: number): string {
  return Number.isInteger(n) && Math.abs(n) < 1e15 ? String(n) : String(Number(n.toPrecision(4)));
}

const signs: Readonly<Record<string, string>> = {
  percent: "%",
  per_s: "per second",
  "1": "",
  By: "bytes",
};

/**
 * A number with its unit: `93.2 %`, `80 ms`, `12 request/s`. Those of OpenTelemetry are UCUM's, where
 * `1` says that there is none and braces hold a word.
 */
export function formatValue(n: number, unit: string): string {
  const sign = signs[unit] ?? unit.replace(/[{}]/g, "").replace(/^1(?=\/)/, "");
  return sign === "" ? formatNumber(n) : `${formatNumber(n)} ${sign}`;
}
