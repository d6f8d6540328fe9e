import { z } from "zod";
import { defineFunction, http } from "functions/define.ts";
import { byService, LatestMetrics, latestMetrics } from "./service_view.ts";

/** The newest values of every service. */
export default defineFunction({
  name: "ui-backend.latest_metrics",
  on: http("GET /api/metrics/latest", {
    access: "viewer",
    reply: z.array(LatestMetrics),
    summary: "The newest value of each metric, by service; null where there is none",
  }),
  async handler(_input, { store }) {
    return [...byService(await store.series())].map(([name, series]) =>
      latestMetrics(name, series)
    );
  },
});
