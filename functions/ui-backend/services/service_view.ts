/**
 * What is known of each service, from its series and its alerts. Pure.
 *
 * @module
 */
import { z } from "zod";
import type { Labels } from "shared/model/labels.ts";
import { formatTime, Timestamp } from "shared/model/wire.ts";
import type { Severity } from "shared/model/wire.ts";
import type { Series } from "shared/store/port.ts";

/**
 * A service that was silent for longer than this is down: one export of an OpenTelemetry SDK (every
 * 60 s by default) may be missing.
 */
export const silence_ms = 120_000;
/** Series of a metric that are this much older than its newest one do not count as current. */
const current_ms = 90_000;

export const serviceStatuses = ["healthy", "warning", "critical", "down"] as const;

export const ServiceView = z.object({
  name: z.string(),
  display_name: z.string(),
  status: z.enum(serviceStatuses),
  last_seen: Timestamp.describe("Event time of the newest sample or log line"),
  version: z.string().optional(),
  alerts: z.object({ critical: z.number().int(), warning: z.number().int() })
    .describe("How many fire now"),
});
export type ServiceView = z.infer<typeof ServiceView>;

const Latest = z.object({ value: z.number(), unit: z.string(), timestamp: Timestamp });

export const LatestMetrics = z.object({
  service_name: z.string(),
  cpu_usage: z.number().nullable(),
  memory_usage: z.number().nullable(),
  latency_p95: z.number().nullable(),
  error_rate: z.number().nullable(),
  request_count: z.number().nullable(),
  timestamp: Timestamp,
  metrics: z.record(z.string(), Latest),
}).describe(
  "Of a metric with several series: the sum where the unit is per second, else the greatest",
);
export type LatestMetrics = z.infer<typeof LatestMetrics>;

/** How many alerts of each severity fire, by service. */
export type FiringCounts = ReadonlyMap<string, Readonly<Partial<Record<Severity, number>>>>;

/** Series by service, services by name. */
export function byService(series: readonly Series[]): Map<string, Series[]> {
  const services = new Map<string, Series[]>();
  for (const one of series) {
    const known = services.get(one.service);
    if (known) known.push(one);
    else services.set(one.service, [one]);
  }
  return new Map([...services].sort(([a], [b]) => a < b ? -1 : 1));
}

/**
 * Every service there is, by name.
 *
 * @param logging when each service wrote its newest log line, epoch milliseconds
 */
export function viewServices(
  services: ReadonlyMap<string, readonly Series[]>,
  firing: FiringCounts,
  now: number,
  logging: ReadonlyMap<string, number> = new Map(),
): ServiceView[] {
  return [...new Set([...services.keys(), ...logging.keys()])].sort().map((name) => {
    const series = services.get(name) ?? [];
    const last_seen = Math.max(newestTime(series), logging.get(name) ?? 0);
    const { critical = 0, warning = 0 } = firing.get(name) ?? {};
    const version = versionOf(series);
    const down = now - last_seen > silence_ms || saysDown(series);
    return {
      name,
      display_name: displayName(name),
      status: down ? "down" : critical > 0 ? "critical" : warning > 0 ? "warning" : "healthy",
      last_seen: formatTime(last_seen),
      ...(version ? { version } : {}),
      alerts: { critical, warning },
    };
  });
}

/** The newest value of each metric of a service. */
export function latestMetrics(service_name: string, series: readonly Series[]): LatestMetrics {
  const groups = new Map<string, Series[]>();
  for (const one of series) {
    const group = groups.get(one.metric);
    if (group) group.push(one);
    else groups.set(one.metric, [one]);
  }
  const metrics: LatestMetrics["metrics"] = {};
  for (const [metric, group] of groups) metrics[metric] = combined(group);
  const value = (metric: string) => metrics[metric]?.value ?? null;
  return {
    service_name,
    cpu_usage: value("cpu"),
    memory_usage: value("memory"),
    latency_p95: value("latency_p95"),
    error_rate: value("error_rate"),
    request_count: value("request_rate"),
    timestamp: formatTime(newestTime(series)),
    metrics,
  };
}

/** `payment-gateway` → `Payment Gateway`. */
export function displayName(name: string): string {
  return name.split(/[-_.\s]+/).filter(Boolean)
    .map((word) => word[0]!.toUpperCase() + word.slice(1)).join(" ") || name;
}

function combined(group: readonly Series[]): z.infer<typeof Latest> {
  const t = newestTime(group);
  // The series without labels is the service as a whole, where there is one.
  const whole = group.find((one) => Object.keys(one.labels).length === 0);
  const current = whole && whole.last.t > t - current_ms
    ? [whole]
    : group.filter((one) => one.last.t > t - current_ms);
  const values = current.map((one) => one.last.v);
  const { unit } = current[0]!;
  return {
    value: unit.endsWith("/s")
      ? values.reduce((sum, v) => sum + v, 0)
      : values.reduce((a, b) => Math.max(a, b)),
    unit,
    timestamp: formatTime(newestTime(current)),
  };
}

function newestTime(series: readonly Series[]): number {
  return series.reduce((newest, one) => Math.max(newest, one.last.t), 0);
}

/** A service may tell its state: `status` is 1 when it works and 0 when it does not. */
function saysDown(series: readonly Series[]): boolean {
  const status = series.filter((one) => one.metric === "status");
  return status.length > 0 && status.every((one) => one.last.v === 0);
}

const versionLabels = ["version", "service_version", "service.version"];

function versionOf(series: readonly Series[]): string | undefined {
  let found: { version: string; t: number } | undefined;
  for (const { labels, last } of series) {
    const version = firstOf(labels, versionLabels);
    if (version && (!found || last.t > found.t)) found = { version, t: last.t };
  }
  return found?.version;
}

function firstOf(labels: Labels, names: readonly string[]): string | undefined {
  return names.map((name) => labels[name]).find(Boolean);
}
