import { defineFunction, http, reply } from "functions/define.ts";
import { ruleKind } from "shared/model/kinds.ts";
import { Rule, RuleInput } from "shared/model/rule.ts";
import { completeRule } from "shared/model/rule_check.ts";
import { put } from "shared/store/port.ts";
import { etagOf, refuseImpossible } from "./rule_problems.ts";

/** Adds a rule; what is left out gets the defaults of its type. */
export default defineFunction({
  name: "ui-backend.create_rule",
  on: http("POST /api/rules", {
    access: "admin",
    body: RuleInput,
    reply: Rule,
    summary: "Add a rule; it takes effect on the next sample",
  }),
  handler({ body, user }, { now, uuid, save }) {
    refuseImpossible(body);
    const id = uuid();
    const rule = completeRule(body, { id, now, user: user.username, version: 1 });
    save(put(ruleKind, id, rule, { version: 0, rank: now }));
    return reply(rule, {
      status: 201,
      headers: { location: `/api/rules/${id}`, etag: etagOf(rule) },
    });
  },
});
