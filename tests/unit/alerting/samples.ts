/** Alerts and configurations for the tests of the alerting core. @module */
import { z } from "zod";
import {
  type AlertingConfig,
  type Channel,
  type Integration,
  readAlertingConfig,
} from "shared/alerting/config.ts";
import type { Notification } from "shared/alerting/notification.ts";
import { type Alert, alertId } from "shared/model/alert.ts";
import { fingerprint } from "shared/model/labels.ts";
import { formatTime } from "shared/model/wire.ts";

/** When the tests begin. */
export const start = Date.parse("2026-01-05T09:00:00.000Z");

/** An alert; `since` and `at` are milliseconds after the start. */
export function alert(
  { name = "HighLatency", service = "payments", since = 0, at = since, ...rest }:
    & { name?: string; service?: string; since?: number; at?: number }
    & Partial<Alert> = {},
): Alert {
  const type = rest.type ?? "threshold_violation";
  const severity = rest.severity ?? "critical";
  const labels = { alertname: name, service, type, severity, ...rest.labels };
  const print = fingerprint(labels);
  const starts_at = formatTime(start + since);
  const resolved = rest.status === "resolved";
  return {
    id: alertId(print, starts_at),
    status: "firing",
    type,
    severity,
    service_name: service,
    title: `${name} on ${service}`,
    description: "The latency is too high",
    message: "1200 ms > 1000 ms",
    value: 1200,
    current_value: 1200,
    timestamp: formatTime(start + at),
    starts_at,
    ...(resolved ? { ends_at: formatTime(start + at), resolved_at: formatTime(start + at) } : {}),
    acknowledged: false,
    annotations: {},
    fingerprint: print,
    ...rest,
    labels,
  };
}

/** The end of an alert's episode, `at` milliseconds after the start. */
export function over(alert: Alert, at: number): Alert {
  const time = formatTime(start + at);
  return { ...alert, status: "resolved", timestamp: time, ends_at: time, resolved_at: time };
}

/** A channel with nothing special. */
export const pager: Channel = {
  name: "pager",
  entry: z.strictObject({
    send_resolved: z.boolean().default(true),
    token: z.string().optional(),
    size: z.number().optional(),
  }),
  inherit: (global) => ({ token: global.slack_api_url }),
  ignored: ["title"],
};

/** Reads a configuration that is right. */
export function config(text: string): AlertingConfig {
  return readAlertingConfig(text, [pager]).config;
}

export const integration: Integration = {
  key: "ops/pager/0",
  receiver: "ops",
  channel: "pager",
  entry: { send_resolved: true },
};

/** A notification about alerts. */
export function notification(over: Partial<Notification> = {}): Notification {
  return {
    id: "a3d0f1ce-0000-8000-a000-000000000001",
    status: "firing",
    reason: "first notification",
    receiver: "ops",
    integration: "ops/webhook/0",
    channel: "webhook",
    group_key: '{}:{service="payments"}',
    group_labels: { service: "payments" },
    alerts: [alert()],
    external_url: "http://localhost:3001",
    created_at: start,
    ...over,
  };
}
