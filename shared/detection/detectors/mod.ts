/**
 * The detectors, each in a file of its own. A detector turns a window into one number, the score,
 * which the rule's operator compares with its threshold; everything else (pending, firing, cooldown,
 * explanation) is the same for all. Adding one is a file and a line here.
 *
 * @module
 */
import type { RuleType } from "shared/model/rule.ts";
import type { CompiledRule } from "../rules.ts";
import type { Window } from "../windows.ts";
import { absence } from "./absence.ts";
import { errorBurst } from "./error_burst.ts";
import { movingAverage } from "./moving_average.ts";
import { threshold } from "./threshold.ts";
import { zscore } from "./zscore.ts";

/** What a detector may know of the series. */
export interface Seen {
  readonly service: string;
  readonly metric: string;
  readonly unit: string;
}

export interface Detector {
  /** The types of rule that it evaluates. */
  readonly types: readonly RuleType[];
  /** The `type` of its alerts. */
  readonly alert: string;
  /** Whether it looks at the rule's aggregation. */
  readonly aggregates: boolean;
  /** Whether it watches log lines instead of samples. */
  readonly logs: boolean;
  /** Whether its alerts' baseline is the window without the newest point. */
  readonly baseline: boolean;
  /** The score now; NaN when there is too little to say. Called for each sample: allocates nothing. */
  score(window: Window, rule: CompiledRule, seen: Seen): number;
  /** The value people are shown for a score, e.g. the newest value of a z-score. */
  value(window: Window, score: number): number;
  /** One sentence about a score; its threshold and window included. */
  sentence(seen: Seen, rule: CompiledRule, shown: Shown): string;
}

/** The numbers of a sentence. */
export interface Shown {
  readonly score: number;
  readonly value: number;
  readonly baseline?: number;
  readonly spread?: number;
}

/** In the order of the rule types. */
export const detectors: readonly Detector[] = [
  threshold,
  zscore,
  movingAverage,
  errorBurst,
  absence,
];
