/** Series as the page of a service keeps and groups them. @module */
import assert from "node:assert/strict";
import fc from "fast-check";
import {
  addSample,
  cutBefore,
  groupSeries,
  nearest,
  scaleOf,
  seriesOf,
  thresholdsOf,
} from "fresh-dashboard/lib/series.ts";
import type { BriefRule } from "fresh-dashboard/lib/service.ts";

const sample = (
  metric_type: string,
  seconds: number,
  value: number,
  labels: Record<string, string> = {},
) => ({
  metric_type,
  value,
  unit: "ms",
  timestamp: new Date(seconds * 1_000).toISOString(),
  labels,
});

Deno.test("series: samples with other labels are another line, in whatever order the labels are", () => {
  const all = seriesOf([
    sample("cpu", 1, 1, { a: "1", b: "2" }),
    sample("cpu", 2, 2, { b: "2", a: "1" }),
    sample("cpu", 3, 3),
  ]);
  assert.deepEqual([...all.values()].map(({ v }) => v), [[1, 2], [3]]);
});

Deno.test("series: quantiles of one thing share a chart, and what people look at first is first", () => {
  const all = seriesOf(
    ["status", "zeal", "latency_p99", "cpu", "latency_p50", "latency"].map((metric) =>
      sample(metric, 1, 1)
    ),
  );
  const groups = groupSeries(all);
  assert.deepEqual(groups.map(({ title }) => title), ["CPU", "Latency", "Zeal", "Status"]);
  assert.deepEqual(groups[1]!.lines.map(({ name }) => name), ["Latency", "p50", "p99"]);
});

const names: [rule: string, labels: Record<string, string>[], names: string[]][] = [
  ["without labels it is the metric", [{}], ["Queue depth"]],
  ["alone it has all of its labels", [{ path: "/pay", method: "POST" }], [
    "path=/pay, method=POST",
  ]],
  ["what all share tells nothing, and one label needs no name", [
    { path: "/pay", method: "POST" },
    { path: "/cart", method: "POST" },
  ], ["/pay", "/cart"]],
  ["several labels keep their names", [
    { path: "/pay", method: "POST" },
    { path: "/cart", method: "GET" },
  ], ["path=/pay, method=POST", "path=/cart, method=GET"]],
  ["the whole keeps its name beside its parts", [{}, { path: "/pay" }], ["Queue depth", "/pay"]],
];
for (const [rule, labels, wanted] of names) {
  Deno.test(`names of lines: ${rule}`, () => {
    const [group] = groupSeries(seriesOf(labels.map((one) => sample("queue_depth", 1, 1, one))));
    assert.deepEqual(group!.lines.map(({ name }) => name), wanted);
  });
}

Deno.test("series: more lines than can be told apart are counted", () => {
  const all = seriesOf(
    Array.from({ length: 9 }, (_, i) => sample("cpu", 1, 1, { host: String(i) })),
  );
  const [group] = groupSeries(all);
  assert.deepEqual([group!.lines.length, group!.more], [4, 5]);
});

Deno.test("series: with a step, live samples move the mean of their step, and its reach", () => {
  const all = seriesOf([{ ...sample("cpu", 10, 4), min: 2, max: 6, count: 2 }]);
  addSample(all, sample("cpu", 14, 10), 10_000);
  addSample(all, sample("cpu", 21, 1), 10_000);
  const [one] = [...all.values()];
  assert.equal(one!.last, 1, "the newest value is that of a sample");
  assert.deepEqual([one!.t, one!.v], [[10_000, 20_000], [6, 1]]);
  assert.deepEqual([one!.low, one!.high], [[2, 1], [10, 1]]);
});

Deno.test("series: a sample that comes late is left to the next read", () => {
  const all = seriesOf([sample("cpu", 10, 4)]);
  assert.equal(addSample(all, sample("cpu", 9, 1), 0), false);
  assert.equal(addSample(all, sample("memory", 9, 1), 0), true);
  assert.deepEqual([...all.values()].map(({ v }) => v), [[4], [1]]);
});

Deno.test("series: what leaves the window is forgotten, but for the point that leads into it", () => {
  const all = seriesOf([1, 2, 3, 4].map((s) => sample("cpu", s, s)));
  cutBefore(all, 3_500);
  assert.deepEqual([...all.values()][0]!.v, [3, 4]);
});

Deno.test("series: the scale holds every value, with at most a dozen round steps", () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: -1e9, max: 1e9, noNaN: true }), { minLength: 1, maxLength: 20 }),
      (v) => {
        const { low, high, step } = scaleOf([{ t: v.map((_, i) => i), v }], [], 0);
        assert(low <= Math.min(...v) && high >= Math.max(...v), `${low} … ${high}`);
        assert(high > low && (high - low) / step < 12);
      },
    ),
    { examples: [[[-5e-324]], [[0]], [[1e9, 1e9 + 1e-7]], [[5e-324, 1e9]]] },
  );
});

Deno.test("series: a limit that is near is in the scale; one far away does not flatten the line", () => {
  const line = [{ t: [1], v: [50] }];
  const limit = (value: number) =>
    ({ value, operator: ">", severity: "warning", rule: "", metric: "" }) as const;
  assert(scaleOf(line, [limit(80)], 0).high >= 80);
  assert(scaleOf(line, [limit(1_000)], 0).high < 100);
});

Deno.test("series: limits are those of enabled threshold rules on the metrics of a chart", () => {
  const rule = {
    type: "threshold",
    enabled: true,
    metric_type: "cpu",
    operator: ">",
    threshold: 80,
  };
  const rules = [
    { ...rule, name: "drawn" },
    { ...rule, name: "off", enabled: false },
    { ...rule, name: "other metric", metric_type: "memory" },
    { ...rule, name: "a score, not a value", type: "zscore" },
  ] as BriefRule[];
  const [group] = groupSeries(seriesOf([sample("cpu", 1, 1)]));
  assert.deepEqual(thresholdsOf(group!, rules).map(({ rule }) => rule), ["drawn"]);
});

Deno.test("series: the nearest point is found, unless it is too far away", () => {
  assert.equal(nearest([10, 20, 30], 24, 10), 1);
  assert.equal(nearest([10, 20, 30], 26, 10), 2);
  assert.equal(nearest([10, 20, 30], 50, 10), -1);
  assert.equal(nearest([], 50, 10), -1);
});
