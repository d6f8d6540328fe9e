import { z } from "zod";
import { defineFunction, http, HttpProblem } from "functions/define.ts";
import { ruleKind } from "shared/model/kinds.ts";
import { Rule, RuleInput } from "shared/model/rule.ts";
import { completeRule } from "shared/model/rule_check.ts";
import { put } from "shared/store/port.ts";
import { noSuchRule, refuseImpossible } from "./rule_problems.ts";

const Replacement = RuleInput.extend({
  version: z.number().int().optional()
    .describe("The version that it replaces; another one is refused with 409"),
});

/** Replaces a rule as a whole: what is left out gets the defaults again. */
export default defineFunction({
  name: "ui-backend.replace_rule",
  on: http("PUT /api/rules/:id", {
    access: "admin",
    body: Replacement,
    reply: Rule,
    summary: "Replace a rule; without a version the last writer wins",
  }),
  async handler({ params: { id }, body: { version, ...input }, user }, { store, now, save }) {
    const stored = await store.get(ruleKind, id);
    if (!stored) throw noSuchRule(id);
    const previous = stored.value;
    if (version !== undefined && version !== previous.version) {
      throw new HttpProblem(
        409,
        "version_conflict",
        `Somebody else changed the rule: its version is now ${previous.version}`,
        { details: [{ path: "version", message: `The current version is ${previous.version}` }] },
      );
    }
    refuseImpossible(input);
    const making = { id, now, user: user.username, version: previous.version + 1, previous };
    const rule = completeRule(input, making);
    save(put(ruleKind, id, rule, { version: stored.version }));
    return rule;
  },
});
