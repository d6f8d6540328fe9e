/**
 * OTLP metrics as the platform's samples:
 *
 * - gauges and sums that may fall: a sample under the metric's own name
 * - sums that only grow, cumulative or delta: the rate per second under the metric's own name, its
 *   unit with `/s`
 * - histograms, explicit and exponential: `<name>_p50 _p95 _p99`, and `<name>_rate` per second
 * - summaries: `<name>_p<percent>` for each quantile, and `<name>_rate`
 *
 * Attributes of the point, `service.instance.id` and `service.version` become labels. A point that
 * says nothing new (no observation in its interval) gives a rate of 0 and no percentiles; the first
 * point of a cumulative sum that does not say since when it counts gives nothing.
 *
 * @module
 * @see https://opentelemetry.io/docs/specs/otel/metrics/data-model/
 */
import { derivedId } from "shared/model/ids.ts";
import { canonicalLabels, type Labels } from "shared/model/labels.ts";
import type { ServiceMetric } from "shared/model/metric.ts";
import { formatTime } from "shared/model/wire.ts";
import { Cards, inPlatformUnit } from "./conventions.ts";
import {
  bucketsOf,
  type Histogram,
  quantile,
  readExponential,
  readHistogram,
  sizeOf,
  subtract,
} from "./histogram.ts";
import type { Memory } from "./memory.ts";
import {
  count,
  enumeration,
  hexId,
  labels as labelsOf,
  list,
  maxMessages,
  number,
  own,
  readResource,
  Rejections,
  type Resource,
  text,
  time,
  timeProblem,
  Unusable,
} from "./values.ts";

export interface ConvertedMetrics {
  readonly samples: ServiceMetric[];
  /** Points that were read, usable or not. */
  readonly points: number;
  readonly rejected: Rejections;
}

/** Names are at most this long, so that the longest ending still fits. */
const maxName = 240;
/** So that `/s` still fits. */
const maxUnit = 60;
/** The bit of `flags` that marks a point without a value (a series that ended). */
const noRecordedValue = 1;
/** Points between two chances for others to run. */
const breath = 1_000;

const temporalities = ["UNSPECIFIED", "DELTA", "CUMULATIVE"];
const delta = 1;

/** What a metric is, besides its points. */
interface Metric {
  readonly resource: Resource;
  readonly name: string;
  readonly unit: string;
  /** Identity of the stream: resource, scope, name. */
  readonly stream: string;
  readonly kind: string;
  readonly isDelta: boolean;
  readonly monotonic: boolean;
}

/** A point, besides its value. */
interface Point {
  readonly t: number;
  readonly start: number | undefined;
  readonly labels: Labels;
  readonly attributes: readonly unknown[];
  readonly trace: { trace_id?: string; span_id?: string };
}

/**
 * Converts an `ExportMetricsServiceRequest`; yields now and then, so that a large one does not hold
 * up everything else.
 *
 * @param request parsed JSON or decoded protobuf
 * @param memory of the cumulative series of earlier requests
 * @param now epoch milliseconds: the time of points without one
 * @throws {Malformed} when the request as a whole cannot be read
 */
export function* convertMetrics(
  request: unknown,
  memory: Memory,
  now: number,
): Generator<void, ConvertedMetrics> {
  const samples: ServiceMetric[] = [];
  const rejected = new Rejections();
  const cards = new Cards();
  let points = 0;
  for (const group of list(request, "resourceMetrics")) {
    const resource = readResource(group);
    for (const scoped of list(group, "scopeMetrics")) {
      const scope = own(scoped, "scope");
      const scopeName = JSON.stringify([own(scope, "name"), own(scope, "version")]);
      for (const message of list(scoped, "metrics")) {
        const kind = kinds.find((name) => own(message, name));
        if (!kind) continue;
        const data = own(message, kind);
        const metric = readMetric(message, kind, data, resource, scopeName);
        for (const point of list(data, "dataPoints")) {
          if (++points % breath === 0) yield;
          if (points > maxMessages || samples.length >= maxMessages) {
            rejected.add(`a request must have at most ${maxMessages} points and samples`);
            continue;
          }
          try {
            if (metric instanceof Unusable) throw metric;
            if (((number(point, "flags") ?? 0) & noRecordedValue) !== 0) continue;
            convertPoint(metric, point, { memory, now, cards, samples });
          } catch (error) {
            if (!(error instanceof Unusable)) throw error;
            rejected.add(error.message);
          }
        }
      }
    }
  }
  for (const { service, labels, t, metric, unit, value } of cards.values()) {
    if (Number.isFinite(value)) {
      samples.push(
        makeSample(service, labels, canonicalLabels(labels), t, metric, unit, value, {}),
      );
    }
  }
  return { samples, points, rejected };
}

const kinds = ["gauge", "sum", "histogram", "exponentialHistogram", "summary"];

function readMetric(
  message: unknown,
  kind: string,
  data: unknown,
  resource: Resource,
  scope: string,
): Metric | Unusable {
  const name = own(message, "name");
  if (typeof name !== "string" || name === "" || name.length > maxName) {
    return new Unusable(`a metric must have a name of 1 to ${maxName} characters`);
  }
  const unit = own(message, "unit");
  const temporality = enumeration(data, "aggregationTemporality", temporalities);
  const monotonic = own(data, "isMonotonic") === true;
  const counts = kind === "sum" ? monotonic : kind.endsWith("istogram");
  if (counts && temporality !== 1 && temporality !== 2) {
    return new Unusable(
      `aggregationTemporality must be 1 (delta) or 2 (cumulative): current value is ${temporality}`,
    );
  }
  return {
    resource,
    name,
    unit: typeof unit === "string" ? unit.slice(0, maxUnit) : "",
    stream: `${resource.service}|${resource.identity}|${scope}|${name}`,
    kind,
    isDelta: temporality === delta,
    monotonic,
  };
}

interface Sink {
  readonly memory: Memory;
  readonly now: number;
  readonly cards: Cards;
  readonly samples: ServiceMetric[];
}

function convertPoint(metric: Metric, message: unknown, sink: Sink): void {
  const t = time(message, "timeUnixNano") ?? sink.now;
  const problem = timeProblem(t, sink.now);
  if (problem) throw new Unusable(`timeUnixNano ${problem}`);
  const attributes = list(message, "attributes");
  const start = time(message, "startTimeUnixNano");
  const point: Point = {
    t,
    start: start !== undefined && start <= t ? start : undefined,
    labels: labelsOf(attributes, metric.resource.labels),
    attributes,
    trace: traceOf(message),
  };
  const readings: [metric: string, unit: string, value: number][] = [];
  if (metric.kind === "gauge" || (metric.kind === "sum" && !metric.monotonic)) {
    const value = valueOf(message);
    readings.push([metric.name, metric.unit, value]);
    if (Cards.watches(metric.name)) {
      sink.cards.add(metric.resource, metric.name, {
        t,
        unit: metric.unit,
        attributes: point.labels,
        value,
      });
    }
  } else if (metric.kind === "sum") {
    const rate = sumRate(metric, point, valueOf(message), sink.memory);
    if (rate !== undefined) readings.push([metric.name, `${metric.unit}/s`, rate]);
  } else if (metric.kind === "summary") {
    readings.push(...readSummary(metric, point, message, sink.memory));
  } else {
    readings.push(...observe(metric, point, message, sink));
  }
  const canonical = canonicalLabels(point.labels);
  const { service } = metric.resource;
  for (const [name, unit, value] of readings) {
    if (!Number.isFinite(value)) {
      throw new Unusable(`${name} must be finite: current value is ${value}`);
    }
    const converted = inPlatformUnit(name, unit, value);
    sink.samples.push(
      makeSample(
        service,
        point.labels,
        canonical,
        t,
        name,
        converted.unit,
        converted.value,
        point.trace,
      ),
    );
  }
}

function makeSample(
  service: string,
  labels: Labels,
  canonical: string,
  t: number,
  metric: string,
  unit: string,
  value: number,
  trace: Point["trace"],
): ServiceMetric {
  return {
    // The same point is the same message, also when a sender repeats it.
    id: derivedId("otlp", service, metric, canonical, String(t)),
    service_name: service,
    metric_type: metric,
    value,
    unit,
    timestamp: formatTime(t),
    labels,
    ...trace,
  };
}

/** The value of a NumberDataPoint. @throws {Unusable} when it has none, or none that is finite */
function valueOf(message: unknown): number {
  const value = number(message, "asDouble") ?? number(message, "asInt");
  if (value === undefined) throw new Unusable("a point must have asDouble or asInt");
  if (!Number.isFinite(value)) {
    throw new Unusable(`a point's value must be finite: current value is ${value}`);
  }
  return value;
}

function sumRate(metric: Metric, point: Point, value: number, memory: Memory): number | undefined {
  if (!metric.isDelta) {
    const increase = increaseOf(metric, knowing(point), value, 1, memory, fallen);
    return increase && perSecond(increase.total, increase.from, point.t);
  }
  if (point.start === undefined || point.start >= point.t) {
    throw new Unusable("startTimeUnixNano of a delta sum must be before timeUnixNano");
  }
  return perSecond(value, point.start, point.t);
}

/**
 * A first point that starts when it ends has been counted since nobody knows when (see "unknown
 * start" in the data model; SDKs write so what they first read from a callback). Not so histograms:
 * they are recorded value by value, so it only means that all came within one millisecond.
 */
function knowing(point: Point): Point {
  return point.start === point.t ? { ...point, start: undefined } : point;
}

function increaseOf<T>(
  { stream }: Metric,
  { t, start, attributes }: Point,
  total: T,
  size: number,
  memory: Memory,
  rest: (later: T, earlier: T) => T | undefined,
): { from: number; total: T } | undefined {
  const series = attributes
    .map((attribute) => `${JSON.stringify(own(attribute, "key"))}=${text(own(attribute, "value"))}`)
    .sort().join();
  return memory.increase({ t, start, total, size, stream, series }, rest);
}

function fallen(later: number, earlier: number): number | undefined {
  return later < earlier ? undefined : later - earlier;
}

function perSecond(value: number, from: number, t: number): number | undefined {
  return t > from ? value / ((t - from) / 1_000) : undefined;
}

function observe(
  metric: Metric,
  point: Point,
  message: unknown,
  sink: Sink,
): [string, string, number][] {
  const histogram = metric.kind === "histogram" ? readHistogram(message) : readExponential(message);
  let observed: { from: number | undefined; histogram: Histogram };
  if (metric.isDelta) {
    observed = { from: point.start, histogram };
  } else {
    const increase = increaseOf(metric, point, histogram, sizeOf(histogram), sink.memory, subtract);
    if (!increase) return [];
    observed = { from: increase.from, histogram: increase.total };
  }
  if (Cards.watches(metric.name)) {
    const { t, labels } = point;
    const reading = { t, unit: metric.unit, attributes: labels, observed };
    sink.cards.add(metric.resource, metric.name, reading);
  }
  const readings: [string, string, number][] = [];
  const buckets = bucketsOf(observed.histogram);
  for (const percent of [50, 95, 99]) {
    const value = quantile(buckets, percent / 100);
    if (value !== undefined) readings.push([`${metric.name}_p${percent}`, metric.unit, value]);
  }
  const rate = observed.from === undefined
    ? undefined
    : perSecond(observed.histogram.count, observed.from, point.t);
  if (rate !== undefined) readings.push([`${metric.name}_rate`, "1/s", rate]);
  return readings;
}

/** Most quantiles of a summary. */
const maxQuantiles = 32;

function readSummary(
  metric: Metric,
  point: Point,
  message: unknown,
  memory: Memory,
): [string, string, number][] {
  const readings: [string, string, number][] = [];
  for (const entry of list(message, "quantileValues").slice(0, maxQuantiles)) {
    const q = number(entry, "quantile") ?? 0;
    const value = number(entry, "value") ?? 0;
    if (!(q >= 0 && q <= 1)) {
      throw new Unusable(`quantile must be from 0 to 1: current value is ${q}`);
    }
    // Clients write NaN where nothing was observed lately.
    if (Number.isNaN(value)) continue;
    readings.push([`${metric.name}_p${Number((q * 100).toFixed(3))}`, metric.unit, value]);
  }
  const total = count(message, "count") ?? 0;
  const increase = increaseOf(metric, knowing(point), total, 1, memory, fallen);
  const rate = increase && perSecond(increase.total, increase.from, point.t);
  if (rate !== undefined) readings.push([`${metric.name}_rate`, "1/s", rate]);
  return readings;
}

/** The trace of a point's newest exemplar: an example of what was measured. */
function traceOf(message: unknown): Point["trace"] {
  const exemplar = list(message, "exemplars").at(-1);
  const trace_id = hexId(exemplar, "traceId", 32);
  const span_id = hexId(exemplar, "spanId", 16);
  return { ...(trace_id ? { trace_id } : {}), ...(span_id ? { span_id } : {}) };
}
