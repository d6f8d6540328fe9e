/**
 * What is kept of an alert: the episode as it is now, and what happened to it. Pure.
 *
 * @module
 */
import { z } from "zod";
import { Alert } from "shared/model/alert.ts";
import { formatTime, Timestamp } from "shared/model/wire.ts";
import type { Caller } from "shared/define/mod.ts";
import type { TimelineEntry } from "../records.ts";

/** How long an episode is kept after its end. */
export const keep_ms = 30 * 24 * 3_600_000;

/** An alert in lists and live messages: without its explanation, which may be long. */
export const AlertSummary = Alert.omit({ explanation: true });
export type AlertSummary = z.infer<typeof AlertSummary>;

/** An alert by itself. */
export const AlertDetail = Alert.extend({
  timeline: z.array(z.object({
    event: z.enum(["fired", "resolved", "acknowledged", "notified"]),
    timestamp: Timestamp,
    message: z.string(),
    by: z.string().optional(),
    note: z.string().optional(),
  })).describe("Oldest first"),
});

/** An alert without its explanation. */
export function summary(alert: Alert): AlertSummary {
  const { explanation: _, ...rest } = alert;
  return rest;
}

/**
 * The episode after a message about it; the stored one itself when the message says nothing new.
 * A resolved episode never fires again (the next one has another id), and an acknowledgement stays.
 */
export function recorded(stored: Alert | undefined, message: Alert): Alert {
  if (!stored) return ended(message);
  if (stored.status === "resolved" && message.status === "firing") return stored;
  const begun = stored.status === "firing" && message.status === "resolved";
  if (!begun && Date.parse(message.timestamp) <= Date.parse(stored.timestamp)) return stored;
  return ended({
    ...message,
    starts_at: stored.starts_at,
    ...(stored.explanation ? { explanation: stored.explanation } : {}),
    ...acknowledgement(stored.acknowledged ? stored : message),
  });
}

function ended(alert: Alert): Alert {
  if (alert.status === "firing") return alert;
  const resolved_at = alert.resolved_at ?? alert.ends_at ?? alert.timestamp;
  return { ...alert, resolved_at, ends_at: alert.ends_at ?? resolved_at };
}

/** The fields that say who knows of an alert. */
export function acknowledgement(
  { acknowledged, acknowledged_by, acknowledged_at }: Alert,
): Pick<Alert, "acknowledged" | "acknowledged_by" | "acknowledged_at"> {
  return {
    acknowledged,
    ...(acknowledged_by === undefined ? {} : { acknowledged_by }),
    ...(acknowledged_at === undefined ? {} : { acknowledged_at }),
  };
}

/** The alert as acknowledged by somebody; the stored one itself when it was before. */
export function acknowledged(stored: Alert, by: Caller, now: number): Alert {
  if (stored.acknowledged) return stored;
  return {
    ...stored,
    acknowledged: true,
    acknowledged_by: by.username,
    acknowledged_at: formatTime(now),
  };
}

/** The timeline after an alert changed from one state to another. */
export function timelineAfter(
  entries: readonly TimelineEntry[],
  before: Alert | undefined,
  after: Alert,
  note?: string,
): TimelineEntry[] {
  const added: TimelineEntry[] = [];
  if (!before) {
    added.push({ event: "fired", timestamp: after.starts_at, message: after.title });
  }
  if (after.status === "resolved" && before?.status !== "resolved") {
    added.push({
      event: "resolved",
      timestamp: after.resolved_at ?? after.timestamp,
      message: after.message,
    });
  }
  if (after.acknowledged && !before?.acknowledged) {
    added.push({
      event: "acknowledged",
      timestamp: after.acknowledged_at ?? after.timestamp,
      message: `Acknowledged by ${after.acknowledged_by ?? "somebody"}`,
      ...(after.acknowledged_by === undefined ? {} : { by: after.acknowledged_by }),
      ...(note ? { note } : {}),
    });
  }
  return [...entries, ...added].sort((a, b) => Date.parse(a.timestamp) - Date.parse(b.timestamp));
}
