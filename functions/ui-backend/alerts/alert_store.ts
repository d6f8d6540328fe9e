/** How alerts are written: the episode and its timeline, together. @module */
import type { Alert } from "shared/model/alert.ts";
import { alertKind } from "shared/model/kinds.ts";
import { type Change, put, type Stored } from "shared/store/port.ts";
import { keep_ms, timelineAfter } from "./alert_record.ts";
import { type Timeline, timelineKind } from "../records.ts";

/**
 * The changes that store an alert as it is after something happened to it.
 *
 * @param now epoch milliseconds: when it changed, as far as readers are concerned
 */
export function putAlert(
  stored: Stored<Alert> | undefined,
  timeline: Stored<Timeline> | undefined,
  after: Alert,
  now: number,
  note?: string,
): Change[] {
  const ttl = after.status === "resolved" ? { ttl_ms: keep_ms } : {};
  const entries = timelineAfter(timeline?.value.entries ?? [], stored?.value, after, note);
  return [
    put(alertKind, after.id, after, {
      version: stored?.version ?? 0,
      rank: Date.parse(after.starts_at),
      ...ttl,
    }),
    put(timelineKind, after.id, { entries }, {
      version: timeline?.version ?? 0,
      rank: now,
      ...ttl,
    }),
  ];
}
