/** The analyzer's hot path against a loop that only parses the same JSON. @module */
import { evaluate } from "shared/detection/evaluate.ts";
import { compileRules } from "shared/detection/rules.ts";
import { createState } from "shared/detection/state.ts";
import { addSamples, type Sample } from "shared/model/metric.ts";
import type { RuleInput } from "shared/model/rule.ts";
import { completeRule } from "shared/model/rule_check.ts";
import { serviceMetrics } from "shared/model/topics.ts";
import { rate, report, rounds } from "./measure.ts";

const batch = 500;
const start = Date.parse("2026-01-05T09:00:00.000Z");

/** Ten rules that all watch every series, of every kind and aggregation that is in common use. */
export const inputs: RuleInput[] = [
  { name: "last", metric_type: "latency_p95", threshold: 1e6 },
  { name: "last low", metric_type: "latency_p95", operator: "<", threshold: -1 },
  { name: "avg", metric_type: "latency_p95", aggregation: "avg", threshold: 1e6 },
  {
    name: "avg 5m",
    metric_type: "latency_p95",
    aggregation: "avg",
    window_size: 300,
    threshold: 1e6,
  },
  { name: "max", metric_type: "latency_p95", aggregation: "max", threshold: 1e6 },
  { name: "sum", metric_type: "latency_p95", aggregation: "sum", threshold: 1e9 },
  { name: "count", metric_type: "latency_p95", aggregation: "count", threshold: 1e6 },
  { name: "p95", metric_type: "latency_p95", aggregation: "p95", threshold: 1e6 },
  { name: "zscore", type: "zscore", metric_type: "latency_p95", threshold: 100 },
  { name: "average", type: "moving_average", metric_type: "latency_p95", threshold: 1e6 },
];

/** Messages of `series` series in turn, one a second each. */
function messages(count: number, series: number): string[] {
  return Array.from({ length: count }, (_, i) =>
    JSON.stringify({
      id: crypto.randomUUID(),
      service_name: `service-${i % series}`,
      metric_type: "latency_p95",
      value: 80 + Math.sin(i) * 10,
      unit: "ms",
      timestamp: new Date(start + Math.floor(i / series) * 1_000).toISOString(),
      trace_id: crypto.randomUUID().replaceAll("-", ""),
      span_id: crypto.randomUUID().replaceAll("-", "").slice(16),
    }));
}

/** Decodes and evaluates `count` messages in each round, with 10 rules a series. */
export async function benchAnalyzer(count: number, series: number, times: number): Promise<void> {
  const texts = messages(count, series);
  const rules = compileRules(
    inputs.map((input, i) =>
      completeRule(input, { id: `rule-${i}`, now: start, user: "bench", version: 1 })
    ),
  );
  let sink = 0;
  const parse = () =>
    rate(count, () => {
      for (const text of texts) sink += (JSON.parse(text) as { value: number }).value;
    });
  const analyze = () => {
    const state = createState();
    return rate(count, () => {
      for (let from = 0; from < count; from += batch) {
        const samples: Sample[] = [];
        for (const text of texts.slice(from, from + batch)) {
          addSamples(samples, serviceMetrics.parse!(JSON.parse(text)));
        }
        sink += evaluate(state, samples, rules, start + 3_600_000).transitions.length;
      }
    });
  };
  report(
    `analyzer, 10 rules, ${series} series`,
    await rounds(times, parse, analyze),
    0.3,
    "samples/s",
  );
  if (sink === 0) throw new Error("Nothing was measured");
}
