/** Takes metrics from OpenTelemetry SDKs and collectors. @module */
import { serviceMetrics } from "shared/model/topics.ts";
import { convertMetrics } from "shared/otlp/metrics.ts";
import { defineFunction, http } from "functions/define.ts";
import { answerExport, inSlices, otlp, readExport, seriesMemory } from "./otlp.ts";

export default defineFunction({
  name: "ingest.otlp_metrics",
  on: http("POST /v1/metrics", { ...otlp, summary: "OTLP metrics, JSON or protobuf" }),
  emits: [serviceMetrics],
  async handler({ request, body }, ctx) {
    const work = convertMetrics(readExport("metrics", request, body), seriesMemory(ctx), ctx.now);
    const { samples, points, rejected } = await inSlices(work, request, ctx.clock);
    for (const sample of samples) ctx.emit(serviceMetrics, sample);
    const count = (outcome: string, by: number) =>
      ctx.metrics.add("ingest_samples_total", { protocol: "otlp_metrics", outcome }, by);
    count("accepted", points - rejected.total);
    count("rejected", rejected.total);
    return answerExport("metrics", request, rejected);
  },
});
