/** How many lines of level error or fatal a service logged within the window. @module */
import { formatNumber } from "../text.ts";
import type { Detector } from "./detector.ts";

export const errorBurst: Detector = {
  types: ["error_burst"],
  alert: "error_burst",
  aggregates: false,
  logs: true,
  baseline: false,
  // An error is a point of 1, any other line one of 0 that moves time on.
  score: (window) => window.sum,
  value: (_window, score) => score,
  sentence({ service }, { rule }, { value }) {
    return `${service} logged ${
      formatNumber(value)
    } errors within ${rule.window_size} s (alert when ${rule.operator} ${
      formatNumber(rule.threshold)
    })`;
  },
};
