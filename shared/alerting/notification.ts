/**
 * A notification: what is told to one integration about one group, and the body of Alertmanager's
 * webhook (version 4) that says it.
 *
 * @module
 */
import type { Alert } from "shared/model/alert.ts";
import { derivedId } from "shared/model/ids.ts";
import type { Labels } from "shared/model/labels.ts";
import { severities, type Severity } from "shared/model/wire.ts";
import type { Integration } from "./config.ts";
import type { Reason } from "./dedup.ts";
import type { GroupState } from "./group.ts";

/** Plain JSON: it is stored before the first attempt to deliver it. */
export interface Notification {
  /** Equal on every retry and replica; the receiver's means to ignore what it has already seen. */
  readonly id: string;
  readonly status: "firing" | "resolved";
  readonly reason: Reason;
  readonly receiver: string;
  /** The integration's key. */
  readonly integration: string;
  readonly channel: string;
  readonly group_key: string;
  readonly group_labels: Labels;
  /** Firing ones first, then by when they began. */
  readonly alerts: readonly Alert[];
  /** Where the dashboard is: what links in messages begin with. */
  readonly external_url: string;
  /** When it was decided, epoch milliseconds. */
  readonly created_at: number;
  /** W3C trace context of what it tells. */
  readonly traceparent?: string;
}

/** Makes the notification that tells `firing` and `resolved` to an integration. */
export function notificationOf(
  { group, integration, sequence, reason, firing, resolved, now, external_url }: {
    group: GroupState;
    integration: Integration;
    /** How many notifications this integration was sent about this group, this one included. */
    sequence: number;
    reason: Reason;
    firing: readonly Alert[];
    resolved: readonly Alert[];
    now: number;
    external_url: string;
  },
): Notification {
  return {
    id: derivedId(
      "notification",
      group.key,
      integration.key,
      String(group.born_at),
      String(sequence),
      firing.map((alert) => alert.id).sort().join(),
      resolved.map((alert) => alert.id).sort().join(),
    ),
    status: firing.length > 0 ? "firing" : "resolved",
    reason,
    receiver: integration.receiver,
    integration: integration.key,
    channel: integration.channel,
    group_key: group.key,
    group_labels: group.labels,
    alerts: [...firing.toSorted(byStart), ...resolved.toSorted(byStart)],
    external_url,
    created_at: now,
    traceparent: group.traceparent,
  };
}

function byStart(a: Alert, b: Alert): number {
  return Date.parse(a.starts_at) - Date.parse(b.starts_at) ||
    (a.fingerprint < b.fingerprint ? -1 : a.fingerprint > b.fingerprint ? 1 : 0);
}

/** The greatest severity among the alerts: of those that fire, or of all when none does. */
export function worstSeverity({ alerts }: Notification): Severity {
  const firing = alerts.filter((alert) => alert.status === "firing");
  return (firing.length > 0 ? firing : alerts).reduce<Severity>(
    (worst, { severity }) =>
      severities.indexOf(severity) > severities.indexOf(worst) ? severity : worst,
    "info",
  );
}

/** One line for subjects and titles: `[FIRING:2] service=payments type=error_burst`. */
export function headline({ alerts, status, group_labels, receiver }: Notification): string {
  const firing = alerts.filter((alert) => alert.status === "firing").length;
  const labels = Object.entries(group_labels).map(([name, value]) => `${name}=${value}`);
  const count = status === "firing" ? `FIRING:${firing}` : `RESOLVED:${alerts.length}`;
  return `[${count}] ${labels.join(" ") || receiver}`;
}

/** What an alert is about, in one line. */
export function alertLine(alert: Alert): string {
  const text = alert.title || alert.message || alert.description || alert.type;
  return `${alert.status === "firing" ? alert.severity : "resolved"}: ${text}`;
}

/** Where an alert is explained. */
export function alertUrl(notification: Notification, alert: Alert): string {
  return `${notification.external_url}/alerts/${encodeURIComponent(alert.id)}`;
}

/** Go's zero time: how Alertmanager writes that an alert has not ended. */
const notEnded = "0001-01-01T00:00:00Z";

/** The body that Alertmanager's webhook sends, and why it is sent. */
export interface WebhookBody {
  version: "4";
  groupKey: string;
  truncatedAlerts: number;
  status: "firing" | "resolved";
  receiver: string;
  groupLabels: Labels;
  commonLabels: Labels;
  commonAnnotations: Labels;
  externalURL: string;
  notification_reason: Reason;
  alerts: {
    status: "firing" | "resolved";
    labels: Labels;
    annotations: Labels;
    startsAt: string;
    endsAt: string;
    generatorURL: string;
    fingerprint: string;
  }[];
}

/**
 * The webhook body of a notification.
 *
 * @param max_alerts most alerts in it, 0 for all; `truncatedAlerts` says how many were left out
 */
export function webhookBody(notification: Notification, max_alerts = 0): WebhookBody {
  const { alerts } = notification;
  const shown = max_alerts > 0 ? alerts.slice(0, max_alerts) : alerts;
  const annotations = alerts.map(annotationsOf);
  return {
    version: "4",
    groupKey: notification.group_key,
    truncatedAlerts: alerts.length - shown.length,
    status: notification.status,
    receiver: notification.receiver,
    groupLabels: notification.group_labels,
    commonLabels: common(alerts.map((alert) => alert.labels)),
    commonAnnotations: common(annotations),
    externalURL: notification.external_url,
    notification_reason: notification.reason,
    alerts: shown.map((alert, i) => ({
      status: alert.status,
      labels: alert.labels,
      annotations: annotations[i]!,
      startsAt: alert.starts_at,
      endsAt: alert.status === "firing"
        ? notEnded
        : alert.ends_at ?? alert.resolved_at ?? alert.timestamp,
      generatorURL: alertUrl(notification, alert),
      fingerprint: alert.fingerprint,
    })),
  };
}

/** The alert's own annotations, with the two that templates for Alertmanager expect. */
function annotationsOf(alert: Alert): Labels {
  return {
    ...(alert.title ? { summary: alert.title } : {}),
    ...(alert.description ? { description: alert.description } : {}),
    ...alert.annotations,
  };
}

/** What all label sets share. */
function common(sets: readonly Labels[]): Labels {
  const [first = {}, ...rest] = sets;
  return Object.fromEntries(
    Object.entries(first).filter(([name, value]) => rest.every((set) => set[name] === value)),
  );
}

/** Epoch milliseconds of the newest event that a notification tells. */
export function newestEvent({ alerts }: Notification): number {
  return Math.max(...alerts.map((alert) => Date.parse(alert.timestamp)));
}
