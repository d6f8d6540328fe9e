/**
 * The Redis store when its server dies or its network goes silent: what was acknowledged is there,
 * nothing is acknowledged that is not, and work goes on by itself.
 *
 * @module
 */
import assert from "node:assert/strict";
import { defineKind, defineQueue, Unavailable } from "shared/define/mod.ts";
import { type Sample, seriesKey } from "shared/model/metric.ts";
import { append, put, schedule } from "shared/store/port.ts";
import { openRedisStore } from "shared/store/redis.ts";
import { createLog, silentLog } from "shared/telemetry/log.ts";
import { systemClock as clock } from "shared/time/clock.ts";
import { startProxy } from "tests/support/proxy.ts";
import { startRedis } from "tests/support/redis.ts";

const kind = defineKind<number>({ name: "thing", writer: "test" });
const queue = defineQueue("work");
const series = seriesKey("orders", "cpu", {});

function sample(t: number, v: number): Sample {
  return {
    id: `${t}`,
    series,
    service: "orders",
    metric: "cpu",
    labels: {},
    unit: "percent",
    t,
    v,
  };
}

async function until(met: () => boolean): Promise<void> {
  const end = clock.now() + 20_000;
  while (!met()) {
    assert(clock.now() < end, `It did not come to: ${met}`);
    await clock.sleep(5);
  }
}

Deno.test("Redis killed and restarted under load: what was acknowledged is there, whole", async () => {
  const server = await startRedis({ appendfsync: "always" });
  const store = await openRedisStore({ address: server.address, clock, log: silentLog });
  let hints = 0;
  const end = store.watch(kind.name, () => hints++);
  const start = clock.now();
  const acknowledged = new Set<number>();
  const failed: number[] = [];
  let next = 0;
  let done = false;

  async function write() {
    while (!done) {
      const n = next++;
      try {
        await store.apply([
          put(kind, `r${n}`, n, { rank: n }),
          schedule(queue, `d${n}`, n, `lane ${n % 3}`),
          append([sample(start + n, n)]),
          { do: "mark", keys: [`m${n}`], ttl_ms: 3_600_000 },
        ]);
        acknowledged.add(n);
      } catch (error) {
        assert(error instanceof Unavailable, `${error}`);
        failed.push(n);
        await clock.sleep(5);
      }
    }
  }

  const writers = Array.from({ length: 8 }, write);
  const kills = 3;
  for (let kill = 0; kill < kills; kill++) {
    const before = acknowledged.size;
    await until(() => acknowledged.size >= before + 300);
    await server.kill();
    await until(() => failed.length > 0);
    hints = 0;
    await server.start();
    await until(() => hints > 0);
  }
  const last = acknowledged.size;
  await until(() => acknowledged.size >= last + 100);
  done = true;
  await Promise.all(writers);

  const keys = [...acknowledged];
  const records = await store.getMany(kind, keys.map((n) => `r${n}`));
  const marks = await store.seen(keys.map((n) => `m${n}`));
  const [points] = await store.range({ service: "orders", from: 0, to: start + next });
  const values = new Set(points!.points.map(({ v }) => v));
  const due = new Map(
    (await store.take(queue, { now: next, limit: next, lease_ms: 1_000 })).map((d) => [d.id, d]),
  );
  const lost = keys.filter((n, i) =>
    records[i]?.value !== n || !marks[i] || !values.has(n) || !due.has(`d${n}`)
  );
  // What failed may have been carried out, but never in part.
  const parts = failed.filter((n) => new Set([values.has(n), due.has(`d${n}`)]).size > 1);
  const applied = failed.filter((n) => values.has(n));
  console.log(
    `${kills} kills: ${keys.length} calls acknowledged, ${lost.length} lost; ` +
      `${failed.length} failed, ${applied.length} of them carried out, ${parts.length} in part`,
  );
  assert.deepEqual(lost, []);
  assert.deepEqual(parts, []);
  assert(keys.length >= 1_000 && failed.length > 0);
  assert.equal(await store.count(kind), keys.length + applied.length);
  end();
  await store.close();
  await server.close();
});

Deno.test("a Redis that lost its data: it is told of, once by each process, and work goes on", async () => {
  const server = await startRedis();
  const lines: string[] = [];
  const log = createLog({ level: "info", now: () => 0, write: (line) => lines.push(line) });
  const stores = [
    await openRedisStore({ address: server.address, clock, log }),
    await openRedisStore({ address: server.address, clock, log }),
  ];
  const maintain = async () => {
    for (const store of stores) await store.maintain();
  };
  await stores[0]!.apply([put(kind, "a", 1)]);
  await maintain();
  assert.deepEqual(lines, []);
  await server.ask("FLUSHALL");
  await maintain();
  await maintain();
  assert.equal(lines.length, 2);
  for (const line of lines) assert.match(line, /"level":"error".*lost what was stored/);
  await stores[0]!.apply([put(kind, "a", 2, { version: 0 })]);
  assert.equal((await stores[1]!.get(kind, "a"))!.value, 2);
  for (const store of stores) await store.close();
  await server.close();
});

Deno.test("scripts that the server forgets under load cost nothing", async () => {
  const server = await startRedis();
  const store = await openRedisStore({ address: server.address, clock, log: silentLog });
  let done = false;
  let applied = 0;
  const writers = Array.from({ length: 8 }, async (_, writer) => {
    for (let n = 0; !done; n++) {
      await store.apply([put(kind, `${writer}/${n}`, n, { version: 0 })]);
      applied++;
    }
  });
  for (let flush = 0; flush < 10; flush++) {
    const before = applied;
    await server.ask("SCRIPT", "FLUSH");
    await until(() => applied > before + 50);
  }
  done = true;
  await Promise.all(writers);
  assert.equal(await store.count(kind), applied);
  await store.close();
  await server.close();
});

Deno.test("a server that stands still delays the end by no more than a moment", async () => {
  const server = await startRedis();
  const store = await openRedisStore({ address: server.address, clock, log: silentLog });
  Deno.kill(server.pid, "SIGSTOP");
  const began = clock.now();
  await store.close();
  const took_ms = clock.now() - began;
  Deno.kill(server.pid, "SIGCONT");
  await server.close();
  assert(took_ms < 2_500, `${took_ms} ms`);
});

Deno.test("a network that goes silent: calls fail in time, and hints come again", async () => {
  const server = await startRedis();
  const proxy = startProxy(server.port);
  const store = await openRedisStore({
    address: proxy.address,
    clock,
    log: silentLog,
    command_timeout_ms: 300,
    heartbeat_ms: 200,
  });
  const direct = await openRedisStore({ address: server.address, clock, log: silentLog });
  let hints = 0;
  const end = store.watch(queue.name, () => hints++);
  await until(() => hints > 0);

  await store.apply([put(kind, "a", 1)]);
  proxy.silence();
  const asked = clock.now();
  const outcomes = await Promise.allSettled([
    store.apply([put(kind, "a", 2)]),
    store.get(kind, "a"),
    store.check(),
    store.once("tick", 60_000),
  ]);
  const waited = clock.now() - asked;
  assert(outcomes.every((o) => o.status === "rejected" && o.reason instanceof Unavailable));
  assert(waited < 1_000, `They waited for ${waited} ms`);
  // The store cannot hear this one.
  await direct.apply([schedule(queue, "x", 1)]);
  hints = 0;
  proxy.heal();
  await until(() => hints > 0);
  let back = false;
  while (!back) {
    back = await store.check().then(() => true, () => false);
    await clock.sleep(20);
  }
  assert.equal(await store.next(queue), 1);
  // What failed was not stored.
  assert.equal((await store.get(kind, "a"))!.version, 1);
  console.log(`calls failed after ${waited} ms`);
  end();
  await store.close();
  await direct.close();
  await proxy.close();
  await server.close();
});
