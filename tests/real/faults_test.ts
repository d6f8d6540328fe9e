/**
 * What the fleet loses when things go wrong under load: nothing. Each fault is held against the
 * undisturbed run of the same input, and prints its numbers.
 *
 * @module
 */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import kafkajs from "kafkajs";
import type { DeadLetter } from "shared/model/dead_letter.ts";
import {
  compare,
  createRules,
  durableRedis,
  Fleet,
  Load,
  pause,
  readTopic,
  type Servers,
  startServers,
} from "tests/support/fleet.ts";
import { type Kafka, startKafka } from "tests/support/kafka.ts";
import { Api, eventually } from "tests/support/process.ts";
import type { RedisServer } from "tests/support/redis.ts";

/** The servers write their logs whenever they like: reading those belongs to no test. */
const options = { sanitizeOps: false };
let servers: Servers;
Deno.test.beforeAll(async () => {
  servers = await startServers();
});
Deno.test.afterAll(() => servers.close());

/** Two analyzers, two alert engines, one of the others, under load. */
async function withFleet(
  name: string,
  fault: (fleet: Fleet, load: Load) => Promise<string | void>,
  { via, within = 60_000, ...own }: {
    /** Servers of its own, where the test ends them or cuts their network. */
    kafka?: Kafka;
    redis?: RedisServer;
    /** The environment of a second `ingest`, one analyzer and one alert engine. */
    via?: () => Record<string, string>;
    within?: number;
  } = {},
) {
  const fleet = await Fleet.open({ ...servers, ...own });
  try {
    const backend = await fleet.start("ui-backend");
    const [ingest, other] = await Promise.all([
      fleet.start("ingest"),
      via && fleet.start("ingest", via()),
      fleet.start("analyzer"),
      fleet.start("analyzer", via?.()),
      fleet.start("alert-engine"),
      fleet.start("alert-engine", via?.()),
    ]);
    const api = await new Api(backend.address("ui-backend")).login();
    await createRules(api);
    const load = new Load(
      [ingest, other].flatMap((one) => one ? [() => one.address("ingest")] : []),
    );
    let more: string | void;
    try {
      await pause(5_000);
      more = await fault(fleet, load);
      await pause(5_000);
    } finally {
      await load.stop();
    }
    await compare(name, { fleet, load, api, within, ...(more ? { more: `; ${more}` } : {}) });
  } catch (error) {
    console.log(fleet.trouble().slice(-20).join("\n"));
    throw error;
  } finally {
    await fleet.close();
  }
}

Deno.test(
  "a broker that is killed and started again under load costs nothing",
  options,
  () =>
    withFleet("broker killed twice", async (_, load) => {
      for (let kills = 0; kills < 2; kills++) {
        await servers.kafka.kill();
        await pause(2_000);
        await servers.kafka.start();
        const before = load.acknowledged.length;
        await eventually(() => load.acknowledged.length, (count) => count > before + 500, 30_000);
      }
    }),
);

Deno.test(
  "a Redis that is killed and started again under load costs nothing",
  options,
  async () => {
    const redis = await durableRedis();
    try {
      await withFleet("Redis killed twice", async (_, load) => {
        for (let kills = 0; kills < 2; kills++) {
          await redis.kill();
          await pause(3_000);
          await redis.start();
          const before = load.acknowledged.length;
          await eventually(() => load.acknowledged.length, (count) => count > before + 500, 30_000);
        }
      }, { redis, within: 150_000 });
    } finally {
      await redis.close();
    }
  },
);

Deno.test(
  "ten analyzers killed under load, each followed by another, cost nothing",
  options,
  () =>
    withFleet("ten analyzers killed", async (fleet) => {
      const analyzers = [...fleet.programs].filter((one) =>
        one.lines.some((line) => line.includes('"service":"analyzer"'))
      );
      let slowest_ms = 0;
      for (let kills = 0; kills < 10; kills++) {
        await fleet.kill(analyzers.shift()!);
        analyzers.push(await fleet.start("analyzer"));
        const began = Date.now();
        // The group waits for the dead one until its session is over: by then there is a lag to see.
        await pause(4_000);
        await eventually(() => fleet.lag("analyzer.metrics"), (lag) => lag < 100, 30_000);
        slowest_ms = Math.max(slowest_ms, Date.now() - began);
      }
      return `caught up within ${(slowest_ms / 1_000).toFixed(1)} s of each start`;
    }),
);

Deno.test("half the fleet without its broker for 30 s costs nothing", options, async () => {
  const kafka = await startKafka();
  try {
    await withFleet("network cut for 30 s", async (fleet, load) => {
      kafka.proxy.silence();
      const before = load.acknowledged.length;
      await pause(30_000);
      const meanwhile = load.acknowledged.length - before;
      // Those that reach the broker go on, with all partitions.
      assert(meanwhile > 500, `only ${meanwhile} samples were taken`);
      kafka.proxy.heal();
      await eventually(() => load.acknowledged.length, (count) => count > before + 3_500, 60_000);
      await eventually(() => fleet.lag(), (lag) => lag < 100, 60_000);
      return `${meanwhile} acknowledged meanwhile`;
    }, { kafka, via: () => ({ KAFKA_BROKERS: kafka.proxy.address }), within: 150_000 });
  } finally {
    await kafka.close();
  }
});

Deno.test(
  "an analyzer that stands still for 20 s, and then goes on, costs nothing",
  options,
  () =>
    withFleet("analyzer suspended for 20 s", async (fleet) => {
      const analyzer = [...fleet.programs].find((one) =>
        one.lines.some((line) => line.includes('"service":"analyzer"'))
      )!;
      Deno.kill(analyzer.pid, "SIGSTOP");
      await pause(20_000);
      Deno.kill(analyzer.pid, "SIGCONT");
      await pause(15_000);
    }),
);

/** What no reader can use: not text, not JSON, JSON of another shape, nothing, no key. */
const poison: { key: string | null; value: Uint8Array | string | null; headers?: Headers }[] = [
  { key: "shop-0", value: "neither JSON nor anything" },
  { key: "shop-1", value: "{}" },
  { key: "shop-2", value: "[1, 2" },
  { key: "shop-3", value: "null" },
  { key: "shop-4", value: null },
  { key: null, value: new Uint8Array([0xff, 0xfe, 0x00, 0x80]) },
  { key: "shop-5", value: '{"service_name":"shop-5","value":"many","__proto__":{"x":1}}' },
  { key: "", value: "" },
  {
    key: "shop-6",
    value: JSON.stringify({ service_name: "shop-6", metric_type: "heat", value: "x".repeat(1e5) }),
  },
];
type Headers = Record<string, string>;

Deno.test(
  "poison in every topic is set aside and holds up nothing",
  options,
  () =>
    withFleet("poison in every topic", async (fleet, load) => {
      const topics = ["service-metrics", "service-logs", "alerts", "alerts-dlq"];
      const producer = new kafkajs.Kafka({
        brokers: [servers.kafka.plain],
        logLevel: kafkajs.logLevel.NOTHING,
      }).producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner });
      await producer.connect();
      for (const topic of topics) {
        await producer.send({
          topic: fleet.prefix + topic,
          messages: poison.map(({ value, ...rest }) => ({
            ...rest,
            value: value instanceof Uint8Array ? Buffer.from(value) : value,
          })),
        });
      }
      await producer.disconnect();
      const before = load.acknowledged.length;
      await eventually(() => load.acknowledged.length, (count) => count > before + 1_000);
      const letters = await readTopic<DeadLetter>(servers.kafka, fleet, "alerts-dlq");
      const count = () =>
        topics.map((name): [string, number] => {
          const ofIt = letters.messages.filter((letter) => letter?.topic === name);
          return [name, new Set(ofIt.map(({ payload, key }) => `${key} ${payload}`)).size];
        });
      const counts = await eventually(
        count,
        (counts) => counts.every(([, number]) => number === poison.length),
      ).finally(letters.close);
      await eventually(() => fleet.lag(), (lag) => lag < 100);
      return `${poison.length} messages each, dead letters: ${
        counts.map((pair) => pair.join(" ")).join(", ")
      }`;
    }),
);
