import assert from "node:assert/strict";
import fc from "fast-check";
import { Conflict, Unavailable } from "shared/define/mod.ts";
import { type Sample, seriesKey } from "shared/model/metric.ts";
import { openEmbeddedStore } from "shared/store/embedded.ts";
import { append, put, remove, schedule } from "shared/store/port.ts";
import { mayMount, smallDisk } from "tests/support/small_disk.ts";
import { settled, VirtualClock } from "tests/support/virtual_clock.ts";

const kind = { name: "thing", writer: "test" };
const queue = { name: "queue" };

type Options = Partial<Parameters<typeof openEmbeddedStore>[0]>;

function opened(options: Options = {}) {
  const clock = new VirtualClock();
  return { clock, store: openEmbeddedStore({ directory: ":memory:", clock, ...options }) };
}

async function inDirectory(run: (directory: string) => Promise<void>) {
  const directory = await Deno.makeTempDir({ prefix: "eventflow-store-" });
  try {
    await run(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

const sample = (t: number, v: number, service = "orders"): Sample => ({
  id: `${t}/${v}`,
  series: seriesKey(service, "cpu", {}),
  service,
  metric: "cpu",
  labels: {},
  unit: "percent",
  t,
  v,
});

Deno.test("opening gives taken items back at once, with their attempts, and voids their tokens", async () => {
  await inDirectory(async (directory) => {
    const first = opened({ directory });
    const now = first.clock.now();
    await first.store.apply([schedule(queue, "x", now, "lane")]);
    const [held] = await first.store.take(queue, { now, limit: 1, lease_ms: 3_600_000 });
    await first.store.close();
    const second = opened({ directory });
    assert.equal(await second.store.next(queue), now);
    await second.store.apply([{ do: "unschedule", queue: "queue", id: "x", token: held!.token }]);
    const [again] = await second.store.take(queue, { now, limit: 1, lease_ms: 1_000 });
    assert.deepEqual([again!.id, again!.lane, again!.attempt], ["x", "lane", 1]);
    await second.store.close();
  });
});

Deno.test("opening frees leases, whose holder is dead, and keeps what was done once", async () => {
  await inDirectory(async (directory) => {
    const first = opened({ directory });
    assert(await first.store.lease("schedule", "dead", 3_600_000));
    assert(await first.store.once("tick", 3_600_000));
    await first.store.close();
    const second = opened({ directory });
    assert(await second.store.lease("schedule", "alive", 3_600_000));
    assert(!await second.store.once("tick", 3_600_000));
    await second.store.close();
  });
});

Deno.test("housekeeping drops points past their retention, and series that have none left", async () => {
  const { store, clock } = opened({ retention_ms: 10_000 });
  const t = clock.now();
  await store.apply([append([sample(t, 1), sample(t + 8_000, 2), sample(t, 3, "payments")])]);
  await clock.advance(15_000);
  await store.maintain();
  const [orders] = await store.range({ service: "orders", from: 0, to: t + 20_000 });
  assert.deepEqual(orders!.points, [{ t: t + 8_000, v: 2 }]);
  assert.deepEqual((await store.series()).map(({ service }) => service), ["orders"]);
  await store.apply([append([sample(t + 15_000, 4, "payments")])]);
  assert.deepEqual((await store.series()).map(({ service }) => service), ["orders", "payments"]);
  await store.close();
});

Deno.test("a sample that comes while its series is being dropped is kept", async () => {
  await inDirectory(async (directory) => {
    const { store, clock } = opened({ directory, retention_ms: 10_000 });
    const t = clock.now();
    await store.apply([append([sample(t, 1)])]);
    await clock.advance(20_000);
    const late = () => store.apply([append([sample(t + 20_000, 2)])]);
    await Promise.all([store.maintain(), late()]);
    assert.equal((await store.series()).length, 1);
    await store.close();
    const again = openEmbeddedStore({ directory, clock });
    const [one] = await again.range({ service: "orders", from: 0, to: t + 20_000 });
    assert.deepEqual(one!.points, [{ t: t + 20_000, v: 2 }]);
    await again.close();
  });
});

Deno.test("a sample past its retention, in whatever turn of the housekeeping, harms no later one", async () => {
  await inDirectory(async (directory) => {
    const { store, clock } = opened({ directory, retention_ms: 10_000 });
    const t = clock.now();
    await clock.advance(20_000);
    const services = Array.from({ length: 100 }, (_, turns) => `service-${turns}`);
    for (const [turns, service] of services.entries()) {
      await store.apply([append([sample(t, 1, service)])]);
      const kept = store.maintain();
      for (let turn = 0; turn < turns; turn++) await undefined;
      await Promise.all([kept, store.apply([append([sample(t + 1, 2, service)])])]);
    }
    for (const service of services) {
      await store.apply([append([sample(t + 20_000, 3, service)])]);
    }
    await store.close();
    const again = openEmbeddedStore({ directory, clock });
    for (const service of services) {
      const [one] = await again.range({ service, from: t + 20_000, to: t + 20_000 });
      assert.deepEqual(one?.points, [{ t: t + 20_000, v: 3 }], service);
    }
    await again.close();
  });
});

Deno.test("housekeeping removes what is past its time from the file, and tells who watches", async () => {
  const { store, clock } = opened();
  await store.apply([
    ...Array.from({ length: 20 }, (_, i) => put(kind, `${i}`, i, { ttl_ms: 1_000 })),
    { do: "mark", keys: ["a", "b"], ttl_ms: 1_000 },
  ]);
  const before = await store.revision(kind);
  let told = 0;
  store.watch(kind.name, () => told++);
  await clock.advance(2_000);
  await store.maintain();
  await settled();
  assert(await store.revision(kind) > before);
  assert.equal(told, 1);
  await store.maintain();
  await settled();
  assert.equal(told, 1);
  await store.close();
});

Deno.test("much housekeeping is done in several transactions", async () => {
  const { store, clock } = opened();
  const keys = Array.from({ length: 6_000 }, (_, i) => `k${i}`);
  await store.apply([
    { do: "mark", keys, ttl_ms: 1_000 },
    ...keys.map((key) => put(kind, key, 1, { ttl_ms: 1_000 })),
  ]);
  await clock.advance(2_000);
  const done = store.maintain();
  await clock.advance(1);
  await done;
  await store.apply([put(kind, "k0", 2, { version: 0 })]);
  assert.equal(await store.count(kind), 1);
  await store.close();
});

Deno.test("a full lane that is skipped does not hide the others", async () => {
  const { store, clock } = opened();
  const now = clock.now();
  await store.apply(
    Array.from({ length: 5_000 }, (_, i) => schedule(queue, `slow-${i}`, now - 5_000 + i, "slow")),
  );
  await store.apply([schedule(queue, "quick", now, "quick")]);
  assert.equal(await store.next(queue, ["slow"]), now);
  const taken = await store.take(queue, { now, limit: 10, lease_ms: 1_000, skip: ["slow"] });
  assert.deepEqual(taken.map(({ id }) => id), ["quick"]);
  assert.equal(await store.next(queue), now - 5_000);
  await store.close();
});

Deno.test("whatever the order and repetition of samples, the series is the same", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ t: fc.nat(20), v: fc.nat(3) }), { minLength: 1, maxLength: 30 }),
      fc.integer({ min: 1, max: 7 }),
      async (list, chunk) => {
        const { store } = opened();
        for (let i = 0; i < list.length; i += chunk) {
          await store.apply([append(list.slice(i, i + chunk).map(({ t, v }) => sample(t, v)))]);
        }
        const [one] = await store.range({ service: "orders", from: 0, to: 100 });
        const wanted = new Set(list.map(({ t, v }) => `${t}/${v}`));
        assert.deepEqual(new Set(one!.points.map(({ t, v }) => `${t}/${v}`)), wanted);
        assert.equal(one!.points.length, wanted.size);
        assert.equal(one!.last.t, Math.max(...list.map(({ t }) => t)));
        const times = one!.points.map(({ t }) => t);
        assert.deepEqual(times, times.toSorted((a, b) => a - b));
        await store.close();
      },
    ),
    { numRuns: 40 },
  );
});

Deno.test("whatever the changes, records are what a plain map says they are", async () => {
  const change = fc.record({
    key: fc.constantFrom("a", "b", "c"),
    remove: fc.boolean(),
    version: fc.option(fc.nat(3), { nil: undefined }),
    value: fc.nat(),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(change, { maxLength: 3 }), { maxLength: 15 }),
      async (calls) => {
        const { store } = opened();
        const model = new Map<string, { value: number; version: number }>();
        for (const call of calls) {
          const refused = call.some(({ key, version }) =>
            version !== undefined && version !== (model.get(key)?.version ?? 0)
          );
          const applied = store.apply(
            call.map(({ key, remove: gone, version, value }) =>
              gone ? remove(kind, key, version) : put(kind, key, value, { version })
            ),
          );
          if (refused) {
            await assert.rejects(applied, Conflict);
            continue;
          }
          await applied;
          for (const { key, remove: gone, value } of call) {
            if (gone) model.delete(key);
            else model.set(key, { value, version: (model.get(key)?.version ?? 0) + 1 });
          }
        }
        const found = (await store.list(kind)).map((
          { key, value, version },
        ) => [key, value, version]);
        const wanted = [...model].map(([key, { value, version }]) => [key, value, version])
          .toSorted();
        assert.deepEqual(found, wanted);
        assert.equal(await store.count(kind), model.size);
        await store.close();
      },
    ),
    { numRuns: 60 },
  );
});

Deno.test("a full file refuses writes, reads go on, and deleting makes room", async () => {
  await inDirectory(async (directory) => {
    const { store } = opened({ directory, limit_bytes: 300_000 });
    let stored = 0;
    await assert.rejects(async () => {
      for (;; stored++) await store.apply([put(kind, `k${stored}`, "x".repeat(2_000))]);
    }, Unavailable);
    assert.equal(await store.count(kind), stored);
    assert.equal((await store.get(kind, "k0"))!.version, 1);
    await store.apply(Array.from({ length: 20 }, (_, i) => remove(kind, `k${i}`)));
    await store.apply([put(kind, "again", "x".repeat(2_000))]);
    assert.equal(await store.count(kind), stored - 19);
    await store.close();
  });
});

Deno.test({
  name: "a full disk refuses every write, reads go on, and all is well when there is room again",
  ignore: !await mayMount(),
  async fn() {
    const disk = await smallDisk(8);
    const { store, clock } = opened({ directory: disk.path });
    const large = "x".repeat(50_000);
    try {
      const t = clock.now();
      await store.apply([put(kind, "a", 1), schedule(queue, "x", t), append([sample(t, 1)])]);
      await disk.fill();
      await assert.rejects(
        store.apply([put(kind, "b", large), append([sample(t + 1, 2)])]),
        Unavailable,
      );
      await assert.rejects(store.check(), Unavailable);
      assert.equal((await store.get(kind, "a"))!.value, 1);
      assert.equal(await store.next(queue), t);
      assert.equal((await store.series())[0]!.last.t, t);
      await disk.free();
      await store.check();
      await store.apply([put(kind, "b", large, { version: 0 }), append([sample(t + 1, 2)])]);
      assert.equal((await store.series())[0]!.last.t, t + 1);
      assert.equal((await store.take(queue, { now: t, limit: 1, lease_ms: 1 })).length, 1);
    } finally {
      await store.close();
      await disk.remove();
    }
  },
});

Deno.test("a store that was closed says so", async () => {
  const { store } = opened();
  await store.close();
  await store.close();
  await assert.rejects(store.get(kind, "a"), Unavailable);
  await assert.rejects(store.apply([put(kind, "a", 1)]), Unavailable);
  await assert.rejects(store.check(), Unavailable);
});
