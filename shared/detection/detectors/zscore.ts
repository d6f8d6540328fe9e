/**
 * The newest value's distance from the mean of the window before it, in standard deviations. Rules of
 * type `anomaly` are evaluated in the same way: they have no detector of their own.
 *
 * @module
 */
import { zscore as distance } from "../baseline.ts";
import { formatNumber, formatValue } from "../text.ts";
import type { Detector } from "./detector.ts";

export const zscore: Detector = {
  types: ["zscore", "anomaly"],
  alert: "deviation_anomaly",
  aggregates: false,
  logs: false,
  baseline: true,
  score: (window, rule, { unit }) => distance(window, unit, rule.min_samples),
  value: (window) => window.newest,
  sentence({ service, metric, unit }, { rule }, { score, value, baseline, spread }) {
    return `${metric} of ${service} is ${formatValue(value, unit)}, ${
      formatNumber(score)
    } standard deviations from its mean of ${
      formatValue(baseline!, unit)
    } over ${rule.window_size} s (σ ${formatNumber(spread!)}; alert when ${rule.operator} ${
      formatNumber(rule.threshold)
    })`;
  },
};
