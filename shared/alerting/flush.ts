/**
 * A flush: what a group has to say to each integration at a moment, why, and when to look again.
 * The order of its stages is the product; it reads from top to bottom.
 *
 * @module
 */
import type { Alert } from "shared/model/alert.ts";
import type { Integration, Route } from "./config.ts";
import { needsNotification, type Verdict } from "./dedup.ts";
import { endedMemory_ms, type GroupState, nextTick, type Notified } from "./group.ts";
import { type Notification, notificationOf } from "./notification.ts";

export interface FlushInput {
  readonly group: GroupState;
  readonly route: Route;
  /** The receiver's integrations. */
  readonly integrations: readonly Integration[];
  /** Epoch milliseconds. */
  readonly now: number;
  /** Where the dashboard is. */
  readonly external_url: string;
}

/** A reason to keep an alert from an integration. */
export interface Hold {
  readonly name: string;
  /** It may end by time alone: the group is looked at again at its next interval. */
  readonly passes: boolean;
  holds(alert: Alert, integration: Integration, input: FlushInput): boolean;
}

/** What may keep an alert from an integration, in the order in which it is asked. */
export const holds: readonly Hold[] = [
  {
    name: "opted out",
    passes: false,
    holds: (alert, { channel }) => alert.annotations[`notify_${channel}`] === "false",
  },
];

/** What was decided for one integration. */
export interface Told {
  readonly integration: Integration;
  readonly verdict: Verdict;
  /** Alerts that were kept from it, and by what. */
  readonly held: readonly { alert: Alert; hold: Hold }[];
  readonly notification?: Notification;
  /** What was last said to it, after this. */
  readonly notified?: Notified;
}

export interface Flushed {
  readonly told: readonly Told[];
  /** Without a `due_at` nothing is to be done until the next message. */
  readonly group: GroupState;
  /** Nothing is left of it but memory. */
  readonly empty: boolean;
}

/** Flushes a group. */
export function flushGroup(input: FlushInput): Flushed {
  const flush = { ...input, at: onTime(input) };
  const told = input.integrations.map((integration) => tell(integration, flush));
  const group = forget(told, flush);
  const empty = Object.keys(group.alerts).length === 0;
  return { told, group: empty ? group : { ...group, due_at: nextDue(group, told, flush) }, empty };
}

/** A flush at the time that what follows counts from. */
interface Flush extends FlushInput {
  readonly at: number;
}

/** When a flush was due, unless that is long ago: so that lateness does not add up. */
function onTime({ group: { due_at = 0 }, route: { group_interval_ms }, now }: FlushInput): number {
  return due_at <= now && now - due_at < group_interval_ms ? due_at : now;
}

function tell(integration: Integration, input: Flush): Told {
  const { group, route, now, at, external_url } = input;
  const last = group.notified[integration.key];
  const known = new Set(last?.fingerprints);
  // Hold back what it must not be told.
  const held: { alert: Alert; hold: Hold }[] = [];
  const visible = Object.values(group.alerts).filter((alert) => {
    const hold = holds.find((hold) => hold.holds(alert, integration, input));
    if (hold) held.push({ alert, hold });
    return !hold;
  });
  // Leave out what ended before it was told, unless an earlier episode of it was told to fire.
  const firing = visible.filter((alert) => alert.status === "firing");
  const resolved = visible.filter((alert) =>
    alert.status === "resolved" && known.has(alert.fingerprint)
  );
  // Ask whether that is news.
  const ids = firing.map((alert) => alert.id);
  const verdict = needsNotification({
    last,
    firing: ids,
    resolved: resolved.map((alert) => alert.id),
    send_resolved: integration.entry.send_resolved,
    repeat_interval_ms: route.repeat_interval_ms,
    now,
  });
  // What is held back and was told to fire is still believed to.
  const believed = held.map(({ alert }) => alert)
    .filter(({ fingerprint }) => known.has(fingerprint));
  const belief = {
    firing: [...ids, ...believed.map(({ id }) => id).filter((id) => last!.firing.includes(id))],
    fingerprints: [...firing, ...believed].map(({ fingerprint }) => fingerprint),
  };
  if (!verdict.notify) {
    const notified = last && { ...last, ...belief };
    return { integration, verdict, held, notified };
  }
  const sequence = (last?.sequence ?? 0) + 1;
  return {
    integration,
    verdict,
    held,
    notification: notificationOf({
      group,
      integration,
      sequence,
      reason: verdict.reason,
      firing,
      resolved: integration.entry.send_resolved ? resolved : [],
      now,
      external_url,
    }),
    notified: { at, sequence, ...belief },
  };
}

/** Drops what is over and was told to everybody who knew of it. */
function forget(told: readonly Told[], { group, now, at }: Flush): GroupState {
  const notified: Record<string, Notified> = {};
  const believed = new Set<string>();
  for (const { integration, notified: after } of told) {
    if (!after) continue;
    notified[integration.key] = after;
    for (const fingerprint of after.fingerprints) believed.add(fingerprint);
  }
  const alerts: Record<string, Alert> = {};
  const ended = Object.fromEntries(
    Object.entries(group.ended).filter(([, { at }]) => at + endedMemory_ms > now),
  );
  for (const [fingerprint, alert] of Object.entries(group.alerts)) {
    if (alert.status === "firing" || believed.has(fingerprint)) alerts[fingerprint] = alert;
    // Where a later episode ended already, that one is what must not open again.
    else ended[fingerprint] ??= { id: alert.id, starts_at: alert.starts_at, at: now };
  }
  return {
    ...group,
    alerts,
    ended,
    notified,
    flushed_at: at,
    due_at: undefined,
    traceparent: undefined,
  };
}

/** The next interval at which there may be something to say without a new message. */
function nextDue(
  { flushed_at }: GroupState,
  told: readonly Told[],
  { route: { group_interval_ms, repeat_interval_ms }, now }: Flush,
): number {
  const passing = told.some(({ held }) => held.some(({ hold }) => hold.passes));
  const at = passing ? now + 1 : Math.min(
    now + repeat_interval_ms,
    ...told.flatMap(({ notified }) =>
      notified && notified.firing.length > 0 ? [notified.at + repeat_interval_ms] : []
    ),
  );
  return nextTick(flushed_at!, group_interval_ms, at);
}
