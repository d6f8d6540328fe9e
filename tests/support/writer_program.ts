/**
 * A process that publishes and stores without end and tells each thing it was promised is kept, one
 * line each. Made to be killed.
 *
 * @module
 */
import { openEmbeddedBroker } from "shared/broker/embedded.ts";
import { openEmbeddedStore } from "shared/store/embedded.ts";
import { systemClock } from "shared/time/clock.ts";

const [directory = "", run = ""] = Deno.args;
const broker = openEmbeddedBroker({ directory, clock: systemClock });
const store = openEmbeddedStore({ directory, clock: systemClock });
await broker.create([{ name: "t", partitions: 3 }]);

const encoder = new TextEncoder();
const tell = (line: string) => Deno.stdout.writeSync(encoder.encode(`${line}\n`));

async function publishAll(name: string) {
  for (let i = 0;; i++) {
    const value = `${run}-${name}-${i}`;
    await broker.publish([{ topic: "t", key: value, value, headers: {} }]);
    tell(`published ${value}`);
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
}

async function storeAll(name: string) {
  for (let i = 0;; i++) {
    const key = `${run}-${name}-${i}`;
    await store.apply([
      { do: "put", kind: "thing", key, value: { i }, version: 0 },
      { do: "schedule", queue: "queue", id: key, at: i },
    ]);
    tell(`stored ${key}`);
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
}

// Side by side, so that some share a transaction.
await Promise.all([publishAll("a"), publishAll("b"), storeAll("c"), storeAll("d")]);
