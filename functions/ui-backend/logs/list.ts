/** Log lines of a day, newest first. @module */
import { z } from "zod";
import { defineFunction, http } from "functions/define.ts";
import { logKind } from "shared/model/kinds.ts";
import { logLevels, ServiceLog } from "shared/model/log.ts";
import { epochOf } from "shared/model/wire.ts";
import { loggingServices } from "../records.ts";
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
} from "../paging.ts";

/** Most lines of a service that are looked through, newest first. */
const looked = 20_000;
/** What is looked at where the query does not say. */
const window_ms = 3_600_000;

const orders: Orders<ServiceLog> = {
  timestamp: byNumber((line) => epochOf(line.timestamp)),
  level: byNumber((line) => logLevels.indexOf(line.level)),
  service: byText((line) => line.service_name),
  service_name: byText((line) => line.service_name),
};

const Filters = z.object({
  ...Paging,
  service: anyOf(),
  level: anyOf(logLevels),
  trace_id: z.string().max(64).optional(),
  q: searchText.describe("In message, caller and stack trace"),
  from: instant.describe("RFC 3339; an hour ago when absent"),
  to: instant.describe("RFC 3339; now when absent"),
  sort: sortBy(orders, "-timestamp"),
});
type Filters = z.output<typeof Filters>;

function passes(line: ServiceLog, { level, trace_id, q }: Filters): boolean {
  return (!level || level.has(line.level)) &&
    (!trace_id || line.trace_id === trace_id) &&
    (!q ||
      `${line.message} ${line.caller ?? ""} ${line.stack_trace ?? ""}`.toLowerCase().includes(q));
}

export default defineFunction({
  name: "ui-backend.list_logs",
  on: http("GET /api/logs", {
    access: "viewer",
    query: Filters,
    reply: z.array(ServiceLog),
    summary: `Log lines, newest first, of the newest ${looked} of each service`,
  }),
  async handler({ query }, { store, now }) {
    const to = query.to ?? now;
    const from = query.from ?? to - window_ms;
    const services = query.service ??
      (await loggingServices(store)).keys();
    const found: ServiceLog[] = [];
    for (const service of services) {
      const lines = await store.list(logKind(service), { from, to, order: "desc", limit: looked });
      for (const { value } of lines) if (passes(value, query)) found.push(value);
    }
    return paged(sorted(found, orders, query.sort), query);
  },
});
