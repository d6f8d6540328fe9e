/** The functions of the analyzer. @module */
import type { Config } from "functions/config.ts";
import { defineService, type Service } from "functions/define.ts";
import logs from "./logs.ts";
import metrics from "./metrics.ts";

/** Watches what services report, and says what is wrong. */
export function analyzer(config: Config): Service {
  return defineService({
    name: "analyzer",
    port: config.ANALYZER_PORT,
    functions: [metrics, logs],
  });
}
