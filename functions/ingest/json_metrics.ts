/** Takes metrics as plain JSON: for scripts and programs without an SDK. @module */
import { ServiceMetric } from "shared/model/metric.ts";
import { serviceMetrics } from "shared/model/topics.ts";
import { defineFunction, http } from "functions/define.ts";
import { takeItems } from "./json.ts";

export default defineFunction({
  name: "ingest.json_metrics",
  on: http("POST /ingest/metrics", {
    access: "ingest",
    body: "bytes",
    limit: 10 * 1024 * 1024,
    summary: "Metrics as plain JSON: an object, an array, or NDJSON",
  }),
  emits: [serviceMetrics],
  handler(input, ctx) {
    return takeItems(
      "json_metrics",
      ServiceMetric,
      input,
      ctx,
      (item) => ctx.emit(serviceMetrics, item),
    );
  },
});
