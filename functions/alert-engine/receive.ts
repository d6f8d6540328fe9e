/** Puts alerts into their groups; a group is loaded and stored once for a whole batch. @module */
import { defineFunction, topic } from "functions/define.ts";
import { type Arrival, endedMemory_ms, mergeAlerts } from "shared/alerting/group.ts";
import { routeAlert, type Routed } from "shared/alerting/route.ts";
import { alerts } from "shared/model/topics.ts";
import { put, schedule } from "shared/store/port.ts";
import { alerting } from "./alerting.ts";
import { alertGroups, groupKind } from "./records.ts";

export default defineFunction({
  name: "alert-engine.receive",
  on: topic(alerts, { batch: 200 }),
  async handler(batch, ctx) {
    const { store, now, save, metrics, traceOf } = ctx;
    const { route: root } = alerting(ctx).current();
    const groups = new Map<string, { routed: Routed; arrivals: Arrival[] }>();
    for (const alert of batch) {
      for (const routed of routeAlert(root, alert.labels)) {
        const group = groups.get(routed.key) ?? { routed, arrivals: [] };
        groups.set(routed.key, group);
        group.arrivals.push({ alert, traceparent: traceOf(alert) });
      }
    }
    const keys = [...groups.keys()];
    const stored = await store.getMany(groupKind, keys);
    for (const [i, key] of keys.entries()) {
      const { routed, arrivals } = groups.get(key)!;
      const before = stored[i];
      const { group, changes } = mergeAlerts(before?.value, routed, arrivals, now);
      for (const change of changes) {
        if (change !== "stale" && change !== "unknown") continue;
        metrics.add("messages_dropped_total", { reason: `alert ${change}`, intentional: "true" });
      }
      if (group === before?.value || changes.every((change) => change === "stale")) continue;
      const idle = Object.keys(group.alerts).length === 0;
      save(put(groupKind, key, group, {
        version: before?.version ?? 0,
        ...(idle ? { ttl_ms: endedMemory_ms } : {}),
      }));
      if (group.due_at !== undefined && group.due_at !== before?.value.due_at) {
        save(schedule(alertGroups, key, group.due_at));
      }
    }
  },
});
