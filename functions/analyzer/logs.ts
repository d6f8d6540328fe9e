/** Stores log lines, watches them for bursts of errors, and emits what changed. @module */
import { defineFunction, topic } from "functions/define.ts";
import { evaluateLogs } from "shared/detection/evaluate.ts";
import { loggingKind, logKind } from "shared/model/kinds.ts";
import { alerts, serviceLogs } from "shared/model/topics.ts";
import { epochOf } from "shared/model/wire.ts";
import { put } from "shared/store/port.ts";
import { count } from "./count.ts";
import { ruleBook } from "./rules.ts";
import { analyzerState, rulesFor } from "./state.ts";
import { timePasses } from "./time_passes.ts";

/** How long log lines can be looked at: as long as samples of a day's window. */
const kept_ms = 24 * 3_600_000;

export default defineFunction({
  name: "analyzer.logs",
  on: topic(serviceLogs, { batch: 500, wake: "5s", state: analyzerState("bursts") }),
  emits: [alerts],
  async handler(lines, ctx) {
    const { detection } = ctx.state;
    // Before anything changes the state: if the store is away, the batch can simply come again.
    const rules = await rulesFor(ruleBook(ctx), ctx);
    const heard = new Map<string, number>();
    for (const line of lines) {
      const { service_name: service, id } = line;
      const rank = epochOf(line.timestamp);
      heard.set(service, Math.max(rank, heard.get(service) ?? rank));
      ctx.save(put(logKind(service), id, line, { rank, ttl_ms: kept_ms }));
    }
    for (const [service, rank] of heard) {
      ctx.save(put(loggingKind, service, { service }, { rank, ttl_ms: kept_ms }));
    }
    const evaluation = evaluateLogs(detection, lines, rules, ctx.now);
    for (const { alert, cause } of evaluation.transitions) ctx.emit(alerts, alert, lines[cause]);
    // The metrics' series are what `series_watched` counts.
    count(ctx.metrics, undefined, evaluation);
    const newest = lines.reduce((t, { timestamp }) => Math.max(t, epochOf(timestamp)), -Infinity);
    timePasses(rules, lines.length === 0 ? ctx.now : newest, ctx);
  },
});
