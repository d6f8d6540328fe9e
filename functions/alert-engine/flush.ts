/**
 * Flushes a group whose time has come: what is to be told is stored, with the group that knows it as
 * told, in one piece, before anything is sent. Alerts that the configuration sends elsewhere by now
 * go there.
 *
 * @module
 */
import { defineFunction, due } from "functions/define.ts";
import { flushGroup } from "shared/alerting/flush.ts";
import { endedMemory_ms, mergeAlerts } from "shared/alerting/group.ts";
import { placesOf, type Routed } from "shared/alerting/route.ts";
import type { Alert } from "shared/model/alert.ts";
import { derivedId } from "shared/model/ids.ts";
import { type Change, put, remove, schedule, type StoreReader } from "shared/store/port.ts";
import { alerting, externalUrl } from "./alerting.ts";
import { alertGroups, deliveries, deliveryId, deliveryKind, groupKind } from "./records.ts";

export default defineFunction({
  name: "alert-engine.flush",
  on: due(alertGroups, { perLane: 64 }),
  async handler({ id }, ctx) {
    const { store, now, save, log, config } = ctx;
    const stored = await store.get(groupKind, id);
    if (!stored || stored.value.due_at === undefined) return;
    const { version, value: { due_at, traceparent, alerts } } = stored;
    const { route: root, routes, receivers } = alerting(ctx).current();
    const { own, others } = placesOf(stored.value, root);
    save(...await moved(others, traceparent, ctx));
    const left = Object.keys(own).length;
    if (left === 0) return save(remove(groupKind, id, version));
    const before = { ...stored.value, alerts: own };
    if (due_at > now) {
      if (left < Object.keys(alerts).length) save(put(groupKind, id, before, { version }));
      return save(schedule(alertGroups, id, due_at));
    }
    const route = routes.get(before.route)!;
    const { told, group, empty } = flushGroup({
      group: before,
      route,
      integrations: receivers.get(route.receiver) ?? [],
      now,
      external_url: externalUrl(config),
    });
    save(put(groupKind, id, group, {
      version,
      ...(empty ? { ttl_ms: endedMemory_ms } : {}),
    }));
    for (const { integration, verdict, notification, notified } of told) {
      log.debug("Group flushed", { group: id, integration: integration.key, ...verdict });
      if (!notification || !notified) continue;
      const line = derivedId("line", id, integration.key, String(group.born_at));
      const delivery = deliveryId(line, notified.sequence);
      const traced = { ...notification, traceparent: notification.traceparent ?? ctx.traceparent };
      save(
        put(deliveryKind, delivery, { notification: traced, attempts: 0 }, { rank: now }),
        schedule(deliveries, delivery, now, integration.key),
      );
    }
    if (group.due_at !== undefined) save(schedule(alertGroups, id, group.due_at));
  },
});

/** Puts alerts into the groups where they belong, unless those have them. */
async function moved(
  others: readonly { alert: Alert; to: Routed }[],
  traceparent: string | undefined,
  { store, now }: { store: StoreReader; now: number },
): Promise<Change[]> {
  const changes: Change[] = [];
  const keys = [...new Set(others.map(({ to }) => to.key))];
  const stored = keys.length > 0 ? await store.getMany(groupKind, keys) : [];
  for (const [i, key] of keys.entries()) {
    const ours = others.filter(({ to }) => to.key === key);
    const arrivals = ours.map(({ alert }) => ({ alert, traceparent }));
    const { group } = mergeAlerts(stored[i]?.value, ours[0]!.to, arrivals, now);
    if (group === stored[i]?.value) continue;
    changes.push(put(groupKind, key, group, { version: stored[i]?.version ?? 0 }));
    if (group.due_at !== undefined) changes.push(schedule(alertGroups, key, group.due_at));
  }
  return changes;
}
