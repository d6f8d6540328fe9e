import assert from "node:assert/strict";
import auth from "functions/auth/profile.ts";
import type { Declared } from "functions/define.ts";
import orders from "functions/orders/profile.ts";
import { incidentKind, simulate } from "functions/simulate.ts";
import type { ServiceLog } from "shared/model/log.ts";
import type { ServiceMetric } from "shared/model/metric.ts";
import { incidentsBetween } from "shared/simulation/incidents.ts";
import { logsAt, metricsAt } from "shared/simulation/messages.ts";
import type { Profile } from "shared/simulation/profile.ts";
import { invoke, type TestWorld, testWorld } from "tests/support/invoke.ts";

const minute = 60_000;
const [authMetrics, authLogs] = functionsOf(auth);
const [ordersMetrics] = functionsOf(orders);

function functionsOf(profile: Profile): [metrics: Declared, logs: Declared] {
  const [metrics, logs] = simulate(profile, 0).functions;
  return [metrics!, logs!];
}

async function inWorld(
  environment: Record<string, string>,
  test: (world: TestWorld) => Promise<void>,
): Promise<void> {
  const world = await testWorld(environment);
  try {
    await test(world);
  } finally {
    await world.close();
  }
}

/** The tick's messages without their ids. */
async function tick(fn: typeof authMetrics, at: number, world: TestWorld) {
  const { emitted } = await invoke(fn, { at }, world);
  return emitted.map(({ value }) => {
    const { id, ...message } = value as ServiceMetric | ServiceLog;
    assert.match(id, /^[0-9a-f-]{36}$/);
    return message;
  });
}

Deno.test("metrics come every 5 s and log lines every 3 s, unless the profile says otherwise", () => {
  assert.deepEqual(authMetrics.on, { kind: "schedule", schedule: { every: "5s" } });
  assert.deepEqual(authLogs.on, { kind: "schedule", schedule: { every: "3s" } });
  const [metrics, logs] = functionsOf({ ...auth, metrics_every: "30s", logs_every: "10s" });
  assert.deepEqual(metrics.on, { kind: "schedule", schedule: { every: "30s" } });
  assert.deepEqual(logs.on, { kind: "schedule", schedule: { every: "10s" } });
});

Deno.test("a tick emits the messages of the time when it was due, under the configured seed", () =>
  inWorld({ SIMULATOR_SEED: "42" }, async (world) => {
    const start = world.clock.now();
    const run = { seed: "42", opening: { service: "auth", at: start } };
    assert.deepEqual(
      await tick(authMetrics, start + 30_000, world),
      metricsAt(auth, run, start + 30_000),
    );
    assert.deepEqual(
      await tick(authLogs, start + 33_000, world),
      logsAt(auth, run, start + 33_000),
    );
  }));

Deno.test("without a configured seed each process draws one, and keeps it", async () => {
  const seen: unknown[] = [];
  for (let i = 0; i < 2; i++) {
    await inWorld({}, async (world) => {
      const first = await tick(authMetrics, 0, world);
      assert.deepEqual(await tick(authMetrics, 0, world), first);
      seen.push(first);
    });
  }
  assert.notDeepEqual(seen[0], seen[1]);
});

Deno.test("the service that ticks first has the opening incident, the others have none", () =>
  inWorld({ SIMULATOR_SEED: "42" }, async (world) => {
    const start = world.clock.now();
    const run = { seed: "42", opening: { service: "orders", at: start } };
    await tick(ordersMetrics, start, world);
    assert.deepEqual(
      await tick(ordersMetrics, start + minute, world),
      metricsAt(orders, run, start + minute),
    );
    assert.deepEqual(
      await tick(authMetrics, start + minute, world),
      metricsAt(auth, { seed: "42" }, start + minute),
    );
  }));

Deno.test("an incident is recorded once, when it begins, as it was scheduled", () =>
  inWorld({ SIMULATOR_SEED: "42" }, async (world) => {
    const start = world.clock.now();
    const run = { seed: "42", opening: { service: "auth", at: start } };
    const [opening] = incidentsBetween(auth, run, start, start + minute);
    await invoke(authMetrics, { at: start }, world);
    assert.equal(await world.store.count(incidentKind), 0);
    for (let t = start + 5_000; t < start + 4 * minute; t += 5_000) {
      await invoke(authMetrics, { at: t }, world);
    }
    const records = await world.store.list(incidentKind);
    assert.deepEqual(records.map(({ value }) => value), [opening]);
    assert.equal(records[0]!.version, 1);
    assert.equal(records[0]!.rank, opening!.starts_at);
  }));

Deno.test("an incident whose first ticks were missed is recorded all the same", () =>
  inWorld({ SIMULATOR_SEED: "42" }, async (world) => {
    const start = world.clock.now();
    await invoke(authLogs, { at: start }, world);
    await invoke(authMetrics, { at: start + 100_000 }, world);
    assert.equal(await world.store.count(incidentKind), 1);
  }));
