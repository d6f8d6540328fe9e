/** The embedded broker against bare SQLite: the same rows, written and read in batches. @module */
import { DatabaseSync } from "node:sqlite";
import { openEmbeddedBroker } from "shared/broker/embedded.ts";
import { systemClock } from "shared/time/clock.ts";
import type { Outgoing } from "shared/broker/port.ts";
import { rate, report, rounds } from "./measure.ts";

const writeBatch = 1_000;
const readBatch = 500;

/** Messages as the simulators make them, some 250 bytes each. */
function messages(count: number): Outgoing[] {
  return Array.from({ length: count }, (_, i) => ({
    topic: "service-metrics",
    key: `service-${i % 50}`,
    value: JSON.stringify({
      id: crypto.randomUUID(),
      service_name: `service-${i % 50}`,
      metric_type: "latency_p95",
      value: 80 + i / count,
      unit: "ms",
      timestamp: "2026-01-05T09:00:00.000Z",
      trace_id: "0123456789abcdef0123456789abcdef",
    }),
    headers: {
      traceparent: "00-0123456789abcdef0123456789abcdef-0123456789abcdef-01",
      "event-id": crypto.randomUUID(),
      "content-type": "application/json",
    },
  }));
}

/** Publishes and consumes `count` messages in each round. */
export async function benchBroker(count: number, times: number): Promise<void> {
  const all = messages(count);
  const batches: Outgoing[][] = [];
  for (let i = 0; i < count; i += writeBatch) batches.push(all.slice(i, i + writeBatch));
  const reads = { ours: [] as number[], baseline: [] as number[] };

  const writes = await rounds(times, async () => {
    const { write, read } = await bare(batches, count);
    reads.baseline.push(read);
    return write;
  }, async () => {
    const { write, read } = await embedded(batches, count);
    reads.ours.push(read);
    return write;
  });
  report("broker publish", writes, 0.6, "messages/s");
  report(
    "broker consume",
    writes.map((_, i) => ({ ours: reads.ours[i + 1]!, baseline: reads.baseline[i + 1]! })),
    0.6,
    "messages/s",
  );
}

async function bare(batches: Outgoing[][], count: number) {
  const directory = await Deno.makeTempDir();
  const db = new DatabaseSync(`${directory}/bare.db`);
  db.exec(`pragma journal_mode = wal; pragma synchronous = normal;
    create table log (id integer primary key, published_at integer not null,
      key text not null, value text not null, headers text not null)`);
  const insert = db.prepare("insert into log values (?, ?, ?, ?, ?)");
  let id = 0;
  const write = await rate(count, () => {
    for (const batch of batches) {
      db.exec("begin");
      for (const message of batch) {
        insert.run(id++, 0, message.key, message.value, JSON.stringify(message.headers));
      }
      db.exec("commit");
    }
  });
  const select = db.prepare("select * from log where id >= ? order by id limit ?");
  const read = await rate(count, () => {
    for (let from = 0; from < count; from += readBatch) {
      for (const row of select.all(from, readBatch)) JSON.parse(row.headers as string);
    }
  });
  db.close();
  await Deno.remove(directory, { recursive: true });
  return { write, read };
}

async function embedded(batches: Outgoing[][], count: number) {
  const directory = await Deno.makeTempDir();
  const broker = openEmbeddedBroker({ directory, clock: systemClock, maxLag: 2 * count });
  await broker.create([{ name: "service-metrics", partitions: 3 }]);
  const write = await rate(count, async () => {
    for (const batch of batches) await broker.publish(batch);
  });
  const read = await rate(count, async () => {
    let left = count;
    const done = Promise.withResolvers<void>();
    const subscription = await broker.subscribe(
      { group: "bench", topic: "service-metrics", max: readBatch },
      {
        async batch({ records }) {
          if ((left -= records.length) === 0) done.resolve();
        },
      },
    );
    await done.promise;
    await subscription.stop();
  });
  await broker.close();
  await Deno.remove(directory, { recursive: true });
  return { write, read };
}
