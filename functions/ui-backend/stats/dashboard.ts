import { defineFunction, http } from "functions/define.ts";
import { currentStats, Stats } from "./stats.ts";

/** What the dashboard's first page shows. */
export default defineFunction({
  name: "ui-backend.dashboard_stats",
  on: http("GET /api/dashboard/stats", {
    access: "viewer",
    reply: Stats,
    summary: "Services, alerts and rules in numbers",
  }),
  handler: (_input, ctx) => currentStats(ctx, ctx.now),
});
