import assert from "node:assert/strict";
import { Rule, ruleDefaults, type RuleInput, ruleTypes } from "shared/model/rule.ts";
import { checkRule, completeRule, maxAnnotations } from "shared/model/rule_check.ts";

const cpu: RuleInput = { name: "Hot", metric_type: "cpu", threshold: 80 };

const refused: [rule: string, input: RuleInput, path: string][] = [
  ["a threshold rule without a threshold", { ...cpu, threshold: undefined }, "threshold"],
  ["no metric", { ...cpu, metric_type: undefined }, "metric_type"],
  [
    "a z-score below something",
    { ...cpu, type: "zscore", operator: "<", threshold: 3 },
    "operator",
  ],
  ["a z-score of nothing", { ...cpu, type: "zscore", threshold: 0 }, "threshold"],
  ["a burst of no errors", { name: "b", type: "error_burst", threshold: 0 }, "threshold"],
  ["a recovery above what > fires at", { ...cpu, recovery_threshold: 81 }, "recovery_threshold"],
  [
    "a recovery below what < fires at",
    { ...cpu, operator: "<", recovery_threshold: 79 },
    "recovery_threshold",
  ],
  ["a recovery from ==", { ...cpu, operator: "==", recovery_threshold: 1 }, "recovery_threshold"],
  [
    "a recovery from absence",
    { ...cpu, type: "absence", recovery_threshold: 1 },
    "recovery_threshold",
  ],
  ["more samples than a window holds", { ...cpu, min_samples: 20_000 }, "min_samples"],
  ["a matcher that is none", { ...cpu, matchers: ["a=1", "a"] }, "matchers.1"],
  ["a matcher whose expression is none", { ...cpu, matchers: ['a=~"("'] }, "matchers.0"],
  [
    "more annotations than its alerts have room for",
    {
      ...cpu,
      annotations: Object.fromEntries(
        Array.from({ length: maxAnnotations + 1 }, (_, i) => [`a${i}`, "x"]),
      ),
    },
    "annotations",
  ],
];
for (const [rule, input, path] of refused) {
  Deno.test(`rule check: refuses ${rule}`, () => {
    const problems = checkRule(input);
    assert.deepEqual(problems.map((problem) => problem.path), [path]);
    assert(problems[0]!.message.length > 20);
    assert.throws(
      () => completeRule(input, { id: "r", now: 0, user: "u", version: 1 }),
      RangeError,
    );
  });
}

const allowed: [rule: string, input: RuleInput][] = [
  ["a recovery at the threshold", { ...cpu, recovery_threshold: 80 }],
  ["a recovery above what < fires at", { ...cpu, operator: "<", recovery_threshold: 90 }],
  ["an error burst without a metric", { name: "b", type: "error_burst" }],
  ["every metric", { ...cpu, metric_type: "*" }],
  ["a negative threshold", { ...cpu, threshold: -5 }],
];
for (const [rule, input] of allowed) {
  Deno.test(`rule check: allows ${rule}`, () => assert.deepEqual(checkRule(input), []));
}

Deno.test("rule check: all problems are told at once", () => {
  const paths = checkRule({ name: "x", matchers: ["?"] }).map(({ path }) => path);
  assert.deepEqual(paths, ["threshold", "metric_type", "matchers.0"]);
});

Deno.test("a complete rule has the defaults of its type, and is a rule", () => {
  for (const type of ruleTypes) {
    const input: RuleInput = { name: "r", metric_type: "cpu", type, threshold: 7 };
    const rule = completeRule(input, { id: "r", now: 0, user: "ada", version: 3 });
    assert.deepEqual(Rule.parse(rule), rule);
    const { window_size, operator, min_samples } = ruleDefaults(type);
    assert.deepEqual(
      [rule.window_size, rule.operator, rule.min_samples, rule.threshold, rule.cooldown_seconds],
      [window_size, operator, min_samples, 7, 300],
    );
    assert.deepEqual(
      [rule.id, rule.version, rule.created_by, rule.created_at],
      ["r", 3, "ada", "1970-01-01T00:00:00.000Z"],
    );
  }
});

Deno.test("a rule that replaces another keeps who made it, and when", () => {
  const making = { id: "r", now: 0, user: "ada", version: 1 };
  const previous = completeRule(cpu, making);
  const next = completeRule(cpu, { ...making, now: 1_000, user: "bob", version: 2, previous });
  assert.deepEqual([next.created_by, next.created_at], ["ada", previous.created_at]);
  assert.equal(next.updated_at, "1970-01-01T00:00:01.000Z");
});
