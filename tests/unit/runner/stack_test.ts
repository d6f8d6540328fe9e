/** What the stack does around a handler: decode, retry, dead letters, deduplication, settling. @module */
import assert from "node:assert/strict";
import { z } from "zod";
import {
  Conflict,
  defineKind,
  defineQueue,
  defineTopic,
  due,
  every,
  Permanent,
  Retryable,
  topic,
  Unavailable,
} from "shared/define/mod.ts";
import { defineFunction } from "functions/define.ts";
import { hash32 } from "shared/model/ids.ts";
import { alerts, alertsDlq } from "shared/model/topics.ts";
import { put, schedule } from "shared/store/port.ts";
import { invoke, type TestWorld, testWorld } from "tests/support/invoke.ts";

const things = defineTopic({
  name: "things",
  key: (thing) => thing.key,
  schema: z.object({ key: z.string(), n: z.number() }),
  partitions: 1,
});
const out = defineTopic({
  name: "out",
  key: (value) => value.of,
  schema: z.object({ of: z.string() }),
  partitions: 1,
});
const notes = defineKind<number>({ name: "note", writer: "test" });
const queue = defineQueue("test-queue");

async function within(work: (test: TestWorld) => Promise<void>): Promise<void> {
  const test = await testWorld();
  try {
    await work(test);
  } finally {
    await test.close();
  }
}

/** Lets time pass until the call has ended. */
async function letting<T>(test: TestWorld, call: Promise<T>): Promise<T> {
  let open = true;
  const done = call.finally(() => open = false);
  done.catch(() => {});
  while (open) await test.clock.advance(100);
  return await done;
}

function failing(error: () => Error, times: number) {
  let calls = 0;
  const fn = defineFunction({
    name: "test.failing",
    on: topic(things),
    emits: [out],
    handler(thing, { emit, save }) {
      emit(out, { of: thing.key });
      save(put(notes, thing.key, ++calls));
      if (calls <= times) throw error();
    },
  });
  return { fn, calls: () => calls };
}

Deno.test("calls whose chance is seeded alike have ids of their own", () =>
  within(async (test) => {
    const fn = defineFunction({
      name: "test.ids",
      on: topic(things),
      emits: [out],
      handler(_thing, { emit, uuid }) {
        emit(out, { of: uuid() });
        emit(out, { of: uuid() });
      },
    });
    const seeds = new Map<number, string>();
    let twins: [string, string] | undefined;
    for (let n = 0; !twins; n++) {
      const cause = `call-${n}`;
      const seed = hash32(`test.ids\u0000${cause}`);
      if (seeds.has(seed)) twins = [seeds.get(seed)!, cause];
      seeds.set(seed, cause);
    }
    const [one, other] = twins;
    const ids = async (cause: string) =>
      (await invoke(fn, { key: cause, n: 1 }, test, { cause })).emitted
        .map(({ value }) => (value as { of: string }).of);
    const first = await ids(one);
    assert.equal(new Set([...first, ...await ids(other)]).size, 4);
    assert.match(first[0]!, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
  }));

Deno.test("a handler's messages and records appear once it has returned", () =>
  within(async (test) => {
    const { fn } = failing(() => new Error(), 0);
    const { emitted } = await invoke(fn, { key: "a", n: 1 }, test);
    assert.deepEqual(emitted.map((m) => [m.topic, m.value]), [["out", { of: "a" }]]);
    assert.equal((await test.store.get(notes, "a"))?.value, 1);
  }));

Deno.test("a bug is tried three times, leaves nothing behind, and ends in the dead letters", () =>
  within(async (test) => {
    const { fn, calls } = failing(() => new TypeError("oops"), 99);
    const { emitted } = await letting(test, invoke(fn, { key: "a", n: 1 }, test));
    assert.equal(calls(), 3);
    assert.equal(await test.store.get(notes, "a"), undefined);
    assert.equal(emitted.length, 1);
    const letter = alertsDlq.schema.parse(emitted[0]!.value);
    assert.deepEqual(
      [letter.function, letter.topic, letter.key, letter.payload, letter.attempts],
      ["test.failing", "things", "a", '{"key":"a","n":1}', 3],
    );
    assert.deepEqual([letter.error, letter.error_class], ["oops", "TypeError"]);
  }));

Deno.test("a permanent error is not tried again", () =>
  within(async (test) => {
    const { fn, calls } = failing(() => new Permanent("never"), 99);
    const { emitted } = await invoke(fn, { key: "a", n: 1 }, test);
    assert.equal(calls(), 1);
    assert.deepEqual(emitted.map((m) => m.topic), ["alerts-dlq"]);
  }));

Deno.test("a world that is not ready is waited for, and the message is not given up", () =>
  within(async (test) => {
    const { fn, calls } = failing(() => new Retryable("not yet", { after: 5_000 }), 20);
    const before = test.clock.now();
    const { emitted } = await letting(test, invoke(fn, { key: "a", n: 1 }, test));
    assert.equal(calls(), 21);
    assert(test.clock.now() - before >= 100_000);
    assert.deepEqual(emitted.map((m) => m.topic), ["out"]);
  }));

Deno.test("a lost race runs the handler again, on what is there now", () =>
  within(async (test) => {
    let raced = false;
    const fn = defineFunction({
      name: "test.race",
      on: topic(things),
      async handler({ key }, { store, save }) {
        const old = await store.get(notes, key);
        if (!raced) {
          raced = true;
          await test.store.apply([put(notes, key, 10)]);
        }
        save(put(notes, key, (old?.value ?? 0) + 1, { version: old?.version ?? 0 }));
      },
    });
    await invoke(fn, { key: "a", n: 1 }, test);
    assert.equal((await test.store.get(notes, "a"))?.value, 11);
  }));

Deno.test("a store that is full is retried without running the handler or publishing again", () =>
  within(async (test) => {
    let full = 3;
    let calls = 0;
    const apply = test.store.apply.bind(test.store);
    test.store.apply = (changes) =>
      full-- > 0 ? Promise.reject(new Unavailable("full", { after: 10 })) : apply(changes);
    const fn = defineFunction({
      name: "test.full",
      on: topic(things),
      emits: [out],
      handler({ key }, { emit, save }) {
        emit(out, { of: key });
        save(put(notes, key, ++calls));
      },
    });
    const { emitted } = await letting(test, invoke(fn, { key: "a", n: 1 }, test));
    assert.equal(calls, 1);
    assert.equal(emitted.length, 1);
    assert.equal((await test.store.get(notes, "a"))?.value, 1);
  }));

Deno.test("a message that comes twice is handled once", () =>
  within(async (test) => {
    const seen: string[] = [];
    const fn = defineFunction({
      name: "test.once",
      on: topic(alerts, { batch: 10 }),
      handler: (batch) => void seen.push(...batch.map((alert) => alert.id)),
    });
    const alert = sampleAlert("a");
    await invoke(fn, [alert, alert], test);
    await invoke(fn, [alert, sampleAlert("b")], test);
    assert.deepEqual(seen, ["a", "b"]);
  }));

Deno.test("of a batch only the culprits go to the dead letters", () =>
  within(async (test) => {
    const handled: number[] = [];
    const fn = defineFunction({
      name: "test.batch",
      on: topic(things, { batch: 10 }),
      retry: { attempts: 1 },
      emits: [out],
      handler(batch, { emit }) {
        for (const thing of batch) {
          if (thing.n === 2) throw new Error("two");
          emit(out, { of: String(thing.n) }, thing);
        }
        handled.push(...batch.map((thing) => thing.n));
      },
    });
    const batch = [1, 2, 3].map((n) => ({ key: "a", n }));
    const { emitted } = await invoke(fn, [...batch, { key: "a", n: "four" }], test);
    assert.deepEqual(handled, [1, 3]);
    assert.deepEqual(
      emitted.map((m) => m.topic === "out" ? (m.value as { of: string }).of : m.topic).sort(),
      ["1", "3", "alerts-dlq", "alerts-dlq"],
    );
  }));

Deno.test("members of a batch that are handled on their own cause what has ids of its own", () =>
  within(async (test) => {
    const fn = defineFunction({
      name: "test.apart",
      on: topic(things, { batch: 10 }),
      retry: { attempts: 1 },
      emits: [out],
      handler(batch, { emit, uuid }) {
        if (batch.some(({ n }) => n === 2)) throw new Error("two");
        emit(out, { of: uuid() });
      },
    });
    const batch = [1, 2, 3].map((n) => ({ key: "a", n }));
    const { emitted } = await invoke(fn, batch, test);
    const sent = emitted.filter(({ topic }) => topic === "out");
    assert.equal(sent.length, 2);
    assert.equal(new Set(sent.map(({ headers }) => headers["event-id"])).size, 2);
    assert.equal(new Set(sent.map(({ value }) => (value as { of: string }).of)).size, 2);
  }));

Deno.test("what a batch causes is not taken for what its head caused in an earlier one", () =>
  within(async (test) => {
    const fn = defineFunction({
      name: "test.head",
      on: topic(alerts, { batch: 10 }),
      emits: [out],
      handler: (batch, { emit }) => emit(out, { of: batch.map(({ id }) => id).join() }),
    });
    const [a, b] = [sampleAlert("a"), sampleAlert("b")];
    const cause = alerts.id!(a);
    const first = await invoke(fn, [a], test, { cause });
    // It was not committed, and comes again with what has come since.
    const again = await invoke(fn, [a, b], test, { cause });
    assert.deepEqual(again.emitted.map(({ value }) => value), [{ of: "b" }]);
    assert.notEqual(again.emitted[0]!.headers["event-id"], first.emitted[0]!.headers["event-id"]);
  }));

Deno.test("a message of a batch hands its own trace on", () =>
  within(async (test) => {
    const trace = (digit: string) => `00-${digit.repeat(32)}-${digit.repeat(16)}-01`;
    const fn = defineFunction({
      name: "test.trace",
      on: topic(things, { batch: 10 }),
      emits: [out],
      handler(batch, { emit }) {
        for (const thing of batch) emit(out, { of: thing.key }, thing);
      },
    });
    const { emitted } = await invoke(fn, [{ key: "a", n: 1 }, { key: "b", n: 2 }], test, {
      traceparents: [trace("a"), trace("b")],
    });
    assert.deepEqual(
      emitted.map((m) => m.headers.traceparent!.split("-")[1]),
      ["a".repeat(32), "b".repeat(32)],
    );
  }));

Deno.test("the same call makes the same ids and the same chance", () =>
  within(async (test) => {
    const drawn: unknown[] = [];
    const fn = defineFunction({
      name: "test.chance",
      on: every("5s"),
      handler: (_, { random, uuid }) => void drawn.push([random(), uuid()]),
    });
    await invoke(fn, { at: 1 }, test, { cause: "one" });
    await invoke(fn, { at: 1 }, test, { cause: "one" });
    await invoke(fn, { at: 2 }, test, { cause: "two" });
    assert.deepEqual(drawn[0], drawn[1]);
    assert.notDeepEqual(drawn[0], drawn[2]);
  }));

Deno.test("a handler that never ends is given up after a minute", () =>
  within(async (test) => {
    const fn = defineFunction({
      name: "test.endless",
      on: topic(things),
      retry: { attempts: 1 },
      handler: (_, { clock, signal }) => clock.sleep(Infinity, signal),
    });
    const { emitted } = await letting(test, invoke(fn, { key: "a", n: 1 }, test));
    assert.match((emitted[0]!.value as { error: string }).error, /longer than 60000 ms/);
  }));

Deno.test("what a handler does after it was given up has no effect", () =>
  within(async (test) => {
    let calls = 0;
    const late = Promise.withResolvers<void>();
    const fn = defineFunction({
      name: "test.late",
      on: topic(things),
      emits: [out],
      retry: { attempts: 2 },
      async handler({ key }, { emit, save }) {
        const call = ++calls;
        if (call === 1) await late.promise;
        emit(out, { of: `${key}${call}` });
        save(put(notes, `${key}${call}`, call));
        // The second call is open while the first one ends.
        late.resolve();
        if (call === 2) { for (let i = 0; i < 10; i++) await undefined; }
      },
    });
    const { emitted } = await letting(test, invoke(fn, { key: "a", n: 1 }, test));
    assert.deepEqual(emitted.map(({ value }) => value), [{ of: "a2" }]);
    assert.deepEqual((await test.world.store.list(notes)).map(({ key }) => key), ["a2"]);
  }));

Deno.test("a function cannot emit what it does not declare", () =>
  within(async (test) => {
    const fn = defineFunction({
      name: "test.undeclared",
      on: every("5s"),
      // deno-lint-ignore no-explicit-any -- what the types forbid
      handler: (_, { emit }) => (emit as any)(out, { of: "x" }),
    });
    await assert.rejects(letting(test, invoke(fn, { at: 1 }, test)), /does not declare/);
  }));

Deno.test("a due item that schedules itself again stays", () =>
  within(async (test) => {
    const fn = defineFunction({
      name: "test.due",
      on: due(queue),
      handler: ({ id }, { now, save }) => save(schedule(queue, id, now + 1_000)),
    });
    await invoke(fn, { id: "a", at: 0 }, test);
    assert.equal(await test.store.next(queue), test.clock.now() + 1_000);
  }));

Deno.test("a conflict is a Retryable, and neither is a bug", () => {
  assert(new Conflict("x") instanceof Retryable);
  assert(new Unavailable("x") instanceof Retryable);
});

function sampleAlert(id: string) {
  const at = "2026-01-05T09:00:00.000Z";
  return {
    id,
    status: "firing" as const,
    type: "threshold_violation",
    severity: "warning" as const,
    service_name: "orders",
    title: "",
    description: "",
    message: "",
    value: 1,
    current_value: 1,
    timestamp: at,
    starts_at: at,
    acknowledged: false,
    labels: {},
    annotations: {},
    fingerprint: "0",
  };
}
