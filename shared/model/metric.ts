/** A metric on the wire, and the samples that it stands for. @module */
import { z } from "zod";
import { canonicalLabels, type Labels, LabelsSchema } from "./labels.ts";
import { ServiceName, Timestamp } from "./wire.ts";

/** The metric types that fill the dashboard's cards; any other name is as welcome. */
export const platformMetrics = [
  "cpu",
  "memory",
  "latency",
  "latency_p50",
  "latency_p95",
  "latency_p99",
  "error_rate",
  "request_rate",
  "status",
] as const;

/** Fields of a message that each are a sample of its own, and the metric type they become. */
export const carriedMetrics = {
  cpu_usage: "cpu",
  memory_usage: "memory",
  latency_p50: "latency_p50",
  latency_p95: "latency_p95",
  latency_p99: "latency_p99",
  error_rate: "error_rate",
  request_count: "request_rate",
} as const;

const finite = z.number();

/** A message of `service-metrics`. It has `metric_type` and `value`, or carried fields, or both. */
export const ServiceMetric = z.object({
  id: z.string().min(1).max(256),
  service_name: ServiceName,
  metric_type: z.string().min(1).max(256).optional(),
  value: finite.optional(),
  unit: z.string().max(64).optional(),
  timestamp: Timestamp,
  labels: LabelsSchema.optional(),
  trace_id: z.string().max(64).optional(),
  span_id: z.string().max(64).optional(),
  cpu_usage: finite.optional(),
  memory_usage: finite.optional(),
  latency_p50: finite.optional(),
  latency_p95: finite.optional(),
  latency_p99: finite.optional(),
  error_rate: finite.optional(),
  request_count: finite.optional(),
}).refine(
  (m) => (m.metric_type === undefined) === (m.value === undefined),
  { message: "metric_type and value belong together", path: ["value"] },
).refine(
  (m) => m.value !== undefined || Object.keys(carriedMetrics).some((f) => f in m),
  { message: "A metric needs metric_type and value", path: ["value"] },
);
export type ServiceMetric = z.infer<typeof ServiceMetric>;

/** One value of one series at one time: what windows, rules and the store work with. */
export interface Sample {
  /** Of the message, with the metric type where one message carries several. */
  readonly id: string;
  /** `service|metric|labels`: the identity of the series. */
  readonly series: string;
  readonly service: string;
  readonly metric: string;
  readonly labels: Labels;
  readonly unit: string;
  /** Epoch milliseconds, of the event. */
  readonly t: number;
  readonly v: number;
  readonly trace_id?: string;
}

/** The identity of a series. */
export function seriesKey(service: string, metric: string, labels: Labels): string {
  return `${service}|${metric}|${canonicalLabels(labels)}`;
}

const units: Readonly<Record<string, string>> = {
  cpu: "percent",
  memory: "percent",
  error_rate: "percent",
  request_rate: "req/s",
  latency: "ms",
  latency_p50: "ms",
  latency_p95: "ms",
  latency_p99: "ms",
};

const noLabels: Labels = Object.freeze({});

/** The samples of a message: one for its value, one for each carried field. */
export function samplesOf(message: ServiceMetric): Sample[] {
  const samples: Sample[] = [];
  const labels = message.labels ?? noLabels;
  const t = Date.parse(message.timestamp);
  const add = (id: string, metric: string, unit: string | undefined, v: number) => {
    samples.push({
      id,
      series: seriesKey(message.service_name, metric, labels),
      service: message.service_name,
      metric,
      labels,
      unit: unit ?? units[metric] ?? "",
      t,
      v,
      trace_id: message.trace_id,
    });
  };
  if (message.metric_type !== undefined && message.value !== undefined) {
    // `error` is what older senders call `error_rate`.
    const metric = message.metric_type === "error" ? "error_rate" : message.metric_type;
    add(message.id, metric, message.unit, message.value);
  }
  for (const field in carriedMetrics) {
    const v = message[field as keyof typeof carriedMetrics];
    if (v === undefined) continue;
    const metric = carriedMetrics[field as keyof typeof carriedMetrics];
    add(`${message.id}/${metric}`, metric, undefined, v);
  }
  return samples;
}
