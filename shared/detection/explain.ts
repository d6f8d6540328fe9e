/** Alerts out of what detection saw: their labels, their words, and why. @module */
import { type Alert, alertId, type Explanation } from "shared/model/alert.ts";
import { fingerprint, type Labels, maxLabels } from "shared/model/labels.ts";
import { formatTime, type Severity } from "shared/model/wire.ts";
import type { Shown } from "./detectors/detector.ts";
import { type CompiledRule, logMetric, metricName } from "./rules.ts";
import type { SeriesState } from "./state.ts";
import { formatNumber, formatValue } from "./text.ts";
import type { Window } from "./windows.ts";

/** Most samples of an explanation: the newest. */
const maxSamples = 100;

/** A z-score of this many times its threshold is critical, whatever the rule's severity. */
const critical = 2;

/** Why an alert ended. */
export type Ending =
  | "recovered"
  | "sample_arrived"
  | "no_data"
  | "rule_deleted"
  | "rule_disabled"
  | "rule_changed"
  | "rule_mismatch"
  | "series_abandoned";

/** The severity of an episode, decided when it fires. */
function severityOf({ rule, detector }: CompiledRule, score: number): Severity {
  return detector.alert === "deviation_anomaly" && score >= critical * rule.threshold
    ? "critical"
    : rule.severity;
}

/**
 * The labels of a rule's alerts on a series: the platform's own win over the rule's, the rule's over
 * the series'. A label of the series that has a platform's name is kept as `exported_<name>`, as
 * Prometheus does: series that differ in it alone have alerts of their own. Beyond the most an alert
 * may have, the last of the series' are left out.
 */
export function labelsOf(
  { rule, detector, namesake }: CompiledRule,
  series: SeriesState,
  severity: Severity,
): Labels {
  const labels: Record<string, string> = {
    alertname: rule.name,
    service: series.service,
    type: detector.alert,
    severity,
    metric: metricName(series.metric),
    ...(namesake ? { rule_id: rule.id } : {}),
  };
  const own: Record<string, string> = {};
  for (const [name, value] of Object.entries(series.labels)) {
    own[Object.hasOwn(labels, name) ? `exported_${name}` : name] = value;
  }
  fill(labels, rule.labels, maxLabels);
  fill(labels, own, maxLabels);
  // An empty label equals a missing one: a rule may take a label of the series away.
  for (const name of Object.keys(labels)) if (labels[name] === "") delete labels[name];
  return labels;
}

/** The alert of an episode that goes firing at `at`. */
export function firingAlert(
  series: SeriesState,
  rule: CompiledRule,
  window: Window,
  score: number,
  at: number,
  trace_id: string | undefined,
): Alert {
  const { detector } = rule;
  const shown = shownBy(rule, window, score);
  const sentence = detector.sentence(series, rule, shown);
  const severity = severityOf(rule, score);
  const labels = labelsOf(rule, series, severity);
  const identity = fingerprint(labels);
  const time = formatTime(at);
  const threshold = detector.alert === "absence" ? rule.rule.window_size : rule.threshold;
  return {
    id: alertId(identity, time),
    status: "firing",
    type: detector.alert,
    severity,
    service_name: series.service,
    ...(series.metric === logMetric ? {} : { metric_type: series.metric }),
    title: `${rule.rule.name}: ${series.service}`,
    description: rule.rule.description ?? sentence,
    message: sentence,
    value: shown.value,
    current_value: shown.value,
    threshold,
    timestamp: time,
    starts_at: time,
    acknowledged: false,
    labels,
    annotations: annotationsOf(rule, sentence),
    fingerprint: identity,
    rule_id: rule.rule.id,
    ...(trace_id === undefined ? {} : { trace_id }),
    explanation: explain(series, rule, window, shown, sentence, threshold),
  };
}

/** The alert that ends an episode at `at`: the one that fired, with what became of it. */
export function resolvedAlert(
  series: SeriesState,
  fired: Alert,
  ending: Ending,
  at: number,
  value: number,
): Alert {
  const time = formatTime(at);
  const message = endings[ending](series, fired, finite(value));
  return {
    ...fired,
    status: "resolved",
    message,
    current_value: finite(value),
    timestamp: time,
    ends_at: time,
    resolved_at: time,
    annotations: { ...fired.annotations, resolved_because: message },
  };
}

const endings: Record<Ending, (series: SeriesState, fired: Alert, value: number) => string> = {
  recovered: (series, { metric_type }, value) =>
    metric_type === undefined
      ? `${series.service} is back to ${formatNumber(value)} errors in the window`
      : `${metric_type} of ${series.service} is back at ${formatValue(value, series.unit)}`,
  sample_arrived: (series) => `${series.metric} of ${series.service} sends samples again`,
  no_data: (series) =>
    `${series.metric} of ${series.service} sent no sample for so long that its state is unknown`,
  rule_deleted: (_, { labels }) => `The rule "${labels.alertname}" was deleted`,
  rule_disabled: (_, { labels }) => `The rule "${labels.alertname}" was switched off`,
  rule_changed: (_, { labels }) =>
    `The rule "${labels.alertname}" changed so that its alerts are others`,
  rule_mismatch: (series, { labels }) =>
    `The rule "${labels.alertname}" no longer watches ${
      metricName(series.metric)
    } of ${series.service}`,
  series_abandoned: (series) =>
    `${series.metric} of ${series.service} was silent for so long that it is no longer watched`,
};

function shownBy({ detector }: CompiledRule, window: Window, score: number): Shown {
  return {
    score: finite(score),
    value: finite(detector.value(window, score)),
    ...(detector.baseline
      ? { baseline: finite(window.baseline), spread: finite(window.spread) }
      : {}),
  };
}

function explain(
  series: SeriesState,
  { rule, detector }: CompiledRule,
  window: Window,
  shown: Shown,
  reason: string,
  threshold: number,
): Explanation {
  const { points } = window;
  const samples: { timestamp: string; value: number }[] = [];
  for (let i = points.end - 1; i >= window.start && samples.length < maxSamples; i--) {
    // Lines that are no errors are in the ring for their time alone.
    if (detector.logs && points.v(i) === 0) continue;
    samples.push({ timestamp: formatTime(points.t(i)), value: points.v(i) });
  }
  const edge = series.newest - window.ms;
  return {
    reason,
    rule_version: rule.version,
    window_size: rule.window_size,
    aggregation: detector.logs ? "count" : detector.aggregates ? rule.aggregation : "last",
    comparison: `${formatNumber(shown.score)} ${rule.operator} ${formatNumber(threshold)}`,
    score: shown.score,
    samples: samples.reverse(),
    sample_count: detector.logs ? shown.value : window.count,
    ...(detector.baseline ? { baseline: shown.baseline!, spread: shown.spread! } : {}),
    ...(detector.logs
      ? {
        log_lines: series.lines.filter((line) => line.t > edge).map(({ t, ...line }) => ({
          timestamp: formatTime(t),
          ...line,
        })),
      }
      : {}),
  };
}

/** The rule's annotations, a summary and description unless it has them, and its `notify` flags. */
function annotationsOf({ rule }: CompiledRule, sentence: string): Labels {
  const annotations: Record<string, string> = {};
  if (!rule.notify_slack) annotations.notify_slack = "false";
  if (!rule.notify_email) annotations.notify_email = "false";
  if (!rule.notify_webhook) annotations.notify_webhook = "false";
  // One place stays free for why it ended.
  fill(annotations, rule.annotations, maxLabels - 1);
  fill(annotations, { summary: rule.name, description: sentence }, maxLabels - 1);
  return annotations;
}

/** Adds what is not there yet, in the order of the names, while there is room. */
function fill(labels: Record<string, string>, more: Labels, most: number): void {
  let room = most - Object.keys(labels).length;
  for (const name of Object.keys(more).sort()) {
    if (room <= 0) return;
    if (Object.hasOwn(labels, name)) continue;
    labels[name] = more[name]!;
    room--;
  }
}

/** JSON has no infinities: a sum beyond the largest double is shown as that. */
function finite(n: number): number {
  return Math.max(-Number.MAX_VALUE, Math.min(Number.MAX_VALUE, n));
}
