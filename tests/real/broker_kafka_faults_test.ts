/** What the Kafka broker loses when things go wrong under load: nothing that was acknowledged. @module */
import assert from "node:assert/strict";
import { type KafkaBroker, openKafkaBroker } from "shared/broker/kafka.ts";
import type { Subscription } from "shared/broker/port.ts";
import { Unavailable } from "shared/define/errors.ts";
import { silentLog } from "shared/telemetry/log.ts";
import { systemClock } from "shared/time/clock.ts";
import { asOperator, type Kafka, startKafka } from "tests/support/kafka.ts";

let server: Kafka;
Deno.test.beforeAll(async () => {
  server = await startKafka();
});
Deno.test.afterAll(() => server.close());

/** A topic, what was published to it, and who handled what. */
class Load {
  readonly broker: KafkaBroker;
  readonly open: () => Promise<KafkaBroker>;
  acknowledged = 0;
  refused = 0;
  /** How often each message was handled. */
  readonly handled = new Map<number, number>();
  /** Messages that came before one of their key that was published earlier. */
  disorder = 0;
  #stopped = false;
  #publishing = Promise.resolve();

  private constructor(broker: KafkaBroker, open: () => Promise<KafkaBroker>) {
    this.broker = broker;
    this.open = open;
  }

  static async start(): Promise<Load> {
    const topicPrefix = `test-${crypto.randomUUID()}.`;
    const open = () =>
      openKafkaBroker({
        brokers: [server.plain],
        clientId: "faults",
        topicPrefix,
        session_ms: 6_000,
        clock: systemClock,
        log: silentLog,
      });
    const load = new Load(await open(), open);
    await load.broker.create([{ name: "load", partitions: 6 }]);
    load.#publishing = load.#publish();
    return load;
  }

  async #publish() {
    for (let next = 0; !this.#stopped; next += 50) {
      const messages = Array.from({ length: 50 }, (_, i) => ({
        topic: "load",
        key: `key-${i % 12}`,
        value: String(next + i),
        headers: {},
      }));
      for (let stored = false; !stored;) {
        try {
          await this.broker.publish(messages);
          stored = true;
        } catch (error) {
          assert(error instanceof Unavailable);
          this.refused++;
        }
      }
      this.acknowledged += 50;
      await systemClock.sleep(5);
    }
  }

  subscribe(broker = this.broker): Promise<Subscription> {
    const newest = new Map<string, number>();
    return broker.subscribe({ group: "g", topic: "load", max: 100 }, {
      assigned: async () => {
        newest.clear();
        return undefined;
      },
      batch: async ({ records }) => {
        for (const { key, value } of records) {
          const n = Number(value);
          const times = this.handled.get(n) ?? 0;
          if (times === 0 && n < (newest.get(key) ?? -1)) this.disorder++;
          newest.set(key, Math.max(n, newest.get(key) ?? -1));
          this.handled.set(n, times + 1);
        }
        await systemClock.sleep(1);
      },
    });
  }

  async until(what: string, holds: () => boolean) {
    for (let tries = 0; tries < 1_200; tries++) {
      if (holds()) return;
      await systemClock.sleep(50);
    }
    assert.fail(`Never happened: ${what}`);
  }

  /** Publishes no more and waits until the rest is handled. */
  async settle() {
    this.#stopped = true;
    await this.#publishing;
    await this.until("all is handled", () => this.handled.size >= this.acknowledged);
  }

  report(name: string) {
    const again = [...this.handled.values()].reduce((sum, times) => sum + times - 1, 0);
    console.log(
      `${name}: ${this.acknowledged} acknowledged, ${this.refused} calls refused, ` +
        `${
          this.acknowledged - this.handled.size
        } lost, ${again} handled again, ${this.disorder} out of order`,
    );
  }
}

Deno.test("a broker killed and restarted under load loses nothing that was acknowledged", async () => {
  const load = await Load.start();
  try {
    await load.subscribe();
    const second = await load.open();
    await load.subscribe(second);
    for (let kills = 0; kills < 2; kills++) {
      const before = load.handled.size;
      await load.until("work goes on", () => load.handled.size > before + 2_000);
      await server.kill();
      await assert.rejects(load.broker.check(), Unavailable);
      await server.start();
    }
    const before = load.handled.size;
    await load.until("work goes on", () => load.handled.size > before + 2_000);
    await load.settle();
    load.report("broker killed twice");
    assert.equal(load.handled.size, load.acknowledged);
    assert.equal(load.disorder, 0);
    await second.close();
  } finally {
    await load.broker.close();
  }
});

Deno.test("members that come, go and die under load lose nothing", async () => {
  const load = await Load.start();
  try {
    await load.subscribe();
    const others: KafkaBroker[] = [];
    for (let round = 0; round < 10; round++) {
      const other = await load.open();
      others.push(other);
      const subscription = await load.subscribe(other);
      const before = load.handled.size;
      await load.until("work goes on", () => load.handled.size > before + 500);
      // Every other one leaves properly, some by closing; the rest die.
      if (round % 4 === 0) await subscription.stop();
      else if (round % 4 === 2) await other.close();
      else await other.cut();
    }
    await load.settle();
    load.report("ten members joined and left");
    assert.equal(load.handled.size, load.acknowledged);
    assert.equal(load.disorder, 0);
    for (const other of others) await other.close();
  } finally {
    await load.broker.close();
  }
});

Deno.test("a batch that takes longer than the session is handled once", async () => {
  const broker = await openKafkaBroker({
    brokers: [server.plain],
    clientId: "faults",
    topicPrefix: `test-${crypto.randomUUID()}.`,
    session_ms: 1_500,
    clock: systemClock,
    log: silentLog,
  });
  try {
    await broker.create([{ name: "slow", partitions: 1 }]);
    await broker.publish([{ topic: "slow", key: "k", value: "1", headers: {} }]);
    const events: string[] = [];
    const done = Promise.withResolvers<void>();
    const subscription = await broker.subscribe({ group: "g", topic: "slow", max: 1 }, {
      async assigned() {
        events.push("assigned");
        return undefined;
      },
      async batch({ records }, signal) {
        events.push(`begins ${records[0]!.value}`);
        await systemClock.sleep(5_000, signal);
        events.push(`ends ${records[0]!.value}`);
        done.resolve();
      },
      async revoked() {
        events.push("revoked");
      },
    });
    await done.promise;
    await subscription.stop();
    assert.deepEqual(events, ["assigned", "begins 1", "ends 1", "revoked"]);
    assert.equal((await broker.lag())[0]!.lag, 0);
  } finally {
    await broker.close();
  }
});

Deno.test("what is published to partitions that are new reaches groups and broadcast subscribers", async () => {
  const topicPrefix = `test-${crypto.randomUUID()}.`;
  const open = () =>
    openKafkaBroker({
      brokers: [server.plain],
      clientId: "faults",
      topicPrefix,
      clock: systemClock,
      log: silentLog,
    });
  const broker = await open();
  await broker.create([{ name: "grows", partitions: 1 }]);
  // By key: a partition that is so new may have to be asked twice to store something.
  const read = { group: new Set<string>(), everybody: new Set<string>() };
  const reader = (who: keyof typeof read) => ({
    async batch({ records }: { records: readonly { key: string }[] }) {
      for (const { key } of records) read[who].add(key);
    },
  });
  const subscription = { group: "g", topic: "grows", max: 10 };
  await broker.subscribe(subscription, reader("group"));
  await broker.subscribe({ ...subscription, broadcast: true }, reader("everybody"));
  await asOperator(
    server,
    (admin) =>
      admin.createPartitions({ topicPartitions: [{ topic: `${topicPrefix}grows`, count: 4 }] }),
  );
  // A process that starts now knows the new partitions at once.
  const other = await open();
  try {
    const keys = Array.from({ length: 40 }, (_, i) => `key-${i}`);
    await other.publish(keys.map((key) => ({ topic: "grows", key, value: "1", headers: {} })));
    const end = systemClock.now() + 25_000;
    while (read.group.size < keys.length || read.everybody.size < keys.length) {
      assert(systemClock.now() < end, `${read.group.size} and ${read.everybody.size} arrived`);
      await systemClock.sleep(50);
    }
  } finally {
    await other.close();
    await broker.close();
  }
});

Deno.test("work that does not end delays closing by no more than a moment, whoever waits for it", async () => {
  const broker = await openKafkaBroker({
    brokers: [server.plain],
    clientId: "faults",
    topicPrefix: `test-${crypto.randomUUID()}.`,
    clock: systemClock,
    log: silentLog,
  });
  await broker.create([{ name: "hangs", partitions: 1 }]);
  const working = Promise.withResolvers<void>();
  const work = Promise.withResolvers<void>();
  const subscription = await broker.subscribe({ group: "g", topic: "hangs", max: 1 }, {
    batch() {
      working.resolve();
      return work.promise;
    },
  });
  await broker.publish([{ topic: "hangs", key: "k", value: "1", headers: {} }]);
  await working.promise;
  const stopped = subscription.stop();
  const began = systemClock.now();
  await broker.close();
  const took_ms = systemClock.now() - began;
  work.resolve();
  await stopped;
  assert(took_ms < 5_000, `${took_ms} ms`);
});

Deno.test("while the broker is away publishing is refused in time, and what waits is bounded", async () => {
  const broker = await openKafkaBroker({
    brokers: [server.plain],
    clientId: "faults",
    topicPrefix: `test-${crypto.randomUUID()}.`,
    clock: systemClock,
    log: silentLog,
  });
  try {
    await broker.create([{ name: "away", partitions: 1 }]);
    const big = { topic: "away", key: "k", value: "x".repeat(1_000_000), headers: {} };
    await server.stop();
    const began = systemClock.now();
    const calls = await Promise.allSettled(
      Array.from({ length: 100 }, () => broker.publish([big])),
    );
    const took_ms = systemClock.now() - began;
    for (const call of calls) {
      assert(call.status === "rejected" && call.reason instanceof Unavailable);
    }
    const full = calls.filter((call) =>
      call.status === "rejected" && /may wait/.test(call.reason.message)
    );
    console.log(
      `broker away: 100 calls refused within ${took_ms} ms, ${full.length} of them at once`,
    );
    assert(took_ms < 15_000);
    assert(full.length > 60);
    await assert.rejects(broker.check(), Unavailable);
    await server.start();
    await broker.publish([{ ...big, value: "back" }]);
    await broker.check();
  } finally {
    await broker.close();
  }
});
