import assert from "node:assert/strict";
import acknowledge from "functions/ui-backend/alerts/acknowledge.ts";
import { closeLive, liveHub } from "functions/ui-backend/live/live.ts";
import liveAlerts from "functions/ui-backend/live/alerts.ts";
import type { Transport } from "functions/ui-backend/live/client.ts";
import createRule from "functions/ui-backend/rules/create.ts";
import liveLogs from "functions/ui-backend/live/logs.ts";
import liveMetrics from "functions/ui-backend/live/metrics.ts";
import { timelineKind } from "functions/ui-backend/records.ts";
import recordAlerts from "functions/ui-backend/alerts/record.ts";
import type { LiveMessage } from "functions/ui-backend/live/message.ts";
import type { ServiceMetric } from "shared/model/metric.ts";
import { formatTime } from "shared/model/wire.ts";
import { silentLog } from "shared/telemetry/log.ts";
import { invoke, type TestWorld, testWorld } from "tests/support/invoke.ts";
import { settled } from "tests/support/virtual_clock.ts";
import { admin, alertAt, explanation, operator, resolvedAt, start } from "./samples.ts";

// deno-lint-ignore no-explicit-any -- payloads are looked into
type Payload = any;

function live(
  name: string,
  run: (test: TestWorld, heard: (type: string) => Payload[]) => Promise<void>,
) {
  Deno.test(`live: ${name}`, async () => {
    const test = await testWorld();
    const sent: LiveMessage[] = [];
    const transport: Transport = {
      kind: "websocket",
      send: (message) => void sent.push(message),
      buffered: () => 0,
      close() {},
    };
    liveHub(test.env).join(transport, { user: operator, log: silentLog });
    await settled();
    await run(test, (type) => sent.filter((m) => m.type === type).map((m) => m.payload));
    await closeLive(test.env);
    await test.close();
  });
}

live("each sample of a message is a metric", async (test, heard) => {
  const message: ServiceMetric = {
    id: "m",
    service_name: "orders",
    metric_type: "cpu",
    value: 41,
    unit: "percent",
    timestamp: formatTime(start),
    labels: { host: "a" },
    memory_usage: 12,
  };
  await invoke(liveMetrics, [message], test);
  assert.deepEqual(heard("metric"), [
    {
      service_name: "orders",
      metric_type: "cpu",
      value: 41,
      unit: "percent",
      timestamp: "2026-01-05T09:00:00.000Z",
      labels: { host: "a" },
    },
    {
      service_name: "orders",
      metric_type: "memory",
      value: 12,
      unit: "percent",
      timestamp: "2026-01-05T09:00:00.000Z",
      labels: { host: "a" },
    },
  ]);
});

live("a log line is a log", async (test, heard) => {
  const line = {
    id: "l",
    service_name: "orders",
    level: "error",
    message: "no",
    timestamp: formatTime(start),
  };
  await invoke(liveLogs, [line], test);
  assert.deepEqual(heard("log"), [line]);
});

live("an alert is shown once it is stored, and without its explanation", async (test, heard) => {
  const alert = alertAt(0, { explanation });
  const shown = invoke(liveAlerts, [alert], test);
  await test.clock.advance(100);
  assert.deepEqual(heard("alert"), []);
  await invoke(recordAlerts, [alert], test);
  await test.clock.advance(20);
  await shown;
  assert.equal(heard("alert")[0].id, alert.id);
  assert.equal("explanation" in heard("alert")[0], false);
});

live("an end waits for its own record, not for that of the beginning", async (test, heard) => {
  const alert = alertAt(0);
  await invoke(recordAlerts, [alert], test);
  const shown = invoke(liveAlerts, [resolvedAt(10, alert)], test);
  await test.clock.advance(100);
  assert.deepEqual(heard("alert"), []);
  await invoke(recordAlerts, [resolvedAt(10, alert)], test);
  await test.clock.advance(20);
  await shown;
  assert.equal(heard("alert")[0].status, "resolved");
});

live("an alert whose end is stored already is still shown as it was told", async (test, heard) => {
  const alert = alertAt(0);
  await invoke(recordAlerts, [alert, resolvedAt(10, alert)], test);
  await invoke(liveAlerts, [alert, resolvedAt(10, alert)], test);
  assert.deepEqual(heard("alert").map((one) => one.status), ["firing", "resolved"]);
});

live("an alert that is never stored is shown in the end", async (test, heard) => {
  const shown = invoke(liveAlerts, [alertAt(0)], test);
  await test.clock.advance(10_000);
  await shown;
  assert.equal(heard("alert").length, 1);
});

live("an acknowledgement is shown, once", async (test, heard) => {
  const alert = alertAt(0);
  await invoke(recordAlerts, [alert], test);
  await settled();
  await invoke(acknowledge, { params: { id: alert.id }, user: operator }, test);
  await test.clock.advance(1_000);
  assert.deepEqual(heard("alert").map((one) => one.acknowledged_by), ["olga"]);
});

live("a page of acknowledgements is looked at together, and each is shown", async (test, heard) => {
  const several = [0, 1, 2, 3].map((n) => alertAt(n, { fingerprint: `f${n}`, id: `id-${n}` }));
  await invoke(recordAlerts, several, test);
  await test.clock.advance(1_000);
  let looks = 0;
  const { store } = test;
  const list = store.list.bind(store);
  Object.assign(store, {
    list: (...call: Parameters<typeof list>) => {
      if (call[0].name === timelineKind.name) looks++;
      return list(...call);
    },
  });
  for (const { id } of several) {
    await invoke(acknowledge, { params: { id }, user: operator }, test);
  }
  await test.clock.advance(200);
  assert.equal(heard("alert").filter((one) => one.acknowledged).length, 4);
  assert.equal(looks, 1);
});

live("whoever listens is told that rules changed", async (test, heard) => {
  const body = { name: "Hot", metric_type: "cpu", threshold: 80 };
  await invoke(createRule, { body, user: admin }, test);
  await test.clock.advance(1_000);
  const told = heard("status").filter(({ changed }) => changed === "rules");
  assert(told.length > 0);
  assert.deepEqual(told[0].types, ["metric", "log", "alert", "stats"]);
});

live("the numbers of the dashboard come every five seconds", async (test, heard) => {
  await test.clock.advance(10_000);
  assert.equal(heard("stats").length, 2);
  assert.equal(heard("stats")[0].total_services, 0);
});

live("the same message again is shown once", async (test, heard) => {
  const alert = alertAt(0);
  await invoke(recordAlerts, [alert], test);
  await invoke(liveAlerts, [alert], test);
  await invoke(liveAlerts, [alert], test);
  await test.clock.advance(20_000);
  assert.equal(heard("alert").length, 1);
});

live(
  "an alert that was published before we listened is shown a little later",
  async (test, heard) => {
    const alert = alertAt(0);
    await invoke(recordAlerts, [alert], test);
    await test.clock.advance(11_000);
    assert.deepEqual(heard("alert").map((one) => one.id), [alert.id]);
  },
);
