import assert from "node:assert/strict";
import { AlertingConfigError, builtInConfig, readAlertingConfig } from "shared/alerting/config.ts";
import { config, integration, pager } from "./samples.ts";

function refused(text: string): string[] {
  try {
    readAlertingConfig(text, [pager]);
  } catch (error) {
    assert(error instanceof AlertingConfigError);
    return error.message.split("\n").slice(1).map((line) => line.trim().replace(/^- /, ""));
  }
  return [];
}

Deno.test("a route takes over from its parent what it does not say itself", () => {
  const { route, routes, receivers } = config(`
global:
  slack_api_url: https://hooks.example/T/secret
route:
  receiver: ops
  group_by: [service, type]
  group_wait: 10s
  routes:
    - matchers: ['severity="critical"', 'team=~"db|web"']
      receiver: night
      repeat_interval: 1h
      continue: true
    - match: { team: db }
      group_by: ['...']
receivers:
  - name: ops
    pager_configs: [{ send_resolved: false, size: 3 }, {}]
  - name: night
`);
  assert.deepEqual(
    [route.group_wait_ms, route.group_interval_ms, route.repeat_interval_ms],
    [10_000, 300_000, 14_400_000],
  );
  const [critical, db] = route.routes;
  assert.equal(critical!.key, '{}/{severity="critical",team=~"db|web"}');
  assert.deepEqual([critical!.receiver, critical!.continue], ["night", true]);
  assert.deepEqual(critical!.group_by, ["service", "type"]);
  assert.deepEqual([critical!.group_wait_ms, critical!.repeat_interval_ms], [10_000, 3_600_000]);
  assert.deepEqual([db!.receiver, db!.group_by], ["ops", "all"]);
  assert.deepEqual([...routes.keys()], ["{}", critical!.key, '{}/{team="db"}']);
  assert.deepEqual(receivers.get("ops"), [
    {
      key: "ops/pager/0",
      receiver: "ops",
      channel: "pager",
      entry: { send_resolved: false, size: 3, token: "https://hooks.example/T/secret" },
    },
    {
      key: "ops/pager/1",
      receiver: "ops",
      channel: "pager",
      entry: { send_resolved: true, token: "https://hooks.example/T/secret" },
    },
  ]);
  assert.deepEqual(receivers.get("night"), []);
});

Deno.test("group_by takes any label name, as telemetry has them", () => {
  const { route } = config(
    "route: {receiver: a, group_by: [http.route, 'größe']}\nreceivers: [{name: a}]\n",
  );
  assert.deepEqual(route.group_by, ["http.route", "größe"]);
});

Deno.test("siblings with the same matchers have keys of their own", () => {
  const { route } = config(`
route:
  receiver: ops
  routes: [{ matchers: [a=b], continue: true }, { matchers: [a=b] }]
receivers: [{ name: ops }]
`);
  assert.deepEqual(route.routes.map(({ key }) => key), ['{}/{a="b"}', '{}/{a="b"}#2']);
});

Deno.test("anchors, aliases and merge keys are read", () => {
  const { route } = config(`
route:
  receiver: ops
  routes:
    - &base { matchers: [a=b], group_wait: 1s }
    - <<: *base
      matchers: [a=c]
receivers: [{ name: ops }]
`);
  assert.equal(route.routes[1]!.group_wait_ms, 1_000);
});

const bad: [rule: string, text: string, problems: string[]][] = [
  ["a file without a route", "receivers: []\n", ["line 1: route must be given"]],
  [
    "an empty file",
    "",
    ["line 1: route must be given", "line 1: receivers must be given"],
  ],
  [
    "text that is no YAML",
    "route:\n  receiver: [ops\nreceivers: []\n",
    ["line 3: Flow sequence in block collection must be sufficiently indented and end with a ]"],
  ],
  [
    "a receiver that there is not, at the line that names it",
    "route:\n  receiver: ops\n  routes:\n    - receiver: nobody\nreceivers:\n  - name: ops\n",
    [
      'line 4: route.routes.0.receiver must be the name of a receiver of this file: current value is "nobody"',
    ],
  ],
  [
    "a root without a receiver, with matchers and with continue",
    "route:\n  matchers: [a=b]\n  continue: true\nreceivers: []\n",
    [
      "line 2: route.receiver must name a receiver",
      "line 2: route must match every alert: it is the root",
      'line 3: route.continue must not be set on the root: current value is "true"',
    ],
  ],
  [
    "durations that are none, or zero where time must pass",
    "route:\n  receiver: a\n  group_wait: 0s\n  group_interval: 0s\n  repeat_interval: soon\nreceivers: [{name: a}]\n",
    [
      'line 4: route.group_interval must be longer than zero: current value is "0s"',
      'line 5: route.repeat_interval must be a duration such as 30s, 5m or 4h: current value is "soon"',
    ],
  ],
  [
    "a field with a typing error",
    "route:\n  receiver: a\n  group_wiat: 1s\nreceivers: [{name: a}]\n",
    [
      'line 3: route.group_wiat is not a field that is known here: current value is "1s"',
    ],
  ],
  [
    "group_by that names a label twice, or labels beside '...'",
    "route:\n  receiver: a\n  group_by: [x, x]\n  routes:\n    - group_by: ['...', y]\nreceivers: [{name: a}]\n",
    [
      "line 3: route.group_by must name each label once",
      "line 5: route.routes.0.group_by must not name labels beside '...'",
    ],
  ],
  [
    "two receivers of one name",
    "route:\n  receiver: a\nreceivers:\n  - name: a\n  - name: a\n",
    ['line 5: receivers.1.name must be unique: current value is "a"'],
  ],
  [
    "a channel that there is not: its alerts would reach nobody",
    "route:\n  receiver: a\nreceivers:\n  - name: a\n    pigeon_configs: [{}]\n",
    ["line 5: receivers.0.pigeon_configs is not a channel that is known here (pager_configs)"],
  ],
  [
    "an entry that its channel's schema refuses",
    "route:\n  receiver: a\nreceivers:\n  - name: a\n    pager_configs:\n      - size: big\n",
    ['line 6: receivers.0.pager_configs.0.size must be a number: current value is "big"'],
  ],
  [
    "a secret field, without its value",
    "route:\n  receiver: a\nreceivers:\n  - name: a\n    pager_configs:\n      - token: 12345\n",
    ['line 6: receivers.0.pager_configs.0.token must be a string: current value is "•••"'],
  ],
  [
    "a field that nobody knows, without its value: it may be a secret",
    "route:\n  receiver: a\nreceivers:\n  - name: a\n    pager_configs:\n      - api_key: 12345\n",
    ["line 6: receivers.0.pager_configs.0.api_key is not a field that is known here"],
  ],
  [
    "a URL in the place of a list, without its value",
    "route:\n  receiver: a\nreceivers:\n  - name: a\n    pager_configs: https://x/12345\n",
    ['line 5: receivers.0.pager_configs must be a list: current value is "•••"'],
  ],
  [
    "a password that YAML takes for an alias, at its line and without its value",
    "route:\n  receiver: a\nreceivers:\n  - name: a\n    pager_configs:\n      - token: *12345\n",
    ["line 6: An alias must stand for an anchor before it; quote a text"],
  ],
  [
    "a root that is silent at times, and two time intervals of one name",
    "route:\n  receiver: a\n  mute_time_intervals: [n]\nreceivers: [{name: a}]\ntime_intervals:\n  - name: n\n  - name: n\n",
    [
      "line 3: route.mute_time_intervals must not be set on the root",
      'line 7: time_intervals.1.name must be unique: current value is "n"',
    ],
  ],
  [
    "time intervals that are not defined",
    "route:\n  receiver: a\n  routes:\n    - mute_time_intervals: [nights]\nreceivers: [{name: a}]\n",
    [
      'line 4: route.routes.0.mute_time_intervals.0 must be the name of a time interval of this file: current value is "nights"',
    ],
  ],
];
for (const [rule, text, problems] of bad) {
  Deno.test(`refused, with line and rule: ${rule}`, () => {
    assert.deepEqual(refused(text), problems);
  });
}

Deno.test("a matcher that cannot be read is refused with its line and the reason", () => {
  const [problem, ...more] = refused(
    "route:\n  receiver: a\n  routes:\n    - matchers:\n        - 'severity=~\"(\"'\nreceivers: [{name: a}]\n",
  );
  assert.deepEqual(more, []);
  assert.match(problem!, /^line 5: route\.routes\.0\.matchers\.0 must be a matcher such as/);
});

Deno.test("everything wrong is reported at once, in the order of the lines", () => {
  const lines = refused(
    "route:\n  receiver: nobody\n  group_wait: x\nreceivers:\n  - name: a\n    pager_configs: [{ size: 'x' }]\nnonsense: 1\n",
  ).map((problem) => problem.split(":")[0]);
  assert.deepEqual(lines, ["line 2", "line 3", "line 6", "line 7"]);
});

Deno.test("what is read and not applied is named in the warnings", () => {
  const { warnings } = readAlertingConfig(
    `
global: { resolve_timeout: 5m, opsgenie_api_url: https://x }
route: { receiver: a, routes: [{ matchers: [x=y], mute_time_intervals: [nights] }] }
receivers: [{ name: a, pager_configs: [{ title: hello }] }]
inhibit_rules: [{ source_matchers: [a=b], target_matchers: [c=d], equal: [service] }]
time_intervals: [{ name: nights, time_intervals: [{ times: [{ start_time: '22:00', end_time: '24:00' }] }] }]
templates: ['*.tmpl']
`,
    [pager],
  );
  assert.deepEqual(warnings, [
    "line 5: inhibit_rules is read but not applied yet",
    "line 6: time_intervals is read but not applied yet",
    "line 7: templates is read but not applied yet",
    "line 2: global.opsgenie_api_url is not used",
    "line 4: receivers.0.pager_configs.0.title is not used: this channel writes its messages by itself",
    "line 3: route.routes.0.mute_time_intervals is read but not applied yet",
  ]);
});

Deno.test("an inhibit rule with a bad matcher is refused though it is not applied", () => {
  const problems = refused(
    "route: {receiver: a}\nreceivers: [{name: a}]\ninhibit_rules:\n  - source_matchers: ['=']\n",
  );
  assert.match(problems[0]!, /^line 4: inhibit_rules\.0\.source_matchers\.0 must be a matcher/);
});

Deno.test("an alias bomb is refused", () => {
  const bomb = Array.from(
    { length: 9 },
    (_, i) => `a${i}: &a${i} [${i === 0 ? "x" : Array(9).fill(`*a${i - 1}`).join()}]`,
  ).join("\n");
  assert.equal(refused(bomb).length, 1);
});

Deno.test("the built-in route groups by service and type and reaches every channel", () => {
  const { route, receivers } = builtInConfig([
    { channel: "pager", entry: integration.entry },
    { channel: "slack", entry: integration.entry },
    { channel: "pager", entry: integration.entry },
  ]);
  assert.deepEqual(route.group_by, ["service", "type"]);
  assert.deepEqual(
    [route.group_wait_ms, route.group_interval_ms, route.repeat_interval_ms],
    [5_000, 60_000, 14_400_000],
  );
  assert.deepEqual(
    receivers.get(route.receiver)!.map(({ key }) => key),
    ["default/pager/0", "default/slack/0", "default/pager/1"],
  );
});
