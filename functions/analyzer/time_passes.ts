/** Lets time pass for the series of a partition that send nothing. @module */
import type { Context, Env } from "functions/define.ts";
import { sweep } from "shared/detection/evaluate.ts";
import type { RuleSet } from "shared/detection/rules.ts";
import { alerts } from "shared/model/topics.ts";
import { count } from "./count.ts";
import type { AnalyzerState } from "./state.ts";

/** How often time passes for silent series while others of their partition send. */
const sweep_ms = 5_000;

/**
 * Sweeps a partition: always when it is idle, now and then when it is not.
 *
 * @param until how far the stream has come, epoch milliseconds: now for an idle partition, else the
 * newest event of the batch. While a backlog is worked off that is long ago, and a series whose
 * samples are still to come is not silent.
 */
export function timePasses(
  rules: RuleSet,
  until: number,
  { state: { detection }, now, emit, metrics }:
    & Pick<Context<typeof alerts>, "now" | "emit">
    & Pick<Env, "metrics">
    & { state: AnalyzerState },
): void {
  const time = Math.min(now, until);
  if (until !== now && Math.abs(time - detection.swept_at) < sweep_ms) return;
  const transitions = sweep(detection, rules, time);
  for (const { alert } of transitions) emit(alerts, alert);
  count(metrics, undefined, { transitions });
}
