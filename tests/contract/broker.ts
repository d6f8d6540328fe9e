/**
 * What every broker must do, told as tests that any adapter is put through. Nothing here knows how an
 * adapter works or how fast it is: time passes through the world that the adapter brings.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { Batch, Broker, Consumer, Incoming, Outgoing } from "shared/broker/port.ts";
import { positiveMurmur2 } from "shared/broker/murmur2.ts";

/** An adapter under test, and the time it lives in. */
export interface BrokerWorld {
  readonly broker: Broker;
  /** Lets milliseconds pass: really, or on a virtual clock. */
  pass(ms: number): Promise<void>;
  /** The same data through a new connection; the old one is cut off with no goodbye. */
  crash(): Promise<Broker>;
  close(): Promise<void>;
}

/** Hostile text: what breaks careless encodings. */
export const hostileTexts = [
  "",
  "a\u0000b",
  "\u0001x",
  "quote ' \" ` \\",
  "ünïcödé 🚀 \u202e مرحبا",
  "lone \ud800 surrogate",
  "% _ * ? [a-z] ; -- drop table log",
  "line\nbreak\ttab",
  "x".repeat(10_000),
];

/** A consumer that keeps what it gets. */
class Reader implements Consumer {
  readonly records: Incoming[] = [];
  readonly batches: Batch[] = [];
  readonly events: string[] = [];
  readonly #handle: (batch: Batch, signal: AbortSignal) => Promise<void | { seek: number }>;

  constructor(
    handle: (batch: Batch, signal: AbortSignal) => Promise<void | { seek: number }> =
      async () => {},
  ) {
    this.#handle = handle;
  }

  async assigned(partition: number): Promise<undefined> {
    this.events.push(`assigned ${partition}`);
  }

  async batch(batch: Batch, signal: AbortSignal) {
    const result = await this.#handle(batch, signal);
    this.batches.push(batch);
    this.records.push(...batch.records);
    this.events.push(`batch ${batch.partition}`);
    return result;
  }

  async revoked(partition: number) {
    this.events.push(`revoked ${partition}`);
  }

  get values(): string[] {
    return this.records.map(({ value }) => value);
  }
}

const message = (topic: string, value: unknown, key = "k"): Outgoing => ({
  topic,
  key,
  value: JSON.stringify(value),
  headers: {},
});

/** A key that belongs to a partition. */
function keyOf(partition: number, partitions: number): string {
  for (let i = 0;; i++) {
    if (positiveMurmur2(`key-${i}`) % partitions === partition) return `key-${i}`;
  }
}

let topics = 0;

/** Registers the suite for an adapter. */
export function brokerContract(name: string, open: () => Promise<BrokerWorld>): void {
  interface Given extends BrokerWorld {
    /** Creates a topic of its own for the test; returns its name. */
    topic(partitions?: number): Promise<string>;
    /** Lets time pass until something holds. */
    until(what: string, holds: () => boolean | Promise<boolean>): Promise<void>;
  }

  function test(property: string, run: (given: Given) => Promise<void>) {
    Deno.test(`${name}: ${property}`, async () => {
      const world = await open();
      try {
        await run({
          ...world,
          async topic(partitions = 3) {
            const topic = `contract-${++topics}-${crypto.randomUUID().slice(0, 8)}`;
            await world.broker.create([{ name: topic, partitions }]);
            return topic;
          },
          async until(what, holds) {
            for (let tries = 0; tries < 400; tries++) {
              if (await holds()) return;
              await world.pass(50);
            }
            assert.fail(`Never happened: ${what}`);
          },
        });
      } finally {
        await world.close();
      }
    });
  }

  const lagOf = async (broker: Broker, group: string) =>
    (await broker.lag()).filter((row) => row.group === group).reduce(
      (sum, { lag }) => sum + lag,
      0,
    );

  test("messages of one key are read in the order they were published", async (given) => {
    const topic = await given.topic();
    const reader = new Reader();
    await given.broker.subscribe({ group: "g", topic, max: 7 }, reader);
    for (let i = 0; i < 10; i++) {
      await given.broker.publish(
        Array.from({ length: 10 }, (_, j) => message(topic, i * 10 + j, `key-${j % 4}`)),
      );
    }
    await given.until("all are read", () => reader.records.length === 100);
    for (let key = 0; key < 4; key++) {
      const values = reader.records.filter((r) => r.key === `key-${key}`).map((r) => +r.value);
      assert.deepEqual(values, values.toSorted((a, b) => a - b));
    }
  });

  test("publishing side by side keeps the order of the calls", async (given) => {
    const topic = await given.topic(1);
    const reader = new Reader();
    await Promise.all(
      Array.from({ length: 50 }, (_, i) => given.broker.publish([message(topic, i)])),
    );
    await given.broker.subscribe({ group: "g", topic, max: 100 }, reader);
    await given.until("all are read", () => reader.records.length === 50);
    assert.deepEqual(reader.values.map(Number), Array.from({ length: 50 }, (_, i) => i));
  });

  test("a key's partition is the one Kafka's default partitioner picks", async (given) => {
    const topic = await given.topic(3);
    const reader = new Reader();
    await given.broker.subscribe({ group: "g", topic, max: 100 }, reader);
    await given.broker.publish(
      Array.from({ length: 60 }, (_, i) => message(topic, i, `service-${i % 20}`)),
    );
    await given.until("all are read", () => reader.records.length === 60);
    for (const { key, partition } of reader.records) {
      assert.equal(partition, positiveMurmur2(key) % 3);
    }
    assert.deepEqual(new Set(reader.records.map((r) => r.partition)), new Set([0, 1, 2]));
  });

  test("a message is read as it was published", async (given) => {
    const topic = await given.topic(1);
    const reader = new Reader();
    const headers = { traceparent: "00-ab-cd-01", "event-id": "ünï 🚀" };
    await given.broker.publish([{ topic, key: "k", value: '{"a":"é"}', headers }]);
    await given.broker.subscribe({ group: "g", topic, max: 10 }, reader);
    await given.until("it is read", () => reader.records.length === 1);
    const { published_at, offset, ...rest } = reader.records[0]!;
    assert.deepEqual(rest, { topic, partition: 0, key: "k", value: '{"a":"é"}', headers });
    assert.equal(typeof published_at, "number");
    assert.equal(typeof offset, "number");
  });

  test("hostile values come through unchanged", async (given) => {
    const topic = await given.topic(1);
    const reader = new Reader();
    const sent = hostileTexts.map((text) => message(topic, text));
    await given.broker.publish(sent);
    await given.broker.subscribe({ group: "g", topic, max: 3 }, reader);
    await given.until("all are read", () => reader.records.length === sent.length);
    assert.deepEqual(reader.values, sent.map(({ value }) => value));
  });

  test("hostile keys come through unchanged", async (given) => {
    const topic = await given.topic(1);
    const reader = new Reader();
    const keys = hostileTexts.filter((text) => text.isWellFormed());
    await given.broker.publish(keys.map((key) => message(topic, 1, key)));
    await given.broker.subscribe({ group: "g", topic, max: 3 }, reader);
    await given.until("all are read", () => reader.records.length === keys.length);
    assert.deepEqual(reader.records.map(({ key }) => key), keys);
  });

  test("large values come through", async (given) => {
    const topic = await given.topic(1);
    const reader = new Reader();
    const sent = Array.from({ length: 8 }, (_, i) => message(topic, `${i}`.repeat(900_000)));
    for (const one of sent) await given.broker.publish([one]);
    await given.broker.subscribe({ group: "g", topic, max: 100 }, reader);
    await given.until("all are read", () => reader.records.length === 8);
    assert.deepEqual(reader.values, sent.map(({ value }) => value));
  });

  test("offsets of a partition grow", async (given) => {
    const topic = await given.topic(2);
    const reader = new Reader();
    await given.broker.subscribe({ group: "g", topic, max: 4 }, reader);
    for (let i = 0; i < 20; i++) await given.broker.publish([message(topic, i, `key-${i}`)]);
    await given.until("all are read", () => reader.records.length === 20);
    for (const partition of [0, 1]) {
      const offsets = reader.records.filter((r) => r.partition === partition).map((r) => r.offset);
      assert.deepEqual(offsets, [...new Set(offsets)].toSorted((a, b) => a - b));
    }
  });

  test("a batch has at least one record, of one partition, and at most max", async (given) => {
    const topic = await given.topic(3);
    const reader = new Reader();
    await given.broker.publish(
      Array.from({ length: 40 }, (_, i) => message(topic, i, `key-${i % 9}`)),
    );
    await given.broker.subscribe({ group: "g", topic, max: 6 }, reader);
    await given.until("all are read", () => reader.records.length === 40);
    for (const batch of reader.batches) {
      assert(batch.records.length >= 1 && batch.records.length <= 6);
      assert(
        batch.records.every((r) => r.partition === batch.partition && r.topic === batch.topic),
      );
    }
  });

  test("publishing nothing is fine", async (given) => {
    await given.broker.publish([]);
  });

  test("a call that names a topic that does not exist publishes none of its messages", async (given) => {
    const topic = await given.topic(1);
    const reader = new Reader();
    await assert.rejects(
      given.broker.publish([message(topic, "no"), message("never-created", "no")]),
      /never-created/,
    );
    await given.broker.publish([message(topic, "yes")]);
    await given.broker.subscribe({ group: "g", topic, max: 10 }, reader);
    await given.until("something is read", () => reader.records.length > 0);
    assert.deepEqual(reader.values, ['"yes"']);
  });

  test("creating a topic again changes nothing", async (given) => {
    const topic = await given.topic(2);
    const reader = new Reader();
    await given.broker.publish([message(topic, 1)]);
    await given.broker.create([{ name: topic, partitions: 2 }]);
    await given.broker.subscribe({ group: "g", topic, max: 10 }, reader);
    await given.until("it is read", () => reader.records.length === 1);
  });

  test("subscribing to a topic that does not exist is refused by name", async (given) => {
    await assert.rejects(
      given.broker.subscribe({ group: "g", topic: "never-created", max: 1 }, new Reader()),
      /never-created/,
    );
  });

  test("a new group begins with the oldest message", async (given) => {
    const topic = await given.topic(1);
    const reader = new Reader();
    await given.broker.publish([message(topic, 1), message(topic, 2)]);
    await given.broker.subscribe({ group: "late", topic, max: 10 }, reader);
    await given.until("both are read", () => reader.records.length === 2);
  });

  test("every group gets every message", async (given) => {
    const topic = await given.topic(3);
    const readers = [new Reader(), new Reader()];
    await given.broker.subscribe({ group: "one", topic, max: 10 }, readers[0]!);
    await given.broker.subscribe({ group: "two", topic, max: 10 }, readers[1]!);
    await given.broker.publish(Array.from({ length: 9 }, (_, i) => message(topic, i, `key-${i}`)));
    await given.until("both have all", () => readers.every((r) => r.records.length === 9));
  });

  test("what a group has committed does not come again after a crash", async (given) => {
    const topic = await given.topic(3);
    const reader = new Reader();
    const first = await given.broker.subscribe({ group: "g", topic, max: 5 }, reader);
    await given.broker.publish(Array.from({ length: 12 }, (_, i) => message(topic, i, `key-${i}`)));
    await given.until(
      "all are committed",
      async () => reader.records.length === 12 && await lagOf(given.broker, "g") === 0,
    );
    await first.stop();
    const again = new Reader();
    const broker = await given.crash();
    await broker.subscribe({ group: "g", topic, max: 5 }, again);
    await broker.publish([message(topic, "new")]);
    await given.until("the new one is read", () => again.records.length > 0);
    assert.deepEqual(again.values, ['"new"']);
  });

  test("acknowledged messages are there after a crash, in order", async (given) => {
    const topic = await given.topic(1);
    for (let i = 0; i < 20; i++) await given.broker.publish([message(topic, i)]);
    const broker = await given.crash();
    await broker.publish([message(topic, 20)]);
    const reader = new Reader();
    await broker.subscribe({ group: "g", topic, max: 100 }, reader);
    await given.until("all are read", () => reader.records.length === 21);
    assert.deepEqual(reader.values.map(Number), Array.from({ length: 21 }, (_, i) => i));
    assert.equal(new Set(reader.records.map((r) => r.offset)).size, 21);
  });

  test("a batch in flight at a crash comes again", async (given) => {
    const topic = await given.topic(1);
    const stuck = Promise.withResolvers<void>();
    let started = false;
    await given.broker.subscribe(
      { group: "g", topic, max: 10 },
      new Reader(() => {
        started = true;
        return stuck.promise;
      }),
    );
    await given.broker.publish([message(topic, 1)]);
    await given.until("it is worked on", () => started);
    const broker = await given.crash();
    const reader = new Reader();
    await broker.subscribe({ group: "g", topic, max: 10 }, reader);
    await given.until("it comes again", () => reader.records.length === 1);
    stuck.resolve();
  });

  test("a batch that throws comes again, and what follows waits for it", async (given) => {
    const topic = await given.topic(1);
    let failures = 0;
    const reader = new Reader(async () => {
      if (failures++ < 3) throw new Error("not now");
    });
    await given.broker.subscribe({ group: "g", topic, max: 2 }, reader);
    await given.broker.publish([1, 2, 3, 4].map((i) => message(topic, i)));
    await given.until("all are read", () => reader.records.length === 4);
    assert.deepEqual(reader.values, ["1", "2", "3", "4"]);
    assert(failures > 3);
  });

  test("a batch that throws is not committed", async (given) => {
    const topic = await given.topic(1);
    let tries = 0;
    const subscription = await given.broker.subscribe(
      { group: "g", topic, max: 10 },
      new Reader(() => {
        tries++;
        return Promise.reject(new Error("never"));
      }),
    );
    await given.broker.publish([message(topic, 1), message(topic, 2)]);
    await given.until("it was tried twice", () => tries > 1);
    assert.equal(await lagOf(given.broker, "g"), 2);
    await subscription.stop();
    const reader = new Reader();
    await given.broker.subscribe({ group: "g", topic, max: 10 }, reader);
    await given.until("the next member gets it", () => reader.records.length === 2);
  });

  test("seek goes on from its offset and commits nothing", async (given) => {
    const topic = await given.topic(1);
    let sought = false;
    const reader = new Reader(async ({ records }) => {
      if (sought) return;
      sought = true;
      assert.equal(await lagOf(given.broker, "g"), 4);
      return { seek: records[0]!.offset + 1 };
    });
    await given.broker.publish([0, 1, 2, 3].map((i) => message(topic, i)));
    await given.broker.subscribe({ group: "g", topic, max: 10 }, reader);
    await given.until("the rest comes again", () => reader.records.length >= 7);
    assert.deepEqual(reader.values, ["0", "1", "2", "3", "1", "2", "3"]);
    await given.until("it is committed", async () => await lagOf(given.broker, "g") === 0);
  });

  test("what is read again after a seek back was committed, and stays so", async (given) => {
    const topic = await given.topic(1);
    const first = new Reader();
    const subscription = await given.broker.subscribe({ group: "g", topic, max: 10 }, first);
    await given.broker.publish([0, 1, 2, 3].map((i) => message(topic, i)));
    await given.until(
      "all are committed",
      async () => first.records.length === 4 && await lagOf(given.broker, "g") === 0,
    );
    await subscription.stop();
    const values: string[] = [];
    const second = await given.broker.subscribe({ group: "g", topic, max: 1 }, {
      assigned: async () => first.records[0]!.offset,
      async batch({ records }) {
        if (values.length === 2) throw new Error("stuck in the middle");
        values.push(...records.map(({ value }) => value));
      },
    });
    await given.until("two are read again", () => values.length === 2);
    await second.stop();
    assert.equal(await lagOf(given.broker, "g"), 0);
    let committed = -1;
    await given.broker.subscribe({ group: "g", topic, max: 10 }, {
      async assigned(_, at) {
        committed = at;
        return undefined;
      },
      async batch() {},
    });
    await given.until("the group is asked", () => committed >= 0);
    assert.equal(committed, first.records[3]!.offset + 1);
  });

  test("reading starts where assigned says", async (given) => {
    const topic = await given.topic(1);
    const first = new Reader();
    const subscription = await given.broker.subscribe({ group: "g", topic, max: 10 }, first);
    await given.broker.publish([0, 1, 2, 3].map((i) => message(topic, i)));
    await given.until(
      "all are committed",
      async () => first.records.length === 4 && await lagOf(given.broker, "g") === 0,
    );
    await subscription.stop();
    const values: string[] = [];
    await given.broker.subscribe({ group: "g", topic, max: 10 }, {
      assigned: async () => first.records[2]!.offset,
      async batch({ records }) {
        values.push(...records.map(({ value }) => value));
      },
    });
    await given.until("the last two come again", () => values.length === 2);
    assert.deepEqual(values, ["2", "3"]);
  });

  test("the first batch waits for assigned, which is tried again when it throws", async (given) => {
    const topic = await given.topic(1);
    const events: string[] = [];
    await given.broker.publish([message(topic, 1)]);
    await given.broker.subscribe({ group: "g", topic, max: 10 }, {
      async assigned() {
        events.push("assigned");
        if (events.length < 3) throw new Error("the state is not there yet");
        return undefined;
      },
      async batch() {
        events.push("batch");
      },
    });
    await given.until("the batch came", () => events.includes("batch"));
    assert.deepEqual(events, ["assigned", "assigned", "assigned", "batch"]);
  });

  test("calls for one partition never overlap", async (given) => {
    const topic = await given.topic(2);
    const busy = new Map<number, number>();
    let worst = 0;
    const reader = new Reader(async ({ partition }) => {
      busy.set(partition, (busy.get(partition) ?? 0) + 1);
      worst = Math.max(worst, busy.get(partition)!);
      await Promise.resolve();
      busy.set(partition, busy.get(partition)! - 1);
    });
    await given.broker.subscribe({ group: "g", topic, max: 1 }, reader);
    await Promise.all(
      Array.from({ length: 30 }, (_, i) => given.broker.publish([message(topic, i, `key-${i}`)])),
    );
    await given.until("all are read", () => reader.records.length === 30);
    assert.equal(worst, 1);
  });

  test("a partition that is stuck does not hold up the others", async (given) => {
    const topic = await given.topic(3);
    const stuck = Promise.withResolvers<void>();
    const reader = new Reader(({ partition }) =>
      partition === 0 ? stuck.promise : Promise.resolve()
    );
    await given.broker.subscribe({ group: "g", topic, max: 10 }, reader);
    await given.broker.publish([0, 1, 2].map((p) => message(topic, p, keyOf(p, 3))));
    await given.until("the others are read", () => reader.records.length === 2);
    assert.deepEqual(new Set(reader.values), new Set(["1", "2"]));
    stuck.resolve();
    await given.until("it goes on", () => reader.records.length === 3);
  });

  test("members of a group share its partitions, and each message is handled once", async (given) => {
    const topic = await given.topic(3);
    const readers = [new Reader(), new Reader()];
    for (const reader of readers) {
      await given.broker.subscribe({ group: "g", topic, max: 10 }, reader);
    }
    await given.until(
      "both have partitions",
      () => readers.every((r) => r.events.some((e) => e.startsWith("assigned"))),
    );
    await given.pass(100);
    await given.broker.publish(Array.from({ length: 30 }, (_, i) => message(topic, i, `key-${i}`)));
    await given.until(
      "all are read",
      () => readers[0]!.records.length + readers[1]!.records.length >= 30,
    );
    const partitions = readers.map((r) => new Set(r.records.map(({ partition }) => partition)));
    assert(partitions[0]!.isDisjointFrom(partitions[1]!));
    assert.equal(partitions[0]!.union(partitions[1]!).size, 3);
    assert.equal(new Set(readers.flatMap((r) => r.values)).size, 30);
  });

  test("partitions of a member that leaves go to the others, nothing lost or doubled", async (given) => {
    const topic = await given.topic(3);
    const readers = [new Reader(), new Reader(), new Reader()];
    const subscriptions = [];
    for (const reader of readers) {
      subscriptions.push(await given.broker.subscribe({ group: "g", topic, max: 3 }, reader));
    }
    const publish = async (from: number) => {
      for (let i = from; i < from + 20; i++) {
        await given.broker.publish([message(topic, i, `key-${i}`)]);
      }
    };
    await publish(0);
    await subscriptions[0]!.stop();
    await publish(20);
    await subscriptions[2]!.stop();
    await publish(40);
    await given.until("all are read", () => readers.flatMap((r) => r.values).length >= 60);
    await given.pass(100);
    const values = readers.flatMap((r) => r.values).map(Number).toSorted((a, b) => a - b);
    assert.deepEqual(values, Array.from({ length: 60 }, (_, i) => i));
  });

  test("a partition moves only after its batch has ended and revoked has returned", async (given) => {
    const topic = await given.topic(1);
    const gate = Promise.withResolvers<void>();
    const events: string[] = [];
    const consumer = (name: string, wait?: Promise<void>): Consumer => ({
      async assigned() {
        events.push(`${name} assigned`);
        return undefined;
      },
      async batch({ records }) {
        events.push(`${name} begins ${records[0]!.value}`);
        await wait;
        events.push(`${name} ends ${records[0]!.value}`);
      },
      async revoked() {
        await Promise.resolve();
        events.push(`${name} revoked`);
      },
    });
    const first = await given.broker.subscribe(
      { group: "g", topic, max: 1 },
      consumer("first", gate.promise),
    );
    await given.broker.publish([message(topic, 1), message(topic, 2)]);
    await given.until("the batch has begun", () => events.includes("first begins 1"));
    await given.broker.subscribe({ group: "g", topic, max: 1 }, consumer("second"));
    const stopped = first.stop();
    await given.pass(100);
    assert.deepEqual(events, ["first assigned", "first begins 1"]);
    gate.resolve();
    await stopped;
    await given.until("the second has read on", () => events.includes("second ends 2"));
    assert.deepEqual(events, [
      "first assigned",
      "first begins 1",
      "first ends 1",
      "first revoked",
      "second assigned",
      "second begins 2",
      "second ends 2",
    ]);
  });

  test("stop waits for what is in flight, commits it, and nothing follows", async (given) => {
    const topic = await given.topic(1);
    const gate = Promise.withResolvers<void>();
    let begun = false;
    let aborted = false;
    const reader = new Reader(async (_, signal) => {
      begun = true;
      await gate.promise;
      aborted = signal.aborted;
    });
    const subscription = await given.broker.subscribe({ group: "g", topic, max: 1 }, reader);
    await given.broker.publish([message(topic, 1), message(topic, 2)]);
    await given.until("the batch has begun", () => begun);
    const stopped = subscription.stop();
    gate.resolve();
    await stopped;
    assert(aborted, "the signal says that the partition is wanted back");
    await given.broker.publish([message(topic, 3)]);
    await given.pass(200);
    assert.deepEqual(reader.events, ["assigned 0", "batch 0", "revoked 0"]);
    assert.equal(await lagOf(given.broker, "g"), 2);
    await subscription.stop();
  });

  test("stop ends the retries of a batch that fails", async (given) => {
    const topic = await given.topic(1);
    let tries = 0;
    const subscription = await given.broker.subscribe(
      { group: "g", topic, max: 1 },
      new Reader(() => {
        tries++;
        return Promise.reject(new Error("never"));
      }),
    );
    await given.broker.publish([message(topic, 1)]);
    await given.until("it was tried", () => tries > 0);
    await subscription.stop();
    const before = tries;
    await given.pass(500);
    assert.equal(tries, before);
  });

  test("a group goes on where it stopped", async (given) => {
    const topic = await given.topic(1);
    const first = new Reader();
    const subscription = await given.broker.subscribe({ group: "g", topic, max: 10 }, first);
    await given.broker.publish([message(topic, 1)]);
    await given.until("the first is read", () => first.records.length === 1);
    await subscription.stop();
    await given.broker.publish([message(topic, 2)]);
    const second = new Reader();
    await given.broker.subscribe({ group: "g", topic, max: 10 }, second);
    await given.until("the second is read", () => second.records.length > 0);
    assert.deepEqual(second.values, ["2"]);
  });

  test("every broadcast subscriber gets every message from now on, and nothing is committed", async (given) => {
    const topic = await given.topic(3);
    await given.broker.publish([message(topic, "before")]);
    const readers = [new Reader(), new Reader()];
    const subscriptions = [];
    for (const reader of readers) {
      subscriptions.push(
        await given.broker.subscribe({ group: "b", topic, max: 10, broadcast: true }, reader),
      );
    }
    await given.broker.publish(Array.from({ length: 9 }, (_, i) => message(topic, i, `key-${i}`)));
    await given.until("both have all", () => readers.every((r) => r.records.length === 9));
    assert(readers.every((r) => !r.values.includes('"before"')));
    for (const subscription of subscriptions) await subscription.stop();
    await given.broker.publish([message(topic, "after")]);
    await given.pass(100);
    assert(readers.every((r) => r.records.length === 9));
    assert.deepEqual((await given.broker.lag()).filter(({ group }) => group === "b"), []);
  });

  test("lag counts what a group has not committed, per partition", async (given) => {
    const topic = await given.topic(2);
    const gate = Promise.withResolvers<void>();
    const reader = new Reader(() => gate.promise);
    await given.broker.subscribe({ group: "g", topic, max: 10 }, reader);
    const keys = [keyOf(0, 2), keyOf(1, 2), keyOf(1, 2)];
    await given.broker.publish(keys.map((key, i) => message(topic, i, key)));
    const rows = async () =>
      (await given.broker.lag()).filter((r) => r.group === "g" && r.topic === topic)
        .toSorted((a, b) => a.partition - b.partition).map((
          { partition, lag },
        ) => [partition, lag]);
    await given.until("it is seen", async () => JSON.stringify(await rows()) === "[[0,1],[1,2]]");
    gate.resolve();
    await given.until("it is gone", async () => JSON.stringify(await rows()) === "[[0,0],[1,0]]");
  });

  test("idle is called again and again while there is nothing to read", async (given) => {
    const topic = await given.topic(1);
    let idle = 0;
    const subscription = await given.broker.subscribe(
      { group: "g", topic, max: 10, wake_ms: 100 },
      {
        async batch() {},
        async idle(partition) {
          assert.equal(partition, 0);
          if (++idle === 2) throw new Error("a failing one is no end");
        },
      },
    );
    await given.until("it was called", () => idle >= 4);
    await subscription.stop();
    const before = idle;
    await given.pass(300);
    assert.equal(idle, before);
  });

  test("idle may seek: reading goes on there", async (given) => {
    const topic = await given.topic(1);
    const offsets: number[] = [];
    let sought = false;
    await given.broker.subscribe({ group: "g", topic, max: 10, wake_ms: 100 }, {
      async batch({ records }) {
        for (const { offset } of records) offsets.push(offset);
      },
      async idle() {
        if (sought || offsets.length < 3) return;
        sought = true;
        return { seek: offsets[1]! };
      },
    });
    await given.broker.publish([1, 2, 3].map((value) => message(topic, value)));
    await given.until("two are read again", () => offsets.length === 5);
    assert.deepEqual(offsets.slice(3), offsets.slice(1, 3));
  });

  test("a message ends the wait that idle is called in", async (given) => {
    const topic = await given.topic(1);
    const reader = new Reader();
    await given.broker.subscribe({ group: "g", topic, max: 10, wake_ms: 3_600_000 }, reader);
    await given.pass(100);
    await given.broker.publish([message(topic, 1)]);
    await given.until("it is read", () => reader.records.length === 1);
  });

  test("housekeeping keeps what is within its retention", async (given) => {
    const topic = await given.topic(1);
    await given.broker.publish([message(topic, 1)]);
    await given.broker.maintain();
    const reader = new Reader();
    await given.broker.subscribe({ group: "g", topic, max: 10 }, reader);
    await given.until("it is read", () => reader.records.length === 1);
  });

  test("a broker that can be written to says so", async (given) => {
    await given.broker.check();
  });
}
