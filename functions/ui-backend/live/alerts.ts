import { defineFunction, Retryable, topic } from "functions/define.ts";
import { alertKind } from "shared/model/kinds.ts";
import { alerts } from "shared/model/topics.ts";
import { acknowledgement, recorded, summary } from "../alerts/alert_record.ts";
import { liveHub } from "./live.ts";

/** Looks again this soon whether the alerts are stored. */
const again_ms = 20;
/** So often; then they are shown though they are not, since somebody should know. */
const patience = 500;

/** Shows alerts to who listens, once they are stored: what is seen here can be asked for. */
export default defineFunction({
  name: "ui-backend.live_alerts",
  on: topic(alerts, { batch: 200, broadcast: true }),
  async handler(messages, ctx) {
    const stored = await ctx.store.getMany(alertKind, messages.map((alert) => alert.id));
    const late = messages.some((alert, i) => {
      const kept = stored[i]?.value;
      return !kept || recorded(kept, alert) !== kept;
    });
    if (late && ctx.attempt < patience) {
      throw new Retryable("An alert is not stored yet", { after: again_ms });
    }
    const hub = liveHub(ctx);
    messages.forEach((alert, i) => {
      const kept = stored[i]?.value;
      const shown = { ...alert, ...(kept ? acknowledgement(kept) : {}) };
      hub.show(summary(shown));
    });
  },
});
