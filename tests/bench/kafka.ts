/**
 * The real Kafka and Redis, as ratios of one run: the analyzer against a loop that only consumes and
 * parses, publishing against bare kafkajs, a posted sample to its webhook, two analyzers against one.
 *
 * @module
 */
import kafkajs from "kafkajs";
import { openKafkaBroker } from "shared/broker/kafka.ts";
import type { Outgoing } from "shared/broker/port.ts";
import { silentLog } from "shared/telemetry/log.ts";
import { systemClock } from "shared/time/clock.ts";
import { inputs } from "./analyzer.ts";
import { benchLatency, type Running } from "./latency.ts";
import { rate, report, rounds, type Score } from "./measure.ts";
import { Fleet, metricsOf, pause, type Servers, startServers } from "tests/support/fleet.ts";
import { Api, eventually, type Program } from "tests/support/process.ts";

const topic = "service-metrics";
const series = 300;
const writeBatch = 1_000;

/** One sample a second and series, up to now; some 250 bytes each. */
function messages(count: number): Outgoing[] {
  const began = Date.now() - Math.ceil(count / series) * 1_000;
  return Array.from({ length: count }, (_, i) => {
    const id = crypto.randomUUID();
    const service_name = `service-${i % series}`;
    return {
      topic,
      key: service_name,
      value: JSON.stringify({
        id,
        service_name,
        metric_type: "latency_p95",
        value: 80 + Math.sin(i) * 10,
        unit: "ms",
        timestamp: new Date(began + Math.floor(i / series) * 1_000).toISOString(),
        trace_id: "0123456789abcdef0123456789abcdef",
      }),
      headers: {
        traceparent: "00-0123456789abcdef0123456789abcdef-0123456789abcdef-01",
        "event-id": id,
        "content-type": "application/json",
      },
    };
  });
}

const port = (brokers: string[], topicPrefix = "") =>
  openKafkaBroker({ brokers, clientId: "bench", topicPrefix, clock: systemClock, log: silentLog });

/** Bare kafkajs, in its quiet. */
const bare = (brokers: string[]) =>
  new kafkajs.Kafka({ clientId: "bare", brokers, logLevel: kafkajs.logLevel.NOTHING });

/** The same batches, each acknowledged by all replicas before the next, compressed both. */
async function benchPublish(brokers: string[], count: number, times: number): Promise<void> {
  const all = messages(count);
  const batches: Outgoing[][] = [];
  for (let i = 0; i < count; i += writeBatch) batches.push(all.slice(i, i + writeBatch));
  const broker = await port(brokers);
  await broker.create([{ name: topic, partitions: 3 }]);
  const producer = bare(brokers).producer({
    createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
  });
  await producer.connect();
  const scores = await rounds(times, () =>
    rate(count, async () => {
      for (const batch of batches) {
        await producer.send({
          topic,
          acks: -1,
          compression: kafkajs.CompressionTypes.GZIP,
          messages: batch.map(({ key, value, headers }) => ({ key, value, headers })),
        });
      }
    }), () =>
    rate(count, async () => {
      for (const batch of batches) await broker.publish(batch);
    }));
  await producer.disconnect();
  await broker.close();
  report("Kafka publish", scores, 0.9, "messages/s");
}

async function fill(brokers: string[], prefix: string, count: number): Promise<void> {
  const broker = await port(brokers, prefix);
  await broker.create([{ name: topic, partitions: 3 }]);
  const all = messages(count);
  for (let i = 0; i < count; i += 5_000) await broker.publish(all.slice(i, i + 5_000));
  await broker.close();
}

/** Messages a second of a loop that consumes with bare kafkajs, parses, and commits. */
async function consumeBare(brokers: string[], prefix: string, count: number): Promise<number> {
  const consumer = bare(brokers).consumer({ groupId: `bare-${crypto.randomUUID()}` });
  await consumer.connect();
  await consumer.subscribe({ topic: prefix + topic, fromBeginning: true });
  const done = Promise.withResolvers<void>();
  let left = count;
  let sink = 0;
  let first = 0;
  await consumer.run({
    async eachBatch({ batch }) {
      first ||= performance.now();
      for (const { value } of batch.messages) sink += JSON.parse(String(value)).value;
      if ((left -= batch.messages.length) <= 0) done.resolve();
    },
  });
  await done.promise;
  const seconds = (performance.now() - first) / 1_000;
  await consumer.disconnect();
  if (sink === 0) throw new Error("Nothing was measured");
  return count / seconds;
}

/** How many messages each analyzer has handled. */
function handled(analyzers: readonly Program[]): Promise<number[]> {
  return Promise.all(analyzers.map(async (analyzer) => {
    const rows = await metricsOf(analyzer.address("analyzer"));
    return rows.filter(({ name, labels }) =>
      name === "kafka_messages_consumed_total" && labels.topic === topic
    ).reduce((sum, { value }) => sum + value, 0);
  }));
}

/**
 * Messages a second of some analyzers that find a full topic, from when all of them work; and of
 * the bare loop over the same topic, before.
 */
async function analyze(servers: Servers, replicas: number, count: number) {
  const fleet = await Fleet.open(servers);
  const brokers = [servers.kafka.plain];
  const backend = await fleet.start("ui-backend");
  const api = await new Api(backend.address("ui-backend")).login();
  for (const { id } of await api.get<{ id: string }[]>("/api/rules?limit=100")) {
    await api.delete(`/api/rules/${id}`);
  }
  for (const rule of inputs) await api.post("/api/rules", rule);
  await fleet.stop(backend);
  await fill(brokers, fleet.prefix, count);
  const bare = await consumeBare(brokers, fleet.prefix, count);
  const analyzers = await Promise.all(
    Array.from({ length: replicas }, () => fleet.start("analyzer")),
  );
  const total = (counts: number[]) => counts.reduce((sum, one) => sum + one);
  const look = async () => {
    const counts = await handled(analyzers);
    return { counts, at: performance.now() };
  };
  const first = await eventually(look, ({ counts }) => counts.every((one) => one > 0), 60_000);
  const last = await eventually(
    async () => {
      // Not more often: to answer costs the analyzer some milliseconds.
      await pause(250);
      return await look();
    },
    ({ counts }) => total(counts) >= count,
    240_000,
  );
  await fleet.close();
  const done = total(last.counts) - total(first.counts);
  return { ours: done / ((last.at - first.at) / 1_000), bare };
}

async function benchAnalyzers(servers: Servers, count: number, times: number): Promise<void> {
  const bareLoop: Score[] = [];
  const pairs = await rounds(times, async () => {
    const { ours, bare } = await analyze(servers, 1, count);
    bareLoop.push({ ours, baseline: bare });
    return ours;
  }, async () => (await analyze(servers, 2, count)).ours);
  report(`analyzer on Kafka, 10 rules, ${series} series`, bareLoop.slice(1), 0.5, "messages/s");
  report("two analyzers against one", pairs, undefined, "messages/s");
}

/** Each service in a process of its own. */
async function apart(servers: Servers, environment: Record<string, string>): Promise<Running> {
  const fleet = await Fleet.open(servers);
  const backend = await fleet.start("ui-backend", environment);
  const [ingest] = await Promise.all(
    ["ingest", "analyzer", "alert-engine"].map((name) => fleet.start(name, environment)),
  );
  return {
    ingest: ingest!.address("ingest"),
    backend: backend.address("ui-backend"),
    async stop() {
      for (const program of fleet.programs) await fleet.stop(program);
      await fleet.close();
    },
  };
}

/** Prints what Kafka and Redis cost: `count` messages in each of some rounds. */
export async function benchKafka(count: number, times: number, probes: number): Promise<void> {
  const servers = await startServers("everysec");
  try {
    await benchPublish([servers.kafka.plain], count, times);
    await benchAnalyzers(servers, count, times);
    await benchLatency(
      probes,
      "the same on Kafka and Redis",
      50,
      (environment) => apart(servers, environment),
    );
  } finally {
    await servers.close();
  }
}
