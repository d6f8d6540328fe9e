/** What a detector is. @module */
import type { RuleType } from "shared/model/rule.ts";
import type { CompiledRule } from "../rules.ts";
import type { Window } from "../windows.ts";

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
