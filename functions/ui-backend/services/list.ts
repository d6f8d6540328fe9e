import { z } from "zod";
import { defineFunction, http } from "functions/define.ts";
import { alertIndex, firingCounts } from "../alerts/alert_index.ts";
import { loggingServices } from "../records.ts";
import { byService, ServiceView, viewServices } from "./service_view.ts";

/** The services that have sent data. */
export default defineFunction({
  name: "ui-backend.list_services",
  on: http("GET /api/services", {
    access: "viewer",
    reply: z.array(ServiceView),
    summary: "Services, discovered from their data; down when silent for 2 minutes",
  }),
  async handler(_input, ctx) {
    const firing = firingCounts(await alertIndex(ctx).all());
    const services = byService(await ctx.store.series());
    return viewServices(services, firing, ctx.now, await loggingServices(ctx.store));
  },
});
