/** An alert: one episode of something being wrong. @module */
import { z } from "zod";
import { derivedId } from "./ids.ts";
import { LabelsSchema } from "./labels.ts";
import { ServiceName, Severity, Timestamp } from "./wire.ts";

/** The types that the analyzer makes; alerts from outside may have others. */
export const alertTypes = [
  "threshold_violation",
  "error_burst",
  "latency_spike",
  "deviation_anomaly",
  "moving_avg_anomaly",
  "absence",
] as const;

/** Why an alert fired: what was seen, what was expected, and what compared the two. */
export const Explanation = z.object({
  /** One sentence a person on call can act on. */
  reason: z.string(),
  rule_version: z.number().int(),
  /** Seconds. */
  window_size: z.number(),
  aggregation: z.string(),
  /** The compared value and what it was compared with, e.g. `12.5 > 5`. */
  comparison: z.string(),
  /** What was compared: the aggregate, or the score of a detector. */
  score: z.number(),
  /** The newest samples of the window, oldest first, at most 100. */
  samples: z.array(z.object({ timestamp: Timestamp, value: z.number() })),
  /** How many samples the window had. */
  sample_count: z.number().int(),
  /** Mean of the baseline, where the rule has one. */
  baseline: z.number().optional(),
  /** Standard deviation of the baseline, where the rule has one. */
  spread: z.number().optional(),
  /** For error bursts: the newest lines, at most 20. */
  log_lines: z.array(z.object({
    timestamp: Timestamp,
    level: z.string(),
    message: z.string(),
    trace_id: z.string().optional(),
  })).optional(),
});
export type Explanation = z.infer<typeof Explanation>;

/** A message of `alerts`. */
export const Alert = z.object({
  /** One per episode: see `alertId`. */
  id: z.string().min(1).max(256),
  status: z.enum(["firing", "resolved"]),
  type: z.string().min(1).max(256),
  severity: Severity,
  service_name: ServiceName,
  metric_type: z.string().optional(),
  title: z.string(),
  description: z.string(),
  message: z.string(),
  /** The value that made it fire. */
  value: z.number(),
  /** The value now. */
  current_value: z.number(),
  threshold: z.number().optional(),
  /** When this status was decided, by event time. */
  timestamp: Timestamp,
  starts_at: Timestamp,
  ends_at: Timestamp.optional(),
  resolved_at: Timestamp.optional(),
  acknowledged: z.boolean(),
  acknowledged_by: z.string().optional(),
  acknowledged_at: Timestamp.optional(),
  /** `alertname service type severity metric`, the rule's and the series' own. */
  labels: LabelsSchema,
  annotations: LabelsSchema,
  fingerprint: z.string(),
  rule_id: z.string().optional(),
  trace_id: z.string().optional(),
  explanation: Explanation.optional(),
});
export type Alert = z.infer<typeof Alert>;

/** The id of an episode. */
export function alertId(fingerprint: string, startsAt: string): string {
  return derivedId("alert", fingerprint, startsAt);
}
