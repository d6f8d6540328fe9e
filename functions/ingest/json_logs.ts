/** Takes logs as plain JSON: for scripts and programs without an SDK. @module */
import { ServiceLog } from "shared/model/log.ts";
import { serviceLogs } from "shared/model/topics.ts";
import { defineFunction, http } from "functions/define.ts";
import { takeItems } from "./json.ts";

export default defineFunction({
  name: "ingest.json_logs",
  on: http("POST /ingest/logs", {
    access: "ingest",
    body: "bytes",
    limit: 10 * 1024 * 1024,
    summary: "Log lines as plain JSON: an object, an array, or NDJSON",
  }),
  emits: [serviceLogs],
  handler(input, ctx) {
    return takeItems("json_logs", ServiceLog, input, ctx, (item) => ctx.emit(serviceLogs, item));
  },
});
