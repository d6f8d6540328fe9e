/** Schedules, due queues and partitions with state, on the embedded adapters in virtual time. @module */
import assert from "node:assert/strict";
import { z } from "zod";
import { openEmbeddedBroker } from "shared/broker/embedded.ts";
import {
  defineQueue,
  defineService,
  defineTopic,
  due,
  every,
  type PartitionState,
  topic,
  Unavailable,
} from "shared/define/mod.ts";
import { type Declared, defineFunction } from "functions/define.ts";
import { serviceMetrics } from "shared/model/topics.ts";
import { run } from "shared/runner/run.ts";
import { looseEnds } from "shared/runner/check.ts";
import { nextTick } from "shared/runner/schedules.ts";
import { schedule } from "shared/store/port.ts";
import type { Clock } from "shared/time/clock.ts";
import { testWorld } from "tests/support/invoke.ts";

const things = defineTopic({
  name: "things",
  key: (thing) => thing.key,
  schema: z.object({ key: z.string(), n: z.number() }),
  partitions: 2,
});
const queue = defineQueue("test-queue");

/** A running set of functions, its replicas sharing one broker and store. */
async function running(...replicas: Declared[][]) {
  const test = await testWorld();
  const broker = openEmbeddedBroker({ directory: ":memory:", clock: test.clock });
  await broker.create([things]);
  const world = { ...test.world, broker };
  const start = (functions: Declared[]) =>
    run([defineService({ name: "test", port: 0, functions })], world, { listen: false });
  const runs = await Promise.all(replicas.map(start));
  const publish = (...values: { key: string; n: number }[]) =>
    broker.publish(values.map((value) => ({
      topic: "things",
      key: value.key,
      value: JSON.stringify(value),
      headers: {},
    })));
  const stop = async (run: { stop(): Promise<void> }) => {
    let open = true;
    const stopped = run.stop().finally(() => open = false);
    stopped.catch(() => {});
    while (open) await test.clock.advance(10);
    await stopped;
  };
  return {
    ...test,
    broker,
    runs,
    start,
    publish,
    stop,
    async end() {
      for (const run of runs) await stop(run);
      await broker.close();
      await test.close();
    },
  };
}

Deno.test("ticks are aligned to the clock, and an interval is at least a second", () => {
  assert.equal(nextTick({ every: "5s" }, 12_000), 15_000);
  assert.equal(nextTick({ every: "5s" }, 15_000), 20_000);
  assert.equal(nextTick({ cron: "*/10 * * * * *" }, 12_000), 20_000);
  assert.throws(() => nextTick({ every: "500ms" }, 0), RangeError);
});

Deno.test("of two replicas one gets each tick", async () => {
  const ticks: number[] = [];
  const fn = () =>
    defineFunction({
      name: "test.tick",
      on: every("5s"),
      handler: ({ at }) => void ticks.push(at),
    });
  const test = await running([fn()], [fn()]);
  const start = test.clock.now();
  await test.clock.advance(20_000);
  assert.deepEqual(ticks.map((at) => at - start), [5_000, 10_000, 15_000, 20_000]);
  await test.end();
});

Deno.test("a slow tick does not overlap the next; what it ran over is made up for once", async () => {
  const ticks: number[] = [];
  let open = 0;
  const fn = defineFunction({
    name: "test.slow",
    on: every("5s"),
    async handler({ at }, { clock }) {
      assert.equal(++open, 1);
      ticks.push(at);
      await clock.sleep(ticks.length === 1 ? 17_000 : 0);
      open--;
    },
  });
  const test = await running([fn]);
  const start = test.clock.now();
  await test.clock.advance(30_000);
  assert.deepEqual(ticks.map((at) => at - start), [5_000, 20_000, 25_000, 30_000]);
  await test.end();
});

Deno.test("due items run at their time, to the millisecond, in one replica, and are gone", async () => {
  const done: [string, number][] = [];
  const fn = () =>
    defineFunction({
      name: "test.due",
      on: due(queue),
      handler: ({ id }, { now }) => void done.push([id, now]),
    });
  const test = await running([fn()], [fn()]);
  const start = test.clock.now();
  await test.store.apply([
    schedule(queue, "b", start + 2_345),
    schedule(queue, "a", start + 1_234),
  ]);
  await test.clock.advance(10_000);
  assert.deepEqual(done.map(([id, at]) => [id, at - start]), [["a", 1_234], ["b", 2_345]]);
  assert.equal(await test.store.next(queue), undefined);
  await test.end();
});

Deno.test("a slow lane delays no other", async () => {
  const done: string[] = [];
  const fn = defineFunction({
    name: "test.lanes",
    on: due(queue, { perLane: 2 }),
    async handler({ id }, { clock }) {
      if (id.startsWith("slow")) await clock.sleep(30_000);
      done.push(id);
    },
  });
  const test = await running([fn]);
  const now = test.clock.now();
  await test.store.apply([
    ...Array.from({ length: 10 }, (_, i) => schedule(queue, `slow${i}`, now, "slow")),
    ...Array.from({ length: 10 }, (_, i) => schedule(queue, `fast${i}`, now + 1, "fast")),
  ]);
  await test.clock.advance(1_000);
  assert.deepEqual(done.sort(), Array.from({ length: 10 }, (_, i) => `fast${i}`));
  await test.clock.advance(200_000);
  assert.equal(done.length, 20);
  await test.end();
});

Deno.test("messages of a key stay in order while keys run side by side", async () => {
  const done: string[] = [];
  const fn = defineFunction({
    name: "test.order",
    on: topic(things),
    async handler({ key, n }, { clock }) {
      if (key === "slow") await clock.sleep(1_000);
      done.push(`${key}${n}`);
    },
  });
  const test = await running([fn]);
  await test.publish(
    ...[1, 2, 3].flatMap((n) => [{ key: "slow", n }, { key: "fast", n }]),
  );
  await test.clock.advance(10_000);
  assert.deepEqual(done.filter((id) => id.startsWith("slow")), ["slow1", "slow2", "slow3"]);
  assert.deepEqual(done.slice(0, 3), ["fast1", "fast2", "fast3"]);
  await test.end();
});

const sums: PartitionState<{ sum: number; seen: Map<string, number>; changed: Set<string> }> = {
  name: "sums",
  create: () => ({ sum: 0, seen: new Map(), changed: new Set() }),
  *dirty(state) {
    yield ["sum", state.sum];
    for (const key of state.changed) yield [key, state.seen.get(key)];
    state.changed.clear();
  },
  restore(state, key, part) {
    if (key === "sum") state.sum = part as number;
    else state.seen.set(key, part as number);
  },
};

function summing(history: number[], poison?: () => boolean) {
  return defineFunction({
    name: "test.sum",
    on: topic(things, { batch: 10, state: sums, wake: "5s" }),
    handler(batch, { state }) {
      for (const { key, n } of batch) {
        state.sum += n;
        state.seen.set(key, n);
        state.changed.add(key);
        if (n === 666 && poison?.()) throw new Error("poison");
        history.push(state.sum);
      }
    },
  });
}

Deno.test("partition state outlives a restart", async () => {
  const history: number[] = [];
  const test = await running();
  let run = await test.start([summing(history)]);
  for (let n = 1; n <= 5; n++) {
    await test.publish({ key: "a", n });
    await test.clock.advance(1_000);
  }
  await test.stop(run);
  run = await test.start([summing(history)]);
  await test.publish({ key: "a", n: 100 });
  await test.clock.advance(1_000);
  assert.equal(history.at(-1), 115);
  await test.stop(run);
  await test.end();
});

Deno.test("partition state outlives a kill before its first snapshot was due", async () => {
  const history: number[] = [];
  const test = await running();
  await test.start([summing(history)]);
  for (let n = 1; n <= 3; n++) await test.publish({ key: "a", n });
  await test.clock.advance(1_000);
  // What a start after a kill would go by.
  const offset = await test.store.list({ name: "state-offset", writer: "test" });
  assert.deepEqual(offset.map(({ value }) => value), [{ offset: -1 }]);
  await test.broker.close();
  await test.close();
});

Deno.test("a poison message is given up, and the state is as if it had never come", async () => {
  const history: number[] = [];
  const test = await running([summing(history, () => true)]);
  await test.publish({ key: "a", n: 1 }, { key: "a", n: 666 }, { key: "a", n: 10 });
  await test.clock.advance(5_000);
  assert.equal(history.at(-1), 11);
  await test.publish({ key: "a", n: 100 });
  await test.clock.advance(5_000);
  assert.equal(history.at(-1), 111);
  await test.end();
});

Deno.test("time passes for a partition where nothing comes", async () => {
  let calls = 0;
  const fn = defineFunction({
    name: "test.wake",
    on: topic(things, { batch: 10, state: sums, wake: "5s" }),
    handler: (batch, { partition }) => void (batch.length === 0 && partition === 0 && calls++),
  });
  const test = await running([fn]);
  await test.clock.advance(21_000);
  assert.equal(calls, 4);
  await test.end();
});

Deno.test("every broadcast subscriber gets what is published from now on", async () => {
  const got: string[][] = [[], []];
  const fn = (i: number) =>
    defineFunction({
      name: "test.live",
      on: topic(things, { batch: 10, broadcast: true }),
      handler: (batch) => void got[i]!.push(...batch.map(({ key }) => key)),
    });
  const test = await running();
  await test.publish({ key: "before", n: 1 });
  const runs = [await test.start([fn(0)]), await test.start([fn(1)])];
  await test.publish({ key: "after", n: 1 });
  await test.clock.advance(100);
  assert.deepEqual(got, [["after"], ["after"]]);
  for (const run of runs) await test.stop(run);
  await test.end();
});

Deno.test("a stop lets what is in flight finish, and commits it", async () => {
  const done: number[] = [];
  const fn = () =>
    defineFunction({
      name: "test.drain",
      on: topic(things),
      async handler({ n }, { clock }) {
        await clock.sleep(500);
        done.push(n);
      },
    });
  const test = await running([fn()]);
  await test.publish({ key: "a", n: 1 });
  await test.clock.advance(100);
  await test.stop(test.runs[0]!);
  assert.deepEqual(done, [1]);
  const run = await test.start([fn()]);
  await test.clock.advance(5_000);
  assert.deepEqual(done, [1]);
  await test.stop(run);
  await test.end();
});

Deno.test("a stop leaves behind what does not hear of it", async () => {
  const fn = defineFunction({
    name: "test.deaf",
    on: topic(things),
    handler: () => new Promise<void>(() => {}),
  });
  const test = await running([fn]);
  await test.publish({ key: "a", n: 1 });
  await test.clock.advance(100);
  const before = test.clock.now();
  await test.stop(test.runs[0]!);
  assert(test.clock.now() - before < 5_000, `${test.clock.now() - before} ms`);
  await test.clock.advance(60_000);
  await test.broker.close();
  await test.close();
});

Deno.test("what cannot end well keeps nothing else from ending, and is told", async () => {
  const done: number[] = [];
  const slow = defineFunction({
    name: "test.slow_end",
    on: topic(things),
    async handler({ n }, { clock }) {
      await clock.sleep(500);
      done.push(n);
    },
  });
  const test = await running();
  const run = await test.start([summing([]), slow]);
  await test.publish({ key: "a", n: 1 });
  await test.clock.advance(100);
  const apply = test.store.apply.bind(test.store);
  test.store.apply = (changes) =>
    changes.some((change) => change.do === "put" && change.kind === "state-offset")
      ? Promise.reject(new Unavailable("away"))
      : apply(changes);
  await assert.rejects(test.stop(run), /away/);
  assert.deepEqual(done, [1]);
  assert.deepEqual(
    (await test.broker.lag()).filter(({ group, lag }) => group === "test.slow_end" && lag > 0),
    [],
  );
  await test.broker.close();
  await test.close();
});

/** A world whose clock can be set. */
async function clockedWorld() {
  const test = await testWorld();
  let shift = 0;
  const clock: Clock = {
    now: () => test.clock.now() + shift,
    sleep: (ms, signal) => test.clock.sleep(ms, signal),
  };
  const start = (fn: Declared) =>
    run(
      [defineService({ name: "test", port: 0, functions: [fn] })],
      { ...test.world, clock, env: () => ({ ...test.env, clock }) },
      { listen: false },
    );
  const end = async (run: { stop(): Promise<void> }) => {
    const stopped = run.stop();
    await test.clock.advance(10_000);
    await stopped;
    await test.close();
  };
  return {
    ...test,
    clock,
    move: (ms: number) => test.clock.advance(ms),
    start,
    end,
    set: (ms: number) => shift += ms,
  };
}

Deno.test("a clock that is set back does not stop the ticks", async () => {
  const ticks: number[] = [];
  const fn = defineFunction({
    name: "test.tick",
    on: every("5s"),
    handler: ({ at }) => void ticks.push(at),
  });
  const test = await clockedWorld();
  const run = await test.start(fn);
  await test.move(10_000);
  assert.equal(ticks.length, 2);
  test.set(-3_600_000);
  await test.move(21_000);
  assert(ticks.length >= 5, `${ticks.length} ticks`);
  await test.end(run);
});

Deno.test("a clock that is set forward makes due what is due by it", async () => {
  const done: string[] = [];
  const fn = defineFunction({
    name: "test.due",
    on: due(queue),
    handler: ({ id }) => void done.push(id),
  });
  const test = await clockedWorld();
  await test.store.apply([schedule(queue, "in an hour", test.clock.now() + 3_600_000)]);
  const run = await test.start(fn);
  await test.move(1_000);
  test.set(3_600_000);
  await test.move(61_000);
  assert.deepEqual(done, ["in an hour"]);
  await test.end(run);
});

Deno.test("a broker that refuses to tell the lag ends nothing", async () => {
  const test = await running();
  test.broker.lag = () => Promise.reject(new Error("not authorized"));
  const run = await test.start([]);
  await test.clock.advance(30_000);
  await test.stop(run);
  await test.end();
});

Deno.test("a start refuses loose ends", () => {
  const consumer = defineFunction({ name: "a.consume", on: topic(things), handler() {} });
  const producer = defineFunction({
    name: "a.produce",
    on: every("5s"),
    emits: [serviceMetrics],
    handler() {},
  });
  const service = (name: string, ...functions: Declared[]) =>
    defineService({ name, port: 0, functions });
  const problems = looseEnds([service("one", consumer, producer), service("two", producer)]);
  assert.deepEqual(problems, [
    'Two functions are named "a.produce": in one and two',
    'a.consume consumes "things", which nothing produces',
    'the stack produces "alerts-dlq", which nothing consumes',
    'a.produce produces "service-metrics", which nothing consumes',
  ]);
});
