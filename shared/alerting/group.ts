/**
 * A group: alerts that are told together, what was last said about them to whom, and when there is
 * something to do next. Groups have no timers: `due_at` is all there is.
 *
 * @module
 */
import type { Alert } from "shared/model/alert.ts";
import type { Labels } from "shared/model/labels.ts";
import type { Route } from "./config.ts";
import type { Routed } from "./route.ts";

/** What was last said to an integration. */
export interface Notified {
  /** When that was due, epoch milliseconds: repetitions count from it. */
  readonly at: number;
  /** Counts what was said about this group. */
  readonly sequence: number;
  /** Ids of the alerts that it knows as firing. */
  readonly firing: readonly string[];
  /** Their fingerprints: what it goes by, as a label set that fires again has a new id. */
  readonly fingerprints: readonly string[];
}

/** An episode that is over: kept for a while, so that an old message cannot open it again. */
export interface Ended {
  readonly id: string;
  readonly starts_at: string;
  /** When it left the group, epoch milliseconds. */
  readonly at: number;
}

export interface GroupState {
  readonly key: string;
  /** The key of its route. */
  readonly route: string;
  readonly labels: Labels;
  /** When it was made, epoch milliseconds: tells it from an earlier group of the same key. */
  readonly born_at: number;
  /** The newest episode of each label set, by fingerprint. */
  readonly alerts: Readonly<Record<string, Alert>>;
  readonly ended: Readonly<Record<string, Ended>>;
  /** By the integration's key. */
  readonly notified: Readonly<Record<string, Notified>>;
  /** The last flush; absent before the first. */
  readonly flushed_at?: number;
  /** When to flush next; absent when only a new message can change anything. */
  readonly due_at?: number;
  /** W3C trace context of the newest change that was not told yet. */
  readonly traceparent?: string;
}

/**
 * How long an episode that is over, or a group without alerts, is remembered: longer than a message
 * is redelivered and a notification is tried.
 */
export const endedMemory_ms = 7_200_000;

/** An alert as it arrives, with its trace. */
export interface Arrival {
  readonly alert: Alert;
  readonly traceparent?: string;
}

/** What a message did to its group, and why. */
export type Change =
  /** A new episode. */
  | "added"
  /** An episode that was known as firing is over. */
  | "resolved"
  /** News about an episode whose status stays. */
  | "updated"
  /** The same, or older than what is known. */
  | "stale"
  /** Over before it was ever seen firing: there is nobody to tell. */
  | "unknown";

/**
 * Puts alerts, in the order of their arrival, into a group, which is made when there is none.
 *
 * A new group is due after `group_wait` (at once when an alert is older than that already); one that
 * was flushed before at its next `group_interval`. When nothing changed, the same group is returned.
 */
export function mergeAlerts(
  known: GroupState | undefined,
  { route, labels, key }: Routed,
  arrivals: readonly Arrival[],
  now: number,
): { group: GroupState; changes: Change[] } {
  const before = known ?? {
    key,
    route: route.key,
    labels,
    born_at: now,
    alerts: {},
    ended: {},
    notified: {},
  };
  const alerts = { ...before.alerts };
  const ended = { ...before.ended };
  let { traceparent } = before;
  const changes = arrivals.map((arrival): Change => {
    const { explanation: _, ...alert } = arrival.alert;
    const { fingerprint } = alert;
    const before = alerts[fingerprint];
    const change = compare(before, ended[fingerprint], alert);
    if (change === "stale") return change;
    if (change === "unknown" || (change === "resolved" && before!.id !== alert.id)) {
      ended[fingerprint] = { id: alert.id, starts_at: alert.starts_at, at: now };
    } else delete ended[fingerprint];
    if (change === "resolved") alerts[fingerprint] = over(before!, alert);
    else if (change !== "unknown") alerts[fingerprint] = alert;
    if (change !== "updated") traceparent = arrival.traceparent ?? traceparent;
    return change;
  });
  if (changes.every((change) => change === "stale")) return { group: before, changes };
  // A group that was empty begins a new life, and waits as a new one does.
  const empty = Object.keys(before.alerts).length === 0;
  const group: GroupState = {
    ...before,
    ...(empty ? { flushed_at: undefined } : {}),
    alerts,
    ended,
    traceparent,
  };
  const news = changes.some((change) => change === "added" || change === "resolved");
  return { group: news ? { ...group, due_at: dueAfterNews(group, route, now) } : group, changes };
}

/** Whether an alert is news, given what is known of its label set. */
function compare(known: Alert | undefined, ended: Ended | undefined, alert: Alert): Change {
  if (ended && !later(alert, ended)) return "stale";
  if (!known) return alert.status === "firing" ? "added" : "unknown";
  if (known.id !== alert.id) {
    if (!later(alert, known)) return "stale";
    // The end of an episode nobody saw begin also ends the one before.
    return alert.status === "firing" ? "added" : "resolved";
  }
  if (known.status !== alert.status) return alert.status === "resolved" ? "resolved" : "stale";
  return Date.parse(alert.timestamp) > Date.parse(known.timestamp) ? "updated" : "stale";
}

/** What is known of an episode, ended by a message: it keeps the id that it was told under. */
function over(known: Alert, { id: _, starts_at: __, ...end }: Alert): Alert {
  return { ...end, id: known.id, starts_at: known.starts_at };
}

/** Whether an alert belongs to a later episode. */
function later(alert: Alert, than: { id: string; starts_at: string }): boolean {
  return alert.id !== than.id && Date.parse(alert.starts_at) > Date.parse(than.starts_at);
}

function dueAfterNews(group: GroupState, route: Route, now: number): number {
  const waits = Object.values(group.alerts).some((alert) =>
    Date.parse(alert.starts_at) + route.group_wait_ms < now
  );
  const at = group.flushed_at !== undefined
    ? nextTick(group.flushed_at, route.group_interval_ms, now)
    : waits
    ? now
    : now + route.group_wait_ms;
  return Math.min(at, group.due_at ?? Infinity);
}

/** The first time at or after `at` that is a whole number of intervals, at least one, after a flush. */
export function nextTick(flushed_at: number, interval_ms: number, at: number): number {
  const intervals = Math.max(1, Math.ceil((at - flushed_at) / interval_ms));
  return flushed_at + intervals * interval_ms;
}
