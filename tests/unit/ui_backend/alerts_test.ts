import assert from "node:assert/strict";
import acknowledge from "functions/ui-backend/alerts/acknowledge.ts";
import { alertIndex } from "functions/ui-backend/alerts/alert_index.ts";
import getAlert from "functions/ui-backend/alerts/get.ts";
import listAlerts from "functions/ui-backend/alerts/list.ts";
import recordAlerts from "functions/ui-backend/alerts/record.ts";
import { timelineKind } from "functions/ui-backend/records.ts";
import { HttpProblem } from "functions/define.ts";
import type { Reply } from "shared/define/mod.ts";
import type { Alert } from "shared/model/alert.ts";
import { alertKind } from "shared/model/kinds.ts";
import { put } from "shared/store/port.ts";
import { invoke, type TestWorld, testWorld } from "tests/support/invoke.ts";
import { alertAt, bodyOf, explanation, operator, queryOf, resolvedAt } from "./samples.ts";

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
const list = async (test: TestWorld, query: Record<string, string> = {}) =>
  (await invoke(listAlerts, { query: queryOf(listAlerts, query) }, test)).result as
    & Reply
    & { data: Alert[]; meta: { total: number } };
const detail = async (test: TestWorld, id: string) =>
  (await invoke(getAlert, { params: { id } }, test)).result as Alert & {
    timeline: { event: string }[];
  };
const take = async (test: TestWorld, id: string, body: unknown, user = operator) =>
  (await invoke(
    acknowledge,
    { params: { id }, body: bodyOf(acknowledge, body), user },
    test,
  )).result as Alert & { timeline: { event: string; note?: string }[] };
const notFound = (error: unknown) => error instanceof HttpProblem && error.status === 404;

world("record: an episode and its end are one alert with two events", async (test) => {
  const alert = alertAt(0, { explanation });
  await invoke(recordAlerts, [alert], test);
  await invoke(recordAlerts, [resolvedAt(1_000, alert)], test);
  const seen = await detail(test, alert.id);
  assert.equal(seen.status, "resolved");
  assert.deepEqual(seen.explanation, explanation);
  assert.deepEqual(seen.timeline.map((entry) => entry.event), ["fired", "resolved"]);
});

world("record: one batch is as good as two", async (test) => {
  const alert = alertAt(0);
  await invoke(recordAlerts, [alert, resolvedAt(1_000, alert), alertAt(5)], test);
  assert.equal((await detail(test, alert.id)).status, "resolved");
  assert.equal((await list(test)).meta.total, 2);
});

world("record: the same message again writes nothing", async (test) => {
  const alert = alertAt(0);
  await invoke(recordAlerts, [alert], test);
  const before = await test.store.revision(alertKind);
  await test.clock.advance(2 * 24 * 3_600_000);
  await invoke(recordAlerts, [alert], test);
  assert.equal(await test.store.revision(alertKind), before);
});

const few = [
  alertAt(1, { service_name: "orders", severity: "critical", title: "CPU is high" }),
  alertAt(2, { service_name: "auth", severity: "warning", type: "error_burst", title: "Errors" }),
  alertAt(3, { service_name: "auth", severity: "info", title: "Disk 100% full" }),
  resolvedAt(90, alertAt(4, { service_name: "payments", severity: "critical" })),
];
const filters: [rule: string, query: Record<string, string>, services: string[]][] = [
  ["without filters there are all, newest first", {}, ["payments", "auth", "auth", "orders"]],
  ["by status", { status: "resolved" }, ["payments"]],
  ["by severity", { severity: "critical" }, ["payments", "orders"]],
  ["by several severities", { severity: "warning,info" }, ["auth", "auth"]],
  ["by service", { service: "auth" }, ["auth", "auth"]],
  ["by type", { type: "error_burst" }, ["auth"]],
  ["by all at once", { severity: "critical", status: "firing" }, ["orders"]],
  ["by a word of any case", { q: "DISK" }, ["auth"]],
  ["by a word that is no pattern", { q: "100%" }, ["auth"]],
  ["by a service nobody has", { service: "nobody" }, []],
  ["by who is not taken care of", { acknowledged: "false" }, [
    "payments",
    "auth",
    "auth",
    "orders",
  ]],
  ["by who is", { acknowledged: "true" }, []],
  ["by when they began, from", { from: "2026-01-05T09:00:00.003Z" }, ["payments", "auth"]],
  ["by when they began, to", { to: "2026-01-05T09:00:00.001Z" }, ["orders"]],
  ["ordered by severity, greatest first", { sort: "-severity,starts_at" }, [
    "orders",
    "payments",
    "auth",
    "auth",
  ]],
  ["ordered by when they began", { sort: "starts_at" }, ["orders", "auth", "auth", "payments"]],
  ["a page of them", { sort: "starts_at", page: "2", limit: "1" }, ["auth"]],
];
Deno.test("list", async (t) => {
  const test = await testWorld();
  await invoke(recordAlerts, few, test);
  for (const [rule, query, services] of filters) {
    await t.step(rule, async () => {
      const { data } = await list(test, query);
      assert.deepEqual(data.map((alert) => alert.service_name), services);
    });
  }
  await test.close();
});

world("list: shows no explanations, which may be long", async (test) => {
  await invoke(recordAlerts, [alertAt(0, { explanation })], test);
  assert.equal("explanation" in (await list(test)).data[0]!, false);
});

world("list: sees what changed since it last looked", async (test) => {
  const [one, two] = [alertAt(0), alertAt(1, { service_name: "auth" })];
  await invoke(recordAlerts, [one], test);
  assert.equal((await list(test)).meta.total, 1);
  await test.clock.advance(3_000);
  await invoke(recordAlerts, [two, resolvedAt(10, one)], test);
  const { data } = await list(test, { sort: "starts_at" });
  assert.deepEqual(data.map((alert) => alert.status), ["resolved", "firing"]);
  await take(test, two.id, undefined);
  assert.equal((await list(test, { acknowledged: "true" })).meta.total, 1);
});

world("list: sees alerts that were written without a timeline", async (test) => {
  assert.equal((await list(test)).meta.total, 0);
  await test.store.apply([put(alertKind, "x", alertAt(0, { id: "x" }), { rank: 1 })]);
  assert.equal((await list(test)).meta.total, 1);
});

world("list: an alert is gone 30 days after its end", async (test) => {
  const alert = alertAt(0);
  await invoke(recordAlerts, [alert, resolvedAt(1, alert)], test);
  assert.equal((await list(test)).meta.total, 1);
  await test.clock.advance(30 * 24 * 3_600_000 + 2);
  assert.equal((await list(test)).meta.total, 0);
  await assert.rejects(detail(test, alert.id), notFound);
});

world("list: reads an alert again only when it changed", async (test) => {
  const many = Array.from({ length: 3_000 }, (_, i) => alertAt(i));
  for (let i = 0; i < many.length; i += 200) {
    await invoke(recordAlerts, many.slice(i, i + 200), test);
  }
  assert.equal((await list(test)).meta.total, 3_000);
  let read = 0;
  const store = test.store;
  const getMany = store.getMany.bind(store);
  store.getMany = (kind, keys) => {
    if (kind.name === alertKind.name) read += keys.length;
    return getMany(kind, keys);
  };
  await take(test, many[7]!.id, undefined);
  const { data } = await list(test, { acknowledged: "true" });
  assert.deepEqual(data.map((alert) => alert.id), [many[7]!.id]);
  assert.equal(read, 1);
});

world("index: those who look at once share one reading", async (test) => {
  await invoke(recordAlerts, few, test);
  let lists = 0;
  const lookUp = test.store.list.bind(test.store);
  test.store.list = (kind, options) => {
    if (kind.name === alertKind.name) lists++;
    return lookUp(kind, options);
  };
  const index = alertIndex(test.env);
  await Promise.all([index.all(), index.all(), index.all()]);
  assert.equal(lists, 1);
});

world("acknowledge: keeps who, when and why, with an empty body or a note", async (test) => {
  const [one, two] = [alertAt(0), alertAt(1)];
  await invoke(recordAlerts, [one, two], test);
  await test.clock.advance(1_000);
  const plain = await take(test, one.id, undefined);
  assert.equal(plain.acknowledged_by, "olga");
  assert.equal(plain.acknowledged_at, "2026-01-05T09:00:01.000Z");
  const noted = await take(test, two.id, { note: "looking" });
  assert.equal(noted.timeline.at(-1)!.note, "looking");
  assert.deepEqual(await detail(test, two.id), noted);
});

world("acknowledge: again is harmless, and the first one stays", async (test) => {
  const alert = alertAt(0);
  await invoke(recordAlerts, [alert], test);
  const first = await take(test, alert.id, { note: "one" });
  await test.clock.advance(1_000);
  const second = await take(test, alert.id, { note: "two" }, { ...operator, username: "paul" });
  assert.deepEqual(second, first);
});

world("acknowledge: a later end keeps it", async (test) => {
  const alert = alertAt(0);
  await invoke(recordAlerts, [alert], test);
  await take(test, alert.id, undefined);
  await invoke(recordAlerts, [resolvedAt(5_000, alert)], test);
  const seen = await detail(test, alert.id);
  assert.equal(seen.status, "resolved");
  assert.equal(seen.acknowledged_by, "olga");
  assert.deepEqual((await test.store.get(timelineKind, alert.id))!.value.entries.length, 3);
});

world("acknowledge: an alert that is not there is 404", async (test) => {
  await assert.rejects(take(test, "nothing", undefined), notFound);
  await assert.rejects(detail(test, "nothing"), notFound);
});
