/** Numbers, durations and times as people read them. Pure. @module */

const prefixes = [
  ["E", 1e18],
  ["P", 1e15],
  ["T", 1e12],
  ["G", 1e9],
  ["M", 1e6],
  ["k", 1e3],
] as const;

/** At most three figures that tell something: `0.621`, `90.1`, `1,234`, `15.9k`, `3.2M`. */
export function formatNumber(value: number): string {
  const size = Math.abs(value);
  if (size >= 1e21) return value.toExponential(0).replace("+", "");
  for (const [unit, of] of prefixes) {
    // Thousands only where whole numbers are too long.
    if (size >= (of === 1e3 ? 1e4 : of)) return trimmed(value / of, 1) + unit;
  }
  if (size >= 1_000) return Math.round(value).toLocaleString("en-US");
  if (size >= 100) return String(Math.round(value));
  if (size >= 10) return trimmed(value, 1);
  if (size >= 0.01 || size === 0) return trimmed(value, 2);
  return value.toPrecision(2);
}

function trimmed(value: number, digits: number): string {
  return value.toFixed(digits).replace(/\.?0+$/, "");
}

const units: Readonly<Record<string, string>> = {
  percent: "%",
  "%": "%",
  "req/s": "/s",
  "1": "",
  By: "B",
};

/** The sign of a unit: `percent` → `%`, `{request}` → `request`; others stay as they are. */
export function unitSign(unit: string): string {
  return units[unit] ?? unit.replace(/[{}]/g, "").replace(/^1(?=\/)/, "");
}

/** A value with its unit: `29.6%`, `90.1 ms`, `161/s`. */
export function formatValue(value: number, unit: string): string {
  const sign = unitSign(unit);
  return formatNumber(value) + (/^\w/.test(sign) ? `\u00a0${sign}` : sign);
}

/** How long in one or two parts: `12 s`, `3 min`, `2 h 5 min`, `4 d`. */
export function formatDuration(ms: number): string {
  const s = Math.max(0, Math.round(ms / 1_000));
  if (s < 60) return `${s}\u00a0s`;
  const min = Math.floor(s / 60);
  if (min < 60) return `${min}\u00a0min`;
  const h = Math.floor(min / 60);
  if (h < 24) return min % 60 === 0 ? `${h}\u00a0h` : `${h}\u00a0h ${min % 60}\u00a0min`;
  return `${Math.floor(h / 24)}\u00a0d`;
}

/** A time of day in the reader's zone, `13:35:40`; in UTC on the server, which has no reader. */
export function timeOfDay(ms: number, utc: boolean, seconds = true): string {
  const date = new Date(ms);
  const parts = utc
    ? [date.getUTCHours(), date.getUTCMinutes(), date.getUTCSeconds()]
    : [date.getHours(), date.getMinutes(), date.getSeconds()];
  return parts.slice(0, seconds ? 3 : 2).map((part) => String(part).padStart(2, "0")).join(":");
}

/** A metric's name as a title: `error_rate` → `Error rate`, `cpu` → `CPU`. */
export function metricTitle(metric: string): string {
  const words = metric.replaceAll(/[_\s]+/g, " ").trim() || metric;
  if (/^(cpu|gc|io|http|db|jvm|ram)\b/i.test(words)) {
    return words.replace(/^\w+/, (word) => word.toUpperCase());
  }
  return words[0]!.toUpperCase() + words.slice(1);
}
