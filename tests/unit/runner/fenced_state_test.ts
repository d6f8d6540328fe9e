/**
 * Two owners of one partition's state, in virtual time: a process that slept through the loss of its
 * partition, and a store whose answers get lost.
 *
 * @module
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { z } from "zod";
import type { Consumer, Incoming } from "shared/broker/port.ts";
import {
  Conflict,
  defineKind,
  defineTopic,
  type PartitionState,
  topic,
  type TopicTrigger,
  Unavailable,
} from "shared/define/mod.ts";
import { defineFunction } from "functions/define.ts";
import { subscribe } from "shared/runner/topics.ts";
import type { Store } from "shared/store/port.ts";
import { testWorld } from "tests/support/invoke.ts";

const group = "test.count";
const counted = defineTopic({
  name: "counted",
  key: (message) => message.key,
  schema: z.object({ key: z.string() }),
  partitions: 1,
});

/** How often each key came: parts that are mixed of two states do not add up. */
type Counts = { counts: Map<string, number>; changed: Set<string> };
const counts: PartitionState<Counts> = {
  name: "counts",
  create: () => ({ counts: new Map(), changed: new Set() }),
  *dirty({ counts, changed }) {
    for (const key of changed) yield [key, counts.get(key)];
    changed.clear();
  },
  restore: ({ counts }, key, part) => void counts.set(key, part as number),
};

const parts = defineKind<number>({ name: "state-counts-0", writer: "test" });
const offsets = defineKind<{ offset: number }>({ name: "state-offset", writer: "test" });

/** The key of each message of the log, by offset. */
const keyAt = (offset: number) => `key-${offset * 7 % 5}`;
const record = (offset: number): Incoming => ({
  topic: "counted",
  partition: 0,
  offset,
  key: keyAt(offset),
  value: JSON.stringify({ key: keyAt(offset) }),
  headers: {},
  published_at: 0,
});

/** What a single owner has counted when it has read up to an offset. */
function countedUpTo(offset: number): Record<string, number> {
  const counts: Record<string, number> = {};
  for (let i = 0; i <= offset; i++) counts[keyAt(i)] = (counts[keyAt(i)] ?? 0) + 1;
  return counts;
}

interface Handling {
  readonly state: Counts;
  checkpoint(): Promise<void>;
}

/** One process that owns the partition, or believes so: it reads as a broker would have it read. */
class Owner {
  /** The next offset that it reads. */
  position = 0;
  /** The state that its handler saw last. */
  seen: Counts | undefined;
  /** What the next call of its handler does besides counting. */
  meanwhile: ((handling: Handling) => Promise<void>) | undefined;
  /** How often its handler was called. */
  calls = 0;
  readonly #stop = new AbortController();
  readonly #signal = this.#stop.signal;
  #consumer: Consumer | undefined;

  async start(test: Awaited<ReturnType<typeof testWorld>>, store: Store, committed = 0) {
    const fn = defineFunction({
      name: group,
      on: topic(counted, { batch: 10, state: counts, wake: "5s" }),
      handler: async (messages, { state, checkpoint }) => {
        this.calls++;
        await this.meanwhile?.({ state, checkpoint });
        for (const { key } of messages) {
          state.counts.set(key, (state.counts.get(key) ?? 0) + 1);
          state.changed.add(key);
        }
        this.seen = state;
      },
    });
    const broker = {
      ...test.world.broker,
      subscribe: (_: unknown, consumer: Consumer) => {
        this.#consumer = consumer;
        return Promise.resolve({ stop: () => Promise.resolve() });
      },
    };
    const world = { ...test.world, store, broker };
    const site = { fn, service: "test", world, metrics: test.metrics, env: test.env };
    await subscribe(site, fn.on as TopicTrigger);
    this.position = await this.#consumer!.assigned!(0, committed) ?? committed;
    return this;
  }

  /** Reads one batch; it may be sent elsewhere instead. */
  async read(count: number): Promise<void> {
    const records = Array.from({ length: count }, (_, i) => record(this.position + i));
    const batch = { topic: "counted", partition: 0, records };
    const result = await this.#consumer!.batch(batch, this.#signal);
    this.position = result ? result.seek : this.position + count;
  }

  /** Reads until it has read up to an offset, as a broker does: what failed comes again. */
  async readUpTo(offset: number): Promise<void> {
    for (let tries = 0; this.position <= offset; tries++) {
      assert(tries < 100, `It reads offset ${this.position} without end`);
      try {
        await this.read(Math.min(4, offset + 1 - this.position));
      } catch (error) {
        assert(error instanceof Unavailable);
      }
    }
  }

  stop = () => this.#stop.abort();
  async idle(): Promise<void> {
    const result = await this.#consumer!.idle!(0, this.#signal);
    if (result) this.position = result.seek;
  }
  revoked = () => this.#consumer!.revoked!(0);
}

async function given(
  run: (given: {
    test: Awaited<ReturnType<typeof testWorld>>;
    owner(store?: Store, committed?: number): Promise<Owner>;
    /** Time for a snapshot. */
    pass(): Promise<void>;
    stored(): Promise<{ offset: number; counts: Record<string, number> }>;
  }) => Promise<void>,
) {
  const test = await testWorld();
  try {
    await run({
      test,
      owner: (store = test.store, committed) => new Owner().start(test, store, committed),
      pass: () => test.clock.advance(10_000),
      async stored() {
        const [offset, all] = await Promise.all([
          test.store.get(offsets, "counts/0"),
          test.store.list(parts),
        ]);
        return {
          offset: offset?.value.offset ?? -1,
          counts: Object.fromEntries(all.map(({ key, value }) => [key, value])),
        };
      },
    });
  } finally {
    await test.close();
  }
}

/** A store that differs in one call. */
function storeWith(store: Store, own: Partial<Store>): Store {
  return new Proxy(store, {
    get(target, name) {
      if (name in own) return own[name as keyof Store];
      const value = Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

/** The parts in the order of their keys, as an object. */
const shown = ({ counts }: Counts) => Object.fromEntries([...counts].sort());
const expected = (offset: number) => ({ offset, counts: countedUpTo(offset) });

Deno.test("a sleeper's late snapshot is refused, and it starts over from the new owner's", () =>
  given(async ({ owner, pass, stored }) => {
    const sleeper = await owner();
    await sleeper.readUpTo(4);
    await pass();
    await sleeper.readUpTo(6);
    await sleeper.read(1); // Not stored: it falls asleep with this.
    const next = await owner(undefined, 8);
    assert.equal(next.position, 7);
    await next.readUpTo(30);
    await pass();
    await next.readUpTo(32);
    assert.deepEqual(await stored(), expected(32));

    await sleeper.read(3); // Its snapshot is long due.
    assert.deepEqual(await stored(), expected(32));
    await sleeper.read(1);
    assert.equal(sleeper.position, 33);
    await sleeper.readUpTo(39);
    await pass();
    await sleeper.read(1);
    assert.deepEqual(await stored(), expected(40));
    assert.deepEqual(shown(sleeper.seen!), countedUpTo(40));

    // Now it is the other one that is behind.
    await next.readUpTo(45);
    assert.deepEqual(shown(next.seen!), countedUpTo(45));
  }));

Deno.test("a sleeper whose partition is taken away writes nothing", () =>
  given(async ({ owner, pass, stored }) => {
    const sleeper = await owner();
    await sleeper.readUpTo(2);
    const next = await owner();
    await next.readUpTo(20);
    await pass();
    await next.readUpTo(21);
    await sleeper.revoked();
    assert.deepEqual(await stored(), expected(21));
  }));

Deno.test("an owner whose partition is taken away stores its state", () =>
  given(async ({ owner, stored }) => {
    const one = await owner();
    await one.readUpTo(5);
    await one.revoked();
    assert.deepEqual(await stored(), expected(5));
  }));

Deno.test("a sleeper's checkpoint ends the call once, and the state starts over", () =>
  given(async ({ owner, pass, stored }) => {
    const sleeper = await owner();
    await sleeper.readUpTo(3);
    const next = await owner();
    await next.readUpTo(20);
    await pass();
    await next.readUpTo(21);
    const before = sleeper.calls;
    sleeper.meanwhile = ({ checkpoint }) => checkpoint();
    await sleeper.read(2);
    await sleeper.read(2);
    assert.equal(sleeper.calls, before + 1);
    assert.equal(sleeper.position, 22);
    await sleeper.readUpTo(25);
    await sleeper.read(2);
    assert.deepEqual(shown(sleeper.seen!), countedUpTo(27));
    assert.deepEqual(await stored(), expected(25)); // As of before its last batch.
  }));

Deno.test("a checkpoint that cannot be stored is made again, and not passed over", () =>
  given(async ({ test, owner, stored }) => {
    let away = false;
    const one = await owner(storeWith(test.store, {
      apply: (changes) =>
        away ? Promise.reject(new Unavailable("away")) : test.store.apply(changes),
    }));
    await one.readUpTo(3);
    let decided = false;
    one.meanwhile = async ({ checkpoint }) => {
      if (decided) return;
      decided = away = true;
      await checkpoint().finally(() => decided = away = false);
      decided = true;
    };
    await assert.rejects(one.read(2), Unavailable);
    assert.equal((await stored()).offset, -1);
    one.meanwhile = async ({ checkpoint }) => {
      if (!decided) await checkpoint();
      decided = true;
    };
    await one.read(2);
    assert.equal(one.position, 0, "It starts over");
    await one.readUpTo(6);
    assert.deepEqual(shown(one.seen!), countedUpTo(6));
  }));

Deno.test("what a call that was cut off has changed is stored by nobody", () =>
  given(async ({ owner, pass, stored }) => {
    const one = await owner();
    await one.readUpTo(2);
    await pass();
    await one.readUpTo(4);
    one.meanwhile = ({ state }) => {
      state.counts.set("told nobody", 1);
      state.changed.add("told nobody");
      one.stop();
      return Promise.reject(new Unavailable("The broker is away"));
    };
    await assert.rejects(one.read(2), Unavailable);
    await one.revoked();
    assert.deepEqual(await stored(), expected(4));
  }));

Deno.test("of two who read a partition first one starts over", () =>
  given(async ({ owner, pass, stored }) => {
    const [one, other] = [await owner(), await owner()];
    await one.readUpTo(7);
    await pass();
    await one.readUpTo(8);
    await other.read(1);
    await other.read(1);
    assert.equal(other.position, 9);
    assert.deepEqual(await stored(), expected(8));
  }));

Deno.test("a quiet sleeper goes on where the stored state is, and time passes for it again", () =>
  given(async ({ test, owner, pass, stored }) => {
    let lost = false;
    const one = await owner(storeWith(test.store, {
      async apply(changes) {
        await test.store.apply(changes);
        if (lost) throw new Conflict("Carried out, and refused when it was sent again");
      },
    }));
    await one.readUpTo(5);
    await pass();
    lost = true;
    await one.idle();
    lost = false;
    assert.deepEqual(await stored(), expected(5));
    await one.idle();
    assert.deepEqual(shown(one.seen!), countedUpTo(5));

    const next = await owner();
    await next.readUpTo(9);
    await pass();
    await next.readUpTo(10);
    await one.idle();
    const before = one.calls;
    await one.idle();
    assert.equal(one.calls, before, "It knows nothing of what was read meanwhile");
    assert.equal(one.position, 11);
    await one.idle();
    assert.deepEqual(shown(one.seen!), countedUpTo(10));
  }));

Deno.test("a state that is stored while another loads it is loaded as one", () =>
  given(async ({ test, owner, pass }) => {
    const one = await owner();
    await one.readUpTo(9);
    await pass();
    await one.readUpTo(10);
    await pass();
    let looks = 0;
    const slow = storeWith(test.store, {
      async list(kind, options) {
        if (looks++ === 0) await one.read(5);
        return await test.store.list(kind, options);
      },
    });
    const next = await owner(slow);
    assert.equal(next.position, 16);
    await next.readUpTo(18);
    assert.deepEqual(shown(next.seen!), countedUpTo(18));
    assert.equal(looks, 2);
  }));

type Step =
  | { do: "read"; who: number; count: number }
  | { do: "idle" | "take away" | "die"; who: number }
  | { do: "pass"; ms: number };

Deno.test("whoever wakes, dies, and hears no answer: what is stored is of one state", async () => {
  const who = fc.integer({ min: 0, max: 2 });
  const step: fc.Arbitrary<Step> = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        do: fc.constant("read" as const),
        who,
        count: fc.integer({ min: 1, max: 6 }),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        do: fc.constant("pass" as const),
        ms: fc.integer({ min: 1_000, max: 12_000 }),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        do: fc.constantFrom("idle" as const, "take away" as const, "die" as const),
        who,
      }),
    },
  );
  const answers = fc.infiniteStream(
    fc.constantFrom("heard", "heard", "heard", "lost", "refused", "away"),
  );
  await fc.assert(fc.asyncProperty(
    fc.array(step, { maxLength: 40 }),
    answers,
    (steps, answers) =>
      given(async ({ test, owner, stored }) => {
        const faulty = storeWith(test.store, {
          async apply(changes) {
            const { value: answer } = answers.next();
            if (answer === "away") throw new Unavailable("Not carried out");
            await test.store.apply(changes);
            if (answer === "lost") throw new Unavailable("Carried out");
            if (answer === "refused") throw new Conflict("Carried out, and sent again");
          },
        });
        const owners = await Promise.all([0, 1, 2].map(() => owner(faulty)));
        const restart = async (who: number) => owners[who] = await owner(faulty);
        const tolerate = (error: unknown) => assert(error instanceof Unavailable);
        for (const step of steps) {
          if (step.do === "pass") await test.clock.advance(step.ms);
          if (step.do === "read") await owners[step.who]!.read(step.count).catch(tolerate);
          if (step.do === "idle") await owners[step.who]!.idle();
          if (step.do === "take away") await owners[step.who]!.revoked().catch(tolerate);
          if (step.do === "take away" || step.do === "die") await restart(step.who);
          const { offset, counts } = await stored();
          assert.deepEqual(counts, countedUpTo(offset));
        }
        for (const one of owners) {
          await one.readUpTo(200);
          assert.deepEqual(shown(one.seen!), countedUpTo(200));
        }
      }),
  ));
});
