/**
 * What a schema cannot say of a rule: which combinations make sense, and what fills the gaps.
 *
 * @module
 */
import type { ProblemDetail } from "shared/define/errors.ts";
import { parseMatcher } from "./matcher.ts";
import { Rule, ruleDefaults, RuleInput } from "./rule.ts";
import { formatTime } from "./wire.ts";

/** Most samples that a series keeps for its windows; see `shared/detection/points.ts`. */
export const maxWindowSamples = 16_384;

/** Most annotations of a rule: its alerts add their own, and have room for 64. */
export const maxAnnotations = 56;

/**
 * Finds what makes a rule impossible; an empty list means that it can be evaluated.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 *
 * assert.deepEqual(checkRule({ name: "hot", metric_type: "cpu" }), [
 *   { path: "threshold", message: "A threshold rule needs a threshold" },
 * ]);
 * ```
 */
export function checkRule(input: RuleInput): ProblemDetail[] {
  const type = input.type ?? "threshold";
  const given = ruleDefaults(type);
  const operator = input.operator ?? given.operator;
  const threshold = input.threshold ?? given.threshold;
  const problems: ProblemDetail[] = [];
  const refuse = (path: string, message: string) => problems.push({ path, message });

  if (threshold === undefined) refuse("threshold", "A threshold rule needs a threshold");
  if (input.metric_type === undefined && type !== "error_burst") {
    refuse("metric_type", `A rule of type ${type} needs a metric_type ("*" is every metric)`);
  }

  const scored = type !== "threshold" && type !== "absence";
  if (scored && operator !== ">" && operator !== ">=") {
    refuse(
      "operator",
      `A rule of type ${type} compares a distance, with > or >=: current value is "${operator}"`,
    );
  }
  if (scored && threshold !== undefined && threshold <= 0) {
    refuse("threshold", `A rule of type ${type} needs a threshold above 0: it would always fire`);
  }

  const recovery = input.recovery_threshold;
  if (recovery !== undefined && threshold !== undefined) {
    if (type === "absence" || operator === "==" || operator === "!=") {
      refuse(
        "recovery_threshold",
        type === "absence"
          ? "An absence rule recovers with the next sample: it has no recovery_threshold"
          : `With ${operator} there is no side to recover to: leave recovery_threshold out`,
      );
    } else if (operator[0] === ">" ? recovery > threshold : recovery < threshold) {
      const side = operator[0] === ">" ? "at or below" : "at or above";
      refuse(
        "recovery_threshold",
        `With ${operator} the recovery_threshold must be ${side} the threshold ${threshold}: ` +
          `current value is "${recovery}"`,
      );
    }
  }

  if ((input.min_samples ?? 1) > maxWindowSamples) {
    refuse("min_samples", `A window holds at most ${maxWindowSamples} samples`);
  }
  if (Object.keys(input.annotations ?? {}).length > maxAnnotations) {
    refuse("annotations", `At most ${maxAnnotations} annotations`);
  }
  for (const [i, text] of (input.matchers ?? []).entries()) {
    try {
      parseMatcher(text);
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      refuse(`matchers.${i}`, error.message);
    }
  }
  return problems;
}

/** What a stored rule has beyond what its caller said. */
export interface RuleMaking {
  readonly id: string;
  /** Epoch milliseconds. */
  readonly now: number;
  /** Who makes or changes it. */
  readonly user: string;
  readonly version: number;
  /** The rule that it replaces: who created it, and when, is kept. */
  readonly previous?: Rule;
}

/**
 * Makes a rule whole: what the caller left out gets the defaults of its type.
 *
 * @throws {RangeError} when `checkRule` finds a problem: ask it first
 */
export function completeRule(input: RuleInput, making: RuleMaking): Rule {
  const [problem] = checkRule(input);
  if (problem) {
    throw new RangeError(`Cannot make a rule, ${problem.path}: ${problem.message}`);
  }
  const said = RuleInput.parse(input);
  const given = ruleDefaults(said.type);
  return Rule.parse({
    ...said,
    window_size: said.window_size ?? given.window_size,
    operator: said.operator ?? given.operator,
    threshold: said.threshold ?? given.threshold,
    min_samples: said.min_samples ?? given.min_samples,
    id: making.id,
    version: making.version,
    created_at: making.previous?.created_at ?? formatTime(making.now),
    updated_at: formatTime(making.now),
    created_by: making.previous?.created_by ?? making.user,
  });
}
