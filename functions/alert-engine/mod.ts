/** The functions of the alert engine, in the order an alert meets them. @module */
import type { Config } from "functions/config.ts";
import { defineService, type Service } from "functions/define.ts";
import deliver from "./deliver.ts";
import flush from "./flush.ts";
import measure from "./measure.ts";
import receive from "./receive.ts";
import reload from "./reload.ts";
import reroute from "./reroute.ts";

/** Groups alerts and tells people. */
export function alertEngine(config: Config): Service {
  return defineService({
    name: "alert-engine",
    port: config.ALERT_ENGINE_PORT,
    prefix: config.ALERT_ENGINE_ROUTE_PREFIX,
    functions: [receive, flush, deliver, measure, reload, reroute],
  });
}
