import assert from "node:assert/strict";
import fc from "fast-check";
import { maxPoints, Points } from "shared/detection/points.ts";
import { Window } from "shared/detection/windows.ts";

const everything = { extremes: true, ranks: true };

/** What a window should say, computed from scratch. */
function naive(points: readonly [t: number, v: number][], ms: number) {
  const newest = points[points.length - 1]!;
  const inside = points.filter(([t]) => t > newest[0] - ms);
  const values = inside.map(([, v]) => v);
  const base = values.slice(0, -1);
  const total = (list: number[]) => list.reduce((sum, v) => sum + v, 0);
  const mean = total(base) / base.length;
  const sorted = values.toSorted((a, b) => a - b);
  const quantile = (q: number) => {
    const rank = q * (sorted.length - 1);
    const low = sorted[Math.floor(rank)]!;
    return low + (sorted[Math.ceil(rank)]! - low) * (rank - Math.floor(rank));
  };
  let increase = 0;
  for (let i = 1; i < values.length; i++) {
    const [a, b] = [values[i - 1]!, values[i]!];
    increase += b >= 0 && b < a / 2 ? b : b - a;
  }
  const seconds = (newest[0] - inside[0]![0]) / 1_000;
  return {
    count: values.length,
    sum: total(values),
    min: sorted[0]!,
    max: sorted[sorted.length - 1]!,
    p50: quantile(0.5),
    p90: quantile(0.9),
    p99: quantile(0.99),
    rate: seconds > 0 ? increase / seconds : NaN,
    baseline: base.length > 0 ? mean : NaN,
    spread: base.length > 0
      ? Math.sqrt(total(base.map((v) => (v - mean) ** 2)) / base.length)
      : NaN,
  };
}

function read(window: Window) {
  return {
    count: window.count,
    sum: window.sum,
    min: window.min,
    max: window.max,
    p50: window.quantile(0.5),
    p90: window.quantile(0.9),
    p99: window.quantile(0.99),
    rate: window.rate,
    baseline: window.baseline,
    spread: window.spread,
  };
}

function assertClose(
  actual: Record<string, number>,
  wanted: Record<string, number>,
  scale: number,
) {
  for (const name in wanted) {
    const [a, b] = [actual[name]!, wanted[name]!];
    // What the naive computation itself may be off: rounding of sums of values of that size.
    const near = Math.abs(a - b) <= 1e-9 * scale + 1e-7 * Math.abs(b);
    assert(near || (Number.isNaN(a) && Number.isNaN(b)), `${name}: ${a} is not ${b}`);
  }
}

/** Puts points into the ring and windows as evaluation does. */
function feed(points: Points, windows: Window[], t: number, v: number, history: number) {
  if (points.length === 0 || t >= points.t(points.end - 1)) {
    points.push(t, v);
    for (const window of windows) window.advance();
    while (points.t(points.first) <= t - history) points.shift();
  } else {
    const seq = points.place(t);
    points.insert(seq, t, v);
    for (const window of windows) window.admit(seq);
  }
}

const value = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: -50, max: 100 }) },
  { weight: 3, arbitrary: fc.double({ min: -1e3, max: 1e3, noNaN: true }) },
  { weight: 1, arbitrary: fc.constantFrom(0, 80.1, 80.1, 1e9, -1e9) },
);

Deno.test("an incremental window says what a recomputation says, whatever comes in whatever order", () => {
  const steps = fc.array(
    fc.record({
      forward: fc.integer({ min: -40, max: 60 }).map((s) => s * 250),
      v: value,
    }),
    { minLength: 1, maxLength: 150, size: "max" },
  );
  fc.assert(
    fc.property(steps, (list) => {
      const points = new Points();
      const windows = [1_000, 10_000, 60_000].map((ms) => new Window(points, ms, everything));
      const all: [t: number, v: number][] = [];
      let newest = 1e9;
      for (const { forward, v } of list) {
        const t = newest + forward;
        newest = Math.max(newest, t);
        if (all.length > 0 && t <= newest - 60_000) continue;
        feed(points, windows, t, v, 60_000);
        let place = all.length;
        while (place > 0 && all[place - 1]![0] > t) place--;
        all.splice(place, 0, [t, v]);
        for (const window of windows) {
          const wanted = naive(all, window.ms);
          const size = Math.max(1, ...all.map(([, x]) => Math.abs(x)));
          // A rate divides by seconds that may be few.
          assertClose(read(window), wanted, size * 10);
        }
      }
    }),
    { numRuns: 150 },
  );
});

Deno.test("a window built from the ring says what the one that slid there says", () => {
  fc.assert(
    fc.property(fc.array(value, { minLength: 1, maxLength: 200, size: "max" }), (values) => {
      const points = new Points();
      const slid = new Window(points, 20_000, everything);
      values.forEach((v, i) => feed(points, [slid], 1e9 + i * 1_000, v, 60_000));
      const built = new Window(points, 20_000, everything);
      const size = Math.max(1, ...values.map(Math.abs));
      assertClose(read(built), read(slid), size);
      const restored = new Window(points, 20_000, everything, slid.sums);
      assert.deepEqual(read(restored), read(slid));
    }),
    { numRuns: 100 },
  );
});

Deno.test("sums stay exact after millions of steps and after a value that dwarfs all others", () => {
  const points = new Points();
  const window = new Window(points, 60_000, everything);
  const wiggle = (i: number) => 100 + (i % 7) * 0.1;
  for (let i = 0; i < 300_000; i++) {
    feed(points, [window], 1e9 + i * 1_000, i === 150_000 ? 1e17 : wiggle(i), 60_000);
  }
  const last = Array.from({ length: 60 }, (_, i): [number, number] => [i, wiggle(299_940 + i)]);
  assertClose(read(window), { ...naive(last, 1e9), rate: window.rate }, 1e-3);
});

Deno.test("a constant baseline has exactly its constant as mean and no spread", () => {
  for (const constant of [0, 0.1, 80.1, 1 / 3, -7e9]) {
    const points = new Points();
    const window = new Window(points, 60_000, everything);
    for (let i = 0; i < 1_000; i++) {
      feed(points, [window], 1e9 + i * 1_000, i === 500 ? 1e6 : constant, 60_000);
    }
    assert.equal(window.baseline, constant);
    assert.equal(window.spread, 0);
  }
});

Deno.test("values near the largest double leave no trace when they are gone", () => {
  const points = new Points();
  const window = new Window(points, 10_000, everything);
  const values = [1, 2, 1e308, 1e308, -1e308, 1e200, 3];
  for (let i = 0; i < 40; i++) feed(points, [window], 1e9 + i * 1_000, values[i] ?? i % 3, 60_000);
  assert.equal(window.sum, 9);
  assert(
    Math.abs(
      window.spread - naive([0, 1, 2, 0, 1, 2, 0, 1, 2, 0].map((v, i) => [i, v]), 99).spread,
    ) < 0.1,
  );
});

Deno.test("the ring holds its most and keeps their order", () => {
  const points = new Points();
  for (let i = 0; i < maxPoints; i++) points.push(i * 2, i);
  assert(points.full);
  points.shift();
  points.insert(points.place(9), 9, -1);
  assert.equal(points.length, maxPoints);
  assert.deepEqual([3, 4, 5, 6].map((i) => [points.t(i), points.v(i)]), [[6, 3], [8, 4], [9, -1], [
    10,
    5,
  ]]);
  assert.equal(points.after(9), 6);
});
