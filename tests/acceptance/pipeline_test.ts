/**
 * From a sample to the message that somebody reads, hours at a time: each script runs plainly, with
 * everything delivered twice, and killed and started again on the way.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { Alert } from "shared/model/alert.ts";
import { alertKind, ruleKind } from "shared/model/kinds.ts";
import { completeRule } from "shared/model/rule_check.ts";
import type { RuleInput } from "shared/model/rule.ts";
import { serviceLogs, serviceMetrics } from "shared/model/topics.ts";
import { formatTime } from "shared/model/wire.ts";
import { put, remove } from "shared/store/port.ts";
import { assertWanted, type ScriptWorld, scriptWorld, weathers } from "tests/support/world.ts";

/** A rule as the API would store it. */
async function rule(world: ScriptWorld, id: string, input: RuleInput): Promise<void> {
  const options = { id, now: world.clock.now(), user: "test", version: 1 };
  await world.store().apply([put(ruleKind, id, completeRule(input, options))]);
}

let samples = 0;

async function sample(world: ScriptWorld, service: string, metric: string, value: number) {
  await world.push(serviceMetrics, {
    id: `sample-${samples++}`,
    service_name: service,
    metric_type: metric,
    value,
    timestamp: formatTime(world.clock.now()),
  });
}

async function alerts(world: ScriptWorld): Promise<Alert[]> {
  return (await world.store().list(alertKind)).map(({ value }) => value);
}

function script(
  name: string,
  play: (world: ScriptWorld) => Promise<void>,
  environment: Record<string, string> = {},
): void {
  for (const weather of weathers) {
    Deno.test(`${name} (${weather})`, async () => {
      const world = await scriptWorld({ weather, seed: name, environment });
      try {
        await play(world);
      } finally {
        await world.end();
      }
    });
  }
}

script("a bad metric is told once after the group's wait, and so is its end", async (world) => {
  const hook = world.hook("/default");
  await rule(world, "heat", { name: "Hot", metric_type: "heat", threshold: 100 });
  await world.at("1s");
  await sample(world, "boiler", "heat", 150);
  for (const at of ["10s", "20s", "30s", "40s"]) {
    await world.at(at);
    await sample(world, "boiler", "heat", 160);
  }
  await world.at("50s");
  await sample(world, "boiler", "heat", 20);
  await world.at("10m");
  assertWanted(hook, [
    { between: ["6s", "7s"], status: "firing", alerts: ["Hot"] },
    { between: ["1m6s", "1m8s"], status: "resolved", alerts: ["Hot"] },
  ]);
  const [alert, ...more] = await alerts(world);
  assert.deepEqual(more, []);
  assert.equal(alert!.status, "resolved");
  assert.equal(alert!.starts_at, formatTime(world.start + 1_000));
  assert.equal(alert!.value, 150);
});

script(
  "alerts of one service and type are told together; a late one at the next interval",
  async (world) => {
    const hook = world.hook("/default");
    for (const metric of ["heat", "pressure", "smoke"]) {
      await rule(world, metric, { name: metric, metric_type: metric, threshold: 100 });
    }
    await world.at("1s");
    await sample(world, "boiler", "heat", 150);
    await world.at("3s");
    await sample(world, "boiler", "pressure", 150);
    await world.at("30s");
    await sample(world, "boiler", "smoke", 150);
    await world.at("5m");
    assertWanted(hook, [
      { between: ["6s", "7s"], status: "firing", alerts: ["heat", "pressure"] },
      { between: ["1m6s", "1m8s"], status: "firing", alerts: ["heat", "pressure", "smoke"] },
    ]);
  },
);

script("services are told apart", async (world) => {
  const hook = world.hook("/default");
  await rule(world, "heat", { name: "Hot", metric_type: "heat", threshold: 100 });
  await world.at("1s");
  for (const service of ["a", "b", "c"]) await sample(world, service, "heat", 150);
  await world.at("1m");
  assert.deepEqual(
    [...new Set(hook.got.map(({ body }) => body.groupLabels.service))].sort(),
    ["a", "b", "c"],
  );
});

script(
  "what still fires is told again after the repeat interval, and not before",
  async (world) => {
    const hook = world.hook("/default");
    await rule(world, "heat", { name: "Hot", metric_type: "heat", threshold: 100 });
    await world.at("1s");
    await sample(world, "boiler", "heat", 150);
    for (let minute = 4; minute <= 9 * 60; minute += 4) {
      await world.at(`${minute}m`);
      await sample(world, "boiler", "heat", 150);
    }
    assertWanted(hook, [
      { between: ["6s", "7s"], status: "firing" },
      { between: ["4h", "4h3m"], status: "firing" },
      { between: ["8h", "8h5m"], status: "firing" },
    ]);
  },
);

script(
  "a channel that is away for ten minutes loses nothing and is told in order",
  async (world) => {
    const hook = world.hook("/default");
    hook.status = 503;
    await rule(world, "heat", {
      name: "Hot",
      metric_type: "heat",
      threshold: 100,
      cooldown_seconds: 0,
    });
    await world.at("1s");
    await sample(world, "boiler", "heat", 150);
    await world.at("2m");
    await sample(world, "boiler", "heat", 20);
    await world.at("10m");
    assert.deepEqual(hook.got, []);
    hook.status = 200;
    await world.at("30m");
    assertWanted(hook, [
      { between: ["10m", "25m"], status: "firing" },
      { between: ["10m", "25m"], status: "resolved" },
    ]);
  },
);

script(
  "a rule that changes takes effect on the next sample; one that is deleted ends its alerts",
  async (world) => {
    const hook = world.hook("/default");
    await rule(world, "heat", { name: "Hot", metric_type: "heat", threshold: 100 });
    await world.at("1s");
    await sample(world, "boiler", "heat", 150);
    await world.at("20s");
    await rule(world, "heat", { name: "Hot", metric_type: "heat", threshold: 200 });
    await sample(world, "boiler", "heat", 150);
    await world.at("25s");
    assert.deepEqual((await alerts(world)).map(({ status }) => status), ["resolved"]);
    await rule(world, "cold", {
      name: "Cold",
      metric_type: "heat",
      operator: "<",
      threshold: 160,
    });
    await sample(world, "boiler", "heat", 150);
    await world.at("30s");
    assert.deepEqual((await alerts(world)).map(({ status }) => status), ["resolved", "firing"]);
    await world.store().apply([remove(ruleKind, "cold")]);
    await sample(world, "boiler", "heat", 150);
    await world.at("40s");
    assert.deepEqual((await alerts(world)).map(({ status }) => status), ["resolved", "resolved"]);
    assert(hook.got.length > 0);
  },
);

script("a burst of error lines is told, with the lines", async (world) => {
  const hook = world.hook("/default");
  await world.at("1s");
  for (let i = 0; i < 30; i++) {
    await world.push(serviceLogs, {
      id: `log-${samples++}`,
      service_name: "boiler",
      level: "error",
      message: `Valve ${i} does not answer`,
      timestamp: formatTime(world.clock.now()),
    });
  }
  await world.at("30s");
  const [alert] = await alerts(world);
  assert.equal(alert!.type, "error_burst");
  assert.match(alert!.explanation!.log_lines!.at(-1)!.message, /Valve/);
  assert.equal(new Set(hook.got.map(({ id }) => id)).size, 1);
});

script(
  "a series that jumps off its baseline is an anomaly, by the default rules",
  async (world) => {
    world.hook("/default");
    for (let i = 0; i < 40; i++) {
      await world.at(`${i * 5 + 1}s`);
      await sample(world, "boiler", "latency_p95", 80 + (i % 5));
    }
    await world.at("4m");
    for (let i = 0; i < 12; i++) {
      await world.at(`${240 + i * 5}s`);
      await sample(world, "boiler", "latency_p95", 600);
    }
    await world.at("6m");
    const types = new Set((await alerts(world)).map(({ type }) => type));
    assert(types.has("deviation_anomaly"), [...types].join());
  },
);
