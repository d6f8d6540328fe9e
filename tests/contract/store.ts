/**
 * What every store must do, told as tests that any adapter is put through. Nothing here knows how an
 * adapter works or how fast it is: time passes through the world that the adapter brings.
 *
 * @module
 */
import assert from "node:assert/strict";
import { Conflict, defineKind, defineQueue, type Kind, type Queue } from "shared/define/mod.ts";
import { type Sample, seriesKey } from "shared/model/metric.ts";
import type { Labels } from "shared/model/labels.ts";
import {
  append,
  type Change,
  hold,
  put,
  remove,
  schedule,
  type Store,
  unschedule,
} from "shared/store/port.ts";
import { hostileTexts } from "./broker.ts";

/** An adapter under test, and the time it lives in. */
export interface StoreWorld {
  readonly store: Store;
  /** Epoch milliseconds, as the store sees it. */
  now(): number;
  /** Lets milliseconds pass: really, or on a virtual clock. */
  pass(ms: number): Promise<void>;
  /** The same data through a new connection; the old one is cut off with no goodbye. */
  crash(): Promise<Store>;
  /** Closes the store after the test of a property. */
  close(property: string): Promise<void>;
}

interface Thing {
  name: string;
}

const thing = (name: string): Thing => ({ name });

/** A time to live that a test can wait for, and one that outlasts every test. */
const short_ms = 200;
const long_ms = 3_600_000;

let names = 0;

/** Registers the suite for an adapter. */
export function storeContract(name: string, open: () => Promise<StoreWorld>): void {
  interface Given extends StoreWorld {
    /** A kind, a queue, a service of this test's own. */
    readonly kind: Kind<Thing>;
    readonly queue: Queue;
    readonly service: string;
    sample(t: number, v: number, more?: Partial<Sample>): Sample;
  }

  function test(property: string, run: (given: Given) => Promise<void>) {
    Deno.test(`${name}: ${property}`, async () => {
      const world = await open();
      const own = `contract-${++names}-${crypto.randomUUID().slice(0, 8)}`;
      try {
        await run({
          ...world,
          kind: defineKind<Thing>({ name: `kind-${own}`, writer: "test" }),
          queue: defineQueue(`queue-${own}`),
          service: own,
          sample(t, v, { metric = "cpu", labels = {}, unit = "percent", id, ...more } = {}) {
            return {
              id: id ?? `${t}/${v}`,
              series: seriesKey(own, metric, labels),
              service: own,
              metric,
              labels,
              unit,
              t,
              v,
              ...more,
            };
          },
        });
      } finally {
        await world.close(property);
      }
    });
  }

  // --- records

  test("a record that was never put is undefined", async ({ store, kind }) => {
    assert.equal(await store.get(kind, "a"), undefined);
    assert.deepEqual(await store.getMany(kind, ["a", "b"]), [undefined, undefined]);
    assert.deepEqual(await store.list(kind), []);
    assert.equal(await store.count(kind), 0);
  });

  test("a record is read as it was put, with version 1 and rank 0", async ({ store, kind }) => {
    await store.apply([put(kind, "a", thing("one"))]);
    assert.deepEqual(await store.get(kind, "a"), {
      key: "a",
      value: thing("one"),
      version: 1,
      rank: 0,
    });
  });

  test("each change makes the version grow by one", async ({ store, kind }) => {
    for (const name of ["one", "two", "three"]) await store.apply([put(kind, "a", thing(name))]);
    const { version, value } = (await store.get(kind, "a"))!;
    assert.deepEqual({ version, value }, { version: 3, value: thing("three") });
  });

  test("a stored value is a copy", async ({ store, kind }) => {
    const value = thing("before");
    const applied = store.apply([put(kind, "a", value)]);
    value.name = "after";
    await applied;
    const read = (await store.get(kind, "a"))!.value;
    assert.deepEqual(read, thing("before"));
    read.name = "changed by the reader";
    assert.deepEqual((await store.get(kind, "a"))!.value, thing("before"));
  });

  test("kinds do not see each other's records", async ({ store, kind }) => {
    const other = defineKind<Thing>({ name: `${kind.name}-other`, writer: "test" });
    await store.apply([put(kind, "a", thing("here")), put(other, "a", thing("there"))]);
    await store.apply([remove(other, "a")]);
    assert.deepEqual((await store.get(kind, "a"))!.value, thing("here"));
    assert.equal(await store.get(other, "a"), undefined);
  });

  test("a change with the right version is made", async ({ store, kind }) => {
    await store.apply([put(kind, "a", thing("one"))]);
    await store.apply([put(kind, "a", thing("two"), { version: 1 })]);
    assert.equal((await store.get(kind, "a"))!.version, 2);
    await store.apply([remove(kind, "a", 2)]);
    assert.equal(await store.get(kind, "a"), undefined);
  });

  test("a change with another version is a Conflict and changes nothing", async ({ store, kind }) => {
    await store.apply([put(kind, "a", thing("one"))]);
    await assert.rejects(store.apply([put(kind, "a", thing("two"), { version: 2 })]), Conflict);
    await assert.rejects(store.apply([remove(kind, "a", 7)]), Conflict);
    await assert.rejects(store.apply([put(kind, "missing", thing("x"), { version: 1 })]), Conflict);
    assert.deepEqual((await store.get(kind, "a"))!.value, thing("one"));
    assert.equal(await store.get(kind, "missing"), undefined);
  });

  test("version 0 creates and never replaces", async ({ store, kind }) => {
    await store.apply([put(kind, "a", thing("one"), { version: 0 })]);
    await assert.rejects(store.apply([put(kind, "a", thing("two"), { version: 0 })]), Conflict);
    assert.deepEqual((await store.get(kind, "a"))!.value, thing("one"));
  });

  test("of many who change one version at once exactly one succeeds", async ({ store, kind }) => {
    await store.apply([put(kind, "a", thing("start"))]);
    const outcomes = await Promise.allSettled(
      Array.from(
        { length: 10 },
        (_, i) => store.apply([put(kind, "a", thing(`writer ${i}`), { version: 1 })]),
      ),
    );
    const failed = outcomes.filter((o) => o.status === "rejected");
    assert.equal(failed.length, 9);
    assert(failed.every(({ reason }) => reason instanceof Conflict));
    assert.equal((await store.get(kind, "a"))!.version, 2);
  });

  test("a record that was deleted starts at version 1 again", async ({ store, kind }) => {
    await store.apply([put(kind, "a", thing("one"))]);
    await store.apply([put(kind, "a", thing("two"))]);
    await store.apply([remove(kind, "a")]);
    await store.apply([put(kind, "a", thing("three"), { version: 0 })]);
    assert.equal((await store.get(kind, "a"))!.version, 1);
  });

  test("deleting what is not there is fine", async ({ store, kind }) => {
    await store.apply([remove(kind, "never")]);
  });

  test("a conflict undoes every other change of its call", async (given) => {
    const { store, kind, queue, service } = given;
    await store.apply([put(kind, "a", thing("one")), schedule(queue, "kept", 5)]);
    const revision = await store.revision(kind);
    await assert.rejects(
      store.apply([
        put(kind, "b", thing("new")),
        remove(kind, "a"),
        schedule(queue, "item", 1),
        unschedule(queue, "kept"),
        append([given.sample(given.now(), 1)]),
        { do: "mark", keys: [`${service}/mark`], ttl_ms: long_ms },
        put(kind, "a", thing("two"), { version: 9 }),
      ]),
      Conflict,
    );
    assert.equal(await store.get(kind, "b"), undefined);
    assert.deepEqual((await store.get(kind, "a"))!.value, thing("one"));
    assert.equal(await store.next(queue), 5);
    assert.deepEqual(await store.series({ service }), []);
    assert.deepEqual(await store.seen([`${service}/mark`]), [false]);
    assert.equal(await store.revision(kind), revision);
  });

  test("all changes of a call are made", async (given) => {
    const { store, kind, queue, service } = given;
    await store.apply([
      put(kind, "a", thing("one")),
      schedule(queue, "item", 7),
      append([given.sample(given.now(), 1)]),
      { do: "mark", keys: [`${service}/mark`], ttl_ms: long_ms },
    ]);
    assert.equal((await store.get(kind, "a"))!.version, 1);
    assert.equal(await store.next(queue), 7);
    assert.equal((await store.series({ service })).length, 1);
    assert.deepEqual(await store.seen([`${service}/mark`]), [true]);
  });

  test("a call that fails takes no other with it", async ({ store, kind }) => {
    const outcomes = await Promise.allSettled([
      store.apply([put(kind, "a", thing("one"))]),
      store.apply([put(kind, "b", thing("two"), { version: 4 })]),
      store.apply([put(kind, "c", thing("three"))]),
    ]);
    assert.deepEqual(outcomes.map(({ status }) => status), ["fulfilled", "rejected", "fulfilled"]);
    assert.deepEqual((await store.list(kind)).map(({ key }) => key), ["a", "c"]);
  });

  test("applying nothing is fine", async ({ store }) => {
    await store.apply([]);
  });

  test("what is not JSON is refused and nothing is changed", async ({ store, kind }) => {
    const bad = kind as Kind<unknown>;
    await assert.rejects(store.apply([put(bad, "a", thing("x")), put(bad, "b", undefined)]));
    assert.equal(await store.get(kind, "a"), undefined);
  });

  test("a record is gone when its time to live has passed", async ({ store, kind, pass }) => {
    await store.apply([put(kind, "a", thing("one"), { ttl_ms: short_ms })]);
    assert.equal((await store.list(kind)).length, 1);
    await pass(short_ms + 50);
    assert.equal(await store.get(kind, "a"), undefined);
    assert.deepEqual(await store.getMany(kind, ["a"]), [undefined]);
    assert.deepEqual(await store.list(kind), []);
    assert.equal(await store.count(kind), 0);
    await store.maintain();
    assert.equal(await store.get(kind, "a"), undefined);
  });

  test("a record whose time has passed counts as missing for versions", async ({ store, kind, pass }) => {
    await store.apply([put(kind, "a", thing("one"), { ttl_ms: short_ms, rank: 5 })]);
    await pass(short_ms + 50);
    await assert.rejects(store.apply([put(kind, "a", thing("two"), { version: 1 })]), Conflict);
    await store.apply([put(kind, "a", thing("three"), { version: 0 })]);
    const { version, rank } = (await store.get(kind, "a"))!;
    assert.deepEqual({ version, rank }, { version: 1, rank: 0 });
  });

  test("a put without a time to live makes the record stay", async ({ store, kind, pass }) => {
    await store.apply([put(kind, "a", thing("one"), { ttl_ms: short_ms })]);
    await store.apply([put(kind, "a", thing("two"))]);
    await pass(short_ms + 50);
    await store.maintain();
    assert.deepEqual((await store.get(kind, "a"))!.value, thing("two"));
  });

  test("records are listed by rank, then by key, either way", async ({ store, kind }) => {
    const ranks = { b: 2, c: 1, a: 2, d: 3 };
    await store.apply(
      Object.entries(ranks).map(([key, rank]) => put(kind, key, thing(key), { rank })),
    );
    const keys = async (options = {}) => (await store.list(kind, options)).map(({ key }) => key);
    assert.deepEqual(await keys(), ["c", "a", "b", "d"]);
    assert.deepEqual(await keys({ order: "desc" }), ["d", "b", "a", "c"]);
    assert.deepEqual(await keys({ limit: 2 }), ["c", "a"]);
    assert.deepEqual(await keys({ limit: 2, offset: 1 }), ["a", "b"]);
    assert.deepEqual(await keys({ limit: 2, offset: 1, order: "desc" }), ["b", "a"]);
    assert.deepEqual(await keys({ offset: 9 }), []);
  });

  test("from and to bound the rank, both inclusive", async ({ store, kind }) => {
    await store.apply([1, 2, 3, 4].map((rank) => put(kind, `r${rank}`, thing("x"), { rank })));
    const keys = async (options = {}) => (await store.list(kind, options)).map(({ key }) => key);
    assert.deepEqual(await keys({ from: 2, to: 3 }), ["r2", "r3"]);
    assert.deepEqual(await keys({ from: 3 }), ["r3", "r4"]);
    assert.deepEqual(await keys({ to: 1 }), ["r1"]);
    assert.equal(await store.count(kind, { from: 2 }), 3);
    assert.equal(await store.count(kind, { from: 2, to: 2 }), 1);
    assert.equal(await store.count(kind), 4);
  });

  test("a put without a rank keeps the record's rank", async ({ store, kind }) => {
    await store.apply([put(kind, "a", thing("one"), { rank: 1_767_603_600_000 })]);
    await store.apply([put(kind, "a", thing("two"))]);
    assert.equal((await store.get(kind, "a"))!.rank, 1_767_603_600_000);
    await store.apply([put(kind, "a", thing("three"), { rank: 3 })]);
    assert.deepEqual((await store.list(kind, { from: 3, to: 3 })).map(({ key }) => key), ["a"]);
    assert.equal(await store.count(kind), 1);
  });

  test("a list holds a thousand records when no limit is given", async ({ store, kind }) => {
    await store.apply(
      Array.from({ length: 1_001 }, (_, i) => put(kind, `${i}`, thing("x"), { rank: i })),
    );
    assert.equal((await store.list(kind)).length, 1_000);
    assert.equal((await store.list(kind, { limit: 2_000 })).length, 1_001);
    assert.equal((await store.list(kind, { limit: Infinity })).length, 1_001);
    assert.equal(await store.count(kind), 1_001);
  });

  test("getMany answers in the order of the keys", async ({ store, kind }) => {
    await store.apply(["a", "b", "c"].map((key) => put(kind, key, thing(key))));
    const found = await store.getMany(kind, ["c", "missing", "a", "c"]);
    assert.deepEqual(found.map((one) => one?.value.name), ["c", undefined, "a", "c"]);
    assert.deepEqual(await store.getMany(kind, []), []);
  });

  test("hostile keys are keys like any other", async ({ store, kind }) => {
    const keys = hostileTexts.filter((text) => text.isWellFormed());
    await store.apply(keys.map((key) => put(kind, key, thing(key))));
    for (const key of keys) {
      const found = await store.get(kind, key);
      assert.equal(found?.key, key);
      assert.deepEqual(found?.value, thing(key));
    }
    assert.deepEqual(new Set((await store.list(kind)).map(({ key }) => key)), new Set(keys));
    await store.apply(keys.map((key) => remove(kind, key, 1)));
    assert.equal(await store.count(kind), 0);
  });

  test("hostile values come back unchanged", async ({ store, kind }) => {
    for (const text of hostileTexts) {
      await store.apply([put(kind, "a", thing(text))]);
      assert.deepEqual((await store.get(kind, "a"))!.value, thing(text));
    }
  });

  test("large values come back unchanged", async ({ store, kind }) => {
    const value = thing("é".repeat(2_000_000));
    await store.apply([put(kind, "a", value)]);
    assert.deepEqual((await store.get(kind, "a"))!.value, value);
  });

  test("null, numbers, strings and lists are values too", async ({ store, kind }) => {
    const any = kind as Kind<unknown>;
    for (const value of [null, 0, "", false, [], [1, { a: null }], 1e300, -0.5]) {
      await store.apply([put(any, "a", value)]);
      assert.deepEqual((await store.get(any, "a"))!.value, value);
    }
  });

  test("the revision grows with each change of the kind and with nothing else", async (given) => {
    const { store, kind, queue } = given;
    const other = defineKind<Thing>({ name: `${kind.name}-other`, writer: "test" });
    let last = await store.revision(kind);
    for (
      const change of [put(kind, "a", thing("1")), put(kind, "a", thing("2")), remove(kind, "a")]
    ) {
      await store.apply([change]);
      const revision = await store.revision(kind);
      assert(revision > last);
      last = revision;
    }
    await store.apply([put(other, "a", thing("1")), schedule(queue, "x", 1)]);
    assert.equal(await store.revision(kind), last);
  });

  // --- watching

  test("whoever watches a kind or a queue is told of its changes", async (given) => {
    const { store, kind, queue, pass } = given;
    let kinds = 0;
    let queues = 0;
    const ends = [store.watch(kind.name, () => kinds++), store.watch(queue.name, () => queues++)];
    await pass(50);
    kinds = queues = 0;
    await store.apply([put(kind, "a", thing("one"))]);
    await pass(50);
    assert(kinds >= 1);
    assert.equal(queues, 0);
    await store.apply([schedule(queue, "x", 1)]);
    await pass(50);
    assert(queues >= 1);
    ends.forEach((end) => end());
    kinds = queues = 0;
    await store.apply([put(kind, "a", thing("two")), schedule(queue, "x", 2)]);
    await pass(50);
    assert.deepEqual([kinds, queues], [0, 0]);
  });

  test("who is told of a change can read it", async ({ store, kind }) => {
    const told = Promise.withResolvers<void>();
    const end = store.watch(kind.name, told.resolve);
    await store.apply([put(kind, "a", thing("one"))]);
    await told.promise;
    assert.equal((await store.get(kind, "a"))?.version, 1);
    end();
  });

  // --- due times

  const take = (store: Store, queue: Queue, now: number, more: object = {}) =>
    store.take(queue, { now, limit: 10, lease_ms: 1_000, ...more });

  test("an item is taken when it is due and not before", async ({ store, queue, now }) => {
    const at = now();
    await store.apply([schedule(queue, "x", at, "lane")]);
    assert.deepEqual(await take(store, queue, at - 1), []);
    const [taken, ...rest] = await take(store, queue, at);
    assert.deepEqual(rest, []);
    const { token, ...item } = taken!;
    assert.deepEqual(item, { id: "x", at, lane: "lane", attempt: 0 });
    assert(token.length > 0);
  });

  test("items are taken earliest first, at most limit", async ({ store, queue, now }) => {
    const at = now();
    await store.apply(
      [5, 1, 4, 2, 3].map((n) => schedule(queue, `i${n}`, at + n, `lane ${n % 2}`)),
    );
    const ids = async (limit: number) =>
      (await take(store, queue, at + 4, { limit })).map(({ id }) => id);
    assert.deepEqual(await ids(3), ["i1", "i2", "i3"]);
    assert.deepEqual(await ids(3), ["i4"]);
    assert.deepEqual(await ids(3), []);
  });

  test("a taken item is hidden until its lease ends, then comes again with its attempt", async (given) => {
    const { store, queue, now } = given;
    const at = now();
    await store.apply([schedule(queue, "x", at)]);
    const [first] = await take(store, queue, at);
    assert.equal(await store.next(queue), at + 1_000);
    assert.deepEqual(await take(store, queue, at + 999), []);
    const [second] = await take(store, queue, at + 1_000);
    assert.deepEqual([first!.attempt, second!.attempt], [0, 1]);
    assert.equal(second!.at, at);
    assert.notEqual(first!.token, second!.token);
  });

  test("an item that is unscheduled with its token is gone", async ({ store, queue, now }) => {
    const at = now();
    await store.apply([schedule(queue, "x", at)]);
    const [taken] = await take(store, queue, at);
    await store.apply([{ do: "unschedule", queue: queue.name, id: "x", token: taken!.token }]);
    assert.equal(await store.next(queue), undefined);
    assert.deepEqual(await take(store, queue, at + long_ms), []);
  });

  test("a token is void when the item was scheduled again since", async ({ store, queue, now }) => {
    const at = now();
    await store.apply([schedule(queue, "x", at)]);
    const [taken] = await take(store, queue, at);
    await store.apply([schedule(queue, "x", at + 5)]);
    await store.apply([{ do: "unschedule", queue: queue.name, id: "x", token: taken!.token }]);
    assert.equal(await store.next(queue), at + 5);
    const [again] = await take(store, queue, at + 5);
    assert.equal(again!.attempt, 0);
  });

  test("a token is void when somebody else took the item since", async ({ store, queue, now }) => {
    const at = now();
    await store.apply([schedule(queue, "x", at)]);
    const [first] = await take(store, queue, at);
    const [second] = await take(store, queue, at + 1_000);
    await store.apply([{ do: "unschedule", queue: queue.name, id: "x", token: first!.token }]);
    assert.equal(await store.next(queue), at + 2_000);
    await store.apply([{ do: "unschedule", queue: queue.name, id: "x", token: second!.token }]);
    assert.equal(await store.next(queue), undefined);
  });

  test("an item is held for longer, or given back sooner, and is otherwise as before", async (given) => {
    const { store, queue, now } = given;
    const at = now();
    await store.apply([schedule(queue, "x", at, "lane"), schedule(queue, "y", at + 5_000, "lane")]);
    const [taken] = await take(store, queue, at);
    await store.apply([hold(queue, taken!, at + 9_000)]);
    assert.deepEqual(await take(store, queue, at + 4_999), []);
    assert.equal(await store.next(queue), at + 5_000);
    assert.deepEqual((await take(store, queue, at + 5_000)).map(({ id }) => id), ["y"]);
    await store.apply([hold(queue, taken!, at + 300)]);
    assert.equal(await store.next(queue), at + 300);
    assert.deepEqual(await take(store, queue, at + 299), []);
    const [again] = await take(store, queue, at + 300);
    const { token: _, ...item } = again!;
    assert.deepEqual(item, { id: "x", at, lane: "lane", attempt: 1 });
  });

  test("many items are held at once, each by its own token", async ({ store, queue, now }) => {
    const at = now();
    const ids = ["a", "b", "c", "d"];
    await store.apply(ids.map((id) => schedule(queue, id, at, id)));
    const [a, b] = await take(store, queue, at, { limit: 2 });
    const [c, d] = await take(store, queue, at, { limit: 2 });
    await store.apply([a!, b!, d!].map((one) => hold(queue, one, at + 3_000)));
    assert.deepEqual((await take(store, queue, at + 2_999)).map(({ id }) => id), [c!.id]);
  });

  test("nothing is held with a void token", async ({ store, queue, now }) => {
    const at = now();
    const ids = ["scheduled", "taken", "gone"];
    await store.apply(ids.map((id) => schedule(queue, id, at)));
    const held = new Map((await take(store, queue, at)).map((one) => [one.id, one]));
    await store.apply([schedule(queue, "scheduled", at + 5), unschedule(queue, "gone")]);
    const [, taken] = await take(store, queue, at + 1_000);
    assert.equal(taken!.id, "taken");
    for (const until of [at + long_ms, at]) {
      await store.apply([...held.values()].map((one) => hold(queue, one, until)));
      assert.deepEqual(await take(store, queue, at + 1_001), []);
    }
    assert.equal(await store.next(queue), at + 2_000);
    await store.apply([hold(queue, taken!, at + 1_500)]);
    assert.equal(await store.next(queue), at + 1_500);
  });

  test("unschedule without a token always removes", async ({ store, queue, now }) => {
    const at = now();
    await store.apply([schedule(queue, "x", at), schedule(queue, "y", at)]);
    await take(store, queue, at, { limit: 1 });
    await store.apply([unschedule(queue, "x"), unschedule(queue, "y"), unschedule(queue, "never")]);
    assert.equal(await store.next(queue), undefined);
  });

  test("scheduling again moves an item, its lane too", async ({ store, queue, now }) => {
    const at = now();
    await store.apply([schedule(queue, "x", at, "a")]);
    await store.apply([schedule(queue, "x", at + 9, "b")]);
    assert.equal(await store.next(queue, ["b"]), undefined);
    assert.equal(await store.next(queue), at + 9);
    assert.deepEqual(await take(store, queue, at + 8), []);
    assert.equal((await take(store, queue, at + 9))[0]!.lane, "b");
  });

  test("lanes that are skipped give nothing, neither to take nor to next", async (given) => {
    const { store, queue, now } = given;
    const at = now();
    await store.apply([
      schedule(queue, "a1", at, "a"),
      schedule(queue, "a2", at + 1, "a"),
      schedule(queue, "b1", at + 2, "b"),
      schedule(queue, "none", at + 3),
    ]);
    assert.equal(await store.next(queue, ["a"]), at + 2);
    assert.equal(await store.next(queue, ["a", "b"]), at + 3);
    assert.equal(await store.next(queue, ["a", "b", ""]), undefined);
    const ids = (await take(store, queue, at + 9, { skip: ["a"] })).map(({ id }) => id);
    assert.deepEqual(ids, ["b1", "none"]);
    assert.deepEqual((await take(store, queue, at + 9)).map(({ id }) => id), ["a1", "a2"]);
  });

  test("an item is taken by one of many who try at once", async ({ store, queue, now }) => {
    const at = now();
    await store.apply(Array.from({ length: 20 }, (_, i) => schedule(queue, `i${i}`, at)));
    const taken = await Promise.all(
      Array.from({ length: 10 }, () => take(store, queue, at, { limit: 5 })),
    );
    const ids = taken.flat().map(({ id }) => id);
    assert.equal(ids.length, 20);
    assert.equal(new Set(ids).size, 20);
  });

  test("queues do not see each other's items", async ({ store, queue, now }) => {
    const other = defineQueue(`${queue.name}-other`);
    await store.apply([schedule(queue, "x", now())]);
    assert.deepEqual(await take(store, other, now() + 1), []);
    assert.equal(await store.next(other), undefined);
  });

  test("hostile ids and lanes are like any other", async ({ store, queue, now }) => {
    const at = now();
    const texts = hostileTexts.filter((text) => text.isWellFormed());
    await store.apply(texts.map((text) => schedule(queue, text, at, text)));
    const taken = await take(store, queue, at, { limit: 100 });
    assert.deepEqual(new Set(taken.map(({ id }) => id)), new Set(texts));
    assert(taken.every(({ id, lane }) => id === lane));
    await store.apply(taken.map(({ id, token }): Change => (
      { do: "unschedule", queue: queue.name, id, token }
    )));
    assert.equal(await store.next(queue), undefined);
  });

  test("due times and their attempts survive a crash", async (given) => {
    const { store, queue, now } = given;
    const at = now();
    await store.apply([schedule(queue, "later", at + 500, "a"), schedule(queue, "held", at, "b")]);
    await take(store, queue, at, { lease_ms: 100 });
    const reopened = await given.crash();
    const ids = (await take(reopened, queue, at + 500)).map(({ id, attempt }) => [id, attempt]);
    assert.deepEqual(ids, [["held", 1], ["later", 0]]);
  });

  // --- series

  test("samples become a series with its newest sample", async (given) => {
    const { store, service } = given;
    const t = given.now();
    await store.apply([append([given.sample(t, 1.5), given.sample(t + 1_000, 2.5)])]);
    assert.deepEqual(await store.series({ service }), [{
      series: seriesKey(service, "cpu", {}),
      service,
      metric: "cpu",
      labels: {},
      unit: "percent",
      last: { t: t + 1_000, v: 2.5 },
    }]);
  });

  test("the same sample again changes nothing", async (given) => {
    const { store, service } = given;
    const t = given.now();
    const samples = [given.sample(t, 1), given.sample(t + 1, 2), given.sample(t + 1, 3)];
    for (let i = 0; i < 3; i++) await store.apply([append(samples), append(samples)]);
    const [one] = await store.range({ service, from: t, to: t + 1 });
    assert.equal(one!.points.length, 3);
    assert.equal(one!.last.t, t + 1);
  });

  test("samples of one time and different ids are all kept", async (given) => {
    const { store, service } = given;
    const t = given.now();
    const samples = Array.from({ length: 50 }, (_, i) => given.sample(t, i, { id: `id-${i}` }));
    await store.apply([append(samples)]);
    const [one] = await store.range({ service, from: t, to: t });
    assert.deepEqual(
      one!.points.map(({ v }) => v).toSorted((a, b) => a - b),
      samples.map(({ v }) => v),
    );
  });

  test("samples that come late are in their place, and the newest by event time stays", async (given) => {
    const { store, service } = given;
    const t = given.now();
    await store.apply([append([given.sample(t + 2_000, 3)])]);
    await store.apply([append([given.sample(t, 1), given.sample(t + 1_000, 2)])]);
    const [one] = await store.range({ service, from: t, to: t + 2_000 });
    assert.deepEqual(one!.points.map(({ t: at, v }) => [at - t, v]), [[0, 1], [1_000, 2], [
      2_000,
      3,
    ]]);
    assert.deepEqual(one!.last, { t: t + 2_000, v: 3 });
  });

  test("a range holds both its ends and nothing outside", async (given) => {
    const { store, service } = given;
    const t = given.now();
    await store.apply([append([0, 1, 2, 3, 4].map((i) => given.sample(t + i, i)))]);
    const [one] = await store.range({ service, from: t + 1, to: t + 3 });
    assert.deepEqual(one!.points.map(({ v }) => v), [1, 2, 3]);
    assert.deepEqual(await store.range({ service, from: t + 10, to: t + 20 }), []);
  });

  test("series differ by service, metric and labels, and are ordered by identity", async (given) => {
    const { store, service } = given;
    const t = given.now();
    const labelled = (labels: Labels, metric = "cpu") => given.sample(t, 1, { labels, metric });
    await store.apply([append([
      labelled({ host: "b" }),
      labelled({ host: "a" }),
      labelled({}),
      labelled({}, "memory"),
      {
        ...labelled({}),
        service: `${service}-other`,
        series: seriesKey(`${service}-other`, "cpu", {}),
      },
    ])]);
    const names = (list: { metric: string; labels: Labels }[]) =>
      list.map(({ metric, labels }) => `${metric} ${labels.host ?? ""}`);
    const cpu = ["cpu ", "cpu a", "cpu b"];
    assert.deepEqual(names(await store.series({ service })), [...cpu, "memory "]);
    assert.deepEqual(names(await store.series({ service, metric: "cpu" })), cpu);
    const ranges = await store.range({ service, metric: "cpu", from: t, to: t });
    assert.deepEqual(names(ranges), cpu);
    assert(ranges.every(({ points }) => points.length === 1));
    assert.deepEqual(names(await store.range({ service, from: t, to: t })), [...cpu, "memory "]);
    const everywhere = (await store.series()).map((one) => one.service);
    assert(everywhere.includes(service) && everywhere.includes(`${service}-other`));
  });

  test("a step gives the mean, least, greatest and count of each step that has samples", async (given) => {
    const { store, service } = given;
    const t = Math.floor(given.now() / 60_000) * 60_000;
    await store.apply([append([
      given.sample(t, 1),
      given.sample(t + 500, 3),
      given.sample(t + 999, 8),
      given.sample(t + 3_000, 5),
    ])]);
    const [one] = await store.range({ service, from: t, to: t + 10_000, step_ms: 1_000 });
    assert.deepEqual(one!.points, [
      { t, v: 4, min: 1, max: 8, count: 3 },
      { t: t + 3_000, v: 5, min: 5, max: 5, count: 1 },
    ]);
  });

  test("steps are aligned to the clock, whatever the range", async (given) => {
    const { store, service } = given;
    const t = Math.floor(given.now() / 60_000) * 60_000;
    await store.apply([append([10, 20, 70].map((s) => given.sample(t + s * 1_000, s)))]);
    const [one] = await store.range({ service, from: t + 15_000, to: t + 90_000, step_ms: 60_000 });
    assert.deepEqual(one!.points.map(({ t: at, v }) => [at - t, v]), [[0, 20], [60_000, 70]]);
  });

  test("a sample with another unit belongs to the same series", async (given) => {
    const { store, service } = given;
    const t = given.now();
    await store.apply([append([given.sample(t, 1, { unit: "percent" })])]);
    await store.apply([append([given.sample(t + 1, 2, { unit: "ratio" })])]);
    const [one, ...rest] = await store.range({ service, from: t, to: t + 1 });
    assert.deepEqual(rest, []);
    assert.equal(one!.unit, "ratio");
    assert.equal(one!.points.length, 2);
  });

  test("hostile labels and ids are like any other", async (given) => {
    const { store, service } = given;
    const t = given.now();
    const texts = hostileTexts.filter((text) => text.isWellFormed() && text !== "");
    await store.apply([
      append(texts.map((text) => given.sample(t, 1, { id: text, labels: { text } }))),
    ]);
    const found = await store.range({ service, from: t, to: t });
    assert.deepEqual(new Set(found.map(({ labels }) => labels.text)), new Set(texts));
  });

  test("extreme values are kept exactly", async (given) => {
    const { store, service } = given;
    const t = given.now();
    const values = [0, -1.5, 1e-300, 1e300, Number.MAX_SAFE_INTEGER, 0.1 + 0.2];
    await store.apply([append(values.map((v, i) => given.sample(t + i, v)))]);
    const [one] = await store.range({ service, from: t, to: t + 10 });
    assert.deepEqual(one!.points.map(({ v }) => v), values);
  });

  test("series and their points survive a crash", async (given) => {
    const { service } = given;
    const t = given.now();
    const samples = [given.sample(t, 1), given.sample(t + 1, 2, { labels: { host: "a" } })];
    await given.store.apply([append(samples)]);
    const before = await given.store.range({ service, from: t, to: t + 5 });
    const store = await given.crash();
    assert.deepEqual(await store.range({ service, from: t, to: t + 5 }), before);
    assert.equal(before.length, 2);
    await store.apply([append([...samples, given.sample(t + 3, 3)])]);
    const after = await store.range({ service, from: t, to: t + 5 });
    assert.deepEqual(after.map(({ points }) => points.length), [2, 1]);
  });

  // --- marks, once, leases

  test("marks are seen until their time has passed", async ({ store, service, pass }) => {
    const keys = ["a", "b", "c"].map((key) => `${service}/${key}`);
    await store.apply([
      { do: "mark", keys: [keys[0]!], ttl_ms: short_ms },
      { do: "mark", keys: [keys[2]!], ttl_ms: long_ms },
    ]);
    assert.deepEqual(await store.seen(keys), [true, false, true]);
    await pass(short_ms + 50);
    assert.deepEqual(await store.seen(keys), [false, false, true]);
    await store.maintain();
    assert.deepEqual(await store.seen(keys), [false, false, true]);
    assert.deepEqual(await store.seen([]), []);
  });

  test("marking again makes a mark last longer", async ({ store, service, pass }) => {
    await store.apply([{ do: "mark", keys: [service], ttl_ms: short_ms }]);
    await store.apply([{ do: "mark", keys: [service], ttl_ms: long_ms }]);
    await pass(short_ms + 50);
    assert.deepEqual(await store.seen([service]), [true]);
  });

  test("hostile marks are told apart", async ({ store, service }) => {
    const texts = hostileTexts.filter((text) => text.isWellFormed()).map((text) => service + text);
    const [first, ...others] = texts;
    await store.apply([{ do: "mark", keys: others, ttl_ms: long_ms }]);
    assert.deepEqual(await store.seen(texts), [false, ...others.map(() => true)]);
    await store.apply([{ do: "mark", keys: [first!], ttl_ms: long_ms }]);
    assert((await store.seen(texts)).every(Boolean));
  });

  test("once is true for one caller until its time has passed", async ({ store, service, pass }) => {
    const first = await Promise.all([1, 2, 3].map(() => store.once(service, short_ms)));
    assert.deepEqual(first.filter(Boolean), [true]);
    assert.equal(await store.once(`${service}/other`, short_ms), true);
    await pass(short_ms + 50);
    assert.equal(await store.once(service, short_ms), true);
    assert.equal(await store.once(service, short_ms), false);
  });

  test("once and marks are apart", async ({ store, service }) => {
    await store.apply([{ do: "mark", keys: [service], ttl_ms: long_ms }]);
    assert.equal(await store.once(service, long_ms), true);
  });

  test("a lease has one holder, who may extend it", async ({ store, service, pass }) => {
    assert.equal(await store.lease(service, "me", short_ms), true);
    assert.equal(await store.lease(service, "you", short_ms), false);
    assert.equal(await store.lease(service, "me", long_ms), true);
    await pass(short_ms + 50);
    assert.equal(await store.lease(service, "you", short_ms), false);
    assert.equal(await store.lease(`${service}/other`, "you", short_ms), true);
  });

  test("a lease is free when its time has passed", async ({ store, service, pass }) => {
    assert.equal(await store.lease(service, "me", short_ms), true);
    await pass(short_ms + 50);
    assert.equal(await store.lease(service, "you", long_ms), true);
    assert.equal(await store.lease(service, "me", long_ms), false);
  });

  // --- durability, housekeeping

  test("records, marks, once and revisions survive a crash", async (given) => {
    const { kind, service } = given;
    await given.store.apply([
      put(kind, "a", thing("one"), { rank: 4, ttl_ms: long_ms }),
      { do: "mark", keys: [service], ttl_ms: long_ms },
    ]);
    await given.store.apply([put(kind, "a", thing("two"))]);
    await given.store.once(service, long_ms);
    const revision = await given.store.revision(kind);
    const store = await given.crash();
    const { value, version, rank } = (await store.get(kind, "a"))!;
    assert.deepEqual({ value, version, rank }, { value: thing("two"), version: 2, rank: 4 });
    assert.deepEqual(await store.seen([service]), [true]);
    assert.equal(await store.once(service, long_ms), false);
    assert.equal(await store.revision(kind), revision);
  });

  test("housekeeping keeps what is still wanted", async (given) => {
    const { store, kind, queue, service } = given;
    const t = given.now();
    await store.apply([
      put(kind, "a", thing("one")),
      put(kind, "b", thing("two"), { ttl_ms: long_ms }),
      schedule(queue, "x", 1),
      append([given.sample(t, 1)]),
      { do: "mark", keys: [service], ttl_ms: long_ms },
    ]);
    await store.maintain();
    assert.equal(await store.count(kind), 2);
    assert.equal(await store.next(queue), 1);
    assert.equal((await store.range({ service, from: t, to: t })).length, 1);
    assert.deepEqual(await store.seen([service]), [true]);
  });

  test("a store that can be written to says so", async ({ store }) => {
    await store.check();
  });
}
