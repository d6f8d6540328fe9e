/** How rules are refused. @module */
import { HttpProblem } from "functions/define.ts";
import type { RuleInput } from "shared/model/rule.ts";
import { checkRule } from "shared/model/rule_check.ts";

/** @throws {HttpProblem} 422 `impossible_rule` with a detail for each thing that is wrong */
export function refuseImpossible(input: RuleInput): void {
  const details = checkRule(input);
  const [first] = details;
  if (first) throw new HttpProblem(422, "impossible_rule", first.message, { details });
}

export function noSuchRule(id: string): HttpProblem {
  return new HttpProblem(404, "not_found", `There is no rule "${id}"`);
}
