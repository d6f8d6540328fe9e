import { z } from "zod";
import { defineFunction, http } from "functions/define.ts";
import { severities } from "shared/model/wire.ts";
import { alertIndex, type IndexedAlert } from "./alert_index.ts";
import { AlertSummary } from "./alert_record.ts";
import {
  anyOf,
  byNumber,
  byText,
  instant,
  type Orders,
  paged,
  Paging,
  searchText,
  sortBy,
  sorted,
  yesOrNo,
} from "../paging.ts";

export const orders: Orders<IndexedAlert> = {
  timestamp: byNumber((one) => one.at),
  starts_at: byNumber((one) => one.starts),
  severity: byNumber((one) => one.severity),
  status: byText((one) => one.alert.status),
  service: byText((one) => one.alert.service_name),
  service_name: byText((one) => one.alert.service_name),
  type: byText((one) => one.alert.type),
  title: byText((one) => one.alert.title),
};

export const Filters = z.object({
  ...Paging,
  status: anyOf(["firing", "resolved"]),
  severity: anyOf(severities),
  service: anyOf(),
  type: anyOf(),
  acknowledged: yesOrNo,
  q: searchText.describe("In title, description, message, names and label values"),
  from: instant.describe("Began then or later, RFC 3339"),
  to: instant.describe("Began then or earlier, RFC 3339"),
  sort: sortBy(orders, "-timestamp"),
});
export type Filters = z.infer<typeof Filters>;

/** Whether an alert passes the filters. */
export function passes({ alert, starts, text }: IndexedAlert, filters: Filters): boolean {
  const { status, severity, service, type, acknowledged, q, from, to } = filters;
  return (!status || status.has(alert.status)) &&
    (!severity || severity.has(alert.severity)) &&
    (!service || service.has(alert.service_name)) &&
    (!type || type.has(alert.type)) &&
    (acknowledged === undefined || alert.acknowledged === acknowledged) &&
    (from === undefined || starts >= from) &&
    (to === undefined || starts <= to) &&
    (!q || text.includes(q));
}

/** The alerts that pass the filters, newest first, without their explanations. */
export default defineFunction({
  name: "ui-backend.list_alerts",
  on: http("GET /api/alerts", {
    access: "viewer",
    query: Filters,
    reply: z.array(AlertSummary),
    summary: "Alerts, newest first; resolved ones are kept for 30 days",
  }),
  async handler({ query }, ctx) {
    const alerts = (await alertIndex(ctx).all()).filter((one) => passes(one, query));
    // Equal ones in one order on every page.
    const stable = { ...orders, id: byText((one: IndexedAlert) => one.alert.id) };
    return paged(sorted(alerts, stable, [...query.sort, "id"]), query, (one) => one.alert);
  },
});
