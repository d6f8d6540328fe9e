import assert from "node:assert/strict";
import dashboardStats from "functions/ui-backend/stats/dashboard.ts";
import health from "functions/ui-backend/stats/health.ts";
import latestMetricsOf from "functions/ui-backend/services/latest.ts";
import listServices from "functions/ui-backend/services/list.ts";
import recordAlerts from "functions/ui-backend/alerts/record.ts";
import serviceMetrics from "functions/ui-backend/services/metrics.ts";
import {
  displayName,
  latestMetrics,
  silence_ms,
  viewServices,
} from "functions/ui-backend/services/service_view.ts";
import type { Stats } from "functions/ui-backend/stats/stats.ts";
import { HttpProblem, Retryable } from "functions/define.ts";
import type { HttpTrigger, Reply } from "shared/define/mod.ts";
import { append, type Series } from "shared/store/port.ts";
import { invoke, type TestWorld, testWorld } from "tests/support/invoke.ts";
import { alertAt, queryOf, resolvedAt, sampleAt, start } from "./samples.ts";

function world(name: string, run: (test: TestWorld) => Promise<void>) {
  Deno.test(name, async () => {
    const test = await testWorld();
    try {
      await run(test);
    } finally {
      await test.close();
    }
  });
}

function series(at: number, v: number, options: Parameters<typeof sampleAt>[2] = {}): Series {
  const { t, v: value, ...rest } = sampleAt(at, v, options);
  return { ...rest, last: { t, v: value } };
}
const status = (list: Series[], counts: Record<string, number>, after: number) =>
  viewServices(new Map([["orders", list]]), new Map([["orders", counts]]), start + after)[0]!
    .status;

const statuses: [
  rule: string,
  list: Series[],
  counts: Record<string, number>,
  after: number,
  want: string,
][] = [
  ["a service that sends and has no alert is healthy", [series(0, 1)], {}, 1, "healthy"],
  ["an info alert changes nothing", [series(0, 1)], { info: 3 }, 1, "healthy"],
  ["a warning makes it warning", [series(0, 1)], { warning: 1 }, 1, "warning"],
  ["a critical alert counts more", [series(0, 1)], { warning: 1, critical: 1 }, 1, "critical"],
  ["silence makes it down", [series(0, 1)], { critical: 1 }, silence_ms + 1, "down"],
  ["two minutes are no silence yet", [series(0, 1)], {}, silence_ms, "healthy"],
  [
    "any of its series counts",
    [series(0, 1), series(9, 1, { metric: "m" })],
    {},
    silence_ms + 9,
    "healthy",
  ],
  ["it may say that it is down", [series(0, 0, { metric: "status" })], {}, 1, "down"],
  ["it may say that it is up", [series(0, 1, { metric: "status" })], {}, 1, "healthy"],
];
for (const [rule, list, counts, after, want] of statuses) {
  Deno.test(`services: ${rule}`, () => assert.equal(status(list, counts, after), want));
}

Deno.test("services: the version is that of the newest series that tells one", () => {
  const [view] = viewServices(
    new Map([["orders", [
      series(1, 1, { labels: { version: "1.0" } }),
      series(2, 1, { labels: { version: "1.1" } }),
      series(3, 1),
    ]]]),
    new Map(),
    start,
  );
  assert.equal(view!.version, "1.1");
});

for (
  const [name, want] of [["auth", "Auth"], ["payment-gateway", "Payment Gateway"], [
    "a_b.c",
    "A B C",
  ], ["-", "-"]] as const
) {
  Deno.test(`services: ${name} is shown as ${want}`, () => assert.equal(displayName(name), want));
}

const rate = { metric: "request_rate", unit: "req/s" };
const combinations: [rule: string, list: Series[], metric: string, want: number][] = [
  [
    "rates of several series are added",
    [
      series(0, 3, { ...rate, labels: { path: "/a" } }),
      series(1, 4, { ...rate, labels: { path: "/b" } }),
    ],
    "request_rate",
    7,
  ],
  [
    "of other metrics the greatest counts",
    [
      series(0, 3, { labels: { host: "a" } }),
      series(1, 40, { labels: { host: "b" } }),
    ],
    "cpu",
    40,
  ],
  [
    "a series without labels is the whole service",
    [
      series(0, 3, rate),
      series(1, 4, { ...rate, labels: { path: "/b" } }),
    ],
    "request_rate",
    3,
  ],
  [
    "a series that ended long ago does not count",
    [
      series(0, 99, { labels: { host: "gone" } }),
      series(200_000, 40, { labels: { host: "b" } }),
    ],
    "cpu",
    40,
  ],
];
for (const [rule, list, metric, want] of combinations) {
  Deno.test(`latest: ${rule}`, () => {
    assert.equal(latestMetrics("orders", list).metrics[metric]!.value, want);
  });
}

world("latest: unknown values are null, others have their names of old", async (test) => {
  await test.store.apply([append([sampleAt(0, 50), sampleAt(1, 60), sampleAt(2, 7, rate)])]);
  const { result } = await invoke(latestMetricsOf, {}, test);
  assert.deepEqual(result, [{
    service_name: "orders",
    cpu_usage: 60,
    memory_usage: null,
    latency_p95: null,
    error_rate: null,
    request_count: 7,
    timestamp: "2026-01-05T09:00:00.002Z",
    metrics: {
      cpu: { value: 60, unit: "percent", timestamp: "2026-01-05T09:00:00.001Z" },
      request_rate: { value: 7, unit: "req/s", timestamp: "2026-01-05T09:00:00.002Z" },
    },
  }]);
});

interface ApiSample {
  metric_type: string;
  value: number;
  timestamp: string;
  count?: number;
  min?: number;
  max?: number;
}
const metricsOf = async (test: TestWorld, query: Record<string, string> = {}, service = "orders") =>
  (await invoke(
    serviceMetrics,
    { params: { service }, query: queryOf(serviceMetrics, query) },
    test,
  )).result as ApiSample[];

world("metrics: samples of all series, oldest first", async (test) => {
  await test.store.apply([append([
    sampleAt(-1_000, 2),
    sampleAt(-3_000, 1),
    sampleAt(-2_000, 9, { metric: "memory" }),
    sampleAt(-600_000, 5),
  ])]);
  const samples = await metricsOf(test);
  assert.deepEqual(samples.map((s) => [s.metric_type, s.value]), [
    ["cpu", 1],
    ["memory", 9],
    ["cpu", 2],
  ]);
  assert.equal(samples[0]!.timestamp, "2026-01-05T08:59:57.000Z");
  assert.equal((await metricsOf(test, { metric_type: "memory" })).length, 1);
  assert.equal((await metricsOf(test, { window: "1h" })).length, 4);
});

world("metrics: a step gives its mean, least, greatest and count", async (test) => {
  await test.store.apply([append([sampleAt(-9_000, 1), sampleAt(-8_000, 3), sampleAt(-1_000, 5)])]);
  const samples = await metricsOf(test, { step: "5s" });
  assert.deepEqual(samples.map(({ value, min, max, count }) => [value, min, max, count]), [
    [2, 1, 3, 2],
    [5, 5, 5, 1],
  ]);
});

world("metrics: many samples are thinned by themselves", async (test) => {
  const many = Array.from({ length: 5_000 }, (_, i) => sampleAt(-i * 50, i));
  await test.store.apply([append(many)]);
  const samples = await metricsOf(test);
  assert(samples.length <= 1_001 && samples.length > 500, `${samples.length}`);
  assert.equal(samples.reduce((sum, one) => sum + one.count!, 0), 5_000);
});

world("metrics: a service nobody knows is 404", async (test) => {
  await assert.rejects(
    metricsOf(test, {}, "nobody"),
    (error) => error instanceof HttpProblem && error.status === 404,
  );
});

world("metrics: too many steps are refused", async (test) => {
  await assert.rejects(
    metricsOf(test, { window: "24h", step: "1s" }),
    (error) => error instanceof HttpProblem && error.status === 400,
  );
});

for (
  const [rule, query] of [
    ["a window has a unit", { window: "5" }],
    ["a window is a duration", { window: "soon" }],
    ["a window is at most a day", { window: "25h" }],
    ["a window is not empty", { window: "0s" }],
    ["a step is at least a second", { step: "10ms" }],
    ["a step is not negative", { step: "-5s" }],
  ] as const
) {
  Deno.test(`metrics: ${rule}`, () => {
    assert.equal((serviceMetrics.on as HttpTrigger).query!.safeParse(query).success, false);
  });
}

world("stats: count services, alerts and rules", async (test) => {
  await test.store.apply([append([
    sampleAt(0, 1),
    sampleAt(0, 1, { service: "auth" }),
    sampleAt(-500_000, 1, { service: "old" }),
  ])]);
  const bad = alertAt(0, { severity: "critical" });
  const past = alertAt(-10, { service_name: "auth" });
  await invoke(recordAlerts, [bad, past, resolvedAt(-5, past)], test);
  const stats = (await invoke(dashboardStats, {}, test)).result as Stats;
  assert.equal(stats.total_services, 3);
  assert.equal(stats.healthy_services, 1);
  assert.equal(stats.critical_services, 1);
  assert.equal(stats.down_services, 1);
  assert.equal(stats.total_alerts, 2);
  assert.equal(stats.firing_alerts, 1);
  assert.equal(stats.critical_alerts, 1);
  assert.equal(stats.warning_alerts, 0);
  assert.equal(stats.active_rules, 0);
  assert.deepEqual(stats.recent_alerts.map((alert) => alert.id), [bad.id, past.id]);
  assert.deepEqual(stats.service_stats.map((one) => [one.service_name, one.status]), [
    ["auth", "healthy"],
    ["old", "down"],
    ["orders", "critical"],
  ]);
  const services = (await invoke(listServices, {}, test)).result as { alerts: unknown }[];
  assert.deepEqual(services[2]!.alerts, { critical: 1, warning: 0 });
});

world("health: is healthy, and degraded with 503 when the store is away", async (test) => {
  const { result } = await invoke(health, {}, test);
  assert.equal((result as Reply).status, 200);
  assert.equal(((result as Reply).data as { status: string }).status, "healthy");
  test.store.revision = () => Promise.reject(new Retryable("away"));
  await assert.rejects(invoke(health, {}, test), (away: HttpProblem) => {
    assert.equal(away.status, 503);
    assert.equal((away.data as { status: string }).status, "degraded");
    return true;
  });
});
