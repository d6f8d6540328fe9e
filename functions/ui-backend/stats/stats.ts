/** The numbers of the dashboard's first page. @module */
import { z } from "zod";
import type { Env } from "functions/define.ts";
import { type FunctionLag, lagKind } from "shared/model/kinds.ts";
import type { Rule } from "shared/model/rule.ts";
import { formatTime } from "shared/model/wire.ts";
import type { Series } from "shared/store/port.ts";
import { alertIndex, firingCounts, type IndexedAlert } from "../alerts/alert_index.ts";
import { AlertSummary } from "../alerts/alert_record.ts";
import { loggingServices } from "../records.ts";
import { ruleCopy } from "../rules/rule_copy.ts";
import {
  byService,
  LatestMetrics,
  latestMetrics,
  serviceStatuses,
  ServiceView,
  viewServices,
} from "../services/service_view.ts";
import { traffic } from "./traffic.ts";

const count = z.number().int();
/** Alerts shown as recent. */
const recent = 10;

export const Stats = z.object({
  total_services: count,
  healthy_services: count,
  warning_services: count,
  critical_services: count,
  down_services: count,
  total_alerts: count.describe("All that are kept, resolved ones too"),
  firing_alerts: count,
  unacknowledged_alerts: count.describe("That fire"),
  critical_alerts: count.describe("That fire"),
  warning_alerts: count.describe("That fire"),
  by_severity: z.object({ info: count, warning: count, critical: count }).describe("That fire"),
  active_rules: count,
  total_rules: count,
  service_stats: z.array(
    ServiceView.omit({ name: true }).extend({
      service_name: z.string(),
      ...LatestMetrics.pick({
        cpu_usage: true,
        memory_usage: true,
        latency_p95: true,
        error_rate: true,
        request_count: true,
      }).shape,
    }),
  ),
  recent_alerts: z.array(AlertSummary).describe(`The newest ${recent}`),
  pipeline: z.array(z.object({
    function: z.string(),
    topic: z.string(),
    lag: count.describe("Messages published and not yet handled"),
    timestamp: z.iso.datetime(),
  })).describe("Functions that run somewhere"),
  samples_per_minute: count.describe("Seen by the process that answers"),
  uptime_seconds: z.number().describe("Of the process that answers"),
  timestamp: z.iso.datetime(),
});
export type Stats = z.infer<typeof Stats>;

/** Counts what there is. Pure. */
function statsOf(
  { series, logging, alerts, rules, lags, samples_per_minute, uptime_seconds, now }: {
    series: readonly Series[];
    /** When each service wrote its newest log line, epoch milliseconds. */
    logging: ReadonlyMap<string, number>;
    alerts: readonly IndexedAlert[];
    rules: readonly Rule[];
    lags: readonly FunctionLag[];
    samples_per_minute: number;
    uptime_seconds: number;
    now: number;
  },
): Stats {
  const grouped = byService(series);
  const services = viewServices(grouped, firingCounts(alerts), now, logging);
  const inState = (status: (typeof serviceStatuses)[number]) =>
    services.filter((service) => service.status === status).length;
  const firing = alerts.filter(({ alert }) => alert.status === "firing");
  const by_severity = { info: 0, warning: 0, critical: 0 };
  for (const { alert } of firing) by_severity[alert.severity]++;
  return {
    total_services: services.length,
    healthy_services: inState("healthy"),
    warning_services: inState("warning"),
    critical_services: inState("critical"),
    down_services: inState("down"),
    total_alerts: alerts.length,
    firing_alerts: firing.length,
    unacknowledged_alerts: firing.filter(({ alert }) => !alert.acknowledged).length,
    critical_alerts: by_severity.critical,
    warning_alerts: by_severity.warning,
    by_severity,
    active_rules: rules.filter((rule) => rule.enabled).length,
    total_rules: rules.length,
    service_stats: services.map(({ name, ...view }) => {
      const { metrics: _, timestamp: __, ...latest } = latestMetrics(name, grouped.get(name) ?? []);
      return { ...view, ...latest };
    }),
    recent_alerts: [...alerts].sort((a, b) => b.at - a.at).slice(0, recent).map((a) => a.alert),
    pipeline: lags.map(({ at, ...one }) => ({ ...one, timestamp: formatTime(at) })),
    samples_per_minute,
    uptime_seconds,
    timestamp: formatTime(now),
  };
}

/** The numbers as they are now. */
export async function currentStats(env: Env, now: number): Promise<Stats> {
  const [series, logging, alerts, rules, lags] = await Promise.all([
    env.store.series(),
    loggingServices(env.store),
    alertIndex(env).all(),
    ruleCopy(env).all(),
    env.store.list(lagKind),
  ]);
  const seen = traffic(env);
  return statsOf({
    series,
    logging,
    alerts,
    rules,
    lags: lags.map(({ value }) => value).sort((a, b) => a.function < b.function ? -1 : 1),
    samples_per_minute: seen.perMinute(now),
    uptime_seconds: Math.round((now - seen.started_at) / 1000),
    now,
  });
}
