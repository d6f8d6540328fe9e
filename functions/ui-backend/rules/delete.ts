import { z } from "zod";
import { defineFunction, http } from "functions/define.ts";
import { ruleKind } from "shared/model/kinds.ts";
import { remove } from "shared/store/port.ts";
import { noSuchRule, refuseOutdated } from "./rule_problems.ts";

/** Removes a rule; what it made fire resolves. */
export default defineFunction({
  name: "ui-backend.delete_rule",
  on: http("DELETE /api/rules/:id", {
    access: "admin",
    query: z.object({
      version: z.coerce.number().int().optional()
        .describe("The version that is meant; another one is refused with 409"),
    }),
    reply: z.object({ id: z.string() }),
    summary: "Remove a rule",
  }),
  async handler({ params: { id }, query: { version }, request }, { store, save }) {
    const stored = await store.get(ruleKind, id);
    if (!stored) throw noSuchRule(id);
    refuseOutdated(stored.value, version, request);
    save(remove(ruleKind, id, stored.version));
    return { id };
  },
});
