import { defineFunction, topic } from "functions/define.ts";
import type { Alert } from "shared/model/alert.ts";
import { alertKind } from "shared/model/kinds.ts";
import { alerts } from "shared/model/topics.ts";
import { recorded } from "./alert_record.ts";
import { putAlert } from "./alert_store.ts";
import { timelineKind } from "../records.ts";

/** Keeps every episode, with what happened to it. */
export default defineFunction({
  name: "ui-backend.record_alerts",
  on: topic(alerts, { batch: 200 }),
  async handler(messages, { store, now, save }) {
    const ids = [...new Set(messages.map((alert) => alert.id))];
    const stored = await store.getMany(alertKind, ids);
    const timelines = await store.getMany(timelineKind, ids);
    ids.forEach((id, i) => {
      const before = stored[i];
      let after: Alert | undefined = before?.value;
      for (const message of messages) {
        if (message.id === id) after = recorded(after, message);
      }
      if (after && after !== before?.value) save(...putAlert(before, timelines[i], after, now));
    });
  },
});
