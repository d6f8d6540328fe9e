import assert from "node:assert/strict";
import fc from "fast-check";
import orders from "functions/orders/profile.ts";
import { incidentKinds, incidentsBetween } from "shared/simulation/incidents.ts";
import { logsAt } from "shared/simulation/messages.ts";
import type { Profile, Run } from "shared/simulation/profile.ts";
import { type Signal, signalAt } from "shared/simulation/signal.ts";
import { profiles } from "./profiles.ts";

const second = 1_000;
const minute = 60 * second;
const day = 86_400_000;
const monday = Date.UTC(2026, 0, 5);

/** The signal at each step of a time, where no incident is under way. */
function healthy(profile: Profile, run: Run, days: number, step_ms = 5 * second): Signal[] {
  const signals: Signal[] = [];
  for (let t = monday; t < monday + days * day; t += step_ms) {
    const signal = signalAt(profile, run, t);
    if (!signal.incident) signals.push(signal);
  }
  return signals;
}

function correlation(pairs: readonly (readonly [number, number])[]): number {
  const mean = (i: 0 | 1) => pairs.reduce((sum, pair) => sum + pair[i], 0) / pairs.length;
  const [mx, my] = [mean(0), mean(1)];
  let [xy, xx, yy] = [0, 0, 0];
  for (const [x, y] of pairs) {
    xy += (x - mx) * (y - my);
    xx += (x - mx) ** 2;
    yy += (y - my) ** 2;
  }
  return xy / Math.sqrt(xx * yy);
}

Deno.test("the signal is a pure function: asked in any order, by anybody, it is the same", () => {
  const times = fc.array(fc.integer({ min: monday, max: monday + 30 * day }), { minLength: 1 });
  fc.assert(
    fc.property(fc.constantFrom(...profiles), fc.string(), times, (profile, seed, times) => {
      const forth = times.map((t) => signalAt(profile, { seed }, t));
      const back = times.toReversed().map((t) => signalAt(profile, { seed }, t)).toReversed();
      assert.deepEqual(back, forth);
    }),
    { numRuns: 50 },
  );
});

Deno.test("other seeds and other services have other signals", () => {
  const cpus = [
    signalAt(orders, { seed: "a" }, monday).cpu,
    signalAt(orders, { seed: "b" }, monday).cpu,
    signalAt({ ...orders, name: "other" }, { seed: "a" }, monday).cpu,
  ];
  assert.equal(new Set(cpus).size, cpus.length);
});

Deno.test("every value is finite and possible, whatever the seed and the time", () => {
  const time = fc.integer({ min: 0, max: Date.UTC(2100, 0) });
  fc.assert(
    fc.property(fc.constantFrom(...profiles), fc.string(), time, (profile, seed, t) => {
      const s = signalAt(profile, { seed }, t);
      const { incident: _, effect: __, measures, ...values } = s;
      for (const v of [...Object.values(values), ...measures]) {
        assert.ok(Number.isFinite(v) && v >= 0);
      }
      assert.ok(s.load <= 1 && s.cpu <= 100 && s.memory <= 100 && s.error_rate <= 100);
      assert.ok(s.latency_p50 <= s.latency_p95 && s.latency_p95 <= s.latency_p99);
    }),
    { numRuns: 2_000 },
  );
});

Deno.test("healthy services cross no default threshold, over days and seeds", () => {
  for (const seed of ["one", "two", "three"]) {
    for (const profile of profiles) {
      const signals = healthy(profile, { seed }, 2, 10 * second);
      const worst = (of: (s: Signal) => number) => Math.max(...signals.map(of));
      const where = `${profile.name}, seed ${seed}`;
      assert.ok(signals.length > 10_000);
      assert.ok(worst((s) => s.cpu) <= profile.cpu.busy && profile.cpu.busy < 80, where);
      assert.ok(worst((s) => s.memory) <= profile.memory.busy && profile.memory.busy < 80, where);
      assert.ok(worst((s) => s.latency_p95) < 1_000, where);
      // No single value is above 5 %, so no mean of them is.
      assert.ok(worst((s) => s.error_rate) < 5, where);
      assert.ok(signals.every((s) => s.status === 1), where);
    }
  }
});

Deno.test("healthy noise is learnable: beyond 3σ of its last five minutes once an hour at most", () => {
  const metrics = [
    "request_rate",
    "latency",
    "latency_p50",
    "latency_p95",
    "latency_p99",
    "error_rate",
    "cpu",
    "memory",
  ] as const;
  const never = Object.fromEntries(incidentKinds.map((kind) => [kind, 0]));
  for (const profile of profiles) {
    const signals = healthy({ ...profile, incidents: never }, { seed: "z" }, 1);
    for (const metric of metrics) {
      let [episodes, quietUntil] = [0, 0];
      for (let i = 60; i < signals.length; i++) {
        const base = signals.slice(i - 60, i).map((s) => s[metric]);
        const mean = base.reduce((sum, v) => sum + v, 0) / base.length;
        const sd = Math.sqrt(base.reduce((sum, v) => sum + (v - mean) ** 2, 0) / base.length);
        if (i >= quietUntil && Math.abs(signals[i]![metric] - mean) >= 3 * sd) {
          episodes++;
          quietUntil = i + 60;
        }
      }
      assert.ok(episodes <= 24, `${profile.name} ${metric}: ${episodes} a day`);
    }
  }
});

Deno.test("a healthy service writes at most five error lines a minute", () => {
  for (const profile of profiles) {
    const times: number[] = [];
    for (let t = monday; t < monday + day / 4; t += 3 * second) {
      if (signalAt(profile, { seed: "calm" }, t).incident) continue;
      for (const { level } of logsAt(profile, { seed: "calm" }, t)) {
        if (level === "error") times.push(t);
      }
    }
    assert.ok(times.length > 500);
    const most = Math.max(
      ...times.map((t, i) => i + 1 - times.findIndex((other) => other > t - minute)),
    );
    assert.ok(most <= 5, `${profile.name}: ${most} in a minute`);
  }
});

Deno.test("latency, errors, CPU and traffic rise with load", async (t) => {
  for (const profile of profiles) {
    const signals = healthy(profile, { seed: "c" }, 1, 30 * second);
    for (
      const metric of [
        "latency_p50",
        "latency_p95",
        "latency_p99",
        "error_rate",
        "cpu",
        "request_rate",
      ] as const
    ) {
      await t.step(`${profile.name}: ${metric}`, () => {
        const r = correlation(signals.map((s) => [s.load, s[metric]]));
        assert.ok(r > 0.3, `correlation is ${r}`);
      });
    }
  }
});

Deno.test("the day has a shape: the hours of its peak are busier than those of its trough", () => {
  for (const profile of profiles) {
    const hours = Array<number>(24).fill(0);
    for (let t = monday; t < monday + day; t += minute) {
      hours[new Date(t).getUTCHours()]! += signalAt(profile, { seed: "d" }, t).load / 60;
    }
    assert.ok(Math.max(...hours) > 1.8 * Math.min(...hours), `${profile.name}: ${hours}`);
  }
});

Deno.test("orders: CPU 30 to 65 % with bursts, latency around 80 ms, errors around 3 %", () => {
  const signals = healthy(orders, { seed: "o" }, 1);
  const mean = (of: (s: Signal) => number) =>
    signals.reduce((sum, s) => sum + of(s), 0) / signals.length;
  const cpu = signals.map((s) => s.cpu);
  assert.ok(Math.min(...cpu) >= 30 && Math.max(...cpu) <= 65);
  assert.ok(Math.max(...cpu) - Math.min(...cpu) > 20);
  assert.ok(Math.abs(mean((s) => s.latency) - 80) < 8, `${mean((s) => s.latency)} ms`);
  assert.ok(Math.abs(mean((s) => s.error_rate) - 3) < 0.3, `${mean((s) => s.error_rate)} %`);
  // A long tail: one request in a hundred takes ten times as long as the one in the middle.
  const ratio = mean((s) => s.latency_p99) / mean((s) => s.latency_p50);
  assert.ok(ratio > 9 && ratio < 20, `${ratio}`);
});

/** Whether a default threshold rule is violated by one of the signals, which are 5 s apart. */
function violates(signals: readonly Signal[]): boolean {
  return signals.some((s, i) => {
    const window = signals.slice(Math.max(0, i - 11), i + 1);
    const errors = window.reduce((sum, s) => sum + s.error_rate, 0) / window.length;
    return s.cpu > 80 || s.memory > 80 || s.latency_p95 > 1_000 || errors > 5;
  });
}

Deno.test("every incident but a traffic drop violates a default rule", () => {
  for (const profile of profiles) {
    const run = { seed: "v" };
    for (const incident of incidentsBetween(profile, run, monday, monday + 3 * day)) {
      const signals: Signal[] = [];
      for (let t = incident.starts_at - minute; t < incident.ends_at; t += 5 * second) {
        signals.push(signalAt(profile, run, t));
      }
      assert.equal(
        violates(signals),
        incident.kind !== "traffic_drop",
        `${profile.name}: ${JSON.stringify(incident)}`,
      );
    }
  }
});

Deno.test("a traffic drop is visible: three in four requests are gone, if not more", () => {
  const run = { seed: "v" };
  const drop = incidentsBetween(orders, run, monday, monday + 3 * day)
    .find((incident) => incident.kind === "traffic_drop")!;
  const before = signalAt(orders, run, drop.starts_at - 10 * second).request_rate;
  const during = signalAt(orders, run, drop.starts_at + minute).request_rate;
  assert.ok(during < 0.25 * before, `${before} before, ${during} during`);
});

Deno.test("a fresh start shows a violation within two minutes, whatever the seed and time", () => {
  const start = fc.integer({ min: monday, max: monday + 365 * day });
  fc.assert(
    fc.property(fc.constantFrom(...profiles), fc.string(), start, (profile, seed, at) => {
      const run = { seed, opening: { service: profile.name, at } };
      const signals: Signal[] = [];
      // 100 s leave the pipeline 20 s to tell of it.
      const first = Math.ceil(at / (5 * second)) * 5 * second;
      for (let t = first; t < at + 100 * second; t += 5 * second) {
        signals.push(signalAt(profile, run, t));
      }
      assert.ok(violates(signals));
    }),
    { numRuns: 300 },
  );
});
