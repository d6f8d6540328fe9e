/** Times as people read them. Pure. @module */
import * as text from "../text.ts";

/** `3m`: how long before `now` (epoch milliseconds) a time was; short, one unit. */
export function age(at: string, now: number): string {
  const seconds = Math.floor((now - Date.parse(at)) / 1_000);
  if (!Number.isFinite(seconds)) return "";
  if (seconds < 5) return text.time.now;
  return short(seconds);
}

/** `3m ago`, or `now`. */
export function ageAgo(at: string, now: number): string {
  const said = age(at, now);
  return said === "" || said === text.time.now ? said : text.time.ago(said);
}

/** `90` → `1m`, rounded down to one unit. */
export function short(seconds: number): string {
  const steps = [[86_400, "d"], [3_600, "h"], [60, "m"], [1, "s"]] as const;
  const [size, unit] = steps.find(([size]) => seconds >= size) ?? steps[3];
  return `${Math.floor(seconds / size)}${unit}`;
}

/** `150` → `2m 30s`: in one unit where that is exact to the second. */
export function exact(seconds: number): string {
  const rest = Math.round(seconds) % 60;
  return seconds < 60 || rest === 0
    ? short(Math.round(seconds))
    : `${Math.floor(seconds / 60)}m ${rest}s`;
}

/** `2026-11-22 13:34:28.123 UTC`. */
export function utc(at: string): string {
  const ms = Date.parse(at);
  return Number.isNaN(ms) ? at : new Date(ms).toISOString().replace("T", " ").replace("Z", " UTC");
}

/** `22 Nov, 13:34:28 GMT+1`. */
export function inZone(at: string, timeZone: string): string {
  const ms = Date.parse(at);
  if (Number.isNaN(ms)) return at;
  let format = formats.get(timeZone);
  if (!format) {
    format = new Intl.DateTimeFormat("en-GB", {
      day: "numeric",
      month: "short",
      hour: "2-digit",
      minute: "2-digit",
      second: "2-digit",
      timeZone,
      timeZoneName: "short",
    });
    formats.set(timeZone, format);
  }
  return format.format(ms);
}

const formats = new Map<string, Intl.DateTimeFormat>();
