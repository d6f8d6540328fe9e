/**
 * The Redis store on a real server: the contract of all stores, then what only Redis can do wrong.
 *
 * @module
 */
import assert from "node:assert/strict";
import { Conflict, defineKind, defineQueue, Unavailable } from "shared/define/mod.ts";
import { type Sample, seriesKey } from "shared/model/metric.ts";
import { append, put, schedule, type Store } from "shared/store/port.ts";
import { openRedisStore, type RedisStoreOptions } from "shared/store/redis.ts";
import { createLog, silentLog } from "shared/telemetry/log.ts";
import { systemClock } from "shared/time/clock.ts";
import { storeContract } from "tests/contract/store.ts";
import { type RedisServer, type RedisServerOptions, startRedis } from "tests/support/redis.ts";

const server = startRedis();
Deno.test.afterAll(async () => await (await server).close());

const clock = systemClock;
let prefixes = 0;
const ownPrefix = () => `test-${++prefixes}:`;

storeContract("Redis store", async () => {
  const { address, ask } = await server;
  const prefix = ownPrefix();
  const open = () => openRedisStore({ address, prefix, clock, log: silentLog });
  let store = await open();
  return {
    store,
    now: () => clock.now(),
    pass: (ms) => clock.sleep(ms),
    async crash() {
      for (const type of ["normal", "pubsub"]) await ask("client", "kill", "type", type);
      await store.close();
      return store = await open();
    },
    async close(property) {
      await store.close();
      // redis-parser shrinks the buffer that it read a large value into by a tenth each 50 ms.
      if (property.startsWith("large values")) await clock.sleep(5_000);
    },
  };
});

const kind = defineKind<unknown>({ name: "thing", writer: "test" });
const queue = defineQueue("work");

function sample(t: number, v: number, id = `${t}`): Sample {
  const series = seriesKey("orders", "cpu", {});
  return { id, series, service: "orders", metric: "cpu", labels: {}, unit: "percent", t, v };
}

/** Runs with a store under a prefix of its own, on the server of all tests. */
function test(
  name: string,
  options: Partial<RedisStoreOptions>,
  run: (store: Store, server: RedisServer, prefix: string) => Promise<void>,
) {
  Deno.test(`Redis store: ${name}`, async () => {
    const { address } = await server;
    const prefix = ownPrefix();
    const store = await openRedisStore({ address, prefix, clock, log: silentLog, ...options });
    try {
      await run(store, await server, prefix);
    } finally {
      await store.close();
    }
  });
}

/** Runs with a server of its own. */
function testOn(
  name: string,
  options: RedisServerOptions,
  run: (server: RedisServer) => Promise<void>,
) {
  Deno.test(`Redis store: ${name}`, async () => {
    const own = await startRedis(options);
    try {
      await run(own);
    } finally {
      await own.close();
    }
  });
}

test("a person can read it with redis-cli", {}, async (store, server, prefix) => {
  await store.apply([
    put(kind, "a", { name: "one" }, { rank: 7 }),
    schedule(queue, "x", 1_000, "slack"),
    append([sample(clock.now(), 1.5)]),
  ]);
  const ask = (command: string, key: string, ...rest: string[]) =>
    server.ask(command, prefix + key, ...rest);
  const record = (await ask("hgetall", "record:thing:a")).split("\n");
  assert.deepEqual(record, ["value", '{"name":"one"}', "version", "1", "rank", "7"]);
  assert.equal(await ask("zrange", "records:thing", "0", "-1", "withscores"), "a\n7");
  assert.equal(await ask("zrange", "lane:work:slack", "0", "-1", "withscores"), "x\n1000");
  assert.equal(await ask("smembers", "services"), "orders");
  assert.match(await ask("zrange", "points:orders|cpu|", "0", "-1"), /^[0-9a-z]+:1\.5$/);
});

test("a record that expired leaves the indexes, raises the revision and is told of", {}, async (
  store,
  server,
  prefix,
) => {
  await store.apply([put(kind, "a", 1, { ttl_ms: 20 }), put(kind, "b", 2)]);
  const before = await store.revision(kind);
  await clock.sleep(40);
  let told = Promise.withResolvers<void>();
  const end = store.watch(kind.name, () => told.resolve());
  await told.promise;
  told = Promise.withResolvers();
  await store.maintain();
  await told.promise;
  end();
  assert(await store.revision(kind) > before);
  assert.equal(await server.ask("zrange", `${prefix}records:thing`, "0", "-1"), "b");
  assert.equal(await server.ask("exists", `${prefix}ends:thing`), "0");
});

test("the first of two samples with one id and time stays", {}, async (store) => {
  const t = clock.now();
  await store.apply([append([sample(t, 1, "same"), sample(t, 2, "same"), sample(t, 3, "other")])]);
  await store.apply([append([sample(t, 4, "same")])]);
  const [one] = await store.range({ service: "orders", from: t, to: t });
  assert.deepEqual(one!.points.map(({ v }) => v).toSorted(), [1, 3]);
});

test("a series never holds many more points than its cap", { max_points: 500 }, async (store) => {
  const now = clock.now();
  for (let batch = 0; batch < 20; batch++) {
    const times = Array.from({ length: 150 }, (_, i) => now - 3_000 + batch * 150 + i);
    await store.apply([append(times.map((t) => sample(t, t)))]);
  }
  const [one] = await store.range({ service: "orders", from: 0, to: now });
  assert(one!.points.length >= 500 && one!.points.length <= 500 + 150 + 128);
  assert.equal(one!.points.at(-1)!.t, now - 1);
});

test("points past the retention are dropped, and series without points", {
  retention_ms: 60_000,
}, async (store, server, prefix) => {
  const now = clock.now();
  const old = Array.from({ length: 200 }, (_, i) => sample(now - 120_000 + i, i));
  await store.apply([append(old)]);
  assert.deepEqual(await store.series(), []);
  await store.apply([append([sample(now - 90_000, 1), sample(now, 2)])]);
  await store.maintain();
  const [one] = await store.range({ service: "orders", from: 0, to: now });
  assert.deepEqual(one!.points, [{ t: now, v: 2 }]);
  await server.ask("del", `${prefix}points:orders|cpu|`);
  await store.maintain();
  assert.equal(await server.ask("exists", `${prefix}services`, `${prefix}series:orders`), "0");
});

test(
  "thousands of changes are one call, and one that does not fit undoes all",
  {},
  async (store) => {
    const t = clock.now();
    const many = [
      ...Array.from({ length: 5_000 }, (_, i) => put(kind, `r${i}`, i, { version: 0, rank: i })),
      ...Array.from({ length: 5_000 }, (_, i) => schedule(queue, `d${i}`, t + i, `lane ${i % 7}`)),
      append(Array.from({ length: 30_000 }, (_, i) => sample(t + i, i))),
    ];
    await store.apply([put(kind, "r4999", 0)]);
    await assert.rejects(store.apply(many), Conflict);
    assert.equal(await store.count(kind), 1);
    assert.equal(await store.next(queue), undefined);
    await store.apply(many.filter((change) => !("key" in change && change.key === "r4999")));
    assert.equal(await store.count(kind), 5_000);
    const taken = await store.take(queue, { now: t + 4_999, limit: 5_000, lease_ms: 1_000 });
    assert.deepEqual(taken.map(({ id }) => id), Array.from({ length: 5_000 }, (_, i) => `d${i}`));
  },
);

test("what cannot be stored is refused before anything is sent", {}, async (store) => {
  const bad = [
    put(kind, "a", 1, { rank: NaN }),
    put(kind, "a", 1, { ttl_ms: Infinity }),
    schedule(queue, "x", NaN),
    append([sample(clock.now(), NaN)]),
    put(defineKind({ name: "a:b", writer: "test" }), "a", 1),
  ];
  for (const change of bad) {
    await assert.rejects(store.apply([put(kind, "first", 1), change]), TypeError);
  }
  assert.equal(await store.get(kind, "first"), undefined);
});

test("ill-formed texts are told apart", {}, async (store) => {
  const keys = ["\ud800", "\ud801", "\u0001", '\u0001"x"'];
  await store.apply(keys.map((key) => put(kind, key, key)));
  assert.deepEqual(new Set((await store.list(kind)).map(({ key }) => key)), new Set(keys));
  assert.deepEqual((await store.getMany(kind, keys)).map((one) => one?.value), keys);
});

test("another process is told of changes", {}, async (store, { address }, prefix) => {
  const other = await openRedisStore({ address, prefix, clock, log: silentLog });
  let told = Promise.withResolvers<void>();
  const end = other.watch(queue.name, () => told.resolve());
  await told.promise;
  told = Promise.withResolvers();
  await store.apply([schedule(queue, "x", 5)]);
  await told.promise;
  assert.equal(await other.next(queue), 5);
  end();
  await other.close();
});

testOn("a full Redis takes no part of a call, says so, and works again with room", {
  more: ["--maxmemory", "8mb", "--maxmemory-policy", "noeviction"],
}, async ({ address, ask }) => {
  const store = await openRedisStore({ address, clock, log: silentLog });
  let stored = 0;
  await assert.rejects(async () => {
    for (;; stored++) {
      await store.apply([
        put(kind, `${stored}`, "x".repeat(100_000)),
        schedule(queue, `${stored}`, stored),
      ]);
    }
  }, Unavailable);
  assert(stored > 10);
  // The last free bytes are for small ones.
  await assert.rejects(async () => {
    for (let i = 0;; i++) {
      await store.apply([append([sample(clock.now(), i, `${i}`)])]);
      await store.check();
    }
  }, Unavailable);
  await assert.rejects(store.check(), Unavailable);
  assert.equal(await store.count(kind), stored);
  assert.equal(await store.get(kind, `${stored}`), undefined);
  await ask("config", "set", "maxmemory", "64mb");
  await store.check();
  const due = await store.take(queue, { now: stored, limit: stored + 1, lease_ms: 1_000 });
  assert.equal(due.length, stored);
  await store.close();
});

testOn("TLS with an authority of one's own, a password and a database", {
  tls: true,
  password: "p@ss/word:1",
}, async ({ url, ca, ask }) => {
  const store = await openRedisStore({ url: `${url}/3`, ca, clock, log: silentLog });
  const told = Promise.withResolvers<void>();
  const end = store.watch(kind.name, () => told.resolve());
  await store.apply([put(kind, "a", "safe", { version: 0 })]);
  await told.promise;
  end();
  assert.equal((await store.get(kind, "a"))!.value, "safe");
  await assert.rejects(store.apply([put(kind, "a", "again", { version: 0 })]), Conflict);
  assert.equal(await ask("-n", "3", "hget", "eventflow:record:thing:a", "value"), '"safe"');
  await store.check();
  await store.close();
});

testOn("whoever is refused is told why, and no secret", { tls: true, password: "right" }, async (
  { url, ca, port },
) => {
  const rows: [url: string, ca: string | undefined, why: RegExp][] = [
    [url.replace("right", "hunter2"), ca, /WRONGPASS/],
    [url.replace("default:right@", ""), ca, /NOAUTH/],
    [`${url}/99`, ca, /DB index is out of range/],
    [url, undefined, /[Cc]ert/],
    [`redis://127.0.0.1:${port}`, undefined, /./],
  ];
  for (const [url, ca, why] of rows) {
    const opened = openRedisStore({ url, ca, clock, log: silentLog, open_timeout_ms: 500 });
    await assert.rejects(opened, (error: Error) => {
      assert(error instanceof Unavailable);
      assert.match(error.message, why);
      assert.doesNotMatch(Deno.inspect(error, { depth: 10, showHidden: true }), /hunter2|right/);
      return true;
    });
  }
});

testOn("a server that is away fails calls at once, is told of once, and is used again", {}, async (
  server,
) => {
  const lines: string[] = [];
  const log = createLog({ level: "info", now: () => 0, write: (line) => lines.push(line) });
  const store = await openRedisStore({ address: server.address, clock, log });
  let told = 0;
  const end = store.watch(kind.name, () => told++);
  await store.apply([put(kind, "a", 1)]);
  await server.stop();
  await until(() => lines.length === 1);
  for (let i = 0; i < 50; i++) {
    await assert.rejects(store.apply([put(kind, "a", 2)]), Unavailable);
    await assert.rejects(store.get(kind, "a"), Unavailable);
    await assert.rejects(store.getMany(kind, ["a", "b"]), Unavailable);
    await assert.rejects(store.check(), Unavailable);
  }
  await clock.sleep(300);
  told = 0;
  await server.start();
  await until(() => told > 0);
  await until(() => lines.length === 2);
  assert.equal((await store.get(kind, "a"))!.version, 1);
  assert.match(lines[0]!, /"level":"warn".*is away/);
  assert.match(lines[1]!, /"level":"info".*is back/);
  end();
  await server.stop();
  await store.close();
});

async function until(met: () => boolean): Promise<void> {
  const end = clock.now() + 10_000;
  while (!met()) {
    assert(clock.now() < end, `It did not come to: ${met}`);
    await clock.sleep(5);
  }
}
