/** The hub of this process, and what feeds it while somebody listens. @module */
import type { Config } from "functions/config.ts";
import { type Env, HttpProblem, perProcess } from "functions/define.ts";
import { alertKind, ruleKind } from "shared/model/kinds.ts";
import type { Log } from "shared/telemetry/log.ts";
import { alertIndex } from "../alerts/alert_index.ts";
import { type AlertSummary, summary } from "../alerts/alert_record.ts";
import { alertState, LiveHub } from "./hub.ts";
import { everything, timelineKind } from "../records.ts";
import { currentStats } from "../stats/stats.ts";

/** How often listeners get the numbers of the dashboard. */
const stats_ms = 5_000;
/**
 * Alerts change in groups, and after a storm one look at what changed is tens of milliseconds: those
 * that change within this long are looked at together.
 */
const gather_ms = 100;
/** Most connections of a process. */
const maxConnections = 5_000;

/** The hub of this process. */
export const liveHub = perProcess((env) =>
  new LiveHub({
    clock: env.clock,
    metrics: env.metrics,
    changedSince: (since) => changedSince(env, since),
    feed: (hub, log, signal) => feed(env, hub, log, signal),
  })
);

/** Closes every live connection of this process: call it when the process is asked to stop. */
export function closeLive(env: Env): Promise<void> {
  return liveHub(env).close();
}

async function changedSince(env: Env, since: number) {
  const changes = await everything(env.store, timelineKind, { from: since });
  const stored = await env.store.getMany(alertKind, changes.map(({ key }) => key));
  return changes.flatMap(({ rank }, i) => {
    const alert = stored[i]?.value;
    return alert ? [{ at: rank, service: alert.service_name, alert: summary(alert) }] : [];
  });
}

/**
 * What the topics do not tell: acknowledgements, of whichever replica; alerts that came before this
 * process listened and were stored after; that rules were changed; and the numbers of the dashboard.
 */
async function feed(env: Env, hub: LiveHub, log: Log, signal: AbortSignal): Promise<void> {
  const index = alertIndex(env);
  const reading = new Set<Promise<void>>();
  const attempt = (what: string, work: () => Promise<void>): Promise<void> => {
    const task = work().catch((error) => log.warn(`Cannot ${what}`, { error }))
      .finally(() => reading.delete(task));
    reading.add(task);
    return task;
  };
  await attempt("read the alerts", async () => void await index.all());
  let changed = new Map<string, AlertSummary>();
  const deafen = index.listen((before, after) => {
    if (before && alertState(before) === alertState(after)) return;
    if (after.acknowledged && !before?.acknowledged) hub.show(after);
    else changed.set(after.id, after);
  });
  let due = false;
  const unwatch = env.store.watch(alertKind.name, () => {
    if (due) return;
    due = true;
    void attempt("read the alerts that changed", async () => {
      await env.clock.sleep(gather_ms, signal);
      due = false;
      if (!signal.aborted) await index.all();
    });
  });
  const unwatchRules = env.store.watch(ruleKind.name, () => hub.changed("rules"));
  let overdue = new Map<string, AlertSummary>();
  while (!signal.aborted) {
    await env.clock.sleep(stats_ms, signal);
    if (signal.aborted) break;
    await attempt("count for the dashboard", async () => {
      hub.publish("stats", await currentStats(env, env.clock.now()), { slot: "stats" });
    });
    // `live_alerts` has had time enough to show them in their order.
    for (const alert of overdue.values()) hub.show(alert);
    overdue = changed;
    changed = new Map();
  }
  unwatch();
  unwatchRules();
  deafen();
  await Promise.all(reading);
}

/**
 * Refuses what a browser sends from a page that is not ours: WebSockets know no CORS.
 *
 * @throws {HttpProblem} 403 `origin_refused`, or 503 when there are too many connections
 */
export function admit(request: Request, config: Config, connections: number): void {
  const origin = request.headers.get("origin");
  if (origin !== null && !isAllowed(origin, request, config)) {
    throw new HttpProblem(403, "origin_refused", `Pages of ${origin} may not listen here`);
  }
  if (connections >= maxConnections) {
    throw new HttpProblem(503, "too_many_connections", "Too many live connections", {
      headers: { "retry-after": "5" },
    });
  }
}

function isAllowed(origin: string, request: Request, config: Config): boolean {
  if (config.ALLOWED_ORIGINS.includes(origin)) return true;
  const host = request.headers.get("host") ?? new URL(request.url).host;
  return URL.canParse(origin) && new URL(origin).host === host;
}
