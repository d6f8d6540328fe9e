/**
 * What the analyzer remembers of a partition: detection's memory, and the rules that made it so. The
 * rules are part of it since a replay after a crash must decide as was decided before, also when
 * somebody has changed a rule in between.
 *
 * @module
 */
import type { PartitionContext, PartitionState } from "shared/define/mod.ts";
import { compileRules, type RuleSet } from "shared/detection/rules.ts";
import { dirtyParts, restorePart } from "shared/detection/snapshot.ts";
import { createState, type DetectionState } from "shared/detection/state.ts";
import type { Rule } from "shared/model/rule.ts";
import type { RuleBook } from "./rules.ts";

export interface AnalyzerState {
  readonly detection: DetectionState;
  rules: RuleSet;
  /** What `rules` was compiled from. */
  source: readonly Rule[];
  rulesChanged: boolean;
}

/** The part that holds the rules; keys of series have bars in them. */
const rulesPart = "rules";

/** Partition state of the analyzer under a name that is never changed. */
export function analyzerState(name: string): PartitionState<AnalyzerState> {
  return {
    name,
    create: () => ({
      detection: createState(),
      rules: compileRules([]),
      source: [],
      rulesChanged: false,
    }),
    *dirty(state) {
      if (state.rulesChanged) yield [rulesPart, state.source];
      state.rulesChanged = false;
      yield* dirtyParts(state.detection);
    },
    restore(state, key, part) {
      if (key !== rulesPart) return restorePart(state.detection, key, part);
      state.source = part as Rule[];
      state.rules = compileRules(state.source);
    },
  };
}

/**
 * The rules to go by: those in force, or in a replay those of then. New ones begin with a checkpoint,
 * so that no replay ever reaches back before them.
 */
export async function rulesFor(
  book: RuleBook,
  { state, replaying, checkpoint }: PartitionContext<AnalyzerState>,
): Promise<RuleSet> {
  if (replaying) return state.rules;
  const { rules, source } = await book.current();
  if (state.rules !== rules) {
    state.rules = rules;
    state.source = source;
    state.rulesChanged = true;
    await checkpoint();
  }
  return rules;
}
