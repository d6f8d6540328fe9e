/**
 * OpenTelemetry's semantic conventions as the platform's own metric types, so that a real service
 * fills the same cards as a simulated one: what its HTTP or RPC server, its process and its system
 * report becomes `request_rate error_rate latency_p50/p95/p99 cpu memory`.
 *
 * @module
 * @see https://opentelemetry.io/docs/specs/semconv/http/http-metrics/
 * @see https://opentelemetry.io/docs/specs/semconv/rpc/rpc-metrics/
 * @see https://opentelemetry.io/docs/specs/semconv/system/
 */
import { canonicalLabels, type Labels } from "shared/model/labels.ts";
import { type Histogram, mergeHistograms, quantile } from "./histogram.ts";
import type { Resource } from "./values.ts";

/**
 * Durations of requests, and the unit where none is told. An export that has several has the same
 * requests in several: the first of this list counts.
 */
const durations: readonly [metric: string, unit: string][] = [
  ["http.server.request.duration", "s"],
  ["http.server.duration", "ms"],
  ["rpc.server.call.duration", "s"],
  ["rpc.server.duration", "ms"],
];

/**
 * Statuses of gRPC that are the server's fault, as 5xx are of HTTP: what the conventions call an
 * error of a server span. The others (`NOT_FOUND`, say) are the caller's, and are answers.
 *
 * @see https://opentelemetry.io/docs/specs/semconv/rpc/grpc/#grpc-status
 */
const rpcServerErrors: ReadonlySet<string> = new Set([
  ["2", "UNKNOWN"],
  ["4", "DEADLINE_EXCEEDED"],
  ["12", "UNIMPLEMENTED"],
  ["13", "INTERNAL"],
  ["14", "UNAVAILABLE"],
  ["15", "DATA_LOSS"],
].flat());

/** Shares of the processor that is in use, the process before the system. */
const cpuUtilizations = ["process.cpu.utilization", "system.cpu.utilization"];
/** Attributes that split a processor's time by what it did, in newer and older conventions. */
const cpuModes = ["cpu.mode", "state", "process.cpu.state", "system.cpu.state"];
const idleModes = ["idle", "iowait", "wait"];

const memoryUsage = "process.memory.usage";
/** What a process may use at most, the closest limit first. */
const memoryLimits = [
  "process.memory.limit",
  "container.memory.limit",
  "k8s.container.memory.limit",
  "system.memory.limit",
];
const memoryUtilization = "system.memory.utilization";
const memoryStates = ["system.memory.state", "state"];

const watched: ReadonlySet<string> = new Set([
  ...durations.map(([metric]) => metric),
  ...cpuUtilizations,
  memoryUsage,
  ...memoryLimits,
  memoryUtilization,
]);

const milliseconds: Readonly<Record<string, number>> = { s: 1_000, ms: 1, us: 0.001, ns: 1e-6 };

/** A share as percent: conventions use fractions of 1, whose unit is `1`. */
function percentOf(unit: string): number {
  return unit === "%" || unit === "percent" ? 1 : 100;
}

/**
 * The value of a platform metric in the platform's unit, where a sender uses the name with another
 * unit: `latency_p95` of a histogram `latency` in seconds, `cpu` as a fraction.
 */
export function inPlatformUnit(
  metric: string,
  unit: string,
  value: number,
): { unit: string; value: number } {
  if (/^latency(_p\d+)?$/.test(metric) && milliseconds[unit] !== undefined) {
    return { unit: "ms", value: value * milliseconds[unit] };
  }
  if (unit === "1" && (metric === "cpu" || metric === "memory" || metric === "error_rate")) {
    return { unit: "percent", value: value * 100 };
  }
  return { unit, value };
}

/** A point of a metric of the conventions. */
export interface Reading {
  readonly t: number;
  readonly unit: string;
  readonly attributes: Labels;
  /** Of gauges. */
  readonly value?: number;
  /** Of histograms: what was observed in (from, t]. */
  readonly observed?: { readonly from: number | undefined; readonly histogram: Histogram };
}

/** A value of a platform metric, of all attribute sets of a service together. */
export interface CardValue {
  readonly service: string;
  readonly labels: Labels;
  readonly t: number;
  readonly metric: string;
  readonly unit: string;
  readonly value: number;
}

/** Collects the readings of one export; one card per service, instance and version. */
export class Cards {
  readonly #cards = new Map<string, { resource: Resource; readings: Map<string, Reading[]> }>();

  /** Whether a metric is one of the conventions' that are mapped. */
  static watches(metric: string): boolean {
    return watched.has(metric);
  }

  add(resource: Resource, metric: string, reading: Reading): void {
    const key = `${resource.service}|${canonicalLabels(resource.labels)}`;
    let card = this.#cards.get(key);
    if (!card) this.#cards.set(key, card = { resource, readings: new Map() });
    const readings = card.readings.get(metric);
    if (readings) readings.push(reading);
    else card.readings.set(metric, [reading]);
  }

  /** The platform metrics of everything that was added. */
  *values(): Generator<CardValue> {
    for (const { resource: { service, labels }, readings } of this.#cards.values()) {
      for (const value of [...requests(readings), ...cpu(readings), ...memory(readings)]) {
        yield { service, labels, ...value };
      }
    }
  }
}

type Readings = ReadonlyMap<string, readonly Reading[]>;
type Value = Pick<CardValue, "t" | "metric" | "unit" | "value">;

function* requests(readings: Readings): Generator<Value> {
  const found = durations.find(([metric]) => readings.has(metric));
  if (!found) return;
  const [metric, usual] = found;
  for (const [t, points] of byTime(readings.get(metric)!)) {
    const observed = points.filter((point) => point.observed);
    if (observed.length === 0) continue;
    let total = 0;
    let errors = 0;
    let from = Infinity;
    for (const point of observed) {
      const { count } = point.observed!.histogram;
      total += count;
      if (failed(point.attributes, metric)) errors += count;
      from = Math.min(from, point.observed!.from ?? Infinity);
    }
    if (from < t) {
      const value = total / ((t - from) / 1_000);
      yield { t, metric: "request_rate", unit: "req/s", value };
    }
    // Of no requests there is no share and no latency.
    if (total === 0) continue;
    yield { t, metric: "error_rate", unit: "percent", value: 100 * errors / total };
    const buckets = mergeHistograms(observed.map(({ unit, observed }) => ({
      histogram: observed!.histogram,
      factor: milliseconds[unit] ?? milliseconds[usual]!,
    })));
    for (const percent of [50, 95, 99]) {
      const value = quantile(buckets, percent / 100);
      if (value !== undefined) yield { t, metric: `latency_p${percent}`, unit: "ms", value };
    }
  }
}

function failed(attributes: Labels, metric: string): boolean {
  if (metric.startsWith("http.")) {
    const status = attributes["http.response.status_code"] ?? attributes["http.status_code"];
    return Number(status) >= 500;
  }
  const status = attributes["rpc.response.status_code"] ?? attributes["rpc.grpc.status_code"];
  return status === undefined
    ? attributes["error.type"] !== undefined
    : rpcServerErrors.has(status.toUpperCase());
}

function* cpu(readings: Readings): Generator<Value> {
  const metric = cpuUtilizations.find((name) => readings.has(name));
  if (!metric) return;
  for (const [t, points] of byTime(readings.get(metric)!)) {
    // One processor's modes add up; several processors are averaged.
    const processors = new Map<string, { busy: number; modes: number }>();
    for (const { attributes, unit, value = 0 } of points) {
      const mode = cpuModes.find((name) => attributes[name] !== undefined);
      const rest = Object.fromEntries(Object.entries(attributes).filter(([name]) => name !== mode));
      const key = canonicalLabels(rest);
      const processor = processors.get(key) ?? { busy: 0, modes: 0 };
      processors.set(key, processor);
      if (mode && idleModes.includes(attributes[mode]!)) continue;
      processor.busy += value * percentOf(unit);
      processor.modes++;
    }
    const told = [...processors.values()].filter(({ modes }) => modes > 0);
    if (told.length === 0) continue;
    const value = told.reduce((sum, { busy }) => sum + busy, 0) / told.length;
    yield { t, metric: "cpu", unit: "percent", value };
  }
}

function* memory(readings: Readings): Generator<Value> {
  const limit = memoryLimits.map((name) => readings.get(name)?.at(-1)?.value)
    .find((value) => value !== undefined && value > 0);
  const usage = readings.get(memoryUsage);
  if (usage && limit !== undefined) {
    for (const [t, points] of byTime(usage)) {
      const used = points.reduce((sum, { value = 0 }) => sum + value, 0);
      yield { t, metric: "memory", unit: "percent", value: 100 * used / limit };
    }
    return;
  }
  for (const [t, points] of byTime(readings.get(memoryUtilization) ?? [])) {
    // Where memory is split by state, free and cached memory are not in use.
    const used = points.filter(({ attributes }) => {
      const state = memoryStates.find((name) => attributes[name] !== undefined);
      return state === undefined || attributes[state] === "used";
    });
    if (used.length === 0) continue;
    const value = used.reduce((sum, { unit, value = 0 }) => sum + value * percentOf(unit), 0);
    yield { t, metric: "memory", unit: "percent", value: value / used.length };
  }
}

function byTime(readings: readonly Reading[]): Map<number, Reading[]> {
  const groups = new Map<number, Reading[]>();
  for (const reading of readings) {
    const group = groups.get(reading.t);
    if (group) group.push(reading);
    else groups.set(reading.t, [reading]);
  }
  return groups;
}
