import { z } from "zod";
import { defineFunction, http, reply } from "functions/define.ts";
import { ruleKind } from "shared/model/kinds.ts";
import { Rule, RuleInput } from "shared/model/rule.ts";
import { completeRule } from "shared/model/rule_check.ts";
import { put } from "shared/store/port.ts";
import { etagOf, noSuchRule, refuseImpossible, refuseOutdated } from "./rule_problems.ts";

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
    summary: "Replace a rule; without a version or If-Match the last writer wins",
  }),
  async handler({ params: { id }, body, user, request }, { store, now, save }) {
    const { version, ...input } = body;
    const stored = await store.get(ruleKind, id);
    if (!stored) throw noSuchRule(id);
    const previous = stored.value;
    refuseOutdated(previous, version, request);
    refuseImpossible(input);
    const making = { id, now, user: user.username, version: previous.version + 1, previous };
    const rule = completeRule(input, making);
    save(put(ruleKind, id, rule, { version: stored.version }));
    return reply(rule, { headers: { etag: etagOf(rule) } });
  },
});
