/** Compares an aggregate of the window with a fixed limit. @module */
import type { Aggregation } from "shared/model/rule.ts";
import { formatNumber, formatValue } from "../text.ts";
import type { Window } from "../windows.ts";
import type { Detector } from "./detector.ts";

export const threshold: Detector = {
  types: ["threshold"],
  alert: "threshold_violation",
  aggregates: true,
  logs: false,
  baseline: false,
  score: (window, rule) =>
    window.count < rule.min_samples ? NaN : aggregate(rule.rule.aggregation, window),
  value: (_window, score) => score,
  sentence({ service, metric, unit }, { rule }, { value }) {
    const what = rule.aggregation === "last"
      ? `${metric} of ${service}`
      : `${rule.aggregation} of ${metric} of ${service} over ${rule.window_size} s`;
    // A count has no unit, and a rate another one.
    const of = rule.aggregation === "count" ? "" : rule.aggregation === "rate" ? "per_s" : unit;
    return `${what} is ${formatValue(value, of)} (alert when ${rule.operator} ${
      formatNumber(rule.threshold)
    })`;
  },
};

/** The aggregate of a window's points. */
export function aggregate(aggregation: Aggregation, window: Window): number {
  switch (aggregation) {
    case "last":
      return window.newest;
    case "avg":
      return window.sum / window.count;
    case "min":
      return window.min;
    case "max":
      return window.max;
    case "sum":
      return window.sum;
    case "count":
      return window.count;
    case "rate":
      return window.rate;
    case "p50":
      return window.quantile(0.5);
    case "p90":
      return window.quantile(0.9);
    case "p95":
      return window.quantile(0.95);
    case "p99":
      return window.quantile(0.99);
  }
}
