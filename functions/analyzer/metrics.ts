/** Stores each sample, evaluates the rules that watch its series, and emits what changed. @module */
import { defineFunction, topic } from "functions/define.ts";
import { evaluate } from "shared/detection/evaluate.ts";
import { addSamples, type Sample } from "shared/model/metric.ts";
import { alerts, serviceMetrics } from "shared/model/topics.ts";
import { append } from "shared/store/port.ts";
import { count } from "./count.ts";
import { ruleBook } from "./rules.ts";
import { analyzerState, rulesFor } from "./state.ts";
import { timePasses } from "./time_passes.ts";

/**
 * What comes in one call when there is a backlog: each costs some round trips to the store and the
 * broker, whatever its size.
 */
const most = 2_000;

export default defineFunction({
  name: "analyzer.metrics",
  on: topic(serviceMetrics, { batch: most, wake: "5s", state: analyzerState("detection") }),
  emits: [alerts],
  async handler(messages, ctx) {
    const { detection } = ctx.state;
    // Before anything changes the state: if the store is away, the batch can simply come again.
    const rules = await rulesFor(ruleBook(ctx), ctx);
    const samples: Sample[] = [];
    const causes: unknown[] = [];
    let newest = -Infinity;
    for (const message of messages) {
      addSamples(samples, message);
      for (; causes.length < samples.length; causes.push(message)) {
        newest = Math.max(newest, samples[causes.length]!.t);
      }
    }
    if (samples.length > 0) ctx.save(append(samples));
    const evaluation = evaluate(detection, samples, rules, ctx.now);
    for (const { alert, cause } of evaluation.transitions) {
      ctx.emit(alerts, alert, causes[cause]);
      const delay_ms = ctx.now - Date.parse(alert.timestamp);
      ctx.metrics.observe("alert_delay_seconds", {}, Math.max(0, delay_ms / 1_000));
    }
    count(ctx.metrics, detection, evaluation);
    timePasses(rules, messages.length === 0 ? ctx.now : newest, ctx);
  },
});
