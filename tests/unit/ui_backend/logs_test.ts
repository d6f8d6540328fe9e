/** Log lines and delivery attempts as the API lists them. @module */
import assert from "node:assert/strict";
import analyzerLogs from "functions/analyzer/logs.ts";
import { analyzerState } from "functions/analyzer/state.ts";
import listLogs from "functions/ui-backend/logs/list.ts";
import listServices from "functions/ui-backend/services/list.ts";
import type { ServiceView } from "functions/ui-backend/services/service_view.ts";
import listNotifications from "functions/ui-backend/notifications/list.ts";
import type { DeliveryAttempt } from "shared/model/attempt.ts";
import { attemptKind } from "shared/model/kinds.ts";
import type { ServiceLog } from "shared/model/log.ts";
import { formatTime } from "shared/model/wire.ts";
import { put } from "shared/store/port.ts";
import type { Reply } from "shared/define/mod.ts";
import { invoke, type TestWorld, testWorld } from "tests/support/invoke.ts";

async function within(work: (test: TestWorld) => Promise<void>): Promise<void> {
  const test = await testWorld();
  try {
    await work(test);
  } finally {
    await test.close();
  }
}

async function listed<T>(test: TestWorld, fn: typeof listLogs, query: unknown): Promise<T[]> {
  if (fn.on.kind !== "http") throw new TypeError("Not a route");
  const { result } = await invoke(fn, { query: fn.on.query!.parse(query) }, test);
  return (result as Reply).data as T[];
}

const line = (test: TestWorld, n: number, more: Partial<ServiceLog> = {}): ServiceLog => ({
  id: `line-${n}`,
  service_name: "shop:eu",
  level: "info",
  message: `Order ${n}`,
  timestamp: formatTime(test.clock.now() - n * 1_000),
  ...more,
});

Deno.test("log lines that the analyzer took are listed, newest first, by every filter", () =>
  within(async (test) => {
    const lines = [
      line(test, 1),
      line(test, 2, { level: "error", message: "Card <declined>", trace_id: "t1" }),
      line(test, 3, { service_name: "auth" }),
      line(test, 4_000),
    ];
    const state = analyzerState("bursts").create();
    await invoke(analyzerLogs, lines, test, { state });
    const ids = async (query: unknown) =>
      (await listed<ServiceLog>(test, listLogs, query)).map(({ id }) => id);
    assert.deepEqual(await ids({}), ["line-1", "line-2", "line-3"]);
    assert.deepEqual(await ids({ sort: "timestamp" }), ["line-3", "line-2", "line-1"]);
    assert.deepEqual(await ids({ sort: "-level,service" }), ["line-2", "line-3", "line-1"]);
    assert.throws(() =>
      listLogs.on.kind === "http" && listLogs.on.query!.parse({ sort: "colour" })
    );
    assert.deepEqual(await ids({ service: "auth" }), ["line-3"]);
    const services = (await invoke(listServices, {}, test)).result as ServiceView[];
    assert.deepEqual(services.map(({ name }) => name), ["auth", "shop:eu"]);
    assert.equal(services[1]!.last_seen, lines[0]!.timestamp);
    assert.deepEqual(await ids({ level: "error,warn" }), ["line-2"]);
    assert.deepEqual(await ids({ q: "DECLINED" }), ["line-2"]);
    assert.deepEqual(await ids({ trace_id: "t1" }), ["line-2"]);
    assert.deepEqual(await ids({ limit: 1, page: 2 }), ["line-2"]);
    assert.deepEqual(
      await ids({ service: "shop:eu", from: formatTime(test.clock.now() - 5_000_000) }),
      ["line-1", "line-2", "line-4000"],
    );
  }));

Deno.test("delivery attempts are listed by alert, channel and outcome", () =>
  within(async (test) => {
    const attempt = (n: number, more: Partial<DeliveryAttempt> = {}): DeliveryAttempt => ({
      notification_id: `n-${n}`,
      group_key: "g",
      receiver: "ops",
      integration: "ops/webhook/0",
      channel: "webhook",
      status: "firing",
      notification_reason: "first notification",
      alert_ids: [`alert-${n}`],
      attempt: 1,
      at: n * 1_000,
      duration_ms: 5,
      outcome: "delivered",
      ...more,
    });
    await test.store.apply([
      attempt(1),
      attempt(2, { channel: "slack", outcome: "retry", next_attempt_at: 9_000 }),
    ].map((one) => put(attemptKind, one.notification_id, one, { rank: one.at })));
    const ids = async (query: unknown) =>
      (await listed<{ notification_id: string }>(test, listNotifications, query))
        .map((one) => one.notification_id);
    assert.deepEqual(await ids({}), ["n-2", "n-1"]);
    assert.deepEqual(await ids({ sort: "timestamp" }), ["n-1", "n-2"]);
    assert.deepEqual(await ids({ alert_id: "alert-1" }), ["n-1"]);
    assert.deepEqual(await ids({ channel: "slack", outcome: "retry" }), ["n-2"]);
    assert.deepEqual(await ids({ receiver: "nobody" }), []);
    const [slack] = await listed<Record<string, unknown>>(test, listNotifications, {});
    assert.equal(slack!.next_attempt_at, "1970-01-01T00:00:09.000Z");
    assert.equal(slack!.timestamp, "1970-01-01T00:00:02.000Z");
  }));
