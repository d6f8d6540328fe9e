/**
 * A series that stopped: no sample for longer than the window. A sample cannot say so, the passing of
 * time does (see `sweep`); the next sample ends it.
 *
 * @module
 */
import { formatNumber } from "../text.ts";
import type { Detector } from "./detector.ts";

export const absence: Detector = {
  types: ["absence"],
  alert: "absence",
  aggregates: false,
  logs: false,
  baseline: false,
  score: () => NaN,
  value: (_window, score) => score,
  sentence({ service, metric }, { rule }, { value }) {
    return `${metric} of ${service} had no sample for ${
      formatNumber(value)
    } s (alert after ${rule.window_size} s)`;
  },
};
