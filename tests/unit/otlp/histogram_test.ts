/** Quantiles of histograms, and the difference of two. @module */
import assert from "node:assert/strict";
import fc from "fast-check";
import {
  bucketsOf,
  mergeHistograms,
  quantile,
  readExponential,
  readHistogram,
  subtract,
} from "shared/otlp/histogram.ts";
import { Unusable } from "shared/otlp/values.ts";

function near(actual: number | undefined, wanted: number, rule: string) {
  assert.ok(
    actual !== undefined && Math.abs(actual - wanted) <= 1e-9 * Math.max(1, Math.abs(wanted)),
    `${rule}: ${actual} instead of ${wanted}`,
  );
}

const explicit: [rule: string, point: object, q: number, wanted: number | undefined][] = [
  [
    "interpolates linearly within the bucket",
    { explicitBounds: [100, 200], bucketCounts: [0, 10, 0] },
    0.5,
    150,
  ],
  ["a lowest bucket begins at 0", { explicitBounds: [100], bucketCounts: [10, 0] }, 0.5, 50],
  [
    "a lowest bucket that ends at or below 0 is at its end",
    { explicitBounds: [-5, 5], bucketCounts: [3, 0, 0] },
    0.5,
    -5,
  ],
  [
    "the open bucket is at the highest bound",
    { explicitBounds: [100, 200], bucketCounts: [1, 1, 8] },
    0.95,
    200,
  ],
  ["counts across buckets", { explicitBounds: [1, 2, 4], bucketCounts: [2, 2, 4, 0] }, 0.75, 3],
  [
    "a rank on a border is the border",
    { explicitBounds: [1, 2, 4], bucketCounts: [2, 2, 4, 0] },
    0.5,
    2,
  ],
  [
    "the smallest and largest value narrow their buckets",
    { explicitBounds: [100, 200], bucketCounts: [0, 10, 0], min: 150, max: 150 },
    0.99,
    150,
  ],
  [
    "the largest value closes the open bucket",
    { explicitBounds: [100], bucketCounts: [0, 10], max: 300 },
    0.5,
    200,
  ],
  [
    "extremes that contradict the buckets are ignored",
    { explicitBounds: [100, 200], bucketCounts: [0, 10, 0], min: 500, max: 400 },
    0.5,
    150,
  ],
  ["no values, no quantile", { explicitBounds: [100], bucketCounts: [0, 0] }, 0.5, undefined],
  ["count and sum alone have no quantile", { count: "5", sum: 3 }, 0.5, undefined],
  ["one bucket without bounds has no quantile", { bucketCounts: [5] }, 0.5, undefined],
  [
    "counts may be strings",
    { explicitBounds: [100, 200], bucketCounts: ["0", "10", "0"] },
    0.5,
    150,
  ],
];
for (const [rule, point, q, wanted] of explicit) {
  Deno.test(`explicit histogram: ${rule}`, () => {
    const value = quantile(bucketsOf(readHistogram(point)), q);
    if (wanted === undefined) assert.equal(value, undefined);
    else near(value, wanted, rule);
  });
}

const exponential: [rule: string, point: object, q: number, wanted: number][] = [
  [
    "interpolates by logarithm: half of (1, 2] is √2",
    { scale: 0, positive: { offset: 0, bucketCounts: [10] } },
    0.5,
    Math.SQRT2,
  ],
  [
    "finer scales have narrower buckets",
    { scale: 1, positive: { offset: 1, bucketCounts: [10] } },
    1,
    2,
  ],
  [
    "negative values mirror positive ones",
    { scale: 0, negative: { offset: 1, bucketCounts: [10] } },
    0.5,
    -Math.sqrt(8),
  ],
  [
    "zeros are between the sides",
    {
      scale: 0,
      zeroCount: 8,
      positive: { offset: 0, bucketCounts: [1] },
      negative: { offset: 0, bucketCounts: [1] },
    },
    0.5,
    0,
  ],
  ["zeros alone are 0", { scale: 3, zeroCount: "8" }, 0.99, 0],
];
for (const [rule, point, q, wanted] of exponential) {
  Deno.test(`exponential histogram: ${rule}`, () => {
    near(quantile(bucketsOf(readExponential(point)), q), wanted, rule);
  });
}

const refused: [rule: string, read: () => unknown][] = [
  [
    "bounds that do not ascend",
    () => readHistogram({ explicitBounds: [2, 1], bucketCounts: [1, 1, 1] }),
  ],
  [
    "a bound that is not finite",
    () => readHistogram({ explicitBounds: ["Infinity"], bucketCounts: [1, 1] }),
  ],
  [
    "more counts than bounds allow",
    () => readHistogram({ explicitBounds: [1], bucketCounts: [1, 1, 1] }),
  ],
  ["negative counts", () => readHistogram({ explicitBounds: [1], bucketCounts: [-1, 1] })],
  ["more buckets than any SDK makes", () => readHistogram({ bucketCounts: Array(5_000).fill(0) })],
  ["scales beyond doubles", () => readExponential({ scale: 2_000 })],
  [
    "offsets beyond doubles",
    () => readExponential({ positive: { offset: 2 ** 31, bucketCounts: [1] } }),
  ],
];
for (const [rule, read] of refused) {
  Deno.test(`histogram: refuses ${rule}`, () => void assert.throws(read, Unusable));
}

Deno.test("subtract: coarser and finer exponential histograms meet at the coarser scale", () => {
  const earlier = readExponential({
    scale: 1,
    positive: { offset: 0, bucketCounts: [1, 2, 3, 4] },
  });
  const later = readExponential({ scale: 0, positive: { offset: 0, bucketCounts: [5, 7] } });
  const rest = subtract(later, earlier)!;
  assert.deepEqual([...rest.positive], [[0, 2]]);
  assert.equal(rest.count, 2);
});

Deno.test("subtract: other bounds, fewer values in a bucket: not a continuation", () => {
  const a = readHistogram({ explicitBounds: [1], bucketCounts: [1, 1] });
  assert.equal(
    subtract(readHistogram({ explicitBounds: [2], bucketCounts: [5, 5] }), a),
    undefined,
  );
  assert.equal(
    subtract(readHistogram({ explicitBounds: [1], bucketCounts: [0, 5] }), a),
    undefined,
  );
});

const values = fc.array(fc.double({ min: -1e6, max: 1e6, noNaN: true }), {
  minLength: 1,
  maxLength: 50,
});

/** What an SDK would make of the values. */
function histogramOf(values: number[], bounds: number[], extremes: boolean) {
  const bucketCounts = Array<number>(bounds.length + 1).fill(0);
  for (const value of values) {
    const i = bounds.findIndex((bound) => value <= bound);
    bucketCounts[i < 0 ? bounds.length : i]!++;
  }
  return readHistogram({
    explicitBounds: bounds,
    bucketCounts,
    count: values.length,
    ...(extremes ? { min: Math.min(...values), max: Math.max(...values) } : {}),
  });
}

const boundsOf = fc.uniqueArray(fc.integer({ min: -1_000_000, max: 1_000_000 }), {
  minLength: 1,
  maxLength: 30,
}).map((bounds) => bounds.sort((a, b) => a - b));

Deno.test("property: quantiles ascend and stay in the bucket of the true value", () => {
  fc.assert(fc.property(values, boundsOf, fc.boolean(), (values, bounds, extremes) => {
    const buckets = bucketsOf(histogramOf(values, bounds, extremes));
    const sorted = values.toSorted((a, b) => a - b);
    let before = -Infinity;
    for (const q of [0.01, 0.5, 0.95, 0.99, 1]) {
      const estimate = quantile(buckets, q)!;
      assert.ok(estimate >= before, `p${q * 100} ${estimate} < ${before}`);
      before = estimate;
      const truth = sorted[Math.max(0, Math.ceil(q * sorted.length - 1e-9) - 1)]!;
      const i = bounds.findIndex((bound) => truth <= bound);
      const upper = i < 0 ? Infinity : bounds[i]!;
      const lower = (i < 0 ? bounds.at(-1) : bounds[i - 1]) ?? -Infinity;
      assert.ok(estimate >= lower && estimate <= upper, `${estimate} not in ${lower}…${upper}`);
    }
  }));
});

Deno.test("property: overlapping histograms together have ascending quantiles within all bounds", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(values, boundsOf), { minLength: 2, maxLength: 5 }), (parts) => {
      const merged = mergeHistograms(
        parts.map(([values, bounds]) => ({
          histogram: histogramOf(values, bounds, true),
          factor: 1,
        })),
      );
      const lowest = Math.min(...parts.flatMap(([values]) => values));
      const highest = Math.max(...parts.flatMap(([values]) => values));
      const [p50, p95, p99] = [0.5, 0.95, 0.99].map((q) => quantile(merged, q)!) as [
        number,
        number,
        number,
      ];
      assert.ok(lowest <= p50 && p50 <= p95 && p95 <= p99 && p99 <= highest);
    }),
  );
});

Deno.test("property: two parts with equal bounds have the quantiles of their sum", () => {
  fc.assert(fc.property(values, values, boundsOf, (a, b, bounds) => {
    const parts = [a, b].map((values) => ({
      histogram: histogramOf(values, bounds, true),
      factor: 1,
    }));
    const whole = bucketsOf(histogramOf([...a, ...b], bounds, true));
    for (const q of [0.5, 0.95, 0.99]) {
      near(quantile(mergeHistograms(parts), q), quantile(whole, q)!, `q=${q}`);
    }
  }));
});

Deno.test("merge: overlapping buckets share by width", () => {
  const part = (explicitBounds: number[], bucketCounts: number[]) => ({
    histogram: readHistogram({ explicitBounds, bucketCounts }),
    factor: 1,
  });
  // 8 in (0, 8] and 4 in (4, 8]: 4 below 4, then 2 per unit.
  const merged = mergeHistograms([part([0, 8], [0, 8, 0]), part([4, 8], [0, 4, 0])]);
  near(quantile(merged, 0.5), 5, "p50");
});

Deno.test("merge: more different bounds than any service has are no distribution", () => {
  const parts = Array.from({ length: 300 }, (_, i) => ({
    histogram: readHistogram({
      explicitBounds: Array.from({ length: 300 }, (_, k) => k + i / 301),
      bucketCounts: Array(301).fill(1),
    }),
    factor: 1,
  }));
  assert.deepEqual(mergeHistograms(parts), []);
});
