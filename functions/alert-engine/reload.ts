/** Reads the alerting configuration again, as Alertmanager does. @module */
import { defineFunction, http } from "functions/define.ts";
import { AlertingConfigError } from "shared/alerting/config.ts";
import { alerting } from "./alerting.ts";

export default defineFunction({
  name: "alert-engine.reload",
  on: http("POST /-/reload", {
    access: "public",
    summary: "Reads the alerting configuration again; a bad one changes nothing",
  }),
  handler(_input, ctx) {
    try {
      for (const warning of alerting(ctx).reload()) ctx.log.warn(`Alerting: ${warning}`);
      ctx.log.info("Alerting configuration read again");
      return new Response(null, { status: 200 });
    } catch (error) {
      if (!(error instanceof AlertingConfigError)) throw error;
      return new Response(`${error.message}\n`, { status: 400 });
    }
  },
});
