import { z } from "zod";
import { defineFunction, http } from "functions/define.ts";
import { Rule, ruleTypes } from "shared/model/rule.ts";
import { severities } from "shared/model/wire.ts";
import {
  anyOf,
  byNumber,
  byText,
  type Orders,
  paged,
  Paging,
  searchText,
  sortBy,
  sorted,
  yesOrNo,
} from "../paging.ts";
import { ruleCopy } from "./rule_copy.ts";

const orders: Orders<Rule> = {
  created_at: byText((rule) => rule.created_at),
  updated_at: byText((rule) => rule.updated_at),
  name: byText((rule) => rule.name.toLowerCase()),
  service: byText((rule) => rule.service_name),
  service_name: byText((rule) => rule.service_name),
  type: byText((rule) => rule.type),
  severity: byNumber((rule) => severities.indexOf(rule.severity)),
};

const Filters = z.object({
  ...Paging,
  service: anyOf(),
  type: anyOf(ruleTypes),
  severity: anyOf(severities),
  metric_type: anyOf(),
  enabled: yesOrNo,
  q: searchText.describe("In name and description"),
  sort: sortBy(orders, "created_at"),
});

/** Whether a rule passes the filters. */
export function passes(rule: Rule, filters: z.infer<typeof Filters>): boolean {
  const { service, type, severity, metric_type, enabled, q } = filters;
  return (!service || service.has(rule.service_name)) &&
    (!type || type.has(rule.type)) &&
    (!severity || severity.has(rule.severity)) &&
    (!metric_type || metric_type.has(rule.metric_type ?? "")) &&
    (enabled === undefined || rule.enabled === enabled) &&
    (!q || `${rule.name}\n${rule.description ?? ""}`.toLowerCase().includes(q));
}

/** The rules, oldest first. */
export default defineFunction({
  name: "ui-backend.list_rules",
  on: http("GET /api/rules", {
    access: "viewer",
    query: Filters,
    reply: z.array(Rule),
    summary: "Rules, oldest first",
  }),
  async handler({ query }, ctx) {
    const rules = (await ruleCopy(ctx).all()).filter((rule) => passes(rule, query));
    const stable = { ...orders, id: byText((rule: Rule) => rule.id) };
    return paged(sorted(rules, stable, [...query.sort, "id"]), query);
  },
});
