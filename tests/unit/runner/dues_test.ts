/** Who works on a due item, in virtual time: replicas that are slow, dead, cut off, or asleep. @module */
import assert from "node:assert/strict";
import {
  defineQueue,
  defineService,
  type Due,
  due,
  Retryable,
  Unavailable,
} from "shared/define/mod.ts";
import { type Declared, defineFunction } from "functions/define.ts";
import { run, type Running } from "shared/runner/run.ts";
import { schedule, type Store } from "shared/store/port.ts";
import { testWorld } from "tests/support/invoke.ts";

const queue = defineQueue("work");

/** How a replica fares; `away` is a store that it does not reach. */
interface Fate {
  store: "reached" | "away";
  dead: boolean;
}

interface Replica {
  readonly fate: Fate;
  /** When it began with an item and ended, milliseconds since the test began. */
  readonly began: number[];
  readonly ended: number[];
  running: Running;
}

type Work = (due: Due, context: {
  replica: Replica;
  signal: AbortSignal;
  sleep(ms: number): Promise<void>;
}) => Promise<void>;

const hanging = () => new Promise<never>(() => {});

/** What a replica sees of the store that all share. */
function storeOf(store: Store, fate: Fate, own: Partial<Store>): Store {
  return new Proxy(store, {
    get(target, name) {
      const value = own[name as keyof Store] ?? Reflect.get(target, name);
      if (typeof value !== "function" || name === "watch") {
        return typeof value === "function" ? value.bind(target) : value;
      }
      return (...args: unknown[]) => {
        if (fate.dead) return hanging();
        if (fate.store === "away") return Promise.reject(new Unavailable("The store is away"));
        return value.apply(target, args);
      };
    },
  });
}

/** Replicas of a function that share a queue; those that live are stopped at the end. */
async function given(
  count: number,
  work: Work,
  script: (given: {
    test: Awaited<ReturnType<typeof testWorld>>;
    replicas: Replica[];
    /** Milliseconds since the test began. */
    at(): number;
    /** Moves on to a time. */
    until(ms: number): Promise<void>;
    stop(replica: Replica): Promise<void>;
  }) => Promise<void>,
  own: (i: number, store: Store, sleep: (ms: number) => Promise<void>) => Partial<Store> =
    () => ({}),
) {
  const test = await testWorld();
  const start = test.clock.now();
  const at = () => test.clock.now() - start;
  const launch = async (i: number): Promise<Replica> => {
    const fate: Fate = { store: "reached", dead: false };
    const replica: Replica = { fate, began: [], ended: [], running: undefined! };
    const sleep = async (ms: number) => {
      await test.clock.sleep(ms);
      if (fate.dead) await hanging();
    };
    const fn: Declared = defineFunction({
      name: "test.work",
      on: due(queue),
      async handler(item, { signal }) {
        replica.began.push(at());
        await work(item, { replica, signal, sleep });
        replica.ended.push(at());
      },
    });
    const store = storeOf(test.store, fate, own(i, test.store, sleep));
    replica.running = await run(
      [defineService({ name: "test", port: 0, functions: [fn] })],
      { ...test.world, store },
      { listen: false },
    );
    return replica;
  };
  const replicas: Replica[] = [];
  for (let i = 0; i < count; i++) replicas.push(await launch(i));
  const stop = async (replica: Replica) => {
    let open = true;
    const stopped = replica.running.stop().finally(() => open = false);
    while (open) await test.clock.advance(10);
    await stopped;
  };
  try {
    await script({ test, replicas, at, until: (ms) => test.clock.advance(ms - at()), stop });
    for (const replica of replicas) if (!replica.fate.dead) await stop(replica);
  } finally {
    await test.close();
  }
}

/** The replica that began with the only item, and the others. */
function byTurn(replicas: Replica[]): [Replica, Replica[]] {
  const [first, ...more] = replicas.filter(({ began }) => began.length > 0);
  assert.equal(more.length, 0);
  return [first!, replicas.filter((one) => one !== first)];
}

Deno.test("an item that takes longer than its lease is worked on by one replica, once", () =>
  given(
    2,
    (_, { sleep }) => sleep(50_000),
    async ({ test, replicas, at, until }) => {
      await test.store.apply([schedule(queue, "x", test.clock.now())]);
      await until(120_000);
      assert.deepEqual(replicas.flatMap(({ began }) => began), [0]);
      assert.deepEqual(replicas.flatMap(({ ended }) => ended), [50_000]);
      assert.equal(await test.store.next(queue), undefined);
      assert.equal(at(), 120_000);
    },
  ));

for (const [died, again] of [[1_000, 15_000], [2_999, 15_000], [3_001, 18_000], [12_500, 27_000]]) {
  Deno.test(`what a replica had in hand that died after ${died} ms is another's at ${again} ms`, () =>
    given(
      2,
      (_, { sleep }) => sleep(30_000),
      async ({ test, replicas, until }) => {
        await test.store.apply([schedule(queue, "x", test.clock.now())]);
        await until(died!);
        const [dead, [other]] = byTurn(replicas);
        dead.fate.dead = true;
        await until(100_000);
        assert.deepEqual(other!.began, [again]);
        assert.deepEqual(other!.ended, [again! + 30_000]);
        assert.equal(await test.store.next(queue), undefined);
      },
    ));
}

Deno.test("a replica that loses the store calls its work off before another begins with it", () => {
  const off: number[] = [];
  let at = () => 0;
  return given(
    2,
    async (_, { replica, signal, sleep }) => {
      if (replica.fate.store === "reached" && off.length === 0) {
        await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
        off.push(at());
        throw new DOMException("The operation was aborted", "AbortError");
      }
      await sleep(1_000);
    },
    async ({ test, replicas, until, at: now }) => {
      at = now;
      await test.store.apply([schedule(queue, "x", test.clock.now())]);
      await until(7_000);
      const [cut, [other]] = byTurn(replicas);
      cut.fate.store = "away";
      await until(60_000);
      cut.fate.store = "reached";
      await until(100_000);
      assert.deepEqual(off, [18_000]);
      assert.deepEqual(other!.began, [21_000]);
      assert.deepEqual([cut.began, other!.ended], [[0], [22_000]]);
      assert.deepEqual(test.published, [], "Called off is not given up");
      assert.equal(await test.store.next(queue), undefined);
    },
  );
});

Deno.test("a store that is away for two renewals costs nothing", () =>
  given(
    2,
    (_, { sleep }) => sleep(40_000),
    async ({ test, replicas, until }) => {
      await test.store.apply([schedule(queue, "x", test.clock.now())]);
      await until(7_000);
      for (const { fate } of replicas) fate.store = "away";
      await until(13_000);
      for (const { fate } of replicas) fate.store = "reached";
      await until(100_000);
      assert.deepEqual(replicas.flatMap(({ began }) => began), [0]);
      assert.deepEqual(replicas.flatMap(({ ended }) => ended), [40_000]);
    },
  ));

Deno.test("who ends late neither takes an item back from its new owner nor gives it away", () =>
  given(
    2,
    async (_, { replica, sleep }) => {
      if (replica.fate.store === "reached" && replica.began[0] === 0) {
        // Deaf to being called off.
        await sleep(30_000);
        throw new Retryable("Too late", { after: 0 });
      }
      await sleep(40_000);
    },
    async ({ test, replicas, until }) => {
      await test.store.apply([schedule(queue, "x", test.clock.now())]);
      await until(1_000);
      const [late, [other]] = byTurn(replicas);
      late.fate.store = "away";
      await until(25_000);
      late.fate.store = "reached";
      await until(120_000);
      assert.deepEqual([late.began, late.ended], [[0], []]);
      assert.deepEqual([other!.began, other!.ended], [[15_000], [55_000]]);
      assert.equal(await test.store.next(queue), undefined);
    },
  ));

Deno.test("an item that must wait comes again when it said, as the same due time", () => {
  const seen: Due[] = [];
  return given(
    2,
    async (item) => {
      seen.push(item);
      if (seen.length === 1) throw new Retryable("Not yet", { after: 3_000 });
    },
    async ({ test, replicas, until }) => {
      const at = test.clock.now();
      await test.store.apply([schedule(queue, "x", at, "lane")]);
      await until(60_000);
      assert.deepEqual(replicas.flatMap(({ began }) => began).sort(), [0, 3_000]);
      assert.deepEqual(seen, [{ id: "x", at, attempt: 0 }, { id: "x", at, attempt: 1 }]);
    },
  );
});

Deno.test("what a stopping replica gives back is another's at once, and no dead letter", () =>
  given(
    2,
    (_, { signal, sleep, replica }) =>
      replica.began[0] === 0
        ? new Promise((_, reject) =>
          signal.addEventListener("abort", () => reject(new Retryable("Stopped", { after: 0 })))
        )
        : sleep(1_000),
    async ({ test, replicas, until, stop }) => {
      await test.store.apply([schedule(queue, "x", test.clock.now())]);
      await until(1_000);
      const [stopping, [other]] = byTurn(replicas);
      const stopped = stop(stopping);
      await stopped;
      stopping.fate.dead = true;
      await until(60_000);
      // Within the seconds that a stop may take.
      assert.equal(other!.began.length, 1);
      assert(other!.began[0]! <= 5_100);
      assert.deepEqual(test.published, []);
    },
  ));

Deno.test("an answer that comes when its lease has ended begins nothing", () => {
  let slow = true;
  return given(
    2,
    (_, { sleep }) => sleep(10_000),
    async ({ test, replicas, until }) => {
      await test.store.apply([schedule(queue, "x", test.clock.now())]);
      await until(100_000);
      assert.deepEqual(replicas.map(({ began }) => began), [[], [15_000]]);
      assert.equal(await test.store.next(queue), undefined);
    },
    (i, store, sleep) =>
      i > 0 ? {} : {
        async take(...args) {
          const taken = await store.take(...args);
          if (taken.length > 0 && slow) {
            slow = false;
            await sleep(17_000);
          }
          return taken;
        },
      },
  );
});
