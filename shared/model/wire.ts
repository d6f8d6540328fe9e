/** The pieces that wire schemas share. @module */
import { z } from "zod";

/** An RFC 3339 time; any offset is read, UTC with milliseconds is written. */
export const Timestamp = z.iso.datetime({ offset: true });

/** Epoch milliseconds as an RFC 3339 UTC string with milliseconds. */
export function formatTime(ms: number): string {
  return new Date(ms).toISOString();
}

/** A service's name: what keys its messages. */
export const ServiceName = z.string().min(1).max(256);

export const severities = ["info", "warning", "critical"] as const;
export const Severity = z.enum(severities);
export type Severity = z.infer<typeof Severity>;
