/** The Kafka broker through the contract of all brokers, on a real one, over each kind of listener. @module */
import assert from "node:assert/strict";
import kafkajs from "kafkajs";
import type { Incoming } from "shared/broker/port.ts";
import { Unavailable } from "shared/define/errors.ts";
import { type KafkaBrokerOptions, openKafkaBroker } from "shared/broker/kafka.ts";
import { silentLog } from "shared/telemetry/log.ts";
import { systemClock } from "shared/time/clock.ts";
import { brokerContract } from "tests/contract/broker.ts";
import { type Kafka, startKafka, users } from "tests/support/kafka.ts";

let server: Kafka;
Deno.test.beforeAll(async () => {
  server = await startKafka();
});
Deno.test.afterAll(() => server.close());

/** A world of its own in the one cluster: a prefix that nobody else has. */
const common = () => ({
  clientId: "contract",
  topicPrefix: `test-${crypto.randomUUID()}.`,
  session_ms: 2_000,
  clock: systemClock,
  log: silentLog,
});

brokerContract("Kafka broker", async () => {
  const options = { ...common(), brokers: [server.plain] };
  let broker = await openKafkaBroker(options);
  return {
    broker,
    pass: (ms) => systemClock.sleep(ms),
    async crash() {
      await broker.cut();
      return broker = await openKafkaBroker(options);
    },
    close: () => broker.close(),
  };
});

/** What a listener needs of a client. */
const listeners: Record<string, () => Partial<KafkaBrokerOptions> & { brokers: string[] }> = {
  "SASL PLAIN": () => ({
    brokers: [server.sasl],
    sasl: { mechanism: "plain", ...users.plain },
  }),
  "SCRAM-SHA-256": () => ({
    brokers: [server.sasl],
    sasl: { mechanism: "scram-sha-256", ...users.scram },
  }),
  "SCRAM-SHA-512": () => ({
    brokers: [server.sasl],
    sasl: { mechanism: "scram-sha-512", ...users.scram },
  }),
  "TLS": () => ({ brokers: [server.tls], ssl: { ca: server.ca } }),
  "SASL PLAIN over TLS": () => ({
    brokers: [server.saslTls],
    ssl: { ca: server.ca },
    sasl: { mechanism: "plain", ...users.plain },
  }),
  "SCRAM-SHA-512 over TLS": () => ({
    brokers: [server.saslTls],
    ssl: { ca: server.ca },
    sasl: { mechanism: "scram-sha-512", ...users.scram },
  }),
};

for (const [name, options] of Object.entries(listeners)) {
  Deno.test(`Kafka over ${name}: what is published is read`, async () => {
    const broker = await openKafkaBroker({ ...common(), ...options() });
    try {
      await broker.create([{ name: "a", partitions: 2 }]);
      await broker.check();
      const all = Promise.withResolvers<void>();
      const read: Incoming[] = [];
      const subscription = await broker.subscribe({ group: "g", topic: "a", max: 10 }, {
        async batch({ records }) {
          read.push(...records);
          if (read.length === 20) all.resolve();
        },
      });
      await broker.publish(
        Array.from({ length: 20 }, (_, i) => ({
          topic: "a",
          key: `key-${i}`,
          value: String(i),
          headers: { n: String(i) },
        })),
      );
      await all.promise;
      await subscription.stop();
      assert.deepEqual(
        new Set(read.map(({ topic, value, headers }) => `${topic} ${value} ${headers.n}`)),
        new Set(Array.from({ length: 20 }, (_, i) => `a ${i} ${i}`)),
      );
      assert.equal((await broker.lag()).reduce((sum, { lag }) => sum + lag, 0), 0);
    } finally {
      await broker.close();
    }
  });
}

Deno.test("Kafka: a wrong password is refused, and not shown", async () => {
  const sasl = { mechanism: "plain", username: "plain-user", password: "hunter2" } as const;
  await assert.rejects(
    openKafkaBroker({ ...common(), brokers: [server.sasl], sasl }),
    (error: Error) => {
      assert(!(error instanceof Unavailable), "waiting does not help");
      assert.match(error.message, /authentication/i);
      assert(!Deno.inspect(error, { depth: 10 }).includes("hunter2"));
      return true;
    },
  );
});

Deno.test("Kafka: a certificate of an unknown authority is refused", async () => {
  await assert.rejects(
    openKafkaBroker({ ...common(), brokers: [server.tls], ssl: true }),
    /certificate/,
  );
});

Deno.test("Kafka: a broker that is away is unavailable", async () => {
  await assert.rejects(
    openKafkaBroker({ ...common(), brokers: ["127.0.0.1:1"] }),
    (error) => error instanceof Unavailable && /127\.0\.0\.1:1/.test(error.message),
  );
});

Deno.test("Kafka: a topic that the broker refuses is named", async () => {
  const broker = await openKafkaBroker({ ...common(), brokers: [server.plain] });
  try {
    await assert.rejects(
      broker.create([{ name: "no spaces", partitions: 1 }]),
      (error: Error) => !(error instanceof Unavailable) && /no spaces/.test(error.message),
    );
  } finally {
    await broker.close();
  }
});

/** A client that is not ours: bare kafkajs, in its quiet. */
const stranger = () =>
  new kafkajs.Kafka({
    clientId: "stranger",
    brokers: [server.plain],
    logLevel: kafkajs.logLevel.NOTHING,
  });

/** Makes a topic as an operator would, with settings. */
async function makeTopic(topic: string, settings: Record<string, string> = {}): Promise<void> {
  const admin = stranger().admin();
  await admin.connect();
  const configEntries = Object.entries(settings).map(([name, value]) => ({ name, value }));
  await admin.createTopics({
    waitForLeaders: true,
    topics: [{ topic, numPartitions: 1, configEntries }],
  });
  await admin.disconnect();
}

for (const packing of ["uncompressed", "gzip", "zstd"]) {
  Deno.test(`Kafka: a topic whose broker packs as ${packing} is read`, async () => {
    const options = common();
    await makeTopic(`${options.topicPrefix}a`, { "compression.type": packing });
    const broker = await openKafkaBroker({ ...options, brokers: [server.plain] });
    try {
      const texts = ["one", "zwölf 🙂", "x".repeat(100_000)];
      const read: Incoming[] = [];
      const all = Promise.withResolvers<void>();
      await broker.subscribe({ group: "g", topic: "a", max: 10 }, {
        async batch({ records }) {
          read.push(...records);
          if (read.length === texts.length) all.resolve();
        },
      });
      await broker.publish(texts.map((value) => ({ topic: "a", key: "k", value, headers: {} })));
      await all.promise;
      assert.deepEqual(read.map(({ value }) => value), texts);
    } finally {
      await broker.close();
    }
  });
}

Deno.test("Kafka: a topic that is packed in a way we cannot read is told of", async () => {
  const options = common();
  await makeTopic(`${options.topicPrefix}a`, { "compression.type": "lz4" });
  const told = Promise.withResolvers<string>();
  const log = { ...silentLog, error: (text: string) => told.resolve(text) };
  const broker = await openKafkaBroker({ ...options, log, brokers: [server.plain] });
  try {
    await broker.subscribe({ group: "g", topic: "a", max: 10 }, { async batch() {} });
    await broker.publish([{ topic: "a", key: "k", value: "v", headers: {} }]);
    assert.match(await told.promise, /packed with gzip, zstd or not at all/);
  } finally {
    await broker.close();
  }
});

Deno.test("Kafka: of transactions only what was committed is read, in order", async () => {
  const options = common();
  const topic = `${options.topicPrefix}a`;
  await makeTopic(topic);
  const producer = stranger().producer({
    transactionalId: topic,
    maxInFlightRequests: 1,
    idempotent: true,
    createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
  });
  await producer.connect();
  for (const [value, commits] of [["a", true], ["b", false], ["c", true], ["d", false]] as const) {
    const transaction = await producer.transaction();
    await transaction.send({
      topic,
      messages: [1, 2].map((i) => ({ key: "k", value: `${value}${i}`, headers: { name: value } })),
    });
    await (commits ? transaction.commit() : transaction.abort());
  }
  await producer.send({ topic, messages: [{ key: null, value: "e" }, { key: "k", value: null }] });
  await producer.disconnect();
  const broker = await openKafkaBroker({ ...options, brokers: [server.plain] });
  try {
    const read: Incoming[] = [];
    const all = Promise.withResolvers<void>();
    await broker.subscribe({ group: "g", topic: "a", max: 10 }, {
      async batch({ records }) {
        read.push(...records);
        if (read.length === 6) all.resolve();
      },
    });
    await all.promise;
    assert.deepEqual(
      read.map(({ key, value, headers }) => [key, value, headers.name]),
      [
        ["k", "a1", "a"],
        ["k", "a2", "a"],
        ["k", "c1", "c"],
        ["k", "c2", "c"],
        ["", "e", undefined],
        ["k", "", undefined],
      ],
    );
  } finally {
    await broker.close();
  }
});
