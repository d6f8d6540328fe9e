import { defineFunction, http, HttpProblem } from "functions/define.ts";
import { alertKind } from "shared/model/kinds.ts";
import { AlertDetail } from "./alert_record.ts";
import { timelineKind } from "../records.ts";

/** One alert: why it fired, and what happened since. */
export default defineFunction({
  name: "ui-backend.get_alert",
  on: http("GET /api/alerts/:id", {
    access: "viewer",
    reply: AlertDetail,
    summary: "An alert with its explanation and timeline",
  }),
  async handler({ params: { id } }, { store }) {
    const stored = await store.get(alertKind, id);
    if (!stored) throw new HttpProblem(404, "not_found", `There is no alert "${id}"`);
    const timeline = await store.get(timelineKind, id);
    return { ...stored.value, timeline: timeline?.value.entries ?? [] };
  },
});
