import { z } from "zod";
import { defineFunction, http, HttpProblem, reply, Retryable } from "functions/define.ts";
import { ruleKind } from "shared/model/kinds.ts";
import { formatTime, Timestamp } from "shared/model/wire.ts";
import { traffic } from "./traffic.ts";

/** Of the API: grows when something that callers rely on changes. */
export const version = "1.0.0";

const Health = z.object({
  status: z.enum(["healthy", "degraded"]),
  version: z.string(),
  dependencies: z.object({ store: z.enum(["up", "down"]) }),
  uptime_seconds: z.number(),
  timestamp: Timestamp,
});

/** Whether the API can answer: for anybody, so it is cheap and tells little. */
export default defineFunction({
  name: "ui-backend.health",
  on: http("GET /api/health", {
    access: "public",
    reply: Health,
    summary: "Whether the API works: 200, or 503 when its store is away",
  }),
  async handler(_input, ctx) {
    const { store, now, log } = ctx;
    let up = true;
    try {
      await store.revision(ruleKind);
    } catch (error) {
      if (!(error instanceof Retryable)) throw error;
      up = false;
      log.debug("The store does not answer", { error });
    }
    const data = {
      status: up ? "healthy" : "degraded",
      version,
      dependencies: { store: up ? "up" : "down" },
      uptime_seconds: Math.round((now - traffic(ctx).started_at) / 1000),
      timestamp: formatTime(now),
    };
    if (!up) throw new HttpProblem(503, "degraded", "The store does not answer", { data });
    return reply(data);
  },
});
