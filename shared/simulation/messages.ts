/**
 * The messages of a simulated service at a tick, all but their ids: what its signal looks like on
 * the wire. Pure: the same tick makes the same messages.
 *
 * @module
 */
import { derivedId } from "shared/model/ids.ts";
import type { ServiceLog } from "shared/model/log.ts";
import type { ServiceMetric } from "shared/model/metric.ts";
import { formatTime } from "shared/model/wire.ts";
import { parseDuration } from "shared/time/duration.ts";
import { draw, pick } from "./noise.ts";
import type { Line, Profile, Run } from "./profile.ts";
import { type Signal, signalAt } from "./signal.ts";

/** How often a service reports, unless its profile says otherwise. */
export const metricsEvery = "5s";
/** How often a service writes log lines, unless its profile says otherwise. */
export const logsEvery = "3s";
/** Log lines of one tick. */
export const linesPerTick = 4;

/** The platform's metric types that a service reports, with their units (`1`: UCUM, no unit). */
const reported = {
  cpu: "percent",
  memory: "percent",
  latency: "ms",
  latency_p50: "ms",
  latency_p95: "ms",
  latency_p99: "ms",
  error_rate: "percent",
  request_rate: "req/s",
  status: "1",
} as const satisfies Partial<Record<keyof Signal, string>>;

/** The metrics of the tick at `t` (epoch ms): one message for each metric type and label set. */
export function metricsAt(profile: Profile, run: Run, t: number): Omit<ServiceMetric, "id">[] {
  const signal = signalAt(profile, run, t);
  const rows: { type: string; value: number; unit: string; labels?: Record<string, string> }[] = [];
  for (const type of Object.keys(reported) as (keyof typeof reported)[]) {
    rows.push({ type, value: signal[type], unit: reported[type] });
  }
  profile.measures.forEach(({ type, unit, labels }, i) => {
    rows.push({ type, value: signal.measures[i]!, unit, ...(labels && { labels: { ...labels } }) });
  });
  const requests = requestsAt(profile, run, t);
  return rows.map(({ type, value, ...rest }, i) => ({
    service_name: profile.name,
    metric_type: type,
    value: Math.round(value * 1_000) / 1_000,
    ...rest,
    timestamp: formatTime(t),
    ...requests[i % requests.length],
  }));
}

/**
 * The levels of twenty lines in a row, in an order of chance: 60 % info, 25 % debug, 10 % warn, 5 %
 * error. Dealt like a deck of cards, so that errors of a healthy service never bunch up.
 */
const deck = [
  ...Array<"info">(12).fill("info"),
  ...Array<"debug">(5).fill("debug"),
  ...Array<"warn">(2).fill("warn"),
  "error" as const,
];

/** The log lines of the tick at `t` (epoch ms). */
export function logsAt(profile: Profile, run: Run, t: number): Omit<ServiceLog, "id">[] {
  const signal = signalAt(profile, run, t);
  const name = `${run.seed}/${profile.name}/log`;
  const first = Math.floor(t / parseDuration(profile.logs_every ?? logsEvery)) * linesPerTick;
  const requests = requestsAt(profile, run, t);
  const logs: Omit<ServiceLog, "id">[] = [];
  for (let n = first; n < first + linesPerTick; n++) {
    const ill = draw(`${name}/ill`, n) < signal.effect.error_lines;
    // Without requests there is little to write, but failures are written.
    if (!ill && draw(`${name}/idle`, n) < signal.effect.demand_lost) continue;
    const level = ill ? "error" : levelOf(name, n);
    const line = ill ? causeOf(profile, signal) : pick(profile.lines[level], `${name}/line`, n);
    const { message, fields } = fill(line.message, profile, signal, `${name}/${n}`);
    const request = pick(requests, `${name}/request`, n);
    logs.push({
      service_name: profile.name,
      level,
      message,
      timestamp: formatTime(t),
      caller: line.caller,
      ...(level === "error" && { stack_trace: `Error: ${message}\n    at ${line.caller}` }),
      fields,
      ...request,
      request_id: `req-${request.trace_id.slice(0, 12)}`,
    });
  }
  return logs;
}

/** The level of the n-th line: a Fisher–Yates shuffle of its deck, whose cards below it are dealt. */
function levelOf(name: string, n: number): (typeof deck)[number] {
  const hand = Math.floor(n / deck.length);
  const cards = [...deck];
  for (let i = cards.length - 1; i > 0; i--) {
    const j = Math.floor(draw(`${name}/deck/${hand}`, i) * (i + 1));
    [cards[i], cards[j]] = [cards[j]!, cards[i]!];
  }
  return cards[n % deck.length]!;
}

/** Why the incident's requests fail: one cause for the whole incident, or the usual errors. */
function causeOf(profile: Profile, { incident }: Signal): Line {
  const causes = incident && profile.causes[incident.kind];
  return pick(causes?.length ? causes : profile.lines.error, `${incident?.id}/cause`, 0);
}

function fill(
  template: string,
  profile: Profile,
  signal: Signal,
  name: string,
): { message: string; fields: Record<string, string | number> } {
  const fields: Record<string, string | number> = {};
  const message = template.replaceAll(/\{(\w+)\}/g, (_, word: string) => {
    if (word === "duration_ms") {
      // From half of the median to the 99th percentile, mostly near the median.
      const { latency_p50: median, latency_p99: worst } = signal;
      const duration = median / 2 + (worst - median / 2) * draw(`${name}/${word}`, 0) ** 4;
      return String(fields[word] = Math.round(duration));
    }
    const form = pick(profile.words[word] ?? [word], `${name}/${word}`, 0);
    let i = 0;
    const text = form.replaceAll(
      "#",
      () => String(Math.floor(draw(`${name}/${word}/#`, i++) * 10)),
    );
    fields[word] = /^\d/.test(text) && Number.isFinite(Number(text)) ? Number(text) : text;
    return String(fields[word]);
  });
  return { message, fields };
}

/** So many requests of each metrics interval are traced. */
const tracedRequests = 4;

/**
 * The traced requests of the metrics interval that `t` is in. Its metrics carry all of them and each
 * of its log lines one, which is what ties a line to a metric.
 */
function requestsAt(
  profile: Profile,
  run: Run,
  t: number,
): { trace_id: string; span_id: string }[] {
  const interval = Math.floor(t / parseDuration(profile.metrics_every ?? metricsEvery));
  return Array.from({ length: tracedRequests }, (_, k) => {
    const hex = (what: string) =>
      derivedId(what, run.seed, profile.name, String(interval), String(k)).replaceAll("-", "");
    return { trace_id: hex("trace"), span_id: hex("span").slice(0, 16) };
  });
}
