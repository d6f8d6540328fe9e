/** Watches log lines for bursts of errors. @module */
import { defineFunction, topic } from "functions/define.ts";
import { evaluateLogs } from "shared/detection/evaluate.ts";
import { alerts, serviceLogs } from "shared/model/topics.ts";
import { epochOf } from "shared/model/wire.ts";
import { count } from "./count.ts";
import { ruleBook } from "./rules.ts";
import { analyzerState, rulesFor } from "./state.ts";
import { timePasses } from "./time_passes.ts";

export default defineFunction({
  name: "analyzer.logs",
  on: topic(serviceLogs, { batch: 500, wake: "5s", state: analyzerState("bursts") }),
  emits: [alerts],
  async handler(lines, ctx) {
    const { detection } = ctx.state;
    // Before anything changes the state: if the store is away, the batch can simply come again.
    const rules = await rulesFor(ruleBook(ctx), ctx);
    const evaluation = evaluateLogs(detection, lines, rules, ctx.now);
    for (const { alert, cause } of evaluation.transitions) ctx.emit(alerts, alert, lines[cause]);
    // The metrics' series are what `series_watched` counts.
    count(ctx.metrics, undefined, evaluation);
    const newest = lines.reduce((t, { timestamp }) => Math.max(t, epochOf(timestamp)), -Infinity);
    timePasses(rules, lines.length === 0 ? ctx.now : newest, ctx);
  },
});
