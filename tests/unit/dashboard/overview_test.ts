/** How live messages change what the overview shows, and how numbers are written. @module */
import assert from "node:assert/strict";
import type { AlertSummary } from "fresh-dashboard/lib/api.ts";
import { brief, type BriefAlert, spansOf, withAlerts } from "fresh-dashboard/lib/brief.ts";
import { formatDuration, formatNumber, formatValue } from "fresh-dashboard/lib/format.ts";
import {
  byNeed,
  cardOf,
  type ServiceStat,
  withSamples,
  withStat,
} from "fresh-dashboard/lib/overview.ts";

const at = (seconds: number) => new Date(seconds * 1_000).toISOString();
const stat = (more: Partial<ServiceStat> = {}): ServiceStat => ({
  service_name: "shop",
  display_name: "Shop",
  status: "healthy",
  last_seen: at(100),
  alerts: { critical: 0, warning: 0 },
  cpu_usage: 10,
  memory_usage: null,
  latency_p95: 50,
  error_rate: null,
  request_count: null,
  ...more,
});
const live = (metric_type: string, seconds: number, value: number, labels = {}) => ({
  service_name: "shop",
  metric_type,
  value,
  unit: "",
  timestamp: at(seconds),
  labels,
});

Deno.test("a card: live samples change its values, its line and its age", () => {
  const card = withSamples(cardOf(stat()), [live("cpu", 101, 20), live("latency_p95", 102, 60)]);
  assert.deepEqual([card.vitals.cpu_usage, card.vitals.latency_p95], [20, 60]);
  assert.deepEqual([card.last_seen, card.spark.points.at(-1)!.v], [at(102), 60]);
});

Deno.test("a card: a part of a service is not taken for the whole, nor an old value for a new one", () => {
  const card = withSamples(cardOf(stat()), [
    live("cpu", 101, 99, { host: "a" }),
    live("cpu", 90, 98),
  ]);
  assert.equal(card.vitals.cpu_usage, 10);
});

Deno.test("a card: numbers that are older than what came live change its state only", () => {
  const card = withSamples(cardOf(stat()), [live("cpu", 110, 20)]);
  const after = withStat(card, stat({ status: "critical", cpu_usage: 5, last_seen: at(105) }));
  assert.deepEqual([after.status, after.vitals.cpu_usage], ["critical", 20]);
  assert.equal(withStat(card, stat({ cpu_usage: 5, last_seen: at(115) })).vitals.cpu_usage, 5);
});

Deno.test("alerts: the labels of their series tell them apart, those that all have do not", () => {
  const labels = { alertname: "Slow", service: "shop", severity: "info", path: "/pay", host: "a" };
  const alert = { title: "Slow", labels } as Partial<AlertSummary> as AlertSummary;
  assert.equal(brief(alert).labels, "path=/pay host=a");
  assert.equal("labels" in brief({ ...alert, labels: { alertname: "Slow" } }), false);
});

Deno.test("services: the worst are first", () => {
  const names = byNeed([
    stat({ service_name: "b" }),
    stat({ service_name: "c", status: "warning" }),
    stat({ service_name: "a" }),
    stat({ service_name: "d", status: "critical" }),
  ]).map(({ service_name }) => service_name);
  assert.deepEqual(names, ["d", "c", "a", "b"]);
});

Deno.test("alerts: one that comes twice is one, and one that ended does not fire again", () => {
  const alert = (status: string, seconds: number) =>
    brief(
      {
        id: "1",
        title: "t",
        status,
        severity: "info",
        starts_at: at(1),
        timestamp: at(seconds),
        labels: {},
      } as AlertSummary,
    );
  const ended = withAlerts([], [alert("firing", 1), alert("resolved", 9)]);
  assert.deepEqual([ended.length, ended[0]!.firing, ended[0]!.end], [1, false, 9_000]);
  assert.equal(withAlerts(ended, [alert("firing", 2)])[0]!.firing, false);
});

const numbers: [number, string][] = [
  [0, "0"],
  [0.0001234, "0.00012"],
  [0.621, "0.62"],
  [44, "44"],
  [90.12, "90.1"],
  [161.3, "161"],
  [1_234, "1,234"],
  [15_917, "15.9k"],
  [-2_500_000, "-2.5M"],
  [1e18, "1E"],
  [1e300, "1e300"],
];
for (const [value, said] of numbers) {
  Deno.test(`numbers: ${value} is written ${said}`, () => assert.equal(formatNumber(value), said));
}

Deno.test("units: a sign stands at the number, a word beside it", () => {
  assert.equal(formatValue(12.34, "percent"), "12.3%");
  assert.equal(formatValue(12.34, "ms"), "12.3\u00a0ms");
  assert.equal(formatValue(12.34, "req/s"), "12.3/s");
  assert.equal(formatValue(12.34, "1/min"), "12.3/min");
  assert.equal(formatValue(12.34, "1"), "12.3");
  assert.equal(formatValue(12.34, ""), "12.3");
  assert.equal(formatValue(12.34, "{request}"), "12.3\u00a0request");
  assert.equal(formatValue(512, "By"), "512\u00a0B");
});

Deno.test("durations: two parts at most", () => {
  assert.deepEqual(
    [1_000, 59_400, 180_000, 7_500_000, 400_000_000].map(formatDuration)
      .map((text) => text.replaceAll("\u00a0", " ")),
    ["1 s", "59 s", "3 min", "2 h 5 min", "4 d"],
  );
});

Deno.test("spans: alerts of a severity that overlap are one, the worst severity is drawn last", () => {
  const alert = (severity: BriefAlert["severity"], start: number, end?: number): BriefAlert => ({
    id: "",
    title: "",
    service: "shop",
    severity,
    firing: end === undefined,
    acknowledged: false,
    start,
    ...(end === undefined ? {} : { end }),
    changed: start,
  });
  assert.deepEqual(
    spansOf([
      alert("critical", 30, 40),
      alert("warning", 20, 50),
      alert("warning", 10, 30),
      alert("warning", 15, 18),
      alert("warning", 60),
    ], 99),
    [
      { from: 10, to: 50, severity: "warning" },
      { from: 60, to: 99, severity: "warning" },
      { from: 30, to: 40, severity: "critical" },
    ],
  );
});
