import assert from "node:assert/strict";
import { headline, newestEvent, webhookBody, worstSeverity } from "shared/alerting/notification.ts";
import { alert, notification, over, start } from "./samples.ts";

Deno.test("the body is that of Alertmanager's webhook, version 4, with the reason", () => {
  const fires = alert({ name: "A", annotations: { runbook: "https://wiki/a", shared: "x" } });
  const ended = over(
    alert({ name: "B", severity: "warning", annotations: { shared: "x" } }),
    9_000,
  );
  const body = webhookBody(notification({ alerts: [fires, ended] }));
  assert.deepEqual(body, {
    version: "4",
    groupKey: '{}:{service="payments"}',
    truncatedAlerts: 0,
    status: "firing",
    receiver: "ops",
    groupLabels: { service: "payments" },
    commonLabels: { service: "payments", type: "threshold_violation" },
    commonAnnotations: { description: "The latency is too high", shared: "x" },
    externalURL: "http://localhost:3001",
    notification_reason: "first notification",
    alerts: [
      {
        status: "firing",
        labels: fires.labels,
        annotations: {
          summary: "A on payments",
          description: "The latency is too high",
          runbook: "https://wiki/a",
          shared: "x",
        },
        startsAt: "2026-01-05T09:00:00.000Z",
        endsAt: "0001-01-01T00:00:00Z",
        generatorURL: `http://localhost:3001/alerts/${fires.id}`,
        fingerprint: fires.fingerprint,
      },
      {
        status: "resolved",
        labels: ended.labels,
        annotations: {
          summary: "B on payments",
          description: "The latency is too high",
          shared: "x",
        },
        startsAt: "2026-01-05T09:00:00.000Z",
        endsAt: "2026-01-05T09:00:09.000Z",
        generatorURL: `http://localhost:3001/alerts/${ended.id}`,
        fingerprint: ended.fingerprint,
      },
    ],
  });
});

Deno.test("max_alerts leaves alerts out and says how many; 0 leaves out none", () => {
  const alerts = ["A", "B", "C"].map((name) => alert({ name }));
  const of = (max: number) => {
    const body = webhookBody(notification({ alerts }), max);
    return [body.alerts.length, body.truncatedAlerts];
  };
  assert.deepEqual([0, 1, 2, 3, 4].map(of), [[3, 0], [1, 2], [2, 1], [3, 0], [3, 0]]);
});

Deno.test("an alert's own annotations win over its title and description", () => {
  const own = alert({ annotations: { summary: "mine", description: "mine" } });
  assert.deepEqual(webhookBody(notification({ alerts: [own] })).alerts[0]!.annotations, {
    summary: "mine",
    description: "mine",
  });
});

Deno.test("the headline counts what fires, or what was resolved", () => {
  const a = alert({ name: "A" });
  const b = over(alert({ name: "B" }), 1);
  assert.equal(headline(notification({ alerts: [a, b] })), "[FIRING:1] service=payments");
  assert.equal(
    headline(notification({ status: "resolved", alerts: [b], group_labels: {} })),
    "[RESOLVED:1] ops",
  );
});

Deno.test("the worst severity is that of what fires", () => {
  const low = alert({ name: "A", severity: "warning" });
  const high = over(alert({ name: "B", severity: "critical" }), 1);
  assert.equal(worstSeverity(notification({ alerts: [low, high] })), "warning");
  assert.equal(worstSeverity(notification({ alerts: [high] })), "critical");
});

Deno.test("the newest event is what the delay counts from", () => {
  const alerts = [alert(), over(alert({ name: "B" }), 5_000)];
  assert.equal(newestEvent(notification({ alerts })), start + 5_000);
});
