/** What the alert engine keeps. @module */
import { defineKind, defineQueue } from "functions/define.ts";
import type { GroupState } from "shared/alerting/group.ts";
import type { Notification } from "shared/alerting/notification.ts";

/** Groups by their key. */
export const groupKind = defineKind<GroupState>({ name: "alert_group", writer: "alert-engine" });

/** The route tree that groups were last compared with, under `route`. */
export const routingKind = defineKind<{ revision: string }>({
  name: "alert_routing",
  writer: "alert-engine",
});

/** When a group is to be flushed; the ids are group keys. */
export const alertGroups = defineQueue("alert-groups");

/**
 * A notification on its way. Those of one group to one integration form a line, numbered from 1, and
 * go in that order: each is scheduled when it is stored and again when the one before it has ended.
 */
export interface Delivery {
  readonly notification: Notification;
  /** Attempts that failed so far. */
  readonly attempts: number;
  /** Epoch milliseconds. */
  readonly first_attempt_at?: number;
}

/** Deliveries by `deliveryId`; ranked by when they were decided. */
export const deliveryKind = defineKind<Delivery>({ name: "delivery", writer: "alert-engine" });

/** When a delivery is to be attempted; the ids are `deliveryId`s, the lanes integrations. */
export const deliveries = defineQueue("deliveries");

/** The id of a delivery: its line and its place there. */
export function deliveryId(line: string, place: number): string {
  return `${line}/${place}`;
}

/** The line and the place of a delivery. */
export function placeOf(id: string): { line: string; place: number } {
  const slash = id.lastIndexOf("/");
  return { line: id.slice(0, slash), place: Number(id.slice(slash + 1)) };
}

/** How long the ledger is kept. */
export const ledger_ms = 7 * 86_400_000;
