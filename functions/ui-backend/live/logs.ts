import { defineFunction, topic } from "functions/define.ts";
import { serviceLogs } from "shared/model/topics.ts";
import { liveHub } from "./live.ts";

/** Shows log lines to who listens. */
export default defineFunction({
  name: "ui-backend.live_logs",
  on: topic(serviceLogs, { batch: 500, broadcast: true }),
  handler(lines, ctx) {
    const hub = liveHub(ctx);
    for (const line of lines) hub.publish("log", line, { service: line.service_name });
  },
});
