import assert from "node:assert/strict";
import {
  closeCodes,
  highWater,
  maxAlerts,
  maxLogs,
  type Transport,
} from "functions/ui-backend/live/client.ts";
import { type HubPorts, LiveHub, remembered, settling_ms } from "functions/ui-backend/live/hub.ts";
import type { LiveMessage } from "functions/ui-backend/live/message.ts";
import { silentLog } from "shared/telemetry/log.ts";
import { createMetrics } from "shared/telemetry/metrics.ts";
import { settled, VirtualClock } from "tests/support/virtual_clock.ts";
import { operator } from "./samples.ts";

/** A connection that remembers what it was sent, and is as slow as it is told to be. */
class FakeTransport implements Transport {
  readonly kind = "websocket";
  readonly sent: LiveMessage[] = [];
  stuck = 0;
  closed: number | undefined;
  send(message: LiveMessage) {
    this.sent.push(message);
  }
  buffered = () => this.stuck;
  close(code: number) {
    this.closed = code;
  }
  get types() {
    return this.sent.map((message) => message.type);
  }
  get payloads() {
    return this.sent.filter((m) => m.type !== "status").map((message) => message.payload);
  }
  get ascending() {
    return this.sent.every((message, i) => i === 0 || message.seq >= this.sent[i - 1]!.seq);
  }
}

interface Setup {
  clock: VirtualClock;
  hub: LiveHub;
  join(options?: { resume?: number; expires_at?: number }): {
    transport: FakeTransport;
    client: ReturnType<LiveHub["join"]>;
  };
  feeding(): number;
}

function hub(
  name: string,
  run: (setup: Setup) => Promise<void> | void,
  changedSince: HubPorts["changedSince"] = () => Promise.resolve([]),
) {
  Deno.test(`hub: ${name}`, async () => {
    const clock = new VirtualClock();
    let feeding = 0;
    const hub = new LiveHub({
      clock,
      metrics: createMetrics("test"),
      changedSince,
      async feed(_hub, _log, signal) {
        feeding++;
        await clock.sleep(Infinity, signal);
        feeding--;
      },
    });
    await clock.advance(settling_ms);
    await run({
      clock,
      hub,
      feeding: () => feeding,
      join({ resume, expires_at } = {}) {
        const transport = new FakeTransport();
        const user = { ...operator, ...(expires_at ? { expires_at } : {}) };
        return { transport, client: hub.join(transport, { user, resume, log: silentLog }) };
      },
    });
    await hub.close();
  });
}
const metric = (hub: LiveHub, value: number, slot = "orders|cpu|") =>
  hub.publish("metric", value, { service: slot.split("|")[0]!, slot });

hub("a client hears first where it is, then everything in order", ({ hub, join }) => {
  const { transport } = join();
  metric(hub, 1);
  hub.publish("log", "line", { service: "orders" });
  hub.publish("alert", "fire", { service: "orders" });
  assert.deepEqual(transport.types, ["status", "metric", "log", "alert"]);
  assert(transport.ascending);
});

hub("seq is about the time in microseconds and always grows", async ({ hub, clock, join }) => {
  const { transport } = join();
  metric(hub, 1);
  metric(hub, 2);
  await clock.advance(5);
  metric(hub, 3);
  const [, a, b, c] = transport.sent.map((message) => message.seq);
  assert(a! < b! && b! < c!);
  assert.equal(c, clock.now() * 1_000);
});

hub("a client gets only what it subscribed to", ({ hub, join }) => {
  const { transport, client } = join();
  hub.hear(client, { type: "subscribe", types: ["alert"], services: ["auth"] });
  metric(hub, 1, "auth|cpu|");
  hub.publish("alert", "orders", { service: "orders" });
  hub.publish("alert", "auth", { service: "auth" });
  assert.deepEqual(transport.payloads, ["auth"]);
});

hub("a slow client gets only the newest value of each series", async ({ hub, clock, join }) => {
  const { transport } = join();
  transport.stuck = highWater;
  for (let value = 0; value < 100; value++) metric(hub, value);
  metric(hub, 7, "auth|cpu|");
  metric(hub, 100);
  await clock.advance(100);
  assert.deepEqual(transport.payloads, []);
  transport.stuck = 0;
  await clock.advance(100);
  assert.deepEqual(transport.payloads, [7, 100]);
  assert(transport.ascending);
});

hub(
  "a slow client gets every alert, in order with what else waits",
  async ({ hub, clock, join }) => {
    const { transport } = join();
    transport.stuck = highWater;
    metric(hub, 1);
    for (let i = 0; i < 10; i++) hub.publish("alert", `alert ${i}`, { service: "orders" });
    metric(hub, 2);
    transport.stuck = 0;
    // What comes when it is fast again does not overtake what waits.
    hub.publish("alert", "alert 10", { service: "orders" });
    await clock.advance(100);
    assert.deepEqual(transport.payloads, [
      ...Array.from({ length: 10 }, (_, i) => `alert ${i}`),
      2,
      "alert 10",
    ]);
    assert(transport.ascending);
  },
);

hub("a slow client does not hold up another one", ({ hub, join }) => {
  const slow = join();
  const fast = join();
  slow.transport.stuck = highWater;
  metric(hub, 1);
  assert.deepEqual(fast.transport.payloads, [1]);
});

hub("of log lines the oldest are left out", async ({ hub, clock, join }) => {
  const { transport } = join();
  transport.stuck = highWater;
  for (let i = 0; i < maxLogs + 3; i++) hub.publish("log", i, { service: "orders" });
  transport.stuck = 0;
  await clock.advance(100);
  assert.equal(transport.payloads.length, maxLogs);
  assert.equal(transport.payloads[0], 3);
});

hub(
  "a client with too many alerts waiting is closed, and resumes",
  async ({ hub, clock, join }) => {
    const { transport, client } = join();
    hub.publish("alert", "seen", { service: "orders" });
    const last = transport.sent.at(-1)!.seq;
    transport.stuck = highWater;
    for (let i = 0; i <= maxAlerts; i++) hub.publish("alert", i, { service: "orders" });
    assert.equal(transport.closed, closeCodes.tooSlow);
    assert(client.closed.aborted);
    assert.equal(hub.size, 0);
    const again = join({ resume: last });
    await clock.advance(1);
    assert.equal(again.transport.payloads.length, maxAlerts + 1);
  },
);

hub("what a status says of a waiting client does not skip what waits", ({ hub, join }) => {
  const { transport, client } = join();
  const before = transport.sent.at(-1)!.seq;
  transport.stuck = highWater;
  hub.publish("alert", "waits", { service: "orders" });
  hub.hear(client, { type: "ping" });
  assert.deepEqual(transport.types, ["status", "pong"]);
  assert.equal(transport.sent.at(-1)!.seq, before);
});

hub("who comes back gets what it missed, the newest of each series, then where it is", async (
  { hub, clock, join },
) => {
  const first = join();
  hub.publish("alert", "one", { service: "orders" });
  const last = first.transport.sent.at(-1)!.seq;
  first.client.close(1000, "");
  hub.publish("alert", "two", { service: "orders" });
  metric(hub, 1);
  metric(hub, 2);
  hub.publish("log", "line", { service: "orders" });
  const { transport } = join({ resume: last });
  await settled();
  assert.deepEqual(transport.payloads, ["two", 2, "line"]);
  assert.equal(transport.types.at(-1), "status");
  assert.deepEqual(
    (transport.sent.at(-1)!.payload as { missed: number }).missed,
    3,
  );
  assert(transport.ascending);
  await clock.advance(1);
});

hub("resume by message does the same", async ({ hub, join }) => {
  metric(hub, 0);
  const from = hub.seq;
  hub.publish("alert", "one", { service: "orders" });
  const { transport, client } = join();
  hub.hear(client, { type: "resume", seq: from });
  await settled();
  assert.deepEqual(transport.payloads, ["one"]);
});

hub("resume keeps to what the client wants", async ({ hub, join }) => {
  metric(hub, 0);
  const from = hub.seq;
  hub.publish("alert", "one", { service: "orders" });
  hub.publish("alert", "two", { service: "auth" });
  const { transport, client } = join();
  hub.hear(client, { type: "subscribe", services: ["auth"] });
  hub.hear(client, { type: "resume", seq: from });
  await settled();
  assert.deepEqual(transport.payloads, ["two"]);
});

const stored = Promise.withResolvers<void>();
hub("after a restart the alerts that changed come from the store, before newer ones", async (
  { hub, clock, join },
) => {
  await clock.advance(10_000);
  const { transport } = join({ resume: (clock.now() - 20_000) * 1_000 });
  // It is still reading: what happens now must wait.
  hub.publish("alert", "live", { service: "orders" });
  stored.resolve();
  await settled();
  assert.deepEqual(transport.payloads, ["old", "newer", "live"]);
  assert(transport.ascending);
}, async (since) => {
  await stored.promise;
  return [
    { at: since + 5_000, service: "orders", alert: "old" },
    { at: since + 5_000, service: "orders", alert: "newer" },
  ];
});

const asked: number[] = [];
hub("more than is remembered comes from the store", async ({ hub, clock, join }) => {
  metric(hub, 0);
  const from = hub.seq;
  for (let i = 0; i < 2 * remembered; i++) hub.publish("alert", i, { service: "orders" });
  const { transport } = join({ resume: from });
  await clock.advance(1);
  assert.deepEqual(transport.payloads, ["stored"]);
  assert.deepEqual(asked, [Math.floor(from / 1_000) - 15_000]);
}, (since) => {
  asked.push(since);
  return Promise.resolve([{ at: since, service: "orders", alert: "stored" }]);
});

hub("when the store is away the client is told to come again", async ({ join, clock }) => {
  const { transport } = join({ resume: 1 });
  await clock.advance(1);
  assert.deepEqual(transport.types, ["error"]);
  assert.equal(transport.closed, closeCodes.tooSlow);
}, () => Promise.reject(new Error("away")));

hub("nonsense is answered with an error, and the connection stays", ({ hub, join }) => {
  const { transport, client } = join();
  hub.hear(client, "The message is not JSON");
  assert.deepEqual(transport.types, ["status", "error"]);
  assert.equal(transport.closed, undefined);
});

hub("ping is answered with pong", ({ hub, join }) => {
  const { transport, client } = join();
  hub.hear(client, { type: "ping" });
  assert.deepEqual(transport.types, ["status", "pong"]);
});

hub("a connection ends with its token", async ({ clock, join }) => {
  const { transport } = join({ expires_at: clock.now() + 60_000 });
  await clock.advance(59_999);
  assert.equal(transport.closed, undefined);
  await clock.advance(1);
  assert.equal(transport.closed, closeCodes.tokenExpired);
  assert.deepEqual(transport.types, ["status", "error"]);
});

hub("a stop closes every connection and lets nobody in", async ({ hub, join }) => {
  const { transport } = join();
  await hub.close();
  assert.equal(transport.closed, closeCodes.goingAway);
  assert.equal(join().transport.closed, closeCodes.goingAway);
  assert.equal(hub.size, 0);
});

hub("it is fed only while somebody listens", async ({ join, feeding }) => {
  assert.equal(feeding(), 0);
  const one = join();
  const two = join();
  assert.equal(feeding(), 1);
  one.client.close(1000, "");
  two.client.close(1000, "");
  await settled();
  assert.equal(feeding(), 0);
  join();
  assert.equal(feeding(), 1);
});
