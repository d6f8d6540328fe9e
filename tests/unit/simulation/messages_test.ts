import assert from "node:assert/strict";
import fc from "fast-check";
import auth from "functions/auth/profile.ts";
import notification from "functions/notification/profile.ts";
import payments from "functions/payments/profile.ts";
import { ServiceLog } from "shared/model/log.ts";
import { ServiceMetric } from "shared/model/metric.ts";
import { incidentAt, incidentsBetween } from "shared/simulation/incidents.ts";
import { logsAt, metricsAt } from "shared/simulation/messages.ts";
import { profiles } from "./profiles.ts";

const second = 1_000;
const day = 86_400_000;
const monday = Date.UTC(2026, 0, 5);
const run = { seed: "messages" };

/** What fills the cards of a service. */
const platformMetrics = [
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

Deno.test("every message is valid, whatever the seed and the time", () => {
  const time = fc.integer({ min: 0, max: Date.UTC(2100, 0) });
  fc.assert(
    fc.property(fc.constantFrom(...profiles), fc.string(), time, (profile, seed, t) => {
      for (const metric of metricsAt(profile, { seed }, t)) {
        ServiceMetric.parse({ id: "id", ...metric });
        assert.equal(metric.timestamp, new Date(t).toISOString());
        assert.match(metric.trace_id!, /^[0-9a-f]{32}$/);
        assert.match(metric.span_id!, /^[0-9a-f]{16}$/);
        assert.ok(metric.unit);
      }
      for (const log of logsAt(profile, { seed }, t)) {
        ServiceLog.parse({ id: "id", ...log });
        assert.doesNotMatch(log.message, /[{}#]/, "Every word is filled in");
        assert.ok(log.caller && log.request_id);
      }
    }),
    { numRuns: 300 },
  );
});

Deno.test("the same tick makes the same messages", () => {
  for (const profile of profiles) {
    assert.deepEqual(metricsAt(profile, run, monday), metricsAt(profile, run, monday));
    assert.deepEqual(logsAt(profile, run, monday), logsAt(profile, run, monday));
  }
});

Deno.test("a tick has one metric of each series, and all of the platform's types", () => {
  for (const profile of profiles) {
    const metrics = metricsAt(profile, run, monday);
    const series = metrics.map((m) => `${m.metric_type} ${JSON.stringify(m.labels)}`);
    assert.equal(new Set(series).size, series.length);
    for (const type of platformMetrics) {
      assert.ok(metrics.some((m) => m.metric_type === type), type);
    }
  }
});

Deno.test("what is special to a service", async (t) => {
  const typesOf = (profile: typeof auth) =>
    metricsAt(profile, run, monday).map((m) => m.metric_type);
  await t.step("auth: logins and failed logins", () => {
    for (const type of ["logins_per_minute", "failed_logins_per_minute"]) {
      assert.ok(typesOf(auth).includes(type), type);
    }
  });
  await t.step("payments: declines and gateway timeouts, and three ways to fail at least", () => {
    for (const type of ["declines_percent", "gateway_timeouts_per_minute"]) {
      assert.ok(typesOf(payments).includes(type), type);
    }
    assert.ok(payments.causes.error_burst!.length >= 3);
  });
  await t.step("notification: four channels with failure rates of their own", () => {
    const means = ["email", "sms", "push", "webhook"].map((channel) => {
      let sum = 0;
      for (let i = 0; i < 500; i++) {
        sum += metricsAt(notification, run, monday + i * 60 * second).find((m) =>
          m.metric_type === "delivery_failure_percent" && m.labels?.channel === channel
        )!.value!;
      }
      return sum / 500;
    });
    const apart = means.toSorted((a, b) => a - b).map((mean, i, all) => mean - (all[i - 1] ?? 0));
    assert.ok(apart.every((gap) => gap > 0.5), `${means}`);
  });
});

Deno.test("healthy log lines are 60 % info, 25 % debug, 10 % warn, 5 % error", () => {
  for (const profile of profiles) {
    const counts: Record<string, number> = {};
    let total = 0;
    for (let t = monday; t < monday + day / 4; t += 3 * second) {
      if (incidentAt(profile, run, t)) continue;
      for (const { level } of logsAt(profile, run, t)) {
        counts[level] = (counts[level] ?? 0) + 1;
        total++;
      }
    }
    for (const [level, share] of Object.entries({ info: 60, debug: 25, warn: 10, error: 5 })) {
      const percent = (100 * counts[level]!) / total;
      assert.ok(Math.abs(percent - share) < 0.2, `${profile.name}: ${percent} % ${level}`);
    }
  }
});

Deno.test("an error burst writes ten error lines a minute and more, all of one cause", () => {
  for (const profile of profiles) {
    const burst = incidentsBetween(profile, run, monday, monday + 14 * day)
      .find((incident) => incident.kind === "error_burst")!;
    const lines = [];
    const from = Math.ceil((burst.starts_at + 10 * second) / (3 * second)) * 3 * second;
    for (let t = from; t < from + 60 * second; t += 3 * second) {
      lines.push(...logsAt(profile, run, t).filter((log) => log.level === "error"));
    }
    assert.ok(lines.length >= 10, `${profile.name}: ${lines.length}`);
    const callers = lines.map((line) => line.caller);
    const known = profile.causes.error_burst!.map((cause) => cause.caller);
    const causes = new Set(callers.filter((caller) => known.includes(caller!)));
    assert.equal(causes.size, 1, `${profile.name}: ${[...causes]}`);
    assert.ok(lines[0]!.stack_trace);
  }
});

Deno.test("the trace of every log line is the trace of a metric of that time", () => {
  for (const profile of profiles) {
    for (let t = monday; t < monday + 600 * second; t += 3 * second) {
      const metrics = metricsAt(profile, run, Math.floor(t / 5_000) * 5_000);
      for (const log of logsAt(profile, run, t)) {
        const twin = metrics.find((metric) => metric.trace_id === log.trace_id);
        assert.equal(twin?.span_id, log.span_id);
      }
    }
  }
});

Deno.test("traces of two intervals, services or runs differ", () => {
  const trace = (profile: typeof auth, seed: string, t: number) =>
    metricsAt(profile, { seed }, t)[0]!.trace_id;
  const traces = [
    trace(auth, "a", 0),
    trace(auth, "a", 5_000),
    trace(auth, "b", 0),
    trace(payments, "a", 0),
  ];
  assert.equal(new Set(traces).size, traces.length);
});

Deno.test("a word is a field of its line, a number where it is one", () => {
  const logs = [];
  for (let t = 0; t < 300 * second; t += 3 * second) {
    logs.push(...logsAt(payments, run, monday + t));
  }
  const captured = logs.find((log) => log.caller === "capture.ts:61")!;
  assert.deepEqual(Object.keys(captured.fields!), ["payment_id", "amount", "gateway"]);
  assert.equal(typeof captured.fields!.amount, "number");
  assert.match(String(captured.fields!.payment_id), /^pay-\d{6}$/);
  assert.ok(captured.message.includes(String(captured.fields!.payment_id)));
});
