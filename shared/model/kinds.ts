/**
 * The kinds of record that more than one service reads. What one service keeps to itself is
 * declared in its own folder (`records.ts`).
 *
 * @module
 */
import { defineKind, type Kind } from "shared/define/mod.ts";
import type { Alert } from "./alert.ts";
import type { DeliveryAttempt } from "./attempt.ts";
import type { ServiceLog } from "./log.ts";
import type { Rule } from "./rule.ts";

/** Rules by id; ranked by when they were created. The analyzer adds the defaults once. */
export const ruleKind = defineKind<Rule>({ name: "rule", writer: "ui-backend" });

/** Episodes by alert id, with their acknowledgement; ranked by when they began. */
export const alertKind = defineKind<Alert>({ name: "alert", writer: "ui-backend" });

/** The ledger of deliveries, by notification id and attempt; ranked by time. */
export const attemptKind = defineKind<DeliveryAttempt>({
  name: "delivery_attempt",
  writer: "alert-engine",
});

/** Log lines of one service, by id; ranked by time. */
export function logKind(service: string): Kind<ServiceLog> {
  return defineKind({ name: `log-${encodeURIComponent(service)}`, writer: "analyzer" });
}

/** Services that write log lines, by name; ranked by the time of a newest line. */
export const loggingKind = defineKind<{ readonly service: string }>({
  name: "logging",
  writer: "analyzer",
});

/** How far a function is behind its topic, all partitions together. */
export interface FunctionLag {
  readonly function: string;
  readonly topic: string;
  readonly lag: number;
  /** When that was so, epoch milliseconds. */
  readonly at: number;
}

/** Lag by function; gone soon after the function runs nowhere any more. */
export const lagKind = defineKind<FunctionLag>({ name: "lag", writer: "runner" });
