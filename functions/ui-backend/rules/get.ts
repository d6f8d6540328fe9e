import { defineFunction, http, reply } from "functions/define.ts";
import { ruleKind } from "shared/model/kinds.ts";
import { Rule } from "shared/model/rule.ts";
import { etagOf, noSuchRule } from "./rule_problems.ts";

/** One rule. */
export default defineFunction({
  name: "ui-backend.get_rule",
  on: http("GET /api/rules/:id", { access: "viewer", reply: Rule, summary: "A rule" }),
  async handler({ params: { id } }, { store }) {
    const stored = await store.get(ruleKind, id);
    if (!stored) throw noSuchRule(id);
    return reply(stored.value, { headers: { etag: etagOf(stored.value) } });
  },
});
