import assert from "node:assert/strict";
import { defaultRules, seedRules } from "functions/analyzer/defaults.ts";
import auth from "functions/auth/profile.ts";
import notification from "functions/notification/profile.ts";
import orders from "functions/orders/profile.ts";
import payments from "functions/payments/profile.ts";
import { evaluate, evaluateLogs } from "shared/detection/evaluate.ts";
import { compileRules } from "shared/detection/rules.ts";
import { createState } from "shared/detection/state.ts";
import { ruleKind } from "shared/model/kinds.ts";
import { samplesOf } from "shared/model/metric.ts";
import { checkRule, completeRule } from "shared/model/rule_check.ts";
import { remove } from "shared/store/port.ts";
import { incidentAt } from "shared/simulation/incidents.ts";
import { logsAt, metricsAt } from "shared/simulation/messages.ts";
import { testWorld } from "tests/support/invoke.ts";

Deno.test("default rules: each can be evaluated", () => {
  for (const [id, input] of Object.entries(defaultRules)) {
    assert.deepEqual(checkRule(input), [], id);
  }
});

Deno.test("default rules: they are stored once, and a deleted one does not come back", async () => {
  const world = await testWorld();
  try {
    await seedRules(world.store, 1);
    const count = Object.keys(defaultRules).length;
    assert.equal(await world.store.count(ruleKind), count);
    await world.store.apply([remove(ruleKind, "default-cpu")]);
    await seedRules(world.store, 2);
    assert.equal(await world.store.count(ruleKind), count - 1);
  } finally {
    await world.close();
  }
});

Deno.test("default rules: two processes that start at once store them once", async () => {
  const world = await testWorld();
  try {
    await Promise.all([seedRules(world.store, 1), seedRules(world.store, 2)]);
    assert.equal(await world.store.count(ruleKind), Object.keys(defaultRules).length);
  } finally {
    await world.close();
  }
});

Deno.test("default rules: six hours of simulated services raise few alerts but for incidents", () => {
  const rules = compileRules(
    Object.entries(defaultRules).map(([id, input]) =>
      completeRule(input, { id, now: 0, user: "system", version: 1 })
    ),
  );
  const profiles = [auth, orders, payments, notification];
  const run = { seed: "healthy" };
  const [metrics, logs] = [createState(), createState()];
  const incidents = new Set<string>();
  const found = new Set<string>();
  const quietSince = new Map<string, number>();
  const unfounded = { zscore: 0, others: 0 };
  let serial = 0;
  const start = Date.UTC(2026, 2, 2, 6);
  for (let t = start; t < start + 6 * 3_600_000; t += 1_000) {
    for (const profile of profiles) {
      const incident = incidentAt(profile, run, t);
      if (incident) {
        incidents.add(incident.id);
        quietSince.set(profile.name, t);
      }
      const told = [
        ...t % 5_000 ? [] : evaluate(
          metrics,
          metricsAt(profile, run, t).flatMap((m) => samplesOf({ id: `${++serial}`, ...m })),
          rules,
          t,
        ).transitions,
        ...t % 3_000 ? [] : evaluateLogs(
          logs,
          logsAt(profile, run, t).map((line) => ({ id: `${++serial}`, ...line })),
          rules,
          t,
        ).transitions,
      ];
      for (const { alert } of told) {
        if (alert.status === "resolved") continue;
        if (incident) found.add(incident.id);
        // What an incident leaves in a baseline of 15 minutes is its doing, too.
        else if (t - (quietSince.get(profile.name) ?? 0) > 900_000) {
          unfounded[alert.rule_id === "default-zscore" ? "zscore" : "others"]++;
        }
      }
    }
  }
  assert(incidents.size > 10);
  assert.equal(found.size, incidents.size);
  assert(unfounded.others <= 4, `${unfounded.others} alerts without an incident`);
  // Chance alone, of some fifty series: three an hour.
  assert(unfounded.zscore <= 24, `${unfounded.zscore} alerts of chance`);
});
