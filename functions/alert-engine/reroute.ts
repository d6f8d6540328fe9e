/**
 * After a change of the routes, has every group looked at that has alerts which go elsewhere now: so
 * that they are told where they belong, and their end finds them there.
 *
 * @module
 */
import { defineFunction, every, perProcess } from "functions/define.ts";
import type { AlertingConfig } from "shared/alerting/config.ts";
import { goesElsewhere } from "shared/alerting/route.ts";
import { derivedId } from "shared/model/ids.ts";
import { put, schedule } from "shared/store/port.ts";
import { alerting } from "./alerting.ts";
import { alertGroups, groupKind, routingKind } from "./records.ts";

/** Records of one read. */
const page = 1_000;

/**
 * Configurations of this process whose routes groups were compared with: while replicas are given a
 * new one in turn, those that still have the old one must not call everything back.
 */
const known = perProcess(() => new WeakSet<AlertingConfig>());

export default defineFunction({
  name: "alert-engine.reroute",
  on: every("5s"),
  async handler(_tick, ctx) {
    const { store, now, save } = ctx;
    const config = alerting(ctx).current();
    const { route } = config;
    // Stored, so that a change that came with a restart is one, too.
    const revision = derivedId("route", JSON.stringify(route));
    if ((await store.get(routingKind, "route"))?.value.revision === revision) {
      known(ctx).add(config);
      return;
    }
    if (known(ctx).has(config)) return;
    for (let offset = 0;; offset += page) {
      const groups = await store.list(groupKind, { limit: page, offset });
      for (const { key, value } of groups) {
        if (goesElsewhere(value, route)) save(schedule(alertGroups, key, now));
      }
      if (groups.length < page) break;
    }
    save(put(routingKind, "route", { revision }));
  },
});
