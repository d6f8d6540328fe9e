/** A metric on the wire, and the samples that it stands for. @module */
import { z } from "zod";
import { canonicalLabels, type Labels, LabelsSchema } from "./labels.ts";
import { epochOf, ServiceName, Timestamp } from "./wire.ts";

/** Fields of a message that each are a sample of its own, and the metric type they become. */
const carriedMetrics = {
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

/** What the samples of a series share. */
interface SeriesOf {
  readonly series: string;
  readonly metric: string;
  readonly labels: Labels;
  /** Where the message names none. */
  readonly unit: string;
}

const noLabels: Labels = Object.freeze({});

/** The series of one service and metric. */
interface Written {
  /** The one without labels. */
  plain: SeriesOf | undefined;
  /** The others, by their labels as messages write them. */
  labelled: Map<string, SeriesOf> | undefined;
}

/**
 * Series by metric and service: making an identity sorts and quotes the labels, and the same few come
 * again and again. Metrics first, since there are few of them, which stay near the processor. Emptied
 * when full.
 */
const known = new Map<string, Map<string, Written>>();
const maxKnown = 20_000;
let knownCount = 0;

function seriesOf(service: string, name: string, labels: Labels | undefined): SeriesOf {
  // With their lengths, so that no two label sets are written alike.
  let text = "";
  if (labels !== undefined) {
    for (const label in labels) {
      const value = labels[label]!;
      text += `${label.length}:${label}${value.length}:${value}`;
    }
  }
  const written = known.get(name)?.get(service);
  const found = text === "" ? written?.plain : written?.labelled?.get(text);
  if (found) return found;

  // `error` is what older senders call `error_rate`.
  const metric = name === "error" ? "error_rate" : name;
  const one = {
    series: seriesKey(service, metric, labels ?? noLabels),
    metric,
    labels: labels ?? noLabels,
    unit: units[metric] ?? "",
  };
  remember(service, name, text, one);
  return one;
}

function remember(service: string, name: string, text: string, one: SeriesOf): void {
  if (knownCount++ >= maxKnown) {
    known.clear();
    knownCount = 1;
  }
  let services = known.get(name);
  if (!services) known.set(name, services = new Map());
  let written = services.get(service);
  if (!written) services.set(service, written = { plain: undefined, labelled: undefined });
  if (text === "") written.plain = one;
  else (written.labelled ??= new Map()).set(text, one);
}

/** The samples of a message: one for its value, one for each carried field. */
export function samplesOf(message: ServiceMetric): Sample[] {
  const samples: Sample[] = [];
  addSamples(samples, message);
  return samples;
}

/** Adds a message's samples to a list: what `samplesOf` does, for batches. */
export function addSamples(samples: Sample[], message: ServiceMetric): void {
  const t = epochOf(message.timestamp);
  if (message.metric_type !== undefined && message.value !== undefined) {
    const { id, metric_type, value, unit } = message;
    samples.push(sampleOf(message, metric_type, id, t, value, unit));
  }
  // By name and not in a loop: most messages carry none, and this finds out in no time.
  const { cpu_usage, memory_usage, latency_p50, latency_p95, latency_p99 } = message;
  if (cpu_usage !== undefined) carry(samples, message, "cpu_usage", t, cpu_usage);
  if (memory_usage !== undefined) carry(samples, message, "memory_usage", t, memory_usage);
  if (latency_p50 !== undefined) carry(samples, message, "latency_p50", t, latency_p50);
  if (latency_p95 !== undefined) carry(samples, message, "latency_p95", t, latency_p95);
  if (latency_p99 !== undefined) carry(samples, message, "latency_p99", t, latency_p99);
  const { error_rate, request_count } = message;
  if (error_rate !== undefined) carry(samples, message, "error_rate", t, error_rate);
  if (request_count !== undefined) carry(samples, message, "request_count", t, request_count);
}

function carry(
  samples: Sample[],
  message: ServiceMetric,
  field: keyof typeof carriedMetrics,
  t: number,
  v: number,
): void {
  const metric = carriedMetrics[field];
  samples.push(sampleOf(message, metric, `${message.id}/${metric}`, t, v, undefined));
}

function sampleOf(
  message: ServiceMetric,
  name: string,
  id: string,
  t: number,
  v: number,
  unit: string | undefined,
): Sample {
  const one = seriesOf(message.service_name, name, message.labels);
  return {
    id,
    series: one.series,
    service: message.service_name,
    metric: one.metric,
    labels: one.labels,
    unit: unit ?? one.unit,
    t,
    v,
    trace_id: message.trace_id,
  };
}
