/** Takes traces, so that an SDK that sends all three signals finds an open door; they are counted only. @module */
import { list } from "shared/otlp/values.ts";
import { defineFunction, http } from "functions/define.ts";
import { answerExport, inSlices, otlp, readExport } from "./otlp.ts";

export default defineFunction({
  name: "ingest.otlp_traces",
  on: http("POST /v1/traces", { ...otlp, summary: "OTLP traces: accepted and counted" }),
  async handler({ request, body }, ctx) {
    const spans = await inSlices(
      countSpans(readExport("traces", request, body)),
      request,
      ctx.clock,
    );
    const labels = { protocol: "otlp_traces", outcome: "accepted" };
    ctx.metrics.add("ingest_samples_total", labels, spans);
    return answerExport("traces", request);
  },
});

function* countSpans(request: unknown): Generator<void, number> {
  let spans = 0;
  for (const group of list(request, "resourceSpans")) {
    for (const scoped of list(group, "scopeSpans")) spans += list(scoped, "spans").length;
    yield;
  }
  return spans;
}
