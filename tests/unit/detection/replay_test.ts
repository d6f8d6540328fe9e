import assert from "node:assert/strict";
import fc from "fast-check";
import { evaluate, evaluateLogs, sweep } from "shared/detection/evaluate.ts";
import { compileRules } from "shared/detection/rules.ts";
import { dirtyParts, restorePart } from "shared/detection/snapshot.ts";
import { createState, type DetectionState } from "shared/detection/state.ts";
import type { Alert } from "shared/model/alert.ts";
import type { ServiceLog } from "shared/model/log.ts";
import { type Sample, seriesKey } from "shared/model/metric.ts";
import { formatTime } from "shared/model/wire.ts";
import { at, rule } from "./rows.ts";

/** Rules of every kind, and the ones that replace them in the middle. */
const before = compileRules([
  rule({ name: "last", threshold: 80, cooldown_seconds: 30, recovery_threshold: 50 }, "last"),
  rule({ name: "avg", aggregation: "avg", threshold: 60, for_seconds: 10 }, "avg"),
  rule({ name: "p95", aggregation: "p95", window_size: 40, threshold: 90 }, "p95"),
  rule(
    { name: "max", aggregation: "max", window_size: 20, threshold: 95, keep_firing_seconds: 15 },
    "max",
  ),
  rule({ name: "rate", aggregation: "rate", window_size: 20, threshold: 2 }, "rate"),
  rule({ name: "z", type: "zscore", threshold: 1.5, min_samples: 3, metric_type: "*" }, "z"),
  rule({ name: "mean", type: "moving_average", threshold: 20, min_samples: 3 }, "mean"),
  rule({ name: "gone", type: "absence", window_size: 40 }, "gone"),
  rule({ name: "kept", type: "absence", window_size: 40, keep_firing_seconds: 30 }, "kept"),
  rule({ name: "burst", type: "error_burst", metric_type: undefined, threshold: 3 }, "burst"),
]);
const after = compileRules([
  rule({ name: "last", threshold: 70, cooldown_seconds: 30 }, "last", 2),
  rule(
    { name: "avg", aggregation: "avg", window_size: 90, threshold: 60, severity: "critical" },
    "avg",
    2,
  ),
  rule({ name: "z", type: "zscore", threshold: 1.5, min_samples: 3, window_size: 45 }, "z", 2),
  rule({ name: "burst", type: "error_burst", metric_type: undefined, threshold: 2 }, "burst", 2),
]);

type Step =
  | { do: "samples"; samples: Sample[]; logs: ServiceLog[]; now: number; changed: boolean }
  | { do: "sweep"; now: number; changed: boolean };

/** A stream with gaps, late samples, duplicates, sweeps and a change of the rules. */
const stream = fc.record({
  changeAt: fc.integer({ min: 0, max: 60 }),
  steps: fc.array(
    fc.record({
      forward: fc.oneof(
        { weight: 10, arbitrary: fc.integer({ min: 1, max: 9 }) },
        { weight: 1, arbitrary: fc.constantFrom(45, 400, 4_000) },
      ),
      sweep: fc.integer({ min: 0, max: 4 }),
      samples: fc.array(
        fc.record({
          late: fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, fc.integer({ min: 0, max: 70 })),
          again: fc.integer({ min: 0, max: 9 }),
          service: fc.constantFrom("orders", "auth"),
          v: fc.oneof(
            fc.integer({ min: 0, max: 100 }),
            fc.double({ min: 40, max: 60, noNaN: true }),
          ),
        }),
        { minLength: 1, maxLength: 3, size: "max" },
      ),
    }),
    { minLength: 5, maxLength: 60, size: "max" },
  ),
}).map(({ changeAt, steps }) => {
  let second = 0;
  let serial = 0;
  const made: Sample[] = [];
  return steps.flatMap((step, i): Step[] => {
    second += step.forward;
    const now = at(second) + 50;
    const changed = i >= changeAt;
    const samples = step.samples.map(({ late, again, service, v }): Sample => {
      const old = again === 0 && made[made.length - 1];
      if (old) return { ...old };
      const t = at(second - late);
      const series = seriesKey(service, "cpu", {});
      const one = {
        id: `s${++serial}`,
        series,
        service,
        metric: "cpu",
        labels: {},
        unit: "",
        t,
        v,
      };
      made.push(one);
      return one;
    });
    const logs = samples.map(({ id, service, t, v }): ServiceLog => ({
      id,
      service_name: service,
      level: v > 50 ? "error" : "info",
      message: `value ${v}`,
      timestamp: formatTime(t),
    }));
    const taken: Step = { do: "samples", samples, logs, now, changed };
    return step.sweep === 0 ? [taken, { do: "sweep", now, changed }] : [taken];
  });
});

interface States {
  metrics: DetectionState;
  logs: DetectionState;
}

function fresh(): States {
  return { metrics: createState(), logs: createState() };
}

function run({ metrics, logs }: States, step: Step): Alert[] {
  const rules = step.changed ? after : before;
  const told = step.do === "sweep"
    ? [...sweep(metrics, rules, step.now), ...sweep(logs, rules, step.now)]
    : [
      ...evaluate(metrics, step.samples, rules, step.now).transitions,
      ...evaluateLogs(logs, step.logs, rules, step.now).transitions,
    ];
  return told.map(({ alert }) => alert);
}

/** The store of snapshots: what each `dirtyParts` changed, as the JSON that is written. */
function snapshot(state: DetectionState, stored: Map<string, string>): void {
  for (const [key, part] of dirtyParts(state)) {
    if (part === null) stored.delete(key);
    else stored.set(key, JSON.stringify(part));
  }
}

function restore(stored: Map<string, string>): DetectionState {
  const state = createState();
  for (const [key, part] of stored) restorePart(state, key, JSON.parse(part));
  return state;
}

function byId(alerts: Alert[]): string[] {
  return alerts.map((alert) => JSON.stringify(alert)).sort();
}

Deno.test("a batch is the same as its members one by one", () => {
  fc.assert(
    fc.property(stream, (steps) => {
      const together = fresh();
      const apart = fresh();
      for (const step of steps) {
        const one = run(together, step);
        const many = step.do === "sweep" ? run(apart, step) : [
          ...step.samples.map((sample) => run(apart, { ...step, samples: [sample], logs: [] })),
          ...step.logs.map((log) => run(apart, { ...step, samples: [], logs: [log] })),
        ].flat();
        assert.deepEqual(many, one);
      }
    }),
    { numRuns: 60 },
  );
});

Deno.test("a run that is interrupted anywhere tells the same alerts, to the last digit", () => {
  let told = 0;
  fc.assert(
    fc.property(
      stream,
      fc.array(fc.nat(), { minLength: 3, maxLength: 3 }),
      (steps, cuts) => {
        const plain = fresh();
        const wanted = steps.flatMap((step) => run(plain, step));
        told += wanted.length;

        const [early, late, crash] = cuts.map((n) => n % (steps.length + 1)).sort((a, b) =>
          a - b
        ) as [
          number,
          number,
          number,
        ];
        const stored = { metrics: new Map<string, string>(), logs: new Map<string, string>() };
        let live = fresh();
        const seen: Alert[] = [];
        for (let i = 0; i <= crash; i++) {
          if (i === early || i === late) {
            snapshot(live.metrics, stored.metrics);
            snapshot(live.logs, stored.logs);
          }
          if (i < crash) seen.push(...run(live, steps[i]!));
        }
        // What came after the last snapshot comes again; alerts told twice have the same ids.
        live = { metrics: restore(stored.metrics), logs: restore(stored.logs) };
        const again = steps.slice(late).flatMap((step) => run(live, step));
        const first = steps.slice(0, late);
        const kept = fresh();
        const head = first.flatMap((step) => run(kept, step));
        // Series are visited in the order in which they came back: the order of a sweep may differ.
        assert.deepEqual(byId([...head, ...again]), byId(wanted));
        assert.deepEqual(
          byId(seen.slice(head.length)).filter((one) => !byId(again).includes(one)),
          [],
        );
      },
    ),
    { numRuns: 80 },
  );
  assert(told > 1_000, `only ${told} alerts were compared`);
});

Deno.test("a replay at other times of the clock gives the same alerts with the same ids", () => {
  fc.assert(
    fc.property(stream, (steps) => {
      const samples = steps.filter((step) => step.do === "samples");
      const live = fresh();
      const replayed = fresh();
      const much_later = at(1_000_000);
      for (const step of samples) {
        assert.deepEqual(run(replayed, { ...step, now: much_later }), run(live, step));
      }
    }),
    { numRuns: 40 },
  );
});

Deno.test("every episode begins once, ends at most once, in that order, under one id", () => {
  fc.assert(
    fc.property(stream, (steps) => {
      const state = fresh();
      const open = new Map<string, Alert>();
      const ids = new Set<string>();
      for (const alert of steps.flatMap((step) => run(state, step))) {
        if (alert.status === "firing") {
          assert(!ids.has(alert.id), `${alert.labels.alertname} began twice`);
          assert(!open.has(alert.fingerprint));
          ids.add(alert.id);
          open.set(alert.fingerprint, alert);
        } else {
          const fired = open.get(alert.fingerprint)!;
          assert.equal(alert.id, fired.id);
          assert.equal(alert.starts_at, fired.starts_at);
          assert(alert.ends_at! >= alert.starts_at);
          open.delete(alert.fingerprint);
        }
      }
    }),
    { numRuns: 60 },
  );
});

Deno.test("a snapshot holds what changed since the last one, and names what was forgotten", () => {
  const state = createState();
  const keys = () => [...dirtyParts(state)].map(([key, part]) => [key, part === null]);
  const sample = (service: string): Sample => ({
    id: service,
    series: `${service}|cpu|`,
    service,
    metric: "cpu",
    labels: {},
    unit: "",
    t: at(0),
    v: 1,
  });
  evaluate(state, [sample("a"), sample("b")], before, at(0));
  assert.deepEqual(keys(), [["a|cpu|", false], ["b|cpu|", false]]);
  assert.deepEqual(keys(), []);
  evaluate(state, [{ ...sample("b"), id: "b2" }], before, at(0));
  assert.deepEqual(keys(), [["b|cpu|", false]]);
  sweep(state, compileRules([]), at(4_000));
  assert.deepEqual(keys(), [["a|cpu|", true], ["b|cpu|", true]]);
});
