import assert from "node:assert/strict";
import fc from "fast-check";
import {
  effectOf,
  type Incident,
  incidentAt,
  incidentKinds,
  incidentsBetween,
  schedule,
} from "shared/simulation/incidents.ts";
import { profiles } from "./profiles.ts";

const day = 86_400_000;
const monday = Date.UTC(2026, 0, 5);
const profile = fc.constantFrom(...profiles);
const seed = fc.string({ maxLength: 12 });
const time = fc.integer({ min: monday, max: monday + 365 * day });

Deno.test("the schedule depends on profile, run and time alone", () => {
  fc.assert(fc.property(profile, seed, time, (profile, seed, t) => {
    const whole = incidentsBetween(profile, { seed }, t, t + day);
    const halves = [
      ...incidentsBetween(profile, { seed }, t, t + day / 2),
      ...incidentsBetween(profile, { seed }, t + day / 2, t + day),
    ];
    const once = halves.filter((incident, i) => halves[i - 1]?.id !== incident.id);
    assert.deepEqual(once, whole);
  }));
});

Deno.test("incidents of a service never overlap, and each is within its slot", () => {
  fc.assert(fc.property(profile, seed, time, fc.boolean(), (profile, seed, t, opens) => {
    const run = { seed, ...(opens && { opening: { service: profile.name, at: t + day / 2 } }) };
    const incidents = incidentsBetween(profile, run, t, t + day);
    incidents.forEach((incident, i) => {
      const [least, most] = schedule.lasts_ms[incident.kind];
      const length = incident.ends_at - incident.starts_at;
      assert.ok(length >= least && length <= most, `${incident.kind} lasts ${length} ms`);
      assert.ok(incident.magnitude >= 0.75 && incident.magnitude <= 1);
      const next = incidents[i + 1];
      if (next) assert.ok(next.starts_at >= incident.ends_at + schedule.margin_ms);
      assert.deepEqual(incidentAt(profile, run, incident.starts_at), incident);
      assert.deepEqual(incidentAt(profile, run, incident.ends_at - 1), incident);
      assert.equal(incidentAt(profile, run, incident.ends_at), undefined);
    });
  }));
});

Deno.test("four services have some incidents an hour, of every kind, spread over the services", () => {
  const hours = 24 * 7;
  const all = profiles.flatMap((p) =>
    incidentsBetween(p, { seed: "pace" }, monday, monday + hours * 3_600_000)
  );
  const anHour = all.length / hours;
  assert.ok(anHour > 2 && anHour < 5, `${anHour} an hour`);
  for (const kind of incidentKinds) assert.ok(all.some((i) => i.kind === kind), kind);
  for (const { name } of profiles) assert.ok(all.some((i) => i.service === name), name);
  assert.equal(new Set(all.map((i) => i.id)).size, all.length);
});

Deno.test("other seeds have other incidents", () => {
  const starts = ["a", "b"].map((seed) =>
    incidentsBetween(profiles[0]!, { seed }, monday, monday + day).map((i) => i.starts_at)
  );
  assert.notDeepEqual(starts[0], starts[1]);
});

Deno.test("the opening incident begins 20 to 40 s after the start, in the service that opens", () => {
  fc.assert(fc.property(profile, seed, time, (profile, seed, at) => {
    const run = { seed, opening: { service: profile.name, at } };
    const [first, ...more] = incidentsBetween(profile, run, at, at + 60_000);
    assert.equal(more.length, 0);
    const after = first!.starts_at - at;
    const length = first!.ends_at - first!.starts_at;
    assert.ok(after >= 20_000 && after <= 40_000, `after ${after} ms`);
    assert.ok(length >= 120_000 && length <= 180_000, `for ${length} ms`);
    for (const other of profiles.filter((p) => p !== profile)) {
      assert.deepEqual(
        incidentsBetween(other, run, at, at + day),
        incidentsBetween(other, { seed }, at, at + day),
      );
    }
  }));
});

Deno.test("a kind of weight 0 never comes", () => {
  const calm = { ...profiles[0]!, incidents: { outage: 0, memory_leak: 0 } };
  const kinds = incidentsBetween(calm, { seed: "w" }, monday, monday + 30 * day).map((i) => i.kind);
  assert.ok(kinds.length > 100);
  assert.ok(!kinds.includes("outage") && !kinds.includes("memory_leak"));
});

Deno.test("a profile without incidents has none", () => {
  const never = Object.fromEntries(incidentKinds.map((kind) => [kind, 0]));
  const calm = { ...profiles[0]!, incidents: never };
  assert.deepEqual(incidentsBetween(calm, { seed: "w" }, monday, monday + day), []);
});

Deno.test("what each kind of incident does", async (t) => {
  const at = (kind: Incident["kind"], share: number, length_ms = 600_000) =>
    effectOf(
      { id: "i", service: "s", kind, starts_at: 0, ends_at: length_ms, magnitude: 1 },
      share * length_ms,
    );
  const rows: [rule: string, holds: () => boolean][] = [
    ["no incident does nothing", () => Object.values(effectOf(undefined, 0)).every((v) => !v)],
    [
      "a latency spike slows answers by seconds",
      () => at("latency_spike", 0.5).latency_ms === 3_000,
    ],
    ["an error burst fails 40 % of requests", () => at("error_burst", 0.5).failing === 0.4],
    ["an outage takes the service down", () => at("outage", 0.5).down],
    ["a traffic drop fails nothing", () => at("traffic_drop", 0.5).failing === 0],
    ["a traffic drop takes demand", () => at("traffic_drop", 0.5).demand_lost === 0.95],
    [
      "a memory leak grows",
      () =>
        at("memory_leak", 0.1).memory < at("memory_leak", 0.4).memory &&
        at("memory_leak", 0.4).memory < at("memory_leak", 0.9).memory,
    ],
    [
      "a flapping service is ill, then well, each for 25 s",
      () =>
        at("flapping", 10 / 600).failing > 0 && at("flapping", 30 / 600).failing === 0 &&
        at("flapping", 60 / 600).failing > 0,
    ],
    [
      "an edge is softer than the middle",
      () =>
        at("error_burst", 1 / 600).failing < 0.05 && at("error_burst", 599 / 600).failing < 0.05,
    ],
  ];
  for (const [rule, holds] of rows) await t.step(rule, () => assert.ok(holds()));
});
