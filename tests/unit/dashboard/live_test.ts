/** The live connection of a page, with a browser made of paper. @module */
import assert from "node:assert/strict";
import { type Batch, LiveConnection, type LiveTopic } from "fresh-dashboard/live/connection.ts";

class Socket {
  readyState = 0;
  readonly sent: Record<string, unknown>[] = [];
  onmessage: ((event: { data: string }) => void) | undefined;
  onclose: (() => void) | undefined;
  closed = false;
  constructor(readonly path: string) {}
  send(text: string) {
    this.sent.push(JSON.parse(text));
  }
  close() {
    this.closed = true;
    this.readyState = 3;
  }
  tell(type: string, payload: unknown = {}, seq = 1) {
    this.readyState = 1;
    this.onmessage!({ data: JSON.stringify({ type, payload, seq, timestamp: "" }) });
  }
  drop() {
    this.readyState = 3;
    this.onclose!();
  }
}

function browser(rendered?: number) {
  let now = 1_000_000;
  let timers: { at: number; run: () => void }[] = [];
  let frames: (() => void)[] = [];
  let wake = () => {};
  const sockets: Socket[] = [];
  const world = {
    sockets,
    online: true,
    session: "good" as "good" | "over" | "away",
    random: 1,
    asked: 0,
    get last() {
      return sockets.at(-1)!;
    },
    frame() {
      const due = frames;
      frames = [];
      for (const run of due) run();
    },
    get frames() {
      return frames.length;
    },
    wake: async () => {
      wake();
      await settle();
    },
    get now() {
      return now;
    },
    /** Lets time pass until there are more sockets. */
    async next(than: number) {
      while (sockets.length <= than) await world.pass(100);
    },
    /** Lets time pass, timer by timer. */
    async pass(ms: number) {
      const end = now + ms;
      for (;;) {
        const next = timers.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
        if (!next) break;
        timers = timers.filter((one) => one !== next);
        now = next.at;
        next.run();
        await settle();
      }
      now = end;
    },
  };
  const live = new LiveConnection({
    open(path) {
      const socket = new Socket(path);
      sockets.push(socket);
      return socket as unknown as WebSocket;
    },
    session: () => {
      world.asked++;
      return Promise.resolve(world.session);
    },
    rendered: () => rendered,
    now: () => now,
    random: () => world.random,
    after(ms, run) {
      const timer = { at: now + ms, run };
      timers.push(timer);
      return () => void (timers = timers.filter((one) => one !== timer));
    },
    frame: (run) => void frames.push(run),
    online: () => world.online,
    onWake: (run) => void (wake = run),
  });
  return { live, ...{ world } };
}

async function settle() {
  for (let i = 0; i < 5; i++) await Promise.resolve();
}

function listen(live: LiveConnection, ...types: LiveTopic[]): Batch[] {
  const batches: Batch[] = [];
  live.subscribe({ types }, (batch) => batches.push(batch));
  return batches;
}

const metric = (service_name: string, value: number) => ({
  service_name,
  metric_type: "cpu",
  value,
  labels: {},
});

Deno.test("it connects once, from where the page was rendered, and is live when told so", () => {
  const { live, world } = browser(77);
  assert.equal(live.state.value, "connecting");
  live.start();
  live.start();
  assert.deepEqual(world.sockets.map(({ path }) => path), ["/ws?types=alert&seq=77"]);
  world.last.tell("status");
  assert.equal(live.state.value, "live");
});

Deno.test("a burst of 1,000 updates is handed out once, in the next frame", () => {
  const { live, world } = browser();
  const batches = listen(live, "metric");
  world.last.tell("status");
  for (let i = 0; i < 1_000; i++) world.last.tell("metric", metric("a", i), i);
  assert.equal(world.frames, 1);
  assert.equal(batches.length, 0);
  world.frame();
  assert.deepEqual(batches.map(({ messages, gap }) => [messages.length, gap]), [[1_000, false]]);
});

Deno.test("each listener gets what it asked for, until it ends that", () => {
  const { live, world } = browser();
  const alerts = listen(live, "alert");
  const ofB: Batch[] = [];
  const end = live.subscribe({ types: ["metric"], services: ["b"] }, (one) => ofB.push(one));
  world.last.tell("status");
  world.last.tell("metric", metric("a", 1));
  world.last.tell("metric", metric("b", 2));
  world.last.tell("alert", { id: "x", service_name: "a" });
  world.frame();
  assert.equal(alerts.length, 1);
  assert.deepEqual(ofB.map(({ messages }) => messages.length), [1]);
  end();
  world.last.tell("metric", metric("b", 3));
  world.frame();
  assert.equal(ofB.length, 1);
});

Deno.test("the server is told what all listeners together want", () => {
  const { live, world } = browser();
  live.subscribe({ types: ["metric"], services: ["a"] }, () => {});
  world.last.tell("status");
  live.subscribe({ types: ["stats"], services: ["b"] }, () => {});
  assert.deepEqual(world.last.sent.slice(-3), [
    { type: "subscribe" },
    { type: "unsubscribe", types: ["log"] },
    { type: "subscribe", services: ["a", "b"] },
  ]);
  live.subscribe({ types: ["log"] }, () => {});
  assert.deepEqual(world.last.sent.slice(-2), [
    { type: "subscribe" },
    { type: "unsubscribe", types: [] },
  ]);
});

Deno.test("a lost connection is opened again where it was, and the gap is told", async () => {
  const { live, world } = browser();
  const batches = listen(live, "metric");
  world.last.tell("status", {}, 5);
  world.last.tell("alert", { id: "x" }, 41);
  world.frame();
  world.last.drop();
  assert.equal(live.state.value, "reconnecting");
  await world.pass(500);
  assert.equal(world.sockets.length, 2);
  assert.equal(world.last.path, "/ws?types=metric%2Calert&seq=41");
  assert.equal(world.asked, 1, "the session is refreshed first");
  world.last.tell("status", {}, 42);
  assert.equal(live.state.value, "live");
  world.frame();
  assert.deepEqual(batches.map(({ gap }) => gap), [true]);
});

Deno.test("tries are spread over a growing time, and the server is called away after five", async () => {
  const { live, world } = browser();
  live.start();
  const waits: number[] = [];
  for (let i = 0; i < 9; i++) {
    world.last.drop();
    assert.equal(live.state.value, i < 4 ? "reconnecting" : "offline");
    const before = world.sockets.length;
    const started = world.now;
    await world.next(before);
    waits.push(world.now - started);
  }
  assert.deepEqual(waits, [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
  world.random = 0.1;
  world.last.drop();
  await world.pass(3_000);
  assert.equal(world.sockets.length, 11, "anywhere up to it");
});

Deno.test("an opening that hangs has failed", async () => {
  const { live, world } = browser();
  live.start();
  await world.pass(10_500);
  assert.equal(world.sockets.length, 2);
  assert(world.sockets[0]!.closed);
});

Deno.test("a connection that died without a word is noticed", async () => {
  const { live, world } = browser();
  live.start();
  world.last.tell("status");
  await world.pass(25_000);
  assert.deepEqual(world.last.sent.at(-1), { type: "ping" });
  world.last.tell("pong");
  await world.pass(25_000);
  assert.equal(live.state.value, "live", "it answered");
  await world.pass(5_000);
  assert.equal(live.state.value, "reconnecting", "it did not");
  assert(world.sockets[0]!.closed);
});

Deno.test("after an hour asleep a page asks at once whether it is still connected", async () => {
  const { live, world } = browser();
  live.start();
  world.last.tell("status", {}, 9);
  world.last.sent.length = 0;
  await world.wake();
  assert.deepEqual(world.last.sent, [{ type: "ping" }]);
  await world.pass(5_500);
  assert.equal(world.last.path, "/ws?types=alert&seq=9");
});

Deno.test("a page that comes back to the network does not wait for its turn", async () => {
  const { live, world } = browser();
  live.start();
  for (let i = 0; i < 8; i++) {
    world.last.drop();
    if (i < 7) await world.next(i + 1);
  }
  world.online = false;
  await world.wake();
  assert.equal(world.sockets.length, 8);
  world.online = true;
  await world.wake();
  assert.equal(world.sockets.length, 9);
  assert.equal(live.state.value, "offline", "until it is");
  await world.pass(9_000);
  assert.equal(world.sockets.length, 9, "once");
});

Deno.test("a session that is over ends the tries", async () => {
  const { live, world } = browser();
  live.start();
  world.last.tell("status");
  world.session = "over";
  world.last.drop();
  await world.pass(600_000);
  assert.equal(live.state.value, "signed_out");
  assert.equal(world.sockets.length, 1);
  assert.equal(world.asked, 1);
});

Deno.test("a server that is away is asked for the session, not for a socket", async () => {
  const { live, world } = browser();
  live.start();
  world.session = "away";
  world.last.drop();
  await world.pass(20_000);
  assert.equal(world.sockets.length, 1);
  assert.equal(live.state.value, "offline");
  world.session = "good";
  await world.pass(30_000);
  assert.equal(world.sockets.length, 2);
});

Deno.test("what an old connection says is not heard", async () => {
  const { live, world } = browser();
  live.start();
  const [old] = world.sockets;
  old!.drop();
  await world.pass(500);
  old!.tell("status");
  old!.drop();
  assert.equal(live.state.value, "reconnecting");
  assert.equal(world.sockets.length, 2);
});

Deno.test("a page that is not shown keeps every alert and what is newest of the rest", () => {
  const { live, world } = browser();
  const batches = listen(live, "metric", "alert", "log", "stats");
  world.last.tell("status");
  for (let i = 0; i < 20_000; i++) {
    world.last.tell("metric", metric(`s${i % 50}`, i), i);
    if (i % 10 === 0) world.last.tell("log", { message: String(i) }, i);
    if (i % 100 === 0) world.last.tell("alert", { id: String(i) }, i);
  }
  world.frame();
  const { messages, gap } = batches[0]!;
  const of = (type: string) => messages.filter((one) => one.type === type);
  assert(gap);
  assert.equal(of("alert").length, 200);
  assert(of("log").length >= 500 && of("log").length < 1_000);
  assert.equal((of("log").at(-1)!.payload as { message: string }).message, "19990");
  assert(messages.length < 3_000);
  assert.deepEqual(
    new Set(of("metric").slice(-50).map(({ payload }) => (payload as { value: number }).value)),
    new Set(Array.from({ length: 50 }, (_, i) => 19_950 + i)),
  );
  assert.deepEqual(
    messages.map(({ seq }) => seq),
    messages.map(({ seq }) => seq).sort((a, b) => a - b),
  );
});
