/** The doors for real telemetry, one for each protocol. @module */
import type { Config } from "functions/config.ts";
import { defineService, type Service } from "functions/define.ts";
import jsonLogs from "./json_logs.ts";
import jsonMetrics from "./json_metrics.ts";
import otlpLogs from "./otlp_logs.ts";
import otlpMetrics from "./otlp_metrics.ts";
import otlpTraces from "./otlp_traces.ts";

/** Takes telemetry in. */
export function ingest(config: Config): Service {
  return defineService({
    name: "ingest",
    port: config.INGEST_PORT,
    functions: [otlpMetrics, otlpLogs, otlpTraces, jsonMetrics, jsonLogs],
  });
}
