/**
 * Flushes a group whose time has come: what is to be told is stored, with the group that knows it as
 * told, in one piece, before anything is sent.
 *
 * @module
 */
import { defineFunction, due } from "functions/define.ts";
import { flushGroup } from "shared/alerting/flush.ts";
import { endedMemory_ms, type GroupState, mergeAlerts } from "shared/alerting/group.ts";
import { routeAlert } from "shared/alerting/route.ts";
import { derivedId } from "shared/model/ids.ts";
import { type Change, put, remove, schedule, type Stored } from "shared/store/port.ts";
import { type Alerting, alerting, externalUrl } from "./alerting.ts";
import { alertGroups, deliveries, deliveryId, deliveryKind, groupKind } from "./records.ts";

export default defineFunction({
  name: "alert-engine.flush",
  on: due(alertGroups, { perLane: 64 }),
  async handler({ id }, ctx) {
    const { store, now, save, log, config } = ctx;
    const stored = await store.get(groupKind, id);
    if (!stored || stored.value.due_at === undefined) return;
    if (stored.value.due_at > now) return save(schedule(alertGroups, id, stored.value.due_at));
    const engine = alerting(ctx);
    const { routes, receivers } = engine.current();
    const route = routes.get(stored.value.route);
    if (!route) return save(...await moved(stored, engine, ctx));

    const { told, group, empty } = flushGroup({
      group: stored.value,
      route,
      integrations: receivers.get(route.receiver) ?? [],
      now,
      external_url: externalUrl(config),
    });
    save(put(groupKind, id, group, {
      version: stored.version,
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

/** A new configuration has no such route: the alerts go where it sends them. */
async function moved(
  { key, value: old, version }: Stored<GroupState>,
  engine: Alerting,
  { store, now }: {
    store: {
      getMany: (
        kind: typeof groupKind,
        keys: string[],
      ) => Promise<(Stored<GroupState> | undefined)[]>;
    };
    now: number;
  },
): Promise<Change[]> {
  const changes: Change[] = [remove(groupKind, key, version)];
  const routed = Object.values(old.alerts).flatMap((alert) =>
    routeAlert(engine.current().route, alert.labels).map((to) => ({ alert, to }))
  );
  const keys = [...new Set(routed.map(({ to }) => to.key))];
  const stored = await store.getMany(groupKind, keys);
  for (const [i, key] of keys.entries()) {
    const ours = routed.filter(({ to }) => to.key === key);
    const arrivals = ours.map(({ alert }) => ({ alert, traceparent: old.traceparent }));
    const { group } = mergeAlerts(stored[i]?.value, ours[0]!.to, arrivals, now);
    if (group === stored[i]?.value) continue;
    changes.push(put(groupKind, key, group, { version: stored[i]?.version ?? 0 }));
    if (group.due_at !== undefined) changes.push(schedule(alertGroups, key, group.due_at));
  }
  return changes;
}
