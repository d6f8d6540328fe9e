/** Whether there is anything to say to an integration, and why. @module */
import type { Notified } from "./group.ts";

/** Why a notification is sent: Alertmanager's words. */
export type Reason =
  | "first notification"
  | "new alerts added"
  | "some alerts resolved"
  | "all alerts resolved"
  | "repeat interval elapsed";

/** Why none is sent. */
export type Quiet =
  | "nothing fires that it should know"
  | "it wants no resolved alerts"
  | "it knows already";

export type Verdict =
  | { readonly notify: true; readonly reason: Reason }
  | { readonly notify: false; readonly reason: Quiet };

export interface Question {
  /** What it was last told; undefined: nothing ever. */
  readonly last: Notified | undefined;
  /** Ids of the alerts that fire now. */
  readonly firing: readonly string[];
  /** Ids of the alerts that it knows as firing and that are over. */
  readonly resolved: readonly string[];
  readonly send_resolved: boolean;
  readonly repeat_interval_ms: number;
  /** Epoch milliseconds. */
  readonly now: number;
}

/**
 * Decides whether an integration needs a notification. The order of the questions is Alertmanager's.
 *
 * @example
 * ```ts
 * needsNotification({ last: undefined, firing: ["a"], … }).reason === "first notification"
 * ```
 */
export function needsNotification(question: Question): Verdict {
  const { last, firing, resolved, send_resolved, repeat_interval_ms, now } = question;
  const knows = new Set(last?.firing);
  if (firing.some((id) => !knows.has(id))) {
    return { notify: true, reason: knows.size === 0 ? "first notification" : "new alerts added" };
  }
  if (resolved.length > 0) {
    if (send_resolved) {
      return {
        notify: true,
        reason: firing.length === 0 ? "all alerts resolved" : "some alerts resolved",
      };
    }
    if (firing.length === 0) return { notify: false, reason: "it wants no resolved alerts" };
  }
  if (firing.length === 0) return { notify: false, reason: "nothing fires that it should know" };
  return last && last.at + repeat_interval_ms <= now
    ? { notify: true, reason: "repeat interval elapsed" }
    : { notify: false, reason: "it knows already" };
}
