/** The newest value's distance from the moving average before it, in percent. @module */
import { maxScore, scale } from "../baseline.ts";
import { formatNumber, formatValue } from "../text.ts";
import type { Detector } from "./detector.ts";

/**
 * A deviation counts only when it is also more than this many standard deviations: around a small
 * mean (0.2 % of errors) ordinary noise is 100 % and more.
 */
const leastSigmas = 3;

export const movingAverage: Detector = {
  types: ["moving_average"],
  alert: "moving_avg_anomaly",
  aggregates: false,
  logs: false,
  baseline: true,
  score(window, rule, { unit }) {
    if (window.others < rule.min_samples) return NaN;
    const mean = window.baseline;
    const distance = Math.abs(window.newest - mean);
    // Most samples end here: the spread costs more than the distance.
    const percent = distance === 0 ? 0 : Math.min(100 * distance / Math.abs(mean), maxScore);
    if (percent < Math.min(rule.threshold, rule.recovery)) return percent;
    return distance <= leastSigmas * scale(mean, window.spread, unit) ? 0 : percent;
  },
  value: (window) => window.newest,
  sentence({ service, metric, unit }, { rule }, { score, value, baseline }) {
    return `${metric} of ${service} is ${formatValue(value, unit)}, ${
      formatNumber(score)
    } % away from its mean of ${
      formatValue(baseline!, unit)
    } over ${rule.window_size} s (alert when ${rule.operator} ${formatNumber(rule.threshold)} %)`;
  },
};
