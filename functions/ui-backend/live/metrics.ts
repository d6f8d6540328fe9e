import { defineFunction, topic } from "functions/define.ts";
import { samplesOf } from "shared/model/metric.ts";
import { serviceMetrics } from "shared/model/topics.ts";
import { formatTime } from "shared/model/wire.ts";
import { liveHub } from "./live.ts";
import { traffic } from "../stats/traffic.ts";

/** Shows samples to who listens. */
export default defineFunction({
  name: "ui-backend.live_metrics",
  on: topic(serviceMetrics, { batch: 500, broadcast: true }),
  handler(messages, ctx) {
    const hub = liveHub(ctx);
    let count = 0;
    for (const message of messages) {
      for (const { service, metric, v, unit, t, labels, series } of samplesOf(message)) {
        count++;
        hub.publish("metric", {
          service_name: service,
          metric_type: metric,
          value: v,
          unit,
          timestamp: formatTime(t),
          labels,
        }, { service, slot: series });
      }
    }
    traffic(ctx).add(count, ctx.now);
  },
});
