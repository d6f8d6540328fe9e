import assert from "node:assert/strict";
import logs from "functions/analyzer/logs.ts";
import metrics from "functions/analyzer/metrics.ts";
import { RuleBook } from "functions/analyzer/rules.ts";
import { type AnalyzerState, analyzerState } from "functions/analyzer/state.ts";
import type { Declared, Topic } from "shared/define/mod.ts";
import type { Alert } from "shared/model/alert.ts";
import { ruleKind } from "shared/model/kinds.ts";
import type { Sample } from "shared/model/metric.ts";
import type { RuleInput } from "shared/model/rule.ts";
import { completeRule } from "shared/model/rule_check.ts";
import { formatTime } from "shared/model/wire.ts";
import { type Change, put, remove } from "shared/store/port.ts";
import { silentLog } from "shared/telemetry/log.ts";
import { type TestWorld, testWorld } from "tests/support/invoke.ts";

/** One assigned partition of the analyzer. */
class Partition {
  state: AnalyzerState = analyzerState("test").create();
  checkpoints = 0;
  replaying = false;
  readonly appended: Sample[] = [];

  constructor(readonly world: TestWorld) {}

  async rule(input: Partial<RuleInput> = {}, version = 1): Promise<void> {
    const whole = { name: "Hot", metric_type: "cpu", threshold: 80, ...input };
    const made = completeRule(whole, { id: "hot", now: 0, user: "test", version });
    await this.world.store.apply([put(ruleKind, "hot", made)]);
  }

  /** Calls a function at a second, and returns what it emitted and which message caused it. */
  async call(fn: Declared, second: number, ...messages: object[]): Promise<string[]> {
    const emitted: string[] = [];
    await fn.handler(messages, {
      ...this.world.env,
      log: silentLog,
      now: second * 1_000,
      state: this.state,
      partition: 0,
      replaying: this.replaying,
      checkpoint: () => {
        this.checkpoints++;
        return Promise.resolve();
      },
      emit: (_: Topic, alert: Alert, cause?: object) => {
        const by = cause ? messages.indexOf(cause) : "time";
        emitted.push(`${alert.status} ${alert.labels.alertname} ${alert.service_name} by ${by}`);
      },
      save: (...changes: Change[]) => {
        for (const change of changes) {
          if (change.do === "append") this.appended.push(...change.samples);
        }
      },
    });
    return emitted;
  }
}

function test(name: string, play: (partition: Partition) => Promise<void>): void {
  Deno.test(name, async () => {
    const world = await testWorld();
    try {
      await play(new Partition(world));
    } finally {
      await world.close();
    }
  });
}

let serial = 0;

function metric(second: number, value: number, service_name = "orders") {
  const timestamp = formatTime(second * 1_000);
  return { id: `m${++serial}`, service_name, metric_type: "cpu", value, timestamp };
}

function errorLine(second: number) {
  const timestamp = formatTime(second * 1_000);
  return { id: `l${++serial}`, service_name: "orders", level: "error", message: "no", timestamp };
}

test("metrics: samples are stored, and alerts name the message that caused them", async (one) => {
  await one.rule();
  const batch = [metric(1, 10), { ...metric(2, 90), memory_usage: 7 }, metric(3, 10)];
  assert.deepEqual(await one.call(metrics, 3, ...batch), [
    "firing Hot orders by 1",
    "resolved Hot orders by 2",
  ]);
  assert.deepEqual(one.appended.map(({ metric, v }) => `${metric} ${v}`), [
    "cpu 10",
    "cpu 90",
    "memory 7",
    "cpu 10",
  ]);
});

test("metrics: what is not evaluated is stored and counted", async (one) => {
  await one.rule();
  const twice = metric(100, 1);
  await one.call(metrics, 100, twice, twice, metric(1, 1), metric(900, 1));
  assert.equal(one.appended.length, 4);
  const text = await one.world.metrics.text();
  for (const reason of ["duplicate", "late", "future"]) {
    assert.match(text, new RegExp(`messages_dropped_total{reason="${reason}",.*} 1`));
  }
});

test("metrics: a rule made, changed or deleted takes effect on the next sample", async (one) => {
  assert.deepEqual(await one.call(metrics, 1, metric(1, 90)), []);
  await one.rule();
  assert.deepEqual(await one.call(metrics, 2, metric(2, 90)), ["firing Hot orders by 0"]);
  await one.rule({ threshold: 95 }, 2);
  assert.deepEqual(await one.call(metrics, 3, metric(3, 90)), ["resolved Hot orders by 0"]);
  await one.rule({ threshold: 80, cooldown_seconds: 0 }, 3);
  assert.deepEqual(await one.call(metrics, 4, metric(4, 90)), ["firing Hot orders by 0"]);
  await one.world.store.apply([remove(ruleKind, "hot")]);
  assert.deepEqual(await one.call(metrics, 5, metric(5, 90)), ["resolved Hot orders by 0"]);
  // The first look at the rules is a change, too.
  assert.equal(one.checkpoints, 5);
});

test("metrics: a replay decides by the rules of then", async (one) => {
  await one.rule();
  await one.call(metrics, 1, metric(1, 10));
  await one.world.store.apply([remove(ruleKind, "hot")]);
  one.replaying = true;
  assert.deepEqual(await one.call(metrics, 2, metric(2, 90)), ["firing Hot orders by 0"]);
});

test("metrics: an empty batch lets time pass", async (one) => {
  await one.rule({ type: "absence", window_size: 60 });
  await one.call(metrics, 1, metric(1, 10));
  assert.deepEqual(await one.call(metrics, 61), []);
  assert.deepEqual(await one.call(metrics, 62), ["firing Hot orders by time"]);
});

test("metrics: time passes for a silent series while others send", async (one) => {
  await one.rule({ type: "absence", window_size: 60 });
  await one.call(metrics, 1, metric(1, 10));
  const told: string[] = [];
  for (let second = 2; second < 80; second++) {
    told.push(...await one.call(metrics, second, metric(second, 10, "auth")));
  }
  assert.deepEqual(told, ["firing Hot orders by time"]);
});

test("metrics: a series whose samples are still to come in a backlog is not absent", async (one) => {
  await one.rule({ type: "absence", window_size: 60 });
  await one.call(metrics, 1, metric(1, 10), metric(1, 10, "auth"));
  const told: string[] = [];
  for (let second = 2; second < 200; second++) {
    const service = second % 2 ? "orders" : "auth";
    told.push(...await one.call(metrics, 5_000 + second, metric(second, 10, service)));
  }
  assert.deepEqual(told, []);
});

test("logs: a burst names the line that made it one, and ends with time", async (one) => {
  await one.rule({ type: "error_burst", metric_type: undefined, threshold: 3 });
  const lines = [errorLine(1), errorLine(2), errorLine(3)];
  assert.deepEqual(await one.call(logs, 3, ...lines), ["firing Hot orders by 2"]);
  assert.deepEqual(await one.call(logs, 60), []);
  assert.deepEqual(await one.call(logs, 70), ["resolved Hot orders by time"]);
});

test("state: what is stored of a partition goes on as if never interrupted", async (one) => {
  await one.rule({ aggregation: "avg" });
  await one.call(metrics, 1, metric(1, 90));
  const definition = analyzerState("test");
  const parts = [...definition.dirty(one.state)].map(([key, part]) => [key, JSON.stringify(part)]);
  assert.deepEqual(parts.map(([key]) => key), ["rules", "orders|cpu|"]);
  one.state = definition.create();
  for (const [key, part] of parts) definition.restore(one.state, key!, JSON.parse(part!));
  assert.deepEqual(await one.call(metrics, 2, metric(2, 72)), []);
  assert.deepEqual(await one.call(metrics, 3, metric(3, 0)), ["resolved Hot orders by 0"]);
});

test("rule book: rules are read only when one changed, all of them, once for all", async (one) => {
  await one.rule();
  let lists = 0;
  const { store } = one.world;
  const list: typeof store.list = (...args) => {
    lists++;
    return store.list(...args);
  };
  const revision: typeof store.revision = (kind) => store.revision(kind);
  const counted = { ...one.world.env, store: { ...store, list, revision } };
  const book = new RuleBook(counted);
  const [first, second] = await Promise.all([book.current(), book.current()]);
  assert.equal(first, second);
  const before = lists;
  assert.equal(await book.current(), first);
  assert.equal(lists, before);
  const { value } = (await store.get(ruleKind, "hot"))!;
  await store.apply(
    Array.from({ length: 1_200 }, (_, i) => put(ruleKind, `r${i}`, { ...value, id: `r${i}` })),
  );
  assert.equal((await book.current()).rules.byId.size, 1_201);
});

test("rule book: a stored rule that cannot be evaluated is counted", async (one) => {
  await one.rule();
  const { value } = (await one.world.store.get(ruleKind, "hot"))!;
  await one.world.store.apply([put(ruleKind, "hot", { ...value, matchers: ['a=~"("'] })]);
  await one.call(metrics, 1, metric(1, 90));
  const text = await one.world.metrics.text();
  assert.match(text, /service_errors_total{function="analyzer.rules",reason="broken_rule".*} 1/);
});
