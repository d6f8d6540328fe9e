import assert from "node:assert/strict";
import { openEmbeddedBroker } from "shared/broker/embedded.ts";
import type { Incoming, Outgoing } from "shared/broker/port.ts";
import { Unavailable } from "shared/define/mod.ts";
import type { Clock } from "shared/time/clock.ts";
import { mayMount, smallDisk } from "tests/support/small_disk.ts";
import { settled, VirtualClock } from "tests/support/virtual_clock.ts";

const topic = "t";
const text = (value: string): Outgoing => ({ topic, key: "k", value, headers: {} });

type Options = Partial<Parameters<typeof openEmbeddedBroker>[0]>;

async function opened(options: Options = {}) {
  const clock = new VirtualClock();
  const broker = openEmbeddedBroker({ directory: ":memory:", clock, ...options });
  await broker.create([{ name: topic, partitions: 1 }]);
  const lag = async () => (await broker.lag()).map(({ lag }) => lag);
  return { broker, clock, lag };
}

async function inDirectory(run: (directory: string) => Promise<void>) {
  const directory = await Deno.makeTempDir({ prefix: "eventflow-broker-" });
  try {
    await run(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/** Reads what a new group finds. */
async function readAll(broker: Awaited<ReturnType<typeof opened>>["broker"]): Promise<Incoming[]> {
  const records: Incoming[] = [];
  const subscription = await broker.subscribe({ group: crypto.randomUUID(), topic, max: 1_000 }, {
    async batch(batch) {
      records.push(...batch.records);
    },
  });
  await settled();
  await subscription.stop();
  return records;
}

Deno.test("retention by age drops what is older and keeps the offsets", async () => {
  const { broker, clock } = await opened({ retention: { age_ms: 1_000 } });
  await broker.publish([text("1"), text("2")]);
  await clock.advance(800);
  await broker.publish([text("3")]);
  await clock.advance(800);
  await broker.maintain();
  assert.deepEqual((await readAll(broker)).map(({ offset, value }) => [offset, value]), [[2, "3"]]);
  await broker.close();
});

Deno.test("offsets go on when retention has dropped everything and the process began anew", async () => {
  await inDirectory(async (directory) => {
    const options = { directory, retention: { age_ms: 1_000 } };
    const first = await opened(options);
    await first.broker.publish([text("1"), text("2")]);
    await first.clock.advance(2_000);
    await first.broker.maintain();
    assert.deepEqual(await readAll(first.broker), []);
    await first.broker.close();
    const second = await opened(options);
    await second.broker.publish([text("3")]);
    assert.deepEqual((await readAll(second.broker)).map(({ offset }) => offset), [2]);
    await second.broker.close();
  });
});

Deno.test("retention by size keeps the newest that fit", async () => {
  const { broker } = await opened({ retention: { bytes: 1_000 } });
  for (let i = 0; i < 20; i++) await broker.publish([text(`${i % 10}`.repeat(97))]);
  await broker.maintain();
  const kept = await readAll(broker);
  assert.deepEqual(kept.map(({ offset }) => offset), Array.from({ length: 10 }, (_, i) => i + 10));
  await broker.close();
});

Deno.test("a large log is dropped in several transactions", async () => {
  const { broker, clock } = await opened({ retention: { age_ms: 1_000 } });
  for (let i = 0; i < 12; i++) {
    await broker.publish(Array.from({ length: 1_000 }, () => text("x")));
  }
  await clock.advance(2_000);
  await broker.publish([text("kept")]);
  const done = broker.maintain();
  await clock.advance(1);
  await done;
  assert.deepEqual((await readAll(broker)).map(({ offset }) => offset), [12_000]);
  await broker.close();
});

Deno.test("a group that fell off the log goes on with the oldest, and its lag says so", async () => {
  await inDirectory(async (directory) => {
    const options = { directory, retention: { age_ms: 1_000 } };
    const { broker, clock, lag } = await opened(options);
    await broker.publish([text("1")]);
    const values: string[] = [];
    const consumer = {
      async batch({ records }: { records: readonly Incoming[] }) {
        values.push(...records.map(({ value }) => value));
      },
    };
    const subscription = await broker.subscribe({ group: "g", topic, max: 10 }, consumer);
    await settled();
    await subscription.stop();
    await broker.publish([text("2"), text("3")]);
    await clock.advance(2_000);
    await broker.publish([text("4")]);
    assert.deepEqual(await lag(), [3]);
    await broker.maintain();
    assert.deepEqual(await lag(), [1]);
    await broker.subscribe({ group: "g", topic, max: 10 }, consumer);
    await settled();
    assert.deepEqual(values, ["1", "4"]);
    await broker.close();
  });
});

Deno.test("a position behind the log's end (the data was removed) goes on with the oldest", async () => {
  const { broker } = await opened();
  await broker.publish([text("1")]);
  const values: string[] = [];
  await broker.subscribe({ group: "g", topic, max: 10 }, {
    assigned: async () => 1_000,
    async batch({ records }) {
      values.push(...records.map(({ value }) => value));
    },
  });
  await settled();
  assert.deepEqual(values, ["1"]);
  await broker.close();
});

Deno.test("publishers are refused while a subscribed group is too far behind, and no longer", async () => {
  const { broker } = await opened({ maxLag: 10 });
  const gate = Promise.withResolvers<void>();
  await broker.subscribe({ group: "slow", topic, max: 100 }, { batch: () => gate.promise });
  for (let i = 0; i < 10; i++) await broker.publish([text("x")]);
  await assert.rejects(broker.publish([text("x")]), (error: Unavailable) => {
    assert(error instanceof Unavailable);
    assert(error.after! > 0);
    assert.match(error.message, /Cannot publish to "t"/);
    return true;
  });
  gate.resolve();
  await settled();
  await broker.publish([text("x")]);
  await broker.close();
});

Deno.test("publishers are refused before retention by size would drop what is unread", async () => {
  const { broker } = await opened({ retention: { bytes: 2_000 } });
  const gate = Promise.withResolvers<void>();
  const records: Incoming[] = [];
  await broker.subscribe({ group: "slow", topic, max: 1 }, {
    async batch(batch) {
      await gate.promise;
      records.push(...batch.records);
    },
  });
  let accepted = 0;
  await assert.rejects(async () => {
    for (;; accepted++) await broker.publish([text("x".repeat(100))]);
  }, Unavailable);
  assert(accepted > 5 && accepted < 20);
  await broker.maintain();
  gate.resolve();
  await settled();
  assert.equal(records.length, accepted);
  await broker.close();
});

Deno.test("groups that are not subscribed and broadcasts hold no publisher up", async () => {
  const { broker } = await opened({ maxLag: 5 });
  const gone = await broker.subscribe({ group: "gone", topic, max: 1 }, { async batch() {} });
  await gone.stop();
  const never = new Promise<void>(() => {});
  await broker.subscribe({ group: "b", topic, max: 1, broadcast: true }, { batch: () => never });
  for (let i = 0; i < 20; i++) await broker.publish([text("x")]);
  await broker.close();
});

Deno.test("a full file refuses all of a call, readers go on, and room lets publishers in again", async () => {
  await inDirectory(async (directory) => {
    const { broker, clock } = await opened({
      directory,
      limit_bytes: 200_000,
      retention: { age_ms: 1_000 },
    });
    let stored = 0;
    await assert.rejects(async () => {
      for (;; stored += 10) {
        await broker.publish(Array.from({ length: 10 }, () => text("x".repeat(500))));
      }
    }, Unavailable);
    assert.equal((await readAll(broker)).length, stored);
    await clock.advance(2_000);
    await broker.maintain();
    await broker.publish([text("after")]);
    const [only] = await readAll(broker);
    assert.deepEqual([only!.offset, only!.value], [stored, "after"]);
    await broker.close();
  });
});

Deno.test({
  name: "on a full disk a batch that is done stays done: its commit waits for room",
  ignore: !await mayMount(),
  async fn() {
    const disk = await smallDisk(8);
    const { broker, clock, lag } = await opened({ directory: disk.path });
    try {
      await broker.publish([text("1")]);
      const values: string[] = [];
      await broker.subscribe({ group: "g", topic, max: 1 }, {
        async batch({ records }) {
          if (values.length === 0) await disk.fill();
          values.push(records[0]!.value);
        },
      });
      for (let i = 0; i < 20 && values.length === 0; i++) {
        await disk.fill();
        await settled();
      }
      await clock.advance(20_000);
      assert.deepEqual([values, await lag()], [["1"], [1]]);
      await assert.rejects(broker.publish([text("refused ".repeat(1_000))]), Unavailable);
      await assert.rejects(broker.check(), Unavailable);
      await disk.free();
      await clock.advance(20_000);
      assert.deepEqual([values, await lag()], [["1"], [0]]);
      await broker.check();
      await broker.publish([text("2")]);
      await settled();
      assert.deepEqual(values, ["1", "2"]);
    } finally {
      await broker.close();
      await disk.remove();
    }
  },
});

Deno.test("it is idle when everything is read, or waits for the clock, and else it is not", async () => {
  const { broker, clock } = await opened();
  assert(broker.idle());
  let gate = Promise.withResolvers<void>();
  let fail = false;
  await broker.subscribe({ group: "g", topic, max: 1, wake_ms: 1_000 }, {
    async batch() {
      if (fail) throw new Error("not now");
      await gate.promise;
    },
  });
  await settled();
  assert(broker.idle(), "nothing was published");
  const published = broker.publish([text("1"), text("2")]);
  assert(!broker.idle(), "a message is being stored");
  await published;
  assert(!broker.idle(), "a batch is in flight");
  await settled();
  assert(!broker.idle(), "a batch is still in flight");
  gate.resolve();
  gate = Promise.withResolvers<void>();
  gate.resolve();
  await settled();
  assert(broker.idle(), "all is read");
  fail = true;
  await broker.publish([text("3")]);
  await settled();
  assert(broker.idle(), "it pauses after a failure");
  fail = false;
  await clock.advance(1_000);
  assert.deepEqual((await broker.lag())[0]!.lag, 0);
  await broker.close();
  await settled();
  assert(broker.idle(), "it is closed");
});

Deno.test("pauses after failures double up to five seconds, and start over after a success", async () => {
  const { broker, clock } = await opened();
  const tries: number[] = [];
  let fail = true;
  const start = clock.now();
  await broker.subscribe({ group: "g", topic, max: 1 }, {
    async batch() {
      tries.push(clock.now() - start);
      if (fail) throw new Error("not now");
    },
  });
  await broker.publish([text("1")]);
  await clock.advance(16_300);
  assert.deepEqual(tries, [0, 100, 300, 700, 1_500, 3_100, 6_300, 11_300, 16_300]);
  fail = false;
  await clock.advance(5_000);
  fail = true;
  tries.length = 0;
  await broker.publish([text("2")]);
  await clock.advance(100);
  assert.equal(tries.length, 2);
  await broker.close();
});

Deno.test("readers with much to read let the rest of the process have its turn", async () => {
  let now = 0;
  let turns = 0;
  const waits: (() => void)[] = [];
  const clock: Clock = {
    now: () => now,
    sleep(ms) {
      if (ms === 0) turns++;
      return new Promise((resolve) => {
        if (ms === 0) waits.push(resolve);
      });
    },
  };
  const { broker } = await opened({ clock });
  await broker.publish(Array.from({ length: 100 }, () => text("x")));
  let batches = 0;
  await broker.subscribe({ group: "g", topic, max: 1 }, {
    async batch() {
      batches++;
      now += 5;
    },
  });
  await settled();
  assert.equal(turns, 1);
  assert.equal(batches, 5);
  while (waits.length > 0) {
    waits.shift()!();
    await settled();
  }
  assert.equal(batches, 100);
  assert(turns >= 15);
  await broker.close();
});

Deno.test("a reader that lets others have their turn hears that it is to stop", async () => {
  let now = 0;
  const turn = Promise.withResolvers<void>();
  const clock: Clock = { now: () => now, sleep: () => turn.promise };
  const { broker } = await opened({ clock });
  await broker.publish([text("x")]);
  const subscription = await broker.subscribe({ group: "g", topic, max: 1 }, {
    async batch() {
      now += 1_000;
    },
  });
  await settled();
  let stopped = false;
  const stop = subscription.stop().then(() => stopped = true);
  turn.resolve();
  await settled();
  assert(stopped);
  await stop;
  await broker.close();
});

Deno.test("a batch ends when it is large, whatever max says", async () => {
  const { broker } = await opened();
  const large = "x".repeat(100_000);
  await broker.publish(Array.from({ length: 300 }, () => text(large)));
  const sizes: number[] = [];
  await broker.subscribe({ group: "g", topic, max: 10_000 }, {
    async batch({ records }) {
      sizes.push(records.length);
    },
  });
  await settled();
  assert.deepEqual(sizes, [128, 128, 44]);
  await broker.close();
});

Deno.test("what revoked throws is told by stop", async () => {
  const { broker } = await opened();
  const subscription = await broker.subscribe({ group: "g", topic, max: 1 }, {
    async batch() {},
    revoked: () => Promise.reject(new Error("the snapshot failed")),
  });
  await settled();
  await assert.rejects(subscription.stop(), /the snapshot failed/);
  await broker.close();
});

Deno.test("close cuts off what is in flight: not committed, not revoked", async () => {
  await inDirectory(async (directory) => {
    const first = await opened({ directory });
    const gate = Promise.withResolvers<void>();
    const events: string[] = [];
    await first.broker.subscribe({ group: "g", topic, max: 1 }, {
      async batch() {
        await gate.promise;
        events.push("ended");
      },
      async revoked() {
        events.push("revoked");
      },
    });
    await first.broker.publish([text("1")]);
    await settled();
    await first.broker.close();
    gate.resolve();
    await settled();
    assert.deepEqual(events, ["ended"]);
    await assert.rejects(first.broker.publish([text("2")]), Unavailable);
    await assert.rejects(first.broker.check(), Unavailable);
    const second = await opened({ directory });
    const values: string[] = [];
    await second.broker.subscribe({ group: "g", topic, max: 1 }, {
      async batch({ records }) {
        values.push(records[0]!.value);
      },
    });
    await settled();
    assert.deepEqual(values, ["1"]);
    await second.broker.close();
  });
});

Deno.test("a log that cannot be read any more is told of by check", async () => {
  const directory = await Deno.makeTempDir({ prefix: "eventflow-broker-" });
  try {
    const clock = new VirtualClock();
    let broker = openEmbeddedBroker({ directory, clock });
    await broker.create([{ name: "t", partitions: 1 }]);
    const value = "x".repeat(1_000);
    await broker.publish(
      Array.from({ length: 2_000 }, () => ({ topic: "t", key: "k", value, headers: {} })),
    );
    await broker.close();
    // What a failing disk leaves of the middle of the file.
    const path = `${directory}/broker.db`;
    const bytes = await Deno.readFile(path);
    await Deno.writeFile(path, bytes.fill(0xab, bytes.length * 0.3, bytes.length * 0.7));
    broker = openEmbeddedBroker({ directory, clock });
    await broker.check();
    const { stop } = await broker.subscribe({ group: "g", topic: "t", max: 5_000 }, {
      async batch() {},
    });
    await clock.advance(1_000);
    await assert.rejects(
      broker.check(),
      (error) =>
        error instanceof Unavailable && /partition 0 of "t".*malformed/.test(error.message),
    );
    await stop();
    await broker.close();
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("a topic needs a partition", async () => {
  const { broker } = await opened();
  await assert.rejects(broker.create([{ name: "none", partitions: 0 }]), RangeError);
  await broker.close();
});
