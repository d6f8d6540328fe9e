/** Short ways to write samples and rules in the tests of detection. @module */
import { compileRules, type RuleSet } from "shared/detection/rules.ts";
import { type Sample, seriesKey } from "shared/model/metric.ts";
import type { Rule, RuleInput } from "shared/model/rule.ts";
import { completeRule } from "shared/model/rule_check.ts";

/** Event time zero of the tests, in seconds since the epoch. */
export const start_s = Date.parse("2026-03-01T10:00:00Z") / 1_000;

/** Epoch milliseconds of a second of the test. */
export function at(second: number): number {
  return (start_s + second) * 1_000;
}

let serial = 0;

/** A sample of `cpu` of `orders` at a second. */
export function sample(second: number, v: number, over: Partial<Sample> = {}): Sample {
  const made = {
    id: `s${++serial}`,
    service: "orders",
    metric: "cpu",
    labels: {},
    unit: "percent",
    t: at(second),
    v,
    ...over,
  };
  return { series: seriesKey(made.service, made.metric, made.labels), ...made };
}

/** Samples of one value each `step` seconds from 0. */
export function samples(values: readonly number[], step = 5, from = 0): Sample[] {
  return values.map((v, i) => sample(from + i * step, v));
}

/** A whole rule on `cpu` from what matters in a test; no cooldown unless said. */
export function rule(input: Partial<RuleInput> = {}, id = "r1", version = 1): Rule {
  return completeRule(
    { name: "High CPU", metric_type: "cpu", cooldown_seconds: 0, ...input },
    { id, now: 0, user: "test", version },
  );
}

/** The rules of a test. */
export function rules(...inputs: Partial<RuleInput>[]): RuleSet {
  return compileRules(inputs.map((input, i) => rule(input, `r${i + 1}`)));
}
