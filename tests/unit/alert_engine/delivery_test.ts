import { attemptKind } from "shared/model/kinds.ts";
import assert from "node:assert/strict";
import deliver from "functions/alert-engine/deliver.ts";
import flush from "functions/alert-engine/flush.ts";
import measure from "functions/alert-engine/measure.ts";
import receive from "functions/alert-engine/receive.ts";
import reload from "functions/alert-engine/reload.ts";
import {
  alertGroups,
  deliveries,
  deliveryKind,
  groupKind,
} from "functions/alert-engine/records.ts";
import { checkAlerting } from "functions/alert-engine/alerting.ts";
import { readConfig } from "functions/config.ts";
import type { Queue } from "shared/define/mod.ts";
import type { Alert } from "shared/model/alert.ts";
import type { DeadLetter } from "shared/model/dead_letter.ts";
import { silentLog } from "shared/telemetry/log.ts";
import { invoke, type TestWorld, testWorld } from "tests/support/invoke.ts";
import { alert, over, start } from "tests/unit/alerting/samples.ts";

interface Call {
  at: number;
  path: string;
  reason: string;
  status: string;
  names: string[];
  id: string;
  traceparent: string;
}

/** The alert engine, standing still; its way out is recorded. */
class Engine {
  readonly calls: Call[] = [];
  readonly letters: DeadLetter[] = [];
  /** What a path answers; 200 when absent. */
  readonly answers: Record<string, () => Response | Promise<Response>> = {};
  readonly #directory: string;
  constructor(readonly test: TestWorld, directory: string) {
    this.#directory = directory;
    test.env.fetch = async (input, init) => {
      const request = new Request(input as URL, init);
      const { pathname } = new URL(request.url);
      const body = await request.json();
      this.calls.push({
        at: test.clock.now() - start,
        path: pathname,
        reason: body.notification_reason,
        status: body.status,
        names: body.alerts.map((alert: { labels: { alertname: string } }) =>
          alert.labels.alertname
        ),
        id: request.headers.get("webhook-id")!,
        traceparent: request.headers.get("traceparent")!,
      });
      init?.signal?.throwIfAborted();
      return await this.answers[pathname]?.() ?? new Response(null);
    };
  }

  async push(...alerts: Alert[]): Promise<void> {
    await invoke(receive, alerts, this.test);
  }

  /** Moves on to a time after the start, running what is due on the way. */
  async until(ms: number): Promise<void> {
    const { store, clock } = this.test;
    for (;;) {
      const next = Math.min(
        await store.next(alertGroups) ?? Infinity,
        await store.next(deliveries) ?? Infinity,
      );
      if (next > start + ms) break;
      if (next > clock.now()) await clock.advance(next - clock.now());
      await this.#run(alertGroups);
      await this.#run(deliveries);
    }
    await clock.advance(start + ms - clock.now());
  }

  async #run(queue: Queue): Promise<void> {
    const { store, clock } = this.test;
    const fn = queue === alertGroups ? flush : deliver;
    for (const item of await store.take(queue, { now: clock.now(), limit: 99, lease_ms: 60_000 })) {
      const { emitted } = await invoke(fn, item, this.test, { cause: `${item.id}/${item.at}` });
      this.letters.push(...emitted.map(({ value }) => value as DeadLetter));
      const { id, token } = item;
      await store.apply([{ do: "unschedule", queue: queue.name, id, token }]);
    }
  }

  said(): string[] {
    return this.calls.map(({ at, path, reason, names }) => `${at} ${path} ${reason}: ${names}`);
  }

  async close(): Promise<void> {
    await this.test.close();
    await Deno.remove(this.#directory, { recursive: true });
  }
}

async function engine(config: string): Promise<Engine> {
  const directory = await Deno.makeTempDir({ prefix: "eventflow-" });
  const file = `${directory}/alerting.yml`;
  await Deno.writeTextFile(file, config);
  return new Engine(await testWorld({ ALERTING_CONFIG: file }), directory);
}

const one = `
route: { receiver: ops, group_by: [service], group_wait: 5s, group_interval: 1m, repeat_interval: 4h }
receivers: [{ name: ops, webhook_configs: [{ url: 'http://hooks/one' }] }]
`;
const two = `
route: { receiver: ops, group_by: [service], group_wait: 5s, group_interval: 1m }
receivers:
  - name: ops
    webhook_configs: [{ url: 'http://hooks/slow' }, { url: 'http://hooks/fast' }]
`;

const a = alert({ name: "A", since: 0 });
const b = alert({ name: "B", since: 1_000 });
const minute = 60_000;

Deno.test("alerts of a group are told together, then changes, then the end", async () => {
  const on = await engine(one);
  await on.push(a, b, alert({ name: "C", service: "orders" }));
  await on.until(30_000);
  assert.deepEqual(on.said().sort(), [
    "5000 /one first notification: A,B",
    "5000 /one first notification: C",
  ]);
  await on.push(over(a, 30_000));
  await on.until(2 * minute);
  await on.push(over(b, 2 * minute), over(b, 2 * minute));
  await on.until(5 * minute);
  assert.deepEqual(on.said().slice(2), [
    "65000 /one some alerts resolved: B,A",
    "125000 /one all alerts resolved: B",
  ]);
  assert.equal(new Set(on.calls.map(({ id }) => id)).size, 4);
  assert.equal(await on.test.store.count(deliveryKind), 0);
  await on.close();
});

Deno.test("a notification is stored with its group before the first attempt", async () => {
  const on = await engine(one);
  await on.push(a);
  await on.test.clock.advance(5_000);
  const [item] = await on.test.store.take(alertGroups, {
    now: on.test.clock.now(),
    limit: 1,
    lease_ms: 1_000,
  });
  await invoke(flush, item, on.test);
  assert.deepEqual(on.calls, []);
  const [delivery] = await on.test.store.list(deliveryKind);
  assert.equal(delivery!.value.notification.alerts[0]!.id, a.id);
  const group = await on.test.store.get(groupKind, '{}:{service="payments"}');
  assert.deepEqual(group!.value.notified["ops/webhook/0"]!.firing, [a.id]);
  await on.until(10_000);
  assert.deepEqual(on.said(), ["5000 /one first notification: A"]);
  await on.close();
});

Deno.test("an attempt that was cut off is made again under the same id", async () => {
  const on = await engine(one);
  await on.push(a);
  await on.test.clock.advance(5_000);
  const options = { now: on.test.clock.now(), limit: 1, lease_ms: 1_000 };
  const [group] = await on.test.store.take(alertGroups, options);
  await invoke(flush, group, on.test);
  const [item] = await on.test.store.take(deliveries, options);
  // The process ends between the answer and the store.
  await deliver.handler(item, {
    ...on.test.env,
    now: on.test.clock.now(),
    random: () => 0,
    signal: new AbortController().signal,
    log: silentLog,
    save() {},
    emit() {},
  });
  await invoke(deliver, item, on.test);
  const again = await on.test.store.get(deliveryKind, item!.id);
  assert.equal(again, undefined);
  assert.equal(on.calls.length, 2);
  assert.equal(new Set(on.calls.map(({ id }) => id)).size, 1);
  await on.close();
});

Deno.test("an attempt that ends after somebody else ended it does not call the next one back", async () => {
  const on = await engine(one);
  await on.push(a);
  await on.test.clock.advance(5_000);
  const take = async (queue: Queue) => {
    const now = on.test.clock.now();
    return (await on.test.store.take(queue, { now, limit: 1, lease_ms: 15_000 }))[0];
  };
  await invoke(flush, await take(alertGroups), on.test);
  await on.push(over(a, 5_000));
  await on.test.clock.advance(60_000);
  await invoke(flush, await take(alertGroups), on.test);
  const slow = await take(deliveries);
  on.answers["/one"] = async () => {
    delete on.answers["/one"];
    await invoke(deliver, slow, on.test);
    // The next one is in the hands of somebody else now.
    assert.notEqual((await take(deliveries))!.id, slow!.id);
    return new Response(null);
  };
  await invoke(deliver, slow, on.test);
  assert.equal(await on.test.store.next(deliveries), on.test.clock.now() + 15_000);
  assert.equal(await on.test.store.count(attemptKind), 1);
  assert.equal(new Set(on.calls.map(({ id }) => id)).size, 1);
  await on.close();
});

Deno.test("the attempt carries the trace of the message that caused it", async () => {
  const on = await engine(one);
  const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  await invoke(receive, [a], on.test, { traceparents: [traceparent] });
  await on.until(10_000);
  assert.equal(on.calls[0]!.traceparent.split("-")[1], traceparent.split("-")[1]);
  const [entry] = await on.test.store.list(attemptKind);
  assert.equal(entry!.value.trace_id, traceparent.split("-")[1]);
  await on.close();
});

Deno.test("what may pass is tried again with growing patience, every attempt in the ledger", async () => {
  const on = await engine(one);
  let left = 5;
  on.answers["/one"] = () => new Response(null, { status: left-- > 0 ? 503 : 200 });
  await on.push(a);
  await on.until(5 * minute);
  assert.equal(on.calls.length, 6);
  assert.equal(new Set(on.calls.map(({ id }) => id)).size, 1);
  on.calls.reduce((before, { at }, i) => {
    assert(at - before < 1_000 * 2 ** (i - 1), `the wait before attempt ${i + 1} was too long`);
    return at;
  }, on.calls[0]!.at - 1);
  const ledger = (await on.test.store.list(attemptKind)).map(({ value }) => value);
  assert.deepEqual(ledger.map(({ attempt, outcome, failure }) => [attempt, outcome, failure]), [
    ...[1, 2, 3, 4, 5].map((n) => [n, "retry", "server"]),
    [6, "delivered", undefined],
  ]);
  assert.equal(await on.test.store.count(deliveryKind), 0);
  assert.deepEqual(on.letters, []);
  await on.close();
});

Deno.test("firing is told before resolved, however long that takes", async () => {
  const on = await engine(one);
  on.answers["/one"] = () => new Response(null, { status: 500 });
  await on.push(a);
  await on.until(10_000);
  await on.push(over(a, 10_000));
  await on.until(2 * minute);
  assert(on.calls.every(({ status }) => status === "firing"));
  assert.equal(await on.test.store.count(deliveryKind), 2);
  delete on.answers["/one"];
  await on.until(90 * minute);
  const last = on.calls.slice(-2).map(({ reason }) => reason);
  assert.deepEqual(last, ["first notification", "all alerts resolved"]);
  assert.deepEqual(on.letters, []);
  await on.close();
});

Deno.test("one that answers late or never delays no other", async () => {
  const on = await engine(two);
  on.answers["/slow"] = () => new Response(null, { status: 503 });
  await on.push(a);
  await on.until(minute);
  assert.equal(on.calls.filter(({ path }) => path === "/fast").length, 1);
  const lanes = (await on.test.store.take(deliveries, {
    now: Infinity,
    limit: 9,
    lease_ms: 1,
  })).map(({ lane }) => lane);
  assert.deepEqual(lanes, ["ops/webhook/0"]);
  await on.close();
});

Deno.test("a destination that never answers is cut off after ten seconds", async () => {
  const on = await engine(one);
  let hang: (() => void) | undefined;
  on.test.env.fetch = (_input, init) =>
    new Promise((_resolve, reject) => {
      hang = () => {};
      init!.signal!.addEventListener("abort", () => reject(init!.signal!.reason), { once: true });
    });
  await on.push(a);
  await on.test.clock.advance(5_000);
  const options = { now: on.test.clock.now(), limit: 1, lease_ms: 60_000 };
  const [group] = await on.test.store.take(alertGroups, options);
  await invoke(flush, group, on.test);
  const [item] = await on.test.store.take(deliveries, options);
  const work = invoke(deliver, item, on.test);
  while (!hang) await on.test.clock.advance(0);
  await on.test.clock.advance(10_000);
  await work;
  const [entry] = await on.test.store.list(attemptKind);
  assert.deepEqual(
    [entry!.value.outcome, entry!.value.failure, entry!.value.duration_ms],
    ["retry", "timeout", 10_000],
  );
  await on.close();
});

Deno.test("what can never succeed is given up at once, with a dead letter, and the next goes on", async () => {
  const on = await engine(one);
  on.answers["/one"] = () => new Response("gone", { status: 410 });
  await on.push(a);
  await on.until(10_000);
  assert.equal(on.calls.length, 1);
  const [letter] = on.letters;
  assert.deepEqual(
    {
      function: letter!.function,
      dispatcher: letter!.dispatcher,
      alert: letter!.alert!.id,
      error: letter!.error,
      error_class: letter!.error_class,
      attempts: letter!.attempts,
      key: letter!.key,
      first: letter!.first_attempt_at,
      last: letter!.last_attempt_at,
    },
    {
      function: "alert-engine.deliver",
      dispatcher: "ops/webhook/0",
      alert: a.id,
      error: "Cannot deliver to http://hooks as it answered 410: gone",
      error_class: "gone",
      attempts: 1,
      key: "payments",
      first: "2026-01-05T09:00:05.000Z",
      last: "2026-01-05T09:00:05.000Z",
    },
  );
  assert.match(
    await on.test.metrics.text(),
    /^dead_letters_total\{.*function="alert-engine\.deliver".*\} 1$/m,
  );
  delete on.answers["/one"];
  await on.push(over(a, 10_000));
  await on.until(2 * minute);
  assert.equal(on.calls.at(-1)!.reason, "all alerts resolved");
  await on.close();
});

Deno.test("after the last attempt there is a dead letter, and only then is it forgotten", async () => {
  const on = await engine(one);
  on.answers["/one"] = () => new Response(null, { status: 500 });
  await on.push(a);
  await on.until(66 * minute);
  assert.equal(on.letters.length, 1);
  assert.equal(on.letters[0]!.attempts, 14);
  assert.equal(on.calls.length, 14);
  assert.equal(await on.test.store.count(deliveryKind), 0);
  const ledger = await on.test.store.list(attemptKind);
  assert.equal(ledger.at(-1)!.value.outcome, "given_up");
  await on.close();
});

Deno.test("Retry-After is obeyed for everything that goes to the destination", async () => {
  const on = await engine(one);
  on.answers["/one"] = () => new Response(null, { status: 429, headers: { "retry-after": "120" } });
  await on.push(a);
  await on.until(10_000);
  delete on.answers["/one"];
  await on.push(alert({ name: "C", service: "orders", since: 10_000 }));
  await on.until(124_999);
  assert.equal(on.calls.length, 1);
  await on.until(3 * minute);
  assert.deepEqual(on.said().slice(1).sort(), [
    "125000 /one first notification: A",
    "125000 /one first notification: C",
  ]);
  await on.close();
});

Deno.test("Slack gets one message a second, in the order of their turns", async () => {
  const on = await engine(`
route: { receiver: ops, group_by: [service], group_wait: 0s }
receivers: [{ name: ops, slack_configs: [{ api_url: 'http://hooks/slack', channel: '#a' }] }]
`);
  const times: number[] = [];
  on.test.env.fetch = () => {
    times.push(on.test.clock.now() - start);
    return Promise.resolve(new Response("ok"));
  };
  await on.push(...["a", "b", "c", "d"].map((service) => alert({ service })));
  await on.until(10_000);
  assert.deepEqual(times, [0, 1_000, 2_000, 3_000]);
  await on.close();
});

Deno.test("a batch loads and stores each group once, and twice the batch is once", async () => {
  const on = await engine(one);
  const batch = Array.from({ length: 200 }, (_, i) => alert({ name: `A${i}` }));
  await on.push(...batch);
  await on.push(...batch);
  const group = await on.test.store.get(groupKind, '{}:{service="payments"}');
  assert.equal(group!.version, 1);
  await on.until(10_000);
  assert.equal(on.calls.length, 1);
  assert.equal(on.calls[0]!.names.length, 200);
  await on.close();
});

Deno.test("an old message does not open an episode again that was told to be over", async () => {
  const on = await engine(one);
  await on.push(a);
  await on.until(minute);
  await on.push(over(a, minute));
  await on.until(5 * minute);
  await on.push(a, over(a, minute));
  await on.until(10 * minute);
  assert.deepEqual(on.calls.map(({ reason }) => reason), [
    "first notification",
    "all alerts resolved",
  ]);
  await on.close();
});

Deno.test("a reload moves groups to their new routes; a bad file changes nothing", async () => {
  const on = await engine(`
route: { receiver: ops, routes: [{ matchers: [service=payments], group_wait: 1m }] }
receivers: [{ name: ops, webhook_configs: [{ url: 'http://hooks/one' }] }]
`);
  const file = on.test.config.ALERTING_CONFIG!;
  await on.push(a);
  await Deno.writeTextFile(file, "route:\n  receiver: nobody\nreceivers: []\n");
  const bad = (await invoke(reload, {}, on.test)).result as Response;
  assert.equal(bad.status, 400);
  assert.match(await bad.text(), /line 2: route\.receiver must be the name of a receiver/);
  await Deno.writeTextFile(
    file,
    "route: {receiver: new, group_wait: 0s}\nreceivers: [{name: new, webhook_configs: [{url: 'http://hooks/new'}]}]\n",
  );
  const good = (await invoke(reload, {}, on.test)).result as Response;
  assert.equal(good.status, 200);
  await on.until(2 * minute);
  assert.deepEqual(on.calls.map(({ path, names }) => [path, names]), [["/new", ["A"]]]);
  assert.equal((await on.test.store.list(groupKind)).length, 1);
  await on.close();
});

Deno.test("a delivery whose integration is gone becomes a dead letter", async () => {
  const on = await engine(two);
  on.answers["/fast"] = () => new Response(null, { status: 500 });
  await on.push(a);
  await on.until(5_000);
  await Deno.writeTextFile(on.test.config.ALERTING_CONFIG!, one);
  await invoke(reload, {}, on.test);
  await on.until(minute);
  assert.deepEqual(on.letters.map(({ dispatcher, error_class }) => [dispatcher, error_class]), [
    ["ops/webhook/1", "not configured"],
  ]);
  await on.close();
});

Deno.test("without a file every channel of the environment is told", async () => {
  const test = await testWorld({ WEBHOOK_URLS: "http://hooks/a,http://hooks/b" });
  const on = new Engine(test, await Deno.makeTempDir());
  await on.push(a);
  await on.until(10_000);
  assert.deepEqual(on.said().sort(), [
    "5000 /a first notification: A",
    "5000 /b first notification: A",
  ]);
  await on.close();
});

Deno.test("what fires and what waits is measured", async () => {
  const on = await engine(one);
  on.answers["/one"] = () => new Response(null, { status: 500 });
  await on.push(a, alert({ name: "W", severity: "warning" }), over(b, 2_000));
  await on.until(5_000);
  await invoke(measure, { at: 0 }, on.test);
  const text = await on.test.metrics.text();
  assert.match(text, /alerts_active\{severity="critical",service="test"\} 1/);
  assert.match(text, /alerts_active\{severity="warning",service="test"\} 1/);
  assert.match(text, /notifications_pending\{service="test"\} 1/);
  assert.match(
    text,
    /notification_attempts_total\{receiver="ops",channel="webhook",outcome="retry",reason="server"/,
  );
  await on.close();
});

Deno.test("a bad file stops the start, naming the variable, the line and the rule", async () => {
  const directory = await Deno.makeTempDir();
  const file = `${directory}/alerting.yml`;
  await Deno.writeTextFile(
    file,
    "route:\n  receiver: a\n  group_wait: soon\nreceivers: [{name: a}]",
  );
  assert.throws(
    () => checkAlerting(readConfig({ ALERTING_CONFIG: file })),
    /ALERTING_CONFIG line 3: route\.group_wait must be a duration .*: current value is "soon"/,
  );
  assert.throws(
    () => checkAlerting(readConfig({ ALERTING_CONFIG: `${directory}/none.yml` })),
    /must be in a file that can be read: current value is ".*none\.yml"/,
  );
  assert.deepEqual(checkAlerting(readConfig({})).warnings, []);
  await Deno.remove(directory, { recursive: true });
});
