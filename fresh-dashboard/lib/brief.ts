/** What the pages that only list alerts need of them. Pure. @module */
import { labelsOf } from "./alerts.ts";
import type { AlertSummary, Severity } from "./api.ts";

/** An alert in short. */
export interface BriefAlert {
  id: string;
  title: string;
  service: string;
  metric?: string;
  /** Those that tell it from others of its rule and service; absent when there are none. */
  labels?: string;
  severity: Severity;
  firing: boolean;
  acknowledged: boolean;
  /** Epoch milliseconds. */
  start: number;
  /** Absent while it fires. */
  end?: number;
  /** When it last changed. */
  changed: number;
}

/** Nobody reads more of a title in a list. */
const maxTitle = 300;

export function brief(alert: AlertSummary): BriefAlert {
  const end = Date.parse(alert.resolved_at ?? alert.ends_at ?? alert.timestamp);
  const firing = alert.status === "firing";
  const labels = labelsOf(alert);
  return {
    id: alert.id,
    title: alert.title.slice(0, maxTitle),
    service: alert.service_name,
    ...(alert.metric_type === undefined ? {} : { metric: alert.metric_type }),
    ...(labels ? { labels } : {}),
    severity: alert.severity,
    firing,
    acknowledged: alert.acknowledged,
    start: Date.parse(alert.starts_at),
    ...(firing ? {} : { end }),
    changed: Date.parse(alert.timestamp),
  };
}

/** A stretch of time in which something of a severity was wrong; epoch milliseconds. */
export interface Span {
  from: number;
  to: number;
  severity: Severity;
}

/** When alerts fired, up to `to`: the mildest severity first, and of each no two that overlap. */
export function spansOf(alerts: readonly BriefAlert[], to: number): Span[] {
  return (["info", "warning", "critical"] as const).flatMap((severity) => {
    const spans: Span[] = [];
    const began = alerts.filter((one) => one.severity === severity)
      .sort((a, b) => a.start - b.start);
    for (const { start, end = to } of began) {
      const last = spans.at(-1);
      if (last && start <= last.to) last.to = Math.max(last.to, end);
      else spans.push({ from: start, to: end, severity });
    }
    return spans;
  });
}

/** The list with these alerts in it as they are now, newest beginning first. */
export function withAlerts(
  known: readonly BriefAlert[],
  news: readonly BriefAlert[],
): BriefAlert[] {
  const byId = new Map(known.map((one) => [one.id, one]));
  for (const one of news) {
    const before = byId.get(one.id);
    // A message may come twice, and late: an episode that ended does not fire again.
    if (!before || before.firing || !one.firing) byId.set(one.id, one);
  }
  return [...byId.values()].sort((a, b) => b.start - a.start || (a.id < b.id ? -1 : 1));
}
