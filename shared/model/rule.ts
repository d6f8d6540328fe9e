/** A rule: what to watch, over which window, and when that is an alert. @module */
import { z } from "zod";
import { LabelsSchema } from "./labels.ts";
import { Severity, Timestamp } from "./wire.ts";

export const ruleTypes = [
  "threshold",
  "zscore",
  "moving_average",
  "error_burst",
  "anomaly",
  "absence",
] as const;
export type RuleType = (typeof ruleTypes)[number];

export const aggregations = [
  "last",
  "avg",
  "min",
  "max",
  "sum",
  "count",
  "rate",
  "p50",
  "p90",
  "p95",
  "p99",
] as const;
export type Aggregation = (typeof aggregations)[number];
export const operators = [">", "<", ">=", "<=", "==", "!="] as const;
export type Operator = (typeof operators)[number];

/** The longest window: a day, which is how long samples are kept. */
const maxWindow_s = 86_400;

const seconds = z.number().int().min(0).max(maxWindow_s);

/** What a caller may say of a rule; the rest is filled in. */
export const RuleInput = z.object({
  name: z.string().trim().min(1).max(200),
  description: z.string().max(10_000).optional(),
  enabled: z.boolean().default(true),
  type: z.enum(ruleTypes).default("threshold"),
  /** `*` is every service. */
  service_name: z.string().min(1).max(256).default("*"),
  /** `*` is every metric; error bursts have none. */
  metric_type: z.string().min(1).max(256).optional(),
  /** On the series' labels, in Alertmanager's syntax: `path="/login"`, `env=~"prod|stage"`. */
  matchers: z.array(z.string().min(1).max(1_000)).max(32).default([]),
  aggregation: z.enum(aggregations).default("last"),
  /** Seconds. */
  window_size: z.number().int().min(1).max(maxWindow_s).optional(),
  /** `>` for thresholds, `>=` for the other types, unless said. */
  operator: z.enum(operators).optional(),
  threshold: z.number().optional(),
  /** Once firing, it resolves only when the value is back beyond this. */
  recovery_threshold: z.number().optional(),
  for_seconds: seconds.default(0),
  keep_firing_seconds: seconds.default(0),
  /** No new episode for this long after one began. */
  cooldown_seconds: seconds.default(300),
  min_samples: z.number().int().min(1).max(100_000).optional(),
  severity: Severity.default("warning"),
  labels: LabelsSchema.default({}),
  annotations: LabelsSchema.default({}),
  notify_slack: z.boolean().default(true),
  notify_email: z.boolean().default(true),
  notify_webhook: z.boolean().default(true),
});
export type RuleInput = z.input<typeof RuleInput>;

/** A stored rule. */
export const Rule = RuleInput.extend({
  id: z.string(),
  window_size: z.number().int(),
  operator: z.enum(operators),
  threshold: z.number(),
  min_samples: z.number().int(),
  version: z.number().int(),
  created_at: Timestamp,
  updated_at: Timestamp,
  created_by: z.string(),
});
export type Rule = z.infer<typeof Rule>;

/** What a rule of a type has when its caller does not say otherwise. */
export interface RuleDefaults {
  readonly window_size: number;
  readonly operator: Operator;
  /** A threshold rule has none of its own: the caller must say. */
  readonly threshold?: number;
  readonly min_samples: number;
}

const defaults: Readonly<Record<RuleType, RuleDefaults>> = {
  threshold: { window_size: 60, operator: ">", min_samples: 1 },
  // Three standard deviations: 0.3 % of normally distributed values are further out.
  zscore: { window_size: 300, operator: ">=", threshold: 3, min_samples: 10 },
  anomaly: { window_size: 300, operator: ">=", threshold: 3, min_samples: 10 },
  // Percent away from the moving average.
  moving_average: { window_size: 900, operator: ">=", threshold: 50, min_samples: 10 },
  // Lines of level error or fatal.
  error_burst: { window_size: 60, operator: ">=", threshold: 10, min_samples: 1 },
  // The window is the limit; the threshold means nothing.
  absence: { window_size: 300, operator: ">=", threshold: 0, min_samples: 1 },
};

/** The window, operator, threshold and least number of samples that a type of rule starts from. */
export function ruleDefaults(type: RuleType): RuleDefaults {
  return defaults[type];
}
