/** Takes logs from OpenTelemetry SDKs and collectors. @module */
import { serviceLogs } from "shared/model/topics.ts";
import { convertLogs } from "shared/otlp/logs.ts";
import { defineFunction, http } from "functions/define.ts";
import { answerExport, inSlices, otlp, readExport } from "./otlp.ts";

export default defineFunction({
  name: "ingest.otlp_logs",
  on: http("POST /v1/logs", { ...otlp, summary: "OTLP logs, JSON or protobuf" }),
  emits: [serviceLogs],
  async handler({ request, body }, ctx) {
    const work = convertLogs(readExport("logs", request, body), ctx.now);
    const { logs, records, rejected } = await inSlices(work, request, ctx.clock);
    for (const log of logs) ctx.emit(serviceLogs, log);
    const count = (outcome: string, by: number) =>
      ctx.metrics.add("ingest_samples_total", { protocol: "otlp_logs", outcome }, by);
    count("accepted", records - rejected.total);
    count("rejected", rejected.total);
    return answerExport("logs", request, rejected);
  },
});
