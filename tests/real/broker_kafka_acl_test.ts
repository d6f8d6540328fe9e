/** Kafka where its users may do what an ACL allows: a managed one that lets nobody make topics. @module */
import assert from "node:assert/strict";
import { Unavailable } from "shared/define/errors.ts";
import { type KafkaBroker, type KafkaBrokerOptions, openKafkaBroker } from "shared/broker/kafka.ts";
import { topics as contract } from "shared/model/topics.ts";
import { createLog, silentLog } from "shared/telemetry/log.ts";
import { systemClock } from "shared/time/clock.ts";
import { metricsOf } from "tests/support/fleet.ts";
import {
  asOperator,
  grant,
  type Granted,
  type Kafka,
  startKafka,
  users,
} from "tests/support/kafka.ts";
import { eventually, failToStart, startProgram } from "tests/support/process.ts";

/** The servers write their logs whenever they like: reading those belongs to no test. */
const options = { sanitizeOps: false };
let server: Kafka;
Deno.test.beforeAll(async () => {
  server = await startKafka({ acl: true });
});
Deno.test.afterAll(() => server.close());

const { username, password } = users.scram;

/** A prefix of its own, and the rights to use what is there, but not to make topics. */
async function restricted(more: Partial<Granted> = {}): Promise<string> {
  const prefix = `test-${crypto.randomUUID().slice(0, 8)}.`;
  await grant(server, {
    username,
    prefix,
    topics: ["read", "write", "describe"],
    groups: ["read"],
    ...more,
  });
  return prefix;
}

const createByHand = (prefix: string, topics: { name: string; partitions: number }[]) =>
  asOperator(server, (admin) =>
    admin.createTopics({
      waitForLeaders: true,
      topics: topics.map(({ name, partitions }) => ({
        topic: prefix + name,
        numPartitions: partitions,
      })),
    }));

const optionsOf = (prefix: string): KafkaBrokerOptions => ({
  brokers: [server.sasl],
  sasl: { mechanism: "scram-sha-512", username, password },
  clientId: "acl",
  topicPrefix: prefix,
  session_ms: 2_000,
  clock: systemClock,
  log: silentLog,
});

async function withBroker(prefix: string, use: (broker: KafkaBroker) => Promise<void>) {
  const broker = await openKafkaBroker(optionsOf(prefix));
  try {
    await use(broker);
  } finally {
    await broker.close();
  }
}

/** Publishes some messages and reads them as a group; resolves with the partitions they were in. */
async function roundTrip(broker: KafkaBroker, topic: string): Promise<Set<number>> {
  const keys = new Set<string>();
  const partitions = new Set<number>();
  const all = Promise.withResolvers<void>();
  const subscription = await broker.subscribe({ group: "g", topic, max: 10 }, {
    async batch({ records }) {
      for (const { key, partition } of records) {
        keys.add(key);
        partitions.add(partition);
      }
      if (keys.size === 40) all.resolve();
    },
  });
  await broker.publish(
    Array.from({ length: 40 }, (_, i) => ({ topic, key: `k${i}`, value: `${i}`, headers: {} })),
  );
  await all.promise;
  await subscription.stop();
  return partitions;
}

for (const partitions of [3, 1, 5]) {
  Deno.test(
    `Kafka that forbids creation: a topic of ${partitions} is used as it is`,
    options,
    async () => {
      const prefix = await restricted();
      await createByHand(prefix, [{ name: "a", partitions }]);
      await withBroker(prefix, async (broker) => {
        await broker.create([{ name: "a", partitions: 3 }]);
        await broker.check();
        assert.deepEqual(
          [...await roundTrip(broker, "a")].sort(),
          Array.from({ length: partitions }, (_, i) => i),
        );
        const lag = await broker.lag();
        assert.equal(lag.length, partitions);
        assert.equal(lag.reduce((sum, one) => sum + one.lag, 0), 0);
      });
    },
  );
}

/** A refusal names what to create by hand, and no secret; waiting would not help. */
function assertTells(error: unknown, wanted: RegExp, unwanted?: RegExp) {
  assert(error instanceof Error && !(error instanceof Unavailable), `${error}`);
  assert.match(error.message, wanted);
  if (unwanted) assert.doesNotMatch(error.message, unwanted);
  assert(!Deno.inspect(error, { depth: 10 }).includes(password));
  return true;
}

Deno.test(
  "Kafka that forbids creation: topics that are missing are named, with their partitions",
  options,
  async () => {
    const prefix = await restricted();
    await createByHand(prefix, [{ name: "there", partitions: 1 }]);
    await withBroker(prefix, async (broker) => {
      const wanted = [
        { name: "a", partitions: 3 },
        { name: "there", partitions: 3 },
        { name: "b", partitions: 1 },
      ];
      await assert.rejects(broker.create(wanted), (error) =>
        assertTells(
          error,
          new RegExp(`AUTHORIZATION.*by hand.*"${prefix}a \\(3 partitions\\), ${prefix}b \\(1 `),
          /there \(/,
        ));
      await createByHand(prefix, [{ name: "a", partitions: 3 }, { name: "b", partitions: 1 }]);
      await broker.create(wanted);
      await broker.publish([{ topic: "b", key: "k", value: "1", headers: {} }]);
    });
  },
);

Deno.test(
  "Kafka that forbids creation: topics that it does not even show are named the same",
  options,
  async () => {
    const prefix = await restricted({ topics: [] });
    const shown = `${prefix}shown.`;
    await grant(server, { username, prefix: shown, topics: ["describe"], groups: [] });
    await createByHand(prefix, [{ name: "hidden", partitions: 3 }]);
    await withBroker(prefix, async (broker) => {
      await assert.rejects(
        broker.create([
          { name: "hidden", partitions: 3 },
          { name: "shown.missing", partitions: 1 },
        ]),
        (error) =>
          assertTells(error, new RegExp(`${prefix}hidden \\(3 .*${prefix}shown.missing \\(1 `)),
      );
    });
  },
);

const forbidden: [string, Granted["groups"]][] = [["a group", []], ["reading a group", [
  "describe",
]]];
for (const [what, groups] of forbidden) {
  Deno.test(
    `Kafka that forbids ${what}: it is said once, and reading begins when it is granted`,
    options,
    async () => {
      const prefix = await restricted({ groups });
      await createByHand(prefix, [{ name: "a", partitions: 1 }]);
      const lines: string[] = [];
      const log = createLog({
        level: "info",
        now: () => systemClock.now(),
        write: (line) => lines.push(line),
        pretty: false,
      });
      const broker = await openKafkaBroker({ ...optionsOf(prefix), log });
      try {
        const read = Promise.withResolvers<void>();
        const subscription = await broker.subscribe({ group: "g", topic: "a", max: 10 }, {
          batch: () => Promise.resolve(read.resolve()),
        });
        await broker.publish([{ topic: "a", key: "k", value: "1", headers: {} }]);
        await eventually(() => lines.length, (count) => count > 0);
        await grant(server, { username, prefix, topics: [], groups: ["read"] });
        await read.promise;
        await subscription.stop();
        assert.equal(lines.length, 1);
        assert.match(lines[0]!, /Cannot join a group as Kafka refuses it.*"group":"g"/);
        assert(!lines[0]!.includes(password));
      } finally {
        await broker.close();
      }
    },
  );
}

const environment = (prefix: string) => ({
  KAFKA_BROKERS: server.sasl,
  KAFKA_SASL_MECHANISM: "scram-sha-512",
  KAFKA_SASL_USERNAME: username,
  KAFKA_SASL_PASSWORD: password,
  KAFKA_TOPIC_PREFIX: prefix,
});

Deno.test(
  "Kafka that forbids creation: the program says at its start what to create, and then runs on it",
  options,
  async () => {
    const prefix = await restricted();
    const directory = await Deno.makeTempDir({ prefix: "eventflow-" });
    const start = { directory, environment: environment(prefix), services: ["ingest", "analyzer"] };
    const [, line] = (await failToStart(start)).split("\n");
    const { message, error } = JSON.parse(line!);
    assert.equal(message, "Cannot start");
    for (const { name, partitions } of contract) {
      assert(JSON.stringify(error).includes(`${prefix}${name} (${partitions} partition`), line);
    }
    assert(!line!.includes(password));

    await createByHand(prefix, contract.map(({ name }) => ({ name, partitions: 2 })));
    const program = await startProgram(start);
    try {
      const ready = await fetch(`${program.address("analyzer")}/readyz`);
      assert.equal(ready.status, 200, await ready.text());
      const sent = await fetch(`${program.address("ingest")}/ingest/metrics`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ service_name: "shop", metric_type: "cpu", value: 1 }),
      });
      assert.equal(sent.status, 200, await sent.text());
      await eventually(
        () => metricsOf(program.address("analyzer")),
        (rows) =>
          rows.some(({ name, labels, value }) =>
            name === "kafka_messages_consumed_total" && labels.topic === "service-metrics" &&
            value === 1
          ),
      );
    } finally {
      await program.stop();
      await Deno.remove(directory, { recursive: true });
    }
  },
);
