/** Cumulative series: resets, retries, late points, bounds. @module */
import assert from "node:assert/strict";
import fc from "fast-check";
import { Memory } from "shared/otlp/memory.ts";
import { Unusable } from "shared/otlp/values.ts";

const rest = (later: number, earlier: number) => later < earlier ? undefined : later - earlier;

interface Told {
  t: number;
  start?: number;
  total: number;
  series?: string;
  stream?: string;
}

function ask(memory: Memory, { t, start, total, series = "a", stream = "s" }: Told) {
  const increase = memory.increase({ t, start, total, size: 1, series, stream }, rest);
  return increase && `${increase.total} since ${increase.from}`;
}

const tables: [rule: string, points: Told[], wanted: (string | undefined)[]][] = [
  [
    "a first point with a start is told since its start",
    [{ t: 10_000, start: 2_000, total: 5 }],
    ["5 since 2000"],
  ],
  [
    "a first point without a start tells nothing; the next what was added",
    [{ t: 10_000, total: 5 }, { t: 20_000, total: 8 }],
    [undefined, "3 since 10000"],
  ],
  [
    "a first point that starts just before its end is told over a second",
    [{ t: 10_000, start: 9_990, total: 5 }],
    ["5 since 9000"],
  ],
  [
    "a new start is a reset: all is new since then",
    [{ t: 10_000, start: 0, total: 50 }, { t: 20_000, start: 12_000, total: 8 }],
    ["50 since 0", "8 since 12000"],
  ],
  [
    "a new start is a reset even when the total is higher",
    [{ t: 10_000, start: 0, total: 5 }, { t: 20_000, start: 12_000, total: 80 }],
    ["5 since 0", "80 since 12000"],
  ],
  [
    "a total that fell is a reset: all is new since the point before",
    [{ t: 10_000, total: 50 }, { t: 20_000, total: 8 }],
    [undefined, "8 since 10000"],
  ],
  [
    "the same point again gives the same answer",
    [
      { t: 10_000, start: 0, total: 5 },
      { t: 20_000, start: 0, total: 8 },
      { t: 20_000, start: 0, total: 8 },
      { t: 10_000, start: 0, total: 5 },
      { t: 30_000, start: 0, total: 9 },
    ],
    ["5 since 0", "3 since 10000", "3 since 10000", "5 since 0", "1 since 20000"],
  ],
  [
    "a late point is told since the one before it, and changes nothing for later ones",
    [
      { t: 10_000, total: 5 },
      { t: 30_000, total: 9 },
      { t: 20_000, total: 6 },
      { t: 40_000, total: 10 },
    ],
    [undefined, "4 since 10000", "1 since 10000", "1 since 30000"],
  ],
  [
    "a point older than what is remembered tells nothing",
    [
      { t: 10_000, start: 0, total: 1 },
      { t: 20_000, start: 0, total: 2 },
      { t: 30_000, start: 0, total: 3 },
      { t: 40_000, start: 0, total: 4 },
      { t: 5_000, start: 0, total: 1 },
    ],
    ["1 since 0", "1 since 10000", "1 since 20000", "1 since 30000", undefined],
  ],
  [
    "a series that the export before did not have has counted since that export",
    [
      { t: 10_000, start: 0, total: 5, series: "200" },
      { t: 20_000, start: 0, total: 9, series: "200" },
      { t: 20_000, start: 19_995, total: 1, series: "500" },
    ],
    ["5 since 0", "4 since 10000", "1 since 10000"],
  ],
];
for (const [rule, points, wanted] of tables) {
  Deno.test(`memory: ${rule}`, () => {
    const memory = new Memory();
    assert.deepEqual(points.map((point) => ask(memory, point)), wanted);
  });
}

Deno.test("memory: stays within its limit, forgetting what was not heard of for longest", () => {
  const memory = new Memory(1_000);
  for (let i = 0; i < 1_000; i++) {
    ask(memory, { t: 10_000, total: i, stream: `stream ${i}` });
    assert.ok(memory.weight <= 1_000);
  }
  assert.equal(ask(memory, { t: 20_000, total: 1_000, stream: "stream 999" }), "1 since 10000");
  assert.equal(ask(memory, { t: 20_000, total: 1_000, stream: "stream 0" }), undefined);
});

Deno.test("memory: one metric with too many series is refused, and its known series go on", () => {
  const memory = new Memory(1_000);
  const add = (i: number, t: number) => ask(memory, { t, total: t, series: `series ${i}` });
  assert.throws(() => {
    for (let i = 0; i < 100; i++) add(i, 10_000);
  }, Unusable);
  assert.ok(memory.weight <= 1_000);
  // New exports push out what they no longer have.
  for (let t = 20_000; t < 100_000; t += 10_000) add(0, t);
  assert.equal(add(99, 100_000), undefined);
});

Deno.test("property: what is told adds up to what was counted, whatever is sent twice", () => {
  const steps = fc.array(
    fc.record({
      dt: fc.integer({ min: 1, max: 60_000 }),
      added: fc.nat(1_000),
      reset: fc.boolean(),
      again: fc.boolean(),
    }),
    { minLength: 1, maxLength: 30 },
  );
  fc.assert(fc.property(steps, (steps) => {
    const memory = new Memory();
    let [t, start, total, counted, told] = [1_000_000, 990_000, 0, 0, 0];
    for (const { dt, added, reset, again } of steps) {
      if (reset) [start, total] = [t, 0];
      t += dt;
      total += added;
      counted += added;
      const point = { t, start, total, size: 1, series: "a", stream: "s" };
      const first = memory.increase(point, rest)!;
      told += first.total;
      assert.ok(first.from < t);
      if (again) assert.deepEqual(memory.increase(point, rest), first);
    }
    assert.equal(told, counted);
  }));
});
