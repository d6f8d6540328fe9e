import assert from "node:assert/strict";
import { evaluate, evaluateLogs, type Evaluation, sweep } from "shared/detection/evaluate.ts";
import { compileRules, type RuleSet } from "shared/detection/rules.ts";
import { createState, type DetectionState, maxLines } from "shared/detection/state.ts";
import { Alert, alertId } from "shared/model/alert.ts";
import { fingerprint, maxLabels } from "shared/model/labels.ts";
import type { ServiceLog } from "shared/model/log.ts";
import type { Sample } from "shared/model/metric.ts";
import type { RuleInput } from "shared/model/rule.ts";
import { completeRule } from "shared/model/rule_check.ts";
import { formatTime } from "shared/model/wire.ts";
import { at, rule, rules, sample, samples, start_s } from "./rows.ts";

/** A state, and a clock that is just behind the newest sample. */
function world(set: RuleSet): {
  state: DetectionState;
  take(...list: Sample[]): Evaluation;
  sweep(second: number, other?: RuleSet): string[];
} {
  const state = createState();
  let now = 0;
  return {
    state,
    take(...list) {
      now = Math.max(now, ...list.map(({ t }) => t)) + 100;
      const evaluation = evaluate(state, list, set, now);
      for (const { alert } of evaluation.transitions) Alert.parse(alert);
      return evaluation;
    },
    sweep: (second, other = set) =>
      sweep(state, other, at(second)).map(({ alert, reason }) =>
        `${Date.parse(alert.timestamp) / 1_000 - start_s}:${alert.status}:${reason}`
      ),
  };
}

/** What happened, as `second:status:reason`. */
function told({ transitions }: Evaluation): string[] {
  return transitions.map(({ alert, reason }) =>
    `${Date.parse(alert.timestamp) / 1_000 - start_s}:${alert.status}:${reason}`
  );
}

/** Values each 5 s from 0, and what one rule makes of them. */
const scripts: [name: string, rule: Partial<RuleInput>, values: number[], wanted: string[]][] = [
  ["> fires above its threshold, and resolves when the value is back", { threshold: 80 }, [
    70,
    80,
    81,
    90,
    80,
  ], [
    "10:firing:breached",
    "20:resolved:recovered",
  ]],
  [">= fires at its threshold", { operator: ">=", threshold: 80 }, [79, 80, 79], [
    "5:firing:breached",
    "10:resolved:recovered",
  ]],
  ["< fires below its threshold", { operator: "<", threshold: 10 }, [10, 9, 10], [
    "5:firing:breached",
    "10:resolved:recovered",
  ]],
  ["<= fires at its threshold from below", { operator: "<=", threshold: 10 }, [11, 10, 11], [
    "5:firing:breached",
    "10:resolved:recovered",
  ]],
  ["== fires at exactly its threshold", { operator: "==", threshold: 0 }, [1, 0, 1], [
    "5:firing:breached",
    "10:resolved:recovered",
  ]],
  ["!= fires off its threshold", { operator: "!=", threshold: 1 }, [1, 0, 1], [
    "5:firing:breached",
    "10:resolved:recovered",
  ]],
  [
    "avg is of the window",
    { aggregation: "avg", window_size: 10, threshold: 80 },
    [60, 90, 90, 60],
    ["10:firing:breached", "15:resolved:recovered"],
  ],
  ["an average of equal values is exactly that value", { aggregation: "avg", threshold: 80.1 }, [
    80.1,
    80.1,
    80.1,
  ], []],
  [
    "min waits until all of the window breach",
    { aggregation: "min", window_size: 15, threshold: 80 },
    [10, 90, 90, 90],
    ["15:firing:breached"],
  ],
  [
    "max holds while one of the window breaches",
    { aggregation: "max", window_size: 10, threshold: 80 },
    [90, 10, 10],
    ["0:firing:breached", "10:resolved:recovered"],
  ],
  ["sum is of the window", { aggregation: "sum", window_size: 10, threshold: 5 }, [3, 3, 2], [
    "5:firing:breached",
    "10:resolved:recovered",
  ]],
  [
    "count is of the window",
    { aggregation: "count", window_size: 60, operator: ">=", threshold: 3 },
    [0, 0, 0],
    ["10:firing:breached"],
  ],
  ["rate is the increase per second", { aggregation: "rate", operator: ">=", threshold: 2 }, [
    0,
    5,
    20,
  ], ["10:firing:breached"]],
  [
    "rate takes a fall to less than half for a counter that began again",
    { aggregation: "rate", operator: ">=", threshold: 2 },
    [100, 105, 5, 10],
    [],
  ],
  [
    "p90 is interpolated between neighbours",
    { aggregation: "p90", operator: ">=", threshold: 80 },
    [0, 0, 100, 100],
    ["10:firing:breached"],
  ],
  ["min_samples keeps a young window silent", { min_samples: 3, threshold: 80 }, [90, 90, 90], [
    "10:firing:breached",
  ]],
  [
    "for_seconds waits, and a value in between starts the wait again",
    { for_seconds: 10, threshold: 80 },
    [90, 90, 70, 90, 90, 90, 70],
    ["25:firing:breached", "30:resolved:recovered"],
  ],
  [
    "recovery_threshold holds it until the value is back beyond that",
    { threshold: 80, recovery_threshold: 60 },
    [90, 70, 61, 60],
    ["0:firing:breached", "15:resolved:recovered"],
  ],
  ["between recovery and threshold nothing begins", { threshold: 80, recovery_threshold: 60 }, [
    70,
    70,
  ], []],
  [
    "keep_firing_seconds holds it after the value is back",
    { threshold: 80, keep_firing_seconds: 10 },
    [90, 70, 70, 70],
    ["0:firing:breached", "15:resolved:recovered"],
  ],
  [
    "a breach within keep_firing_seconds starts that wait again",
    { threshold: 80, keep_firing_seconds: 10 },
    [90, 70, 90, 70, 70, 70],
    ["0:firing:breached", "25:resolved:recovered"],
  ],
  [
    "no new episode within the cooldown; then it fires if the condition still holds",
    { threshold: 80, cooldown_seconds: 20 },
    [90, 10, 90, 90, 90],
    ["0:firing:breached", "5:resolved:recovered", "20:firing:breached"],
  ],
  ["a breach that ends within the cooldown is not told", { threshold: 80, cooldown_seconds: 60 }, [
    90,
    10,
    90,
    10,
  ], ["0:firing:breached", "5:resolved:recovered"]],
  ["the z-score's newest point is no part of its baseline", { type: "zscore", window_size: 300 }, [
    49,
    51,
    49,
    51,
    49,
    51,
    49,
    51,
    49,
    51,
    53,
  ], ["50:firing:breached"]],
  ["a z-score below three is none", { type: "zscore" }, [
    49,
    51,
    49,
    51,
    49,
    51,
    49,
    51,
    49,
    51,
    52.9,
  ], []],
  ["a z-score needs ten samples of baseline", { type: "zscore" }, [
    49,
    51,
    49,
    51,
    49,
    51,
    49,
    51,
    49,
    99,
  ], []],
  ["a flat baseline scores 0 for its own value", { type: "zscore" }, Array(20).fill(50), []],
  ["a tiny wiggle on a flat baseline is no alert", { type: "zscore" }, [
    ...Array(12).fill(50),
    50.1,
  ], []],
  ["a jump off a flat baseline is one", { type: "zscore" }, [...Array(12).fill(50), 90], [
    "60:firing:breached",
  ]],
  [
    "a first trace of errors is no jump off zero",
    { type: "zscore" },
    [...Array(12).fill(0), 0.5],
    [],
  ],
  ["ten percent of errors is a jump off zero", { type: "zscore" }, [...Array(12).fill(0), 10], [
    "60:firing:breached",
  ]],
  ["anomaly is evaluated as a z-score", { type: "anomaly" }, [...Array(12).fill(50), 90], [
    "60:firing:breached",
  ]],
  ["a moving average fires on a deviation in percent", { type: "moving_average" }, [
    ...Array(12).fill([99, 101]).flat(),
    151,
    100,
  ], ["120:firing:breached", "125:resolved:recovered"]],
  ["a deviation that is ordinary noise around a small mean is none", { type: "moving_average" }, [
    ...Array(12).fill([0.1, 0.3]).flat(),
    0.4,
  ], []],
  [
    "a moving average of zero is handled",
    { type: "moving_average" },
    [...Array(12).fill(0), 0, 40],
    ["65:firing:breached"],
  ],
];

for (const [name, input, values, wanted] of scripts) {
  Deno.test(`evaluation: ${name}`, () => {
    const { take } = world(rules(input.type ? input : { threshold: 80, ...input }));
    assert.deepEqual(samples(values).flatMap((one) => told(take(one))), wanted);
  });
}

Deno.test("evaluation: a sample within 60 s of the newest counts wherever it belongs", () => {
  const { take } = world(rules({ aggregation: "max", threshold: 80 }));
  assert.deepEqual(told(take(sample(0, 10), sample(59, 10))), []);
  assert.deepEqual(told(take(sample(30, 90))), ["59:firing:breached"]);
  assert.deepEqual(told(take(sample(89, 10))), []);
  assert.deepEqual(told(take(sample(90, 10))), ["90:resolved:recovered"]);
});

Deno.test("evaluation: a late sample is not taken for the newest", () => {
  const { take } = world(rules({ threshold: 80 }));
  assert.deepEqual(told(take(sample(10, 10), sample(5, 99))), []);
});

Deno.test("evaluation: what does not count is named", () => {
  const { take, state } = world(rules({ aggregation: "count", threshold: 80 }));
  const first = sample(100, 1);
  take(first);
  const twin = { ...first };
  const other = { ...first, t: at(101) };
  assert.deepEqual(take(twin, other, sample(40, 1), sample(39.9, 1)).outcomes, {
    evaluated: 1,
    duplicate: 2,
    late: 1,
    future: 0,
    series_limit: 0,
  });
  assert.equal(evaluate(state, [sample(260.001, 1)], rules(), at(200)).outcomes.future, 1);
  assert.equal(evaluate(state, [sample(260, 1)], rules(), at(200)).outcomes.future, 0);
});

Deno.test("evaluation: an id is a duplicate as long as its sample could come again", () => {
  const { take } = world(rules());
  const list = samples(Array(200).fill(1), 1);
  take(...list);
  const again = take(...list.map((one) => ({ ...one }))).outcomes;
  assert.deepEqual([again.duplicate, again.late, again.evaluated], [61, 139, 0]);
});

Deno.test("evaluation: series have states of their own", () => {
  const { take } = world(rules({ threshold: 80, metric_type: "*" }));
  const labels = { path: "/login" };
  const { transitions } = take(
    sample(0, 90),
    sample(0, 90, { service: "auth" }),
    sample(0, 90, { labels }),
    sample(0, 90, { metric: "memory" }),
    sample(1, 91, { labels }),
  );
  assert.deepEqual(
    transitions.map(({ alert: { labels } }) => `${labels.service} ${labels.metric} ${labels.path}`),
    ["orders cpu undefined", "auth cpu undefined", "orders cpu /login", "orders memory undefined"],
  );
  assert.deepEqual(transitions.map(({ cause }) => cause), [0, 1, 2, 3]);
});

Deno.test("evaluation: service, metric and matchers decide what a rule watches", () => {
  const watched = (input: Partial<RuleInput>) =>
    told(
      world(rules({ threshold: 80, ...input })).take(sample(0, 90, { labels: { env: "prod" } })),
    ).length === 1;
  assert(watched({ service_name: "orders" }));
  assert(!watched({ service_name: "auth" }));
  assert(watched({ metric_type: "*" }));
  assert(!watched({ metric_type: "memory" }));
  assert(watched({ matchers: ['env=~"prod|stage"', 'zone=""'] }));
  assert(!watched({ matchers: ['env!="prod"'] }));
  assert(!watched({ enabled: false }));
});

Deno.test("evaluation: a rule on `error` watches error_rate", () => {
  const { take } = world(rules({ threshold: 5, metric_type: "error" }));
  assert.equal(take(sample(0, 9, { metric: "error_rate" })).transitions.length, 1);
});

Deno.test("evaluation: the alert says what, where, since when and why", () => {
  const { take } = world(rules({
    name: "Busy",
    aggregation: "avg",
    threshold: 80,
    severity: "critical",
    labels: { team: "core", service: "mine", host: "rule" },
    annotations: { runbook: "https://example.org/r" },
    notify_email: false,
  }));
  const labels = { host: "a", metric: "x" };
  take(sample(0, 70, { labels }));
  const { alert } = take(sample(5, 95, { labels, trace_id: "t1" })).transitions[0]!;
  const expected = {
    alertname: "Busy",
    service: "orders",
    type: "threshold_violation",
    severity: "critical",
    metric: "cpu",
    team: "core",
    host: "rule",
    exported_metric: "x",
  };
  assert.deepEqual(alert.labels, expected);
  assert.equal(alert.fingerprint, fingerprint(expected));
  assert.equal(alert.id, alertId(alert.fingerprint, formatTime(at(5))));
  assert.equal(alert.title, "Busy: orders");
  assert.equal(
    alert.message,
    "avg of cpu of orders over 60 s is 82.5 % (alert when > 80)",
  );
  assert.deepEqual(alert.annotations, {
    notify_email: "false",
    runbook: "https://example.org/r",
    summary: "Busy",
    description: alert.message,
  });
  assert.deepEqual(
    [alert.value, alert.current_value, alert.threshold, alert.rule_id, alert.trace_id],
    [82.5, 82.5, 80, "r1", "t1"],
  );
  assert.deepEqual(alert.explanation, {
    reason: alert.message,
    rule_version: 1,
    window_size: 60,
    aggregation: "avg",
    comparison: "82.5 > 80",
    score: 82.5,
    samples: [{ timestamp: formatTime(at(0)), value: 70 }, {
      timestamp: formatTime(at(5)),
      value: 95,
    }],
    sample_count: 2,
  });

  const [ended] = take(sample(10, 0, { labels })).transitions;
  assert.deepEqual(ended!.alert, {
    ...alert,
    status: "resolved",
    message: "cpu of orders is back at 55 %",
    current_value: 55,
    timestamp: formatTime(at(10)),
    ends_at: formatTime(at(10)),
    resolved_at: formatTime(at(10)),
    annotations: { ...alert.annotations, resolved_because: "cpu of orders is back at 55 %" },
  });
});

Deno.test("evaluation: a z-score explains its baseline, and twice the threshold is critical", () => {
  const severities = [53, 57].map((v) => {
    const { take } = world(rules({ type: "zscore" }));
    take(...samples(Array(6).fill([49, 51]).flat()));
    const { alert } = take(sample(60, v)).transitions[0]!;
    assert.equal(alert.type, "deviation_anomaly");
    assert.deepEqual([alert.explanation!.baseline, alert.explanation!.spread], [50, 1]);
    assert.deepEqual([alert.value, alert.explanation!.score], [v, v - 50]);
    return [alert.severity, alert.labels.severity];
  });
  assert.deepEqual(severities, [["warning", "warning"], ["critical", "critical"]]);
});

Deno.test("evaluation: an explanation shows at most 100 samples, the newest", () => {
  const { take } = world(rules({ window_size: 600, threshold: 80 }));
  take(...samples(Array(200).fill(1), 1));
  const { samples: shown, sample_count } = take(sample(200, 90)).transitions[0]!.alert.explanation!;
  assert.deepEqual([shown.length, shown[99]!.value, sample_count], [100, 90, 201]);
});

Deno.test("evaluation: an alert never has more labels and annotations than it may", () => {
  const many = (n: number, name: string) =>
    Object.fromEntries(Array.from({ length: n }, (_, i) => [`${name}${i}`, "v"]));
  const set = rules({ threshold: 80, labels: many(40, "rule"), annotations: many(56, "a") });
  const { take } = world(set);
  const labels = many(64, "series");
  const { alert } = take(sample(0, 90, { labels })).transitions[0]!;
  assert.equal(Object.keys(alert.labels).length, maxLabels);
  assert.equal(alert.labels.rule39, "v");
  const ended = take(sample(5, 10, { labels })).transitions[0]!.alert;
  assert.equal(ended.annotations.resolved_because, ended.message);
});

Deno.test("evaluation: rules of one name have alerts of their own, and the older keeps its labels", () => {
  const made = (id: string, threshold: number, now: number) =>
    completeRule(
      { name: "High CPU", metric_type: "cpu", threshold, cooldown_seconds: 0 },
      { id, now, user: "test", version: 1 },
    );
  for (const order of [[0, 1], [1, 0]]) {
    const both = [made("old", 80, 1), made("new", 50, 2)];
    const { take } = world(compileRules(order.map((i) => both[i]!)));
    const fired = take(sample(0, 90)).transitions.map(({ alert }) => alert);
    const ids = Object.fromEntries(fired.map(({ rule_id, id }) => [rule_id, id]));
    assert.notEqual(ids.old, ids.new);
    assert.deepEqual(
      Object.fromEntries(fired.map(({ rule_id, labels }) => [rule_id, labels.rule_id])),
      { old: undefined, new: "new" },
    );
    const [ended, ...more] = take(sample(5, 70)).transitions;
    assert.deepEqual([ended!.alert.id, ended!.reason, more], [ids.old, "recovered", []]);
  }
});

Deno.test("evaluation: an empty label of a rule takes the series' away", () => {
  const { take } = world(rules({ threshold: 80, labels: { pod: "" } }));
  const labels = { pod: "a7f", zone: "", host: "h" };
  const { alert } = take(sample(0, 90, { labels })).transitions[0]!;
  assert.deepEqual(
    ["pod", "zone", "host"].filter((name) => Object.hasOwn(alert.labels, name)),
    ["host"],
  );
});

Deno.test("evaluation: series that differ in a label with a platform's name have alerts of their own", () => {
  const { take } = world(rules({ threshold: 80 }));
  const of = (type: string) => sample(0, 90, { labels: { type } });
  const [heap, other] = take(of("heap"), of("other")).transitions.map(({ alert }) => alert);
  assert.notEqual(heap!.fingerprint, other!.fingerprint);
  assert.equal(heap!.labels.type, "threshold_violation");
  assert.equal(heap!.labels.exported_type, "heap");
});

Deno.test("rules: a new one looks at the 15 minutes that were there before it", () => {
  const { take, state } = world(rules());
  take(...samples(Array(13).fill(90), 60));
  const set = rules({ aggregation: "count", window_size: 900, operator: ">=", threshold: 14 });
  const { transitions } = evaluate(state, [sample(780, 90)], set, at(780));
  assert.equal(transitions[0]!.alert.value, 14);
});

Deno.test("rules: what fires resolves when its rule goes away, at the next sample or sweep", () => {
  const gone: [RuleSet, string][] = [
    [compileRules([]), "rule_deleted"],
    [rules({ threshold: 80, enabled: false }), "rule_disabled"],
    [rules({ threshold: 80, service_name: "auth" }), "rule_mismatch"],
    [rules({ threshold: 80, severity: "critical" }), "rule_changed"],
    [rules({ threshold: 80, type: "zscore" }), "rule_changed"],
  ];
  for (const [set, reason] of gone) {
    const bySweep = world(rules({ threshold: 80 }));
    bySweep.take(sample(0, 90));
    assert.deepEqual(bySweep.sweep(3, set), [`3:resolved:${reason}`]);
    assert.deepEqual(bySweep.sweep(4, set), []);
    const bySample = world(rules({ threshold: 80 }));
    bySample.take(sample(0, 90));
    const told1 = told(evaluate(bySample.state, [sample(5, 10)], set, at(5)));
    assert.deepEqual(told1, [`5:resolved:${reason}`]);
  }
});

Deno.test("rules: a changed one goes on with its episode under the new numbers", () => {
  const { take, state } = world(rules({ threshold: 80 }));
  const fired = take(sample(0, 90)).transitions[0]!.alert;
  const changed = compileRules([rule({ threshold: 85 }, "r1", 2)]);
  assert.deepEqual(told(evaluate(state, [sample(5, 90)], changed, at(5))), []);
  const { alert, reason } = evaluate(state, [sample(10, 84)], changed, at(10)).transitions[0]!;
  assert.deepEqual([alert.id, reason], [fired.id, "recovered"]);
});

Deno.test("rules: one that cannot be read is named, and the others work", () => {
  const broken = { ...rule({ threshold: 1 }, "bad"), matchers: ['a=~"("'] };
  const set = compileRules([broken, rule({ threshold: 80 })]);
  assert.deepEqual(set.broken.map(({ rule_id }) => rule_id), ["bad"]);
  assert.equal(world(set).take(sample(0, 90)).transitions.length, 1);
});

Deno.test("silence: what fires on a silent series resolves after 5 minutes, or its window", () => {
  for (const [window_size, limit] of [[60, 300], [900, 900]] as const) {
    const { take, sweep } = world(rules({ threshold: 80, window_size }));
    take(sample(0, 90));
    assert.deepEqual(sweep(limit), []);
    assert.deepEqual(sweep(limit + 7), [`${limit}:resolved:no_data`]);
  }
});

Deno.test("silence: what is kept firing is kept firing through it, from when it began or before", () => {
  const set = rules({ threshold: 80, keep_firing_seconds: 600 });
  const breached = world(set);
  breached.take(sample(0, 90));
  assert.deepEqual(breached.sweep(900), []);
  assert.deepEqual(breached.sweep(907), ["900:resolved:no_data"]);
  const cleared = world(set);
  cleared.take(sample(0, 90), sample(10, 10), sample(200, 10));
  assert.deepEqual(cleared.sweep(610), []);
  assert.deepEqual(cleared.sweep(617), ["610:resolved:no_data"]);
  const gap = world(set);
  gap.take(sample(0, 90), sample(650, 10), sample(895, 10));
  assert.deepEqual(told(gap.take(sample(900, 10))), ["900:resolved:recovered"]);
});

Deno.test("silence: what is pending does not wait through it, however long alerts are kept", () => {
  const { take } = world(rules({ threshold: 80, for_seconds: 600, keep_firing_seconds: 1_800 }));
  take(sample(0, 90));
  assert.deepEqual(told(take(sample(700, 90))), []);
});

Deno.test("silence: a gap in the samples alone has the same outcome", () => {
  const { take } = world(rules({ threshold: 80 }));
  take(sample(0, 90));
  assert.deepEqual(told(take(sample(400, 91))), ["300:resolved:no_data", "400:firing:breached"]);
});

Deno.test("silence: a backlog is not silence", () => {
  const { state, take } = world(rules({ threshold: 80 }));
  take(sample(0, 90));
  const set = rules({ threshold: 80 }, { type: "absence", window_size: 60, name: "Gone" });
  evaluate(state, [sample(5, 90)], set, at(5_000));
  assert.deepEqual(sweep(state, set, at(5_030)), []);
});

Deno.test("absence: fires when no sample came for its window, resolves with the next", () => {
  const { take, sweep } = world(rules({ type: "absence", window_size: 60 }));
  take(sample(0, 1));
  assert.deepEqual(sweep(60), []);
  assert.deepEqual(sweep(64), ["60:firing:breached"]);
  assert.deepEqual(sweep(70), []);
  assert.deepEqual(told(take(sample(90, 1))), ["90:resolved:sample_arrived"]);
});

Deno.test("absence: is kept firing while samples come again, and anew when they stop", () => {
  const input = { type: "absence", window_size: 60, keep_firing_seconds: 30 } as const;
  const { take, sweep } = world(rules(input));
  take(sample(0, 1));
  assert.deepEqual(sweep(64), ["60:firing:breached"]);
  assert.deepEqual(told(take(sample(90, 1), sample(100, 1))), []);
  assert.deepEqual(sweep(170), []);
  assert.deepEqual(told(take(sample(175, 1), sample(204, 1))), []);
  assert.deepEqual(told(take(sample(205, 1))), ["205:resolved:sample_arrived"]);
});

Deno.test("absence: a gap that nobody looked at is told afterwards, under the same id", () => {
  const ids = [true, false].map((swept) => {
    const { take, state } = world(rules({ type: "absence", window_size: 60 }));
    take(sample(0, 1));
    const before = swept ? sweep(state, rules({ type: "absence", window_size: 60 }), at(63)) : [];
    const after = take(sample(90, 1)).transitions;
    return [...before, ...after].map(({ alert }) => [alert.id, alert.status, alert.timestamp]);
  });
  assert.deepEqual(ids[0], ids[1]);
  assert.equal(ids[0]!.length, 2);
});

Deno.test("absence: the alert says how long", () => {
  const { take, state } = world(rules());
  take(...samples([1, 2, 3]));
  const set = rules({ type: "absence", window_size: 60, for_seconds: 30, name: "Gone" });
  const { alert } = sweep(state, set, at(200))[0]!;
  assert.equal(alert.message, "cpu of orders had no sample for 90 s (alert after 60 s)");
  assert.deepEqual([alert.type, alert.value, alert.threshold], ["absence", 90, 60]);
  assert.deepEqual(alert.explanation!.samples.map(({ value }) => value), [1, 2, 3]);
});

Deno.test("memory: a series that has been silent for long is forgotten", () => {
  const { take, state, sweep } = world(rules({ threshold: 80 }));
  take(sample(0, 90));
  sweep(3_600);
  assert.equal(state.series.size, 1);
  sweep(3_601);
  assert.equal(state.series.size, 0);
});

Deno.test("memory: a cooldown outlasts the silence of its series", () => {
  const { take, state, sweep } = world(rules({ threshold: 80, cooldown_seconds: 7_200 }));
  take(sample(0, 90), sample(5, 10));
  sweep(7_195);
  assert.deepEqual(told(take(sample(7_199, 90))), []);
  assert.deepEqual(told(take(sample(7_200, 90))), ["7200:firing:breached"]);
  sweep(7_200 + 3_600 + 7_200);
  assert.equal(state.series.size, 0);
});

Deno.test("memory: a series whose absence fires is forgotten after a day, and told", () => {
  const { take, state, sweep } = world(rules({ type: "absence", window_size: 60 }));
  take(sample(0, 1));
  assert.deepEqual(sweep(86_400), ["60:firing:breached"]);
  assert.deepEqual(sweep(86_401), ["86401:resolved:series_abandoned"]);
  assert.equal(state.series.size, 0);
});

let logs = 0;
function log(
  second: number,
  level: ServiceLog["level"],
  over: Partial<ServiceLog> = {},
): ServiceLog {
  const id = `l${++logs}`;
  const timestamp = formatTime(at(second));
  return { id, service_name: "payments", level, message: `line ${id}`, timestamp, ...over };
}

Deno.test("error burst: ten lines of error or fatal within a minute fire, and resolve as they age", () => {
  const state = createState();
  const set = rules({ type: "error_burst", metric_type: undefined, name: "Errors" });
  const go = (second: number, ...list: ServiceLog[]) => evaluateLogs(state, list, set, at(second));
  const lines = Array.from({ length: 9 }, (_, i) => log(i, i % 2 ? "error" : "fatal"));
  assert.deepEqual(told(go(9, ...lines, log(9, "info"), log(9, "warn"), lines[0]!)), []);
  const { alert } = go(10, log(10, "error", { trace_id: "t9" })).transitions[0]!;
  Alert.parse(alert);
  assert.equal(alert.message, "payments logged 10 errors within 60 s (alert when >= 10)");
  assert.deepEqual([alert.type, alert.value, alert.metric_type], ["error_burst", 10, undefined]);
  assert.equal(alert.explanation!.sample_count, 10);
  assert.equal(alert.explanation!.log_lines!.length, 10);
  assert.deepEqual(alert.explanation!.log_lines![9], {
    timestamp: formatTime(at(10)),
    level: "error",
    message: `line l${logs}`,
    trace_id: "t9",
  });
  assert.deepEqual(told(go(59, log(59, "info"))), []);
  assert.deepEqual(told(go(61, log(61, "info"))), ["61:resolved:recovered"]);
});

Deno.test("error burst: a metric is not taken for log lines, whatever its name", () => {
  const set = rules(
    { type: "error_burst", metric_type: undefined, threshold: 2 },
    { name: "Errors", metric_type: "log_errors", threshold: 2 },
  );
  const { take } = world(set);
  const [alert, ...more] = take(sample(0, 50, { metric: "log_errors" })).transitions;
  assert.deepEqual(more, []);
  assert.equal(alert!.alert.type, "threshold_violation");
  const lines = [log(0, "error"), log(1, "error"), log(2, "error")];
  const [burst, ...others] = evaluateLogs(createState(), lines, set, at(2)).transitions;
  assert.deepEqual(others, []);
  assert.deepEqual([burst!.alert.type, burst!.alert.labels.metric], ["error_burst", "log_errors"]);
});

Deno.test("error burst: a service that says nothing any more resolves after the window", () => {
  const state = createState();
  const set = rules({ type: "error_burst", metric_type: undefined, threshold: 2 });
  evaluateLogs(state, [log(0, "error"), log(1, "error")], set, at(1));
  assert.deepEqual(sweep(state, set, at(61)), []);
  assert.equal(sweep(state, set, at(62))[0]!.alert.timestamp, formatTime(at(61)));
});

Deno.test("error burst: services have counts of their own, and lines are bounded", () => {
  const state = createState();
  const set = rules({ type: "error_burst", metric_type: undefined, threshold: 30 });
  const list = Array.from(
    { length: 58 },
    (_, i) => log(i / 2, "error", { service_name: i % 2 ? "auth" : "payments" }),
  );
  assert.deepEqual(told(evaluateLogs(state, list, set, at(30))), []);
  const [fired] = evaluateLogs(state, [log(30, "error")], set, at(30)).transitions;
  assert.equal(fired!.alert.service_name, "payments");
  assert.equal(fired!.alert.explanation!.log_lines!.length, maxLines);
});
