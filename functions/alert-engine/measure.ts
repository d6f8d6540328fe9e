/** Counts what fires and what waits. One replica measures for all. @module */
import { defineFunction, every } from "functions/define.ts";
import { severities } from "shared/model/wire.ts";
import { deliveryKind, groupKind } from "./records.ts";

/** Most groups that are looked at; beyond that the numbers are a lower bound. */
const mostGroups = 10_000;

export default defineFunction({
  name: "alert-engine.measure",
  on: every("15s"),
  async handler(_tick, { store, metrics }) {
    const firing = new Map<string, string>();
    for (const { value } of await store.list(groupKind, { limit: mostGroups })) {
      for (const alert of Object.values(value.alerts)) {
        if (alert.status === "firing") firing.set(alert.fingerprint, alert.severity);
      }
    }
    for (const severity of severities) {
      const count = [...firing.values()].filter((one) => one === severity).length;
      metrics.set("alerts_active", { severity }, count);
    }
    metrics.set("notifications_pending", {}, await store.count(deliveryKind));
  },
});
