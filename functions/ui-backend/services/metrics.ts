import { z } from "zod";
import { defineFunction, http, HttpProblem } from "functions/define.ts";
import { LabelsSchema } from "shared/model/labels.ts";
import { formatTime, Timestamp } from "shared/model/wire.ts";
import { parseDuration } from "shared/time/duration.ts";

const day_ms = 86_400_000;
/** Points of one series when nobody asks for a step. */
const comfortable = 1_000;
/** Points of one answer when nobody asks for a step, over all series. */
const bearable = 50_000;
/** Steps of one series that may be asked for (Prometheus' limit of a range query). */
const mostSteps = 11_000;
/** How far a sender's clock may be ahead of ours. */
const ahead_ms = 60_000;

const duration = (least_ms: number) =>
  z.string().transform((text, context) => {
    try {
      const ms = parseDuration(text);
      if (ms >= least_ms && ms <= day_ms) return ms;
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
    }
    context.addIssue(`must be a duration between ${least_ms} ms and 24h, such as 5m`);
    return z.NEVER;
  });

const ServiceSample = z.object({
  service_name: z.string(),
  metric_type: z.string(),
  value: z.number().describe("With a step: the mean"),
  unit: z.string(),
  timestamp: Timestamp.describe("With a step: its start"),
  labels: LabelsSchema,
  min: z.number().optional(),
  max: z.number().optional(),
  count: z.number().int().optional(),
});

/**
 * The samples of a service. Without a step each is given as it came, unless a series has more than
 * 1,000 in the window (fewer where there are more than 50 series): then a step is chosen that keeps
 * within that.
 */
export default defineFunction({
  name: "ui-backend.service_metrics",
  on: http("GET /api/services/:service/metrics", {
    access: "viewer",
    query: z.object({
      window: z.string().optional().transform((text) => text || "5m").pipe(duration(1))
        .describe("How far back, at most 24h"),
      metric_type: z.string().max(256).optional(),
      step: z.string().optional().transform((text) => text || undefined)
        .pipe(duration(1_000).optional())
        .describe("One point for each step; when absent, chosen so that the answer stays small"),
    }),
    reply: z.array(ServiceSample),
    summary: "Samples of a service, oldest first",
  }),
  async handler({ params: { service }, query }, { store, now }) {
    const { window, step } = query;
    if (step !== undefined && window / step > mostSteps) {
      throw new HttpProblem(400, "invalid_query", `step: at most ${mostSteps} steps in a window`, {
        details: [{ path: "step", message: `At most ${mostSteps} steps in a window` }],
      });
    }
    if ((await store.series({ service })).length === 0) {
      throw new HttpProblem(404, "not_found", `There is no service "${service}"`);
    }
    const range = (step_ms: number | undefined) =>
      store.range({
        service,
        ...(query.metric_type ? { metric: query.metric_type } : {}),
        from: now - window,
        to: now + ahead_ms,
        ...(step_ms ? { step_ms } : {}),
      });
    let series = await range(step ?? stepFor(window));
    if (step === undefined) {
      const most = Math.max(10, Math.min(comfortable, Math.floor(bearable / series.length)));
      if (series.some(({ points }) => points.length > most)) {
        series = await range(Math.ceil(window / most));
      }
    }
    return series.flatMap(({ metric, unit, labels, points }) =>
      points.map(({ t, v, min, max, count }) => ({
        t,
        sample: {
          service_name: service,
          metric_type: metric,
          value: v,
          unit,
          timestamp: formatTime(t),
          labels,
          ...(min === undefined ? {} : { min, max, count }),
        },
      }))
    ).sort((a, b) => a.t - b.t).map(({ sample }) => sample);
  },
});

/** Windows up to an hour are read as they are; longer ones would be large before they are thinned. */
function stepFor(window_ms: number): number | undefined {
  return window_ms <= 3_600_000 ? undefined : Math.ceil(window_ms / comfortable);
}
