import assert from "node:assert/strict";
import flush from "functions/alert-engine/flush.ts";
import receive from "functions/alert-engine/receive.ts";
import {
  alertGroups,
  deliveryKind,
  groupKind,
  routingKind,
} from "functions/alert-engine/records.ts";
import reload from "functions/alert-engine/reload.ts";
import reroute from "functions/alert-engine/reroute.ts";
import { invoke, testWorld } from "tests/support/invoke.ts";
import { put } from "shared/store/port.ts";
import { alert, over } from "tests/unit/alerting/samples.ts";

const receivers = "receivers: [{name: a, webhook_configs: [{url: 'http://hooks/a'}]}, " +
  "{name: b, webhook_configs: [{url: 'http://hooks/b'}]}]\n";

/** The alert engine under a file that changes; what it would deliver is looked up. */
async function engine(config: string) {
  const directory = await Deno.makeTempDir({ prefix: "eventflow-" });
  const file = `${directory}/alerting.yml`;
  await Deno.writeTextFile(file, config + receivers);
  const test = await testWorld({ ALERTING_CONFIG: file });
  const { store, clock } = test;
  return {
    test,
    push: (one: ReturnType<typeof alert>) => invoke(receive, [one], test),
    async reload(config: string) {
      await Deno.writeTextFile(file, config + receivers);
      await invoke(reload, {}, test);
    },
    /** Ticks, and flushes what is due until a time from now. */
    async pass(ms: number) {
      await invoke(reroute, { at: 0 }, test);
      const end = clock.now() + ms;
      for (;;) {
        const next = await store.next(alertGroups) ?? Infinity;
        if (next > end) break;
        await clock.advance(Math.max(0, next - clock.now()));
        const now = clock.now();
        for (const item of await store.take(alertGroups, { now, limit: 9, lease_ms: 60_000 })) {
          await invoke(flush, item, test);
          const { id, token } = item;
          await store.apply([{ do: "unschedule", queue: alertGroups.name, id, token }]);
        }
      }
      await clock.advance(end - clock.now());
    },
    async told() {
      return (await store.list(deliveryKind)).map(({ value: { notification } }) =>
        `${notification.receiver} ${notification.status}`
      ).sort();
    },
    async groups() {
      return (await store.list(groupKind)).map(({ value }) =>
        `${value.key} ${Object.keys(value.alerts).length}`
      ).sort();
    },
    async close() {
      await test.close();
      await Deno.remove(directory, { recursive: true });
    },
  };
}

const hour = 3_600_000;
const before = "route: {receiver: a, group_wait: 0s}\n";
const after =
  "route: {receiver: a, group_wait: 0s, routes: [{receiver: b, matchers: [service=payments]}]}\n";
const firing = alert({ name: "A" });

Deno.test("an alert that a new route takes is told there, and there it ends", async () => {
  const on = await engine(before);
  await on.push(firing);
  await on.pass(1_000);
  assert.deepEqual(await on.told(), ["a firing"]);
  await on.reload(after);
  await on.pass(1_000);
  assert.deepEqual(await on.told(), ["a firing", "b firing"]);
  assert.deepEqual(await on.groups(), ['{}/{service="payments"}:{} 1']);
  await on.push(over(firing, 60_000));
  await on.pass(9 * hour);
  assert.deepEqual(await on.told(), ["a firing", "b firing", "b resolved"]);
  await on.close();
});

Deno.test("what stays where it was stays as it was", async () => {
  const on = await engine(before);
  await on.push(firing);
  await on.push(alert({ name: "O", service: "orders" }));
  await on.pass(1_000);
  await on.reload(after);
  await on.pass(10 * 60_000);
  assert.deepEqual(await on.groups(), ['{}/{service="payments"}:{} 1', "{}:{} 1"]);
  assert.deepEqual(await on.told(), ["a firing", "b firing"]);
  await on.close();
});

Deno.test("a new route beside the old one is told what fires already, once", async () => {
  const on = await engine(before);
  await on.push(firing);
  await on.pass(1_000);
  await on.reload(
    "route: {receiver: a, group_wait: 0s, routes: " +
      "[{receiver: b, matchers: [service=payments], continue: true}, {receiver: a}]}\n",
  );
  await on.pass(1_000);
  assert.deepEqual(await on.told(), ["a firing", "a firing", "b firing"]);
  await on.pass(hour);
  assert.equal((await on.told()).length, 3);
  await on.close();
});

Deno.test("routes that are the same have no group looked at", async () => {
  const on = await engine(before);
  await on.push(firing);
  await on.pass(1_000);
  const due = await on.test.store.next(alertGroups);
  await on.reload("# the same\n" + before);
  await invoke(reroute, { at: 0 }, on.test);
  assert.equal(await on.test.store.next(alertGroups), due);
  await on.close();
});

Deno.test("a replica with the routes of before does not call back what a newer one moved", async () => {
  const on = await engine(before);
  const { store } = on.test;
  await on.pass(1_000);
  await on.pass(1_000);
  await store.apply([put(routingKind, "route", { revision: "of a newer replica" })]);
  await on.pass(1_000);
  assert.equal((await store.get(routingKind, "route"))!.value.revision, "of a newer replica");
  await on.reload(after);
  await on.pass(1_000);
  assert.notEqual((await store.get(routingKind, "route"))!.value.revision, "of a newer replica");
  await on.close();
});
