/** Things that the tests of the API talk about. @module */
import type { Caller, Declared, HttpTrigger } from "shared/define/mod.ts";
import { type Alert, alertId } from "shared/model/alert.ts";
import { fingerprint } from "shared/model/labels.ts";
import { formatTime } from "shared/model/wire.ts";
import type { Sample } from "shared/model/metric.ts";
import { seriesKey } from "shared/model/metric.ts";

export const start = Date.parse("2026-01-05T09:00:00.000Z");

export const admin: Caller = { id: "a", username: "admin", role: "admin", session: "s" };
export const operator: Caller = { id: "o", username: "olga", role: "operator", session: "s" };

/** A firing alert; `at` is milliseconds after `start`. */
export function alertAt(at: number, changes: Partial<Alert> = {}): Alert {
  const service = changes.service_name ?? "orders";
  const severity = changes.severity ?? "warning";
  const type = changes.type ?? "threshold_violation";
  const labels = { alertname: "Hot", service, type, severity, metric: "cpu" };
  const starts_at = changes.starts_at ?? formatTime(start + at);
  return {
    id: alertId(fingerprint(labels), starts_at),
    status: "firing",
    type,
    severity,
    service_name: service,
    title: "CPU is high",
    description: "",
    message: "cpu is 91",
    value: 91,
    current_value: 91,
    timestamp: formatTime(start + at),
    starts_at,
    acknowledged: false,
    labels,
    annotations: {},
    fingerprint: fingerprint(labels),
    ...changes,
  };
}

/** The same episode, over; `at` is milliseconds after `start`. */
export function resolvedAt(at: number, alert: Alert): Alert {
  const timestamp = formatTime(start + at);
  return {
    ...alert,
    status: "resolved",
    timestamp,
    ends_at: timestamp,
    resolved_at: timestamp,
    message: "cpu is back",
  };
}

export const explanation: NonNullable<Alert["explanation"]> = {
  reason: "cpu was 91 > 80",
  rule_version: 1,
  window_size: 60,
  aggregation: "last",
  comparison: "91 > 80",
  score: 91,
  samples: [],
  sample_count: 1,
};

let samples = 0;

/** A sample; `at` is milliseconds after `start`. */
export function sampleAt(
  at: number,
  v: number,
  { service = "orders", metric = "cpu", labels = {}, unit = "percent" }: Partial<
    Pick<Sample, "service" | "metric" | "labels" | "unit">
  > = {},
): Sample {
  const series = seriesKey(service, metric, labels);
  return { id: `s${++samples}`, series, service, metric, labels, unit, t: start + at, v };
}

/** The query of a route as its schema reads it. */
export function queryOf(fn: Declared, query: Record<string, string> = {}): unknown {
  return (fn.on as HttpTrigger).query!.parse(query);
}

/** The body of a route as its schema reads it. */
export function bodyOf(fn: Declared, body: unknown): unknown {
  const schema = (fn.on as HttpTrigger).body;
  if (typeof schema !== "object") throw new Error(`${fn.name} takes no JSON`);
  return schema.parse(body);
}
