import { z } from "zod";
import { defineFunction, http, HttpProblem } from "functions/define.ts";
import { alertKind } from "shared/model/kinds.ts";
import { acknowledged, AlertDetail, timelineAfter } from "./alert_record.ts";
import { putAlert } from "./alert_store.ts";
import { timelineKind } from "../records.ts";

/** Somebody takes care of an alert. The first one is kept; saying it again changes nothing. */
export default defineFunction({
  name: "ui-backend.acknowledge_alert",
  on: http("POST /api/alerts/:id/acknowledge", {
    access: "operator",
    body: z.object({ note: z.string().trim().max(2_000).optional() }).nullish(),
    reply: AlertDetail,
    summary: "Acknowledge an alert; the body may be empty",
  }),
  async handler({ params: { id }, body, user }, { store, now, save }) {
    const stored = await store.get(alertKind, id);
    if (!stored) throw new HttpProblem(404, "not_found", `There is no alert "${id}"`);
    const timeline = await store.get(timelineKind, id);
    const entries = timeline?.value.entries ?? [];
    const after = acknowledged(stored.value, user, now);
    if (after === stored.value) return { ...after, timeline: entries };
    save(...putAlert(stored, timeline, after, now, body?.note));
    return { ...after, timeline: timelineAfter(entries, stored.value, after, body?.note) };
  },
});
