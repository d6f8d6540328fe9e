/**
 * Rules made ready for the hot path: matchers parsed, operators and aggregations as functions of
 * numbers, indexed so that a series finds its rules once and never looks at the others.
 *
 * @module
 */
import type { Labels } from "shared/model/labels.ts";
import { type Matcher, matches, parseMatcher } from "shared/model/matcher.ts";
import type { Operator, Rule } from "shared/model/rule.ts";
import type { Detector } from "./detectors/detector.ts";
import { detectors } from "./detectors/mod.ts";
import type { Needs } from "./windows.ts";

/** A rule with what evaluating it needs. */
export interface CompiledRule {
  readonly rule: Rule;
  readonly detector: Detector;
  readonly matchers: readonly Matcher[];
  readonly operator: Operator;
  readonly threshold: number;
  /** What a firing rule has to come back over: the recovery threshold, or the threshold. */
  readonly recovery: number;
  readonly min_samples: number;
  readonly window_ms: number;
  readonly for_ms: number;
  readonly keep_firing_ms: number;
  readonly cooldown_ms: number;
  readonly needs: Needs;
  /** An older rule has the same name: its alerts need a label to be told apart. */
  readonly namesake: boolean;
}

/** All rules of one revision. Compared by identity: a new one is attached to each series once. */
export interface RuleSet {
  readonly byId: ReadonlyMap<string, CompiledRule>;
  /** Enabled rules by the metric they watch; `*` under `*`. */
  readonly byMetric: ReadonlyMap<string, readonly CompiledRule[]>;
  /** Rules that are there but switched off. */
  readonly disabled: ReadonlySet<string>;
  /** Rules that cannot be evaluated, and why: they watch nothing. */
  readonly broken: readonly { readonly rule_id: string; readonly reason: string }[];
}

/** The metric that stands for a service's log lines: empty, as no sample's can be. */
export const logMetric = "";

/** What people are shown for a metric. */
export function metricName(metric: string): string {
  return metric === logMetric ? "log_errors" : metric;
}

/** Makes rules ready; those that cannot be are named in `broken`, and do not disturb the others. */
export function compileRules(rules: readonly Rule[]): RuleSet {
  const byId = new Map<string, CompiledRule>();
  const byMetric = new Map<string, CompiledRule[]>();
  const disabled = new Set<string>();
  const broken: { rule_id: string; reason: string }[] = [];
  const newer = namesakes(rules);
  for (const rule of rules) {
    if (!rule.enabled) {
      disabled.add(rule.id);
      continue;
    }
    const detector = detectors.find((d) => d.types.includes(rule.type));
    let matchers: Matcher[];
    try {
      if (!detector) throw new SyntaxError(`Cannot find a detector for type "${rule.type}"`);
      matchers = rule.matchers.map(parseMatcher);
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      broken.push({ rule_id: rule.id, reason: error.message });
      continue;
    }
    const { aggregation } = rule;
    const compiled: CompiledRule = {
      rule,
      detector: detector!,
      matchers,
      operator: rule.operator,
      threshold: rule.threshold,
      recovery: rule.recovery_threshold ?? rule.threshold,
      min_samples: rule.min_samples,
      window_ms: rule.window_size * 1_000,
      for_ms: rule.for_seconds * 1_000,
      keep_firing_ms: rule.keep_firing_seconds * 1_000,
      // Even with none, no two episodes begin at one time: they would have one id.
      cooldown_ms: Math.max(1, rule.cooldown_seconds * 1_000),
      needs: {
        extremes: detector!.aggregates && (aggregation === "min" || aggregation === "max"),
        ranks: detector!.aggregates && aggregation[0] === "p",
      },
      namesake: newer.has(rule.id),
    };
    byId.set(rule.id, compiled);
    const metric = detector!.logs
      ? logMetric
      // What older senders call `error` is stored as `error_rate`.
      : rule.metric_type === "error"
      ? "error_rate"
      : rule.metric_type ?? "*";
    const listed = byMetric.get(metric);
    if (listed) listed.push(compiled);
    else byMetric.set(metric, [compiled]);
  }
  return { byId, byMetric, disabled, broken };
}

/** The ids of rules that share their name with an older one. */
function namesakes(rules: readonly Rule[]): Set<string> {
  const oldest = new Map<string, Rule>();
  const newer = new Set<string>();
  for (const rule of rules) {
    if (!rule.enabled) continue;
    const known = oldest.get(rule.name);
    if (known === undefined) oldest.set(rule.name, rule);
    else if (isOlder(rule, known)) {
      oldest.set(rule.name, rule);
      newer.add(known.id);
    } else newer.add(rule.id);
  }
  return newer;
}

function isOlder(rule: Rule, than: Rule): boolean {
  const ms = Date.parse(rule.created_at) - Date.parse(than.created_at);
  return ms < 0 || (ms === 0 && rule.id < than.id);
}

/** The rules that watch a series, in the order of the rule list's metric before `*`. */
export function rulesFor(
  set: RuleSet,
  series: { readonly service: string; readonly metric: string; readonly labels: Labels },
): CompiledRule[] {
  const watching = ({ rule, matchers: conditions }: CompiledRule) =>
    (rule.service_name === "*" || rule.service_name === series.service) &&
    matches(conditions, series.labels);
  const found = (set.byMetric.get(series.metric) ?? []).filter(watching);
  // Log lines are watched by bursts alone: they are no metric.
  if (series.metric !== logMetric) found.push(...(set.byMetric.get("*") ?? []).filter(watching));
  return found;
}

/** Whether `score operator threshold` holds; never for NaN, which stands for "cannot say". */
export function holds(operator: Operator, score: number, threshold: number): boolean {
  switch (operator) {
    case ">":
      return score > threshold;
    case ">=":
      return score >= threshold;
    case "<":
      return score < threshold;
    case "<=":
      return score <= threshold;
    case "==":
      return score === threshold;
    case "!=":
      return score === score && score !== threshold;
  }
}
