/** How rules are refused. @module */
import { HttpProblem } from "functions/define.ts";
import type { Rule, RuleInput } from "shared/model/rule.ts";
import { checkRule } from "shared/model/rule_check.ts";

/** @throws {HttpProblem} 422 `impossible_rule` with a detail for each thing that is wrong */
export function refuseImpossible(input: RuleInput): void {
  const details = checkRule(input);
  const [first] = details;
  if (first) throw new HttpProblem(422, "impossible_rule", first.message, { details });
}

/** A rule's version as an entity tag. */
export function etagOf({ version }: Rule): string {
  return `"${version}"`;
}

/**
 * Refuses to change a rule that is not the one that the caller knows.
 *
 * @param version what the caller says, where it says it
 * @throws {HttpProblem} 409 for another version, 412 when `If-Match` (RFC 9110) names others
 */
export function refuseOutdated(rule: Rule, version: number | undefined, request: Request): void {
  const now = `its version is now ${rule.version}`;
  if (version !== undefined && version !== rule.version) {
    throw new HttpProblem(409, "version_conflict", `Somebody else changed the rule: ${now}`, {
      details: [{ path: "version", message: `The current version is ${rule.version}` }],
    });
  }
  const tags = request.headers.get("if-match")?.split(",").map((tag) => tag.trim());
  if (tags && !tags.includes("*") && !tags.includes(etagOf(rule))) {
    throw new HttpProblem(412, "version_mismatch", `The rule does not match If-Match: ${now}`, {
      headers: { etag: etagOf(rule) },
    });
  }
}

export function noSuchRule(id: string): HttpProblem {
  return new HttpProblem(404, "not_found", `There is no rule "${id}"`);
}
