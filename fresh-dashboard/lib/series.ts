/**
 * The series of a service as charts show them: grouped, cut to a window, and going on with live
 * samples. Pure; series are changed in place, since they are long.
 *
 * @module
 */
import type { AlertSummary, ServiceSample } from "./api.ts";
import type { BriefRule } from "./service.ts";
import { metricTitle } from "./format.ts";

/** What the page may show, and how long one point is then; 0 for every sample. */
export const ranges = {
  "5m": { ms: 300_000, step_ms: 0 },
  "15m": { ms: 900_000, step_ms: 5_000 },
  "1h": { ms: 3_600_000, step_ms: 20_000 },
  "6h": { ms: 21_600_000, step_ms: 120_000 },
  "24h": { ms: 86_400_000, step_ms: 480_000 },
} as const;
export type Range = keyof typeof ranges;

export function isRange(text: string | null): text is Range {
  return text !== null && Object.hasOwn(ranges, text);
}

/** What to ask the API for. */
export function metricsQuery(range: Range): { window: string; step?: string } {
  const { step_ms } = ranges[range];
  return { window: range, ...(step_ms ? { step: `${step_ms / 1_000}s` } : {}) };
}

/** One line: times ascending, epoch milliseconds; with a step means, and what they are means of. */
export interface Series {
  metric: string;
  unit: string;
  labels: Readonly<Record<string, string>>;
  t: number[];
  v: number[];
  low?: number[];
  high?: number[];
  /** Samples in the last point. */
  n: number;
  /** The newest value: of a sample once one came live, until then of the last point. */
  last: number;
}

type LiveSample = Omit<ServiceSample, "service_name">;

/** Five figures are more than a chart can show. */
const short = (value: number) => Number(value.toPrecision(5));

function keyOf({ metric_type, labels }: Pick<LiveSample, "metric_type" | "labels">): string {
  const names = Object.keys(labels);
  return names.length === 0 ? metric_type : JSON.stringify([
    metric_type,
    ...names.sort().map((name) => [name, labels[name]]),
  ]);
}

/** Samples, oldest first, as series by their key. */
export function seriesOf(samples: readonly LiveSample[]): Map<string, Series> {
  const all = new Map<string, Series>();
  for (const sample of samples) {
    const key = keyOf(sample);
    let one = all.get(key);
    if (!one) {
      const { metric_type: metric, unit, labels, min } = sample;
      const spread = min === undefined ? {} : { low: [], high: [] };
      all.set(key, one = { metric, unit, labels, t: [], v: [], n: 1, last: 0, ...spread });
    }
    one.t.push(Date.parse(sample.timestamp));
    one.v.push(short(sample.value));
    one.low?.push(short(sample.min ?? sample.value));
    one.high?.push(short(sample.max ?? sample.value));
    one.n = sample.count ?? 1;
    one.last = sample.value;
  }
  return all;
}

/**
 * Adds a live sample. One that is older than the newest point is left out until the next read.
 *
 * @returns whether its series is new
 */
export function addSample(all: Map<string, Series>, sample: LiveSample, step_ms: number): boolean {
  const t = Date.parse(sample.timestamp);
  const slot = step_ms ? Math.floor(t / step_ms) * step_ms : t;
  const key = keyOf(sample);
  const one = all.get(key);
  if (!one) {
    for (
      const [key, series] of seriesOf([{ ...sample, timestamp: new Date(slot).toISOString() }])
    ) {
      all.set(key, series);
    }
    return true;
  }
  const last = one.t.length - 1;
  const { value } = sample;
  if (last >= 0 && slot < one.t[last]!) return false;
  one.last = value;
  if (step_ms && one.t[last] === slot) {
    one.n++;
    one.v[last]! += (value - one.v[last]!) / one.n;
    if (one.low) one.low[last] = Math.min(one.low[last]!, value);
    if (one.high) one.high[last] = Math.max(one.high[last]!, value);
  } else if (one.t[last] === slot) {
    one.v[last] = value;
  } else {
    one.t.push(slot);
    one.v.push(value);
    one.low?.push(value);
    one.high?.push(value);
    one.n = 1;
  }
  return false;
}

/** Forgets what is older, but for one point, so that the line reaches the edge. */
export function cutBefore(all: Map<string, Series>, from: number): void {
  for (const one of all.values()) {
    let old = 0;
    while (old + 1 < one.t.length && one.t[old + 1]! < from) old++;
    if (old === 0) continue;
    for (const list of [one.t, one.v, one.low, one.high]) list?.splice(0, old);
  }
}

/** What one chart shows. */
export interface Group {
  key: string;
  title: string;
  unit: string;
  lines: { key: string; name: string; metric: string }[];
  /** Lines that found no room. */
  more: number;
}

/** Lines that can be told apart. */
export const maxLines = 4;
const percentile = /[_.]p(\d+)$/;
const first = ["cpu", "memory", "latency", "error_rate", "request_rate"];

/**
 * Names lines by what tells them apart: a quantile, and the labels that not all of them share. Where
 * that is one label its value is enough: there is little room.
 */
function nameLines(lines: Group["lines"], labelsOf: (key: string) => Series["labels"]): void {
  const all = lines.map(({ key }) => labelsOf(key));
  const names = [...new Set(all.flatMap((labels) => Object.keys(labels)))];
  const telling = names.filter((name) =>
    all.length === 1 || all.some((labels) => labels[name] !== all[0]![name])
  );
  lines.forEach((line, i) => {
    const [, quantile] = percentile.exec(line.metric) ?? [];
    const said = telling.filter((name) => Object.hasOwn(all[i]!, name)).map((name) =>
      all.length > 1 && telling.length === 1 ? all[i]![name] : `${name}=${all[i]![name]}`
    );
    line.name =
      [...(quantile ? [`p${quantile}`] : []), said.join(", ")].filter(Boolean).join(" ") ||
      metricTitle(line.metric.replace(percentile, ""));
  });
}

/** The charts of a service: quantiles of one thing together, what people look at first, first. */
export function groupSeries(all: ReadonlyMap<string, Series>): Group[] {
  const groups = new Map<string, Group>();
  for (const [key, { metric, unit }] of all) {
    const base = metric.replace(percentile, "");
    const id = `${base}\n${unit}`;
    let group = groups.get(id);
    if (!group) {
      groups.set(id, group = { key: id, title: metricTitle(base), unit, lines: [], more: 0 });
    }
    group.lines.push({ key, name: "", metric });
  }
  for (const group of groups.values()) {
    nameLines(group.lines, (key) => all.get(key)!.labels);
    group.lines.sort((a, b) => a.metric < b.metric ? -1 : a.metric > b.metric ? 1 : 0);
    group.more = Math.max(0, group.lines.length - maxLines);
    group.lines.splice(maxLines);
  }
  const place = ({ key }: Group) => {
    const i = first.indexOf(key.split("\n")[0]!);
    return i < 0 ? key.startsWith("status\n") ? 99 : first.length : i;
  };
  return [...groups.values()].sort((a, b) => place(a) - place(b) || (a.title < b.title ? -1 : 1));
}

/** A limit that is drawn. */
export interface Threshold {
  value: number;
  operator: string;
  severity: AlertSummary["severity"];
  rule: string;
  metric: string;
}

/** The limits of a chart: those of enabled threshold rules on its metrics. */
export function thresholdsOf({ lines }: Group, rules: readonly BriefRule[]): Threshold[] {
  const metrics = new Set(lines.map(({ metric }) => metric));
  return rules.filter((rule) =>
    rule.enabled && rule.type === "threshold" && metrics.has(rule.metric_type ?? "")
  ).map(({ threshold: value, operator, severity, name: rule, metric_type: metric = "" }) => ({
    value,
    operator,
    severity,
    rule,
    metric,
  }));
}

/** The lower and the upper edge of a chart, and the step of its grid. */
export interface Scale {
  low: number;
  high: number;
  step: number;
}

/** Limits further away than so many times the data would flatten it. */
const reach = 3;

/** A scale of round numbers that holds the lines from a time on, and the limits that are near. */
export function scaleOf(
  lines: readonly Pick<Series, "t" | "v">[],
  thresholds: readonly Threshold[],
  from: number,
): Scale {
  let low = Infinity;
  let high = -Infinity;
  for (const { t, v } of lines) {
    for (let i = v.length - 1; i >= 0 && t[i]! >= from; i--) {
      low = Math.min(low, v[i]!);
      high = Math.max(high, v[i]!);
    }
  }
  if (low > high) [low, high] = [0, 1];
  for (const { value } of thresholds) {
    if (value > high && value <= reach * high) high = value * 1.05;
    else if (value < low && (value >= 0 || value >= reach * low)) low = value;
  }
  // From zero on, unless the data is far above it and hardly moves.
  if (low > 0 && (high === low || high - low > 0.25 * high)) low = 0;
  // No finer than numbers of this size can be told apart; all but zero is zero.
  const size = Math.max(Math.abs(low), Math.abs(high));
  const told = Math.max(high - low || size, size * 1e-9);
  const span = told > 1e-300 ? told : 1;
  if (low !== 0) low -= span * 0.1;
  high += span * 0.02;
  const rough = (high - low) / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((n) => n * power).find((n) => n >= rough * 0.999)!;
  return { low: Math.floor(low / step) * step, high: Math.ceil(high / step) * step, step };
}

/** The point of a line nearest to a time, at most so far away; -1 for none. */
export function nearest(t: readonly number[], at: number, within_ms: number): number {
  let low = 0;
  let high = t.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (t[middle]! < at) low = middle + 1;
    else high = middle;
  }
  if (low > 0 && at - t[low - 1]! <= Math.abs(t[low]! - at)) low--;
  return t.length > 0 && Math.abs(t[low]! - at) <= within_ms ? low : -1;
}

/** Longer than this between two points, and the line is broken: five times what is usual. */
export function holeOf(t: readonly number[], step_ms: number): number {
  const gaps = t.slice(-50).map((one, i, list) => i > 0 ? one - list[i - 1]! : NaN)
    .filter((gap) => gap > 0).sort((a, b) => a - b);
  return Math.max(5 * (gaps[gaps.length >> 1] ?? 0), 2.5 * step_ms, 15_000);
}
