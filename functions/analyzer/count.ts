/** Counts what became of samples and alerts. @module */
import type { Evaluation, Transition } from "shared/detection/evaluate.ts";
import type { DetectionState } from "shared/detection/state.ts";
import type { Metrics } from "shared/telemetry/metrics.ts";

/** Counts an evaluation, or the transitions of a sweep. */
export function count(
  metrics: Metrics,
  state: DetectionState | undefined,
  { transitions, outcomes }: { transitions: readonly Transition[] } & Partial<Evaluation>,
): void {
  if (state) metrics.set("series_watched", {}, state.series.size);
  for (const { alert } of transitions) {
    metrics.add("alert_transitions_total", { type: alert.type, status: alert.status });
  }
  for (const [reason, number] of Object.entries(outcomes ?? {})) {
    if (reason === "evaluated" || number === 0) continue;
    // A duplicate is left out on purpose; the others say that somebody's data goes unwatched.
    const intentional = String(reason === "duplicate");
    metrics.add("messages_dropped_total", { reason, intentional }, number);
  }
}
