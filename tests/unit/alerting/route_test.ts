import assert from "node:assert/strict";
import { routeAlert } from "shared/alerting/route.ts";
import { config } from "./samples.ts";

const { route } = config(`
route:
  receiver: default
  group_by: [service]
  routes:
    - matchers: [team="db"]
      receiver: db
      routes:
        - matchers: [severity="critical"]
          receiver: db-night
    - matchers: [severity=~"critical|warning"]
      receiver: audit
      group_by: []
      continue: true
    - matchers: [team="web"]
      receiver: web
      group_by: ['...']
receivers: [{name: default}, {name: db}, {name: db-night}, {name: audit}, {name: web}]
`);

const rows: [rule: string, labels: Record<string, string>, taken: [string, string][]][] = [
  [
    "an alert that no child matches is the root's",
    { service: "a", severity: "info" },
    [["default", '{}:{service="a"}']],
  ],
  [
    "the deepest route that matches takes it",
    { team: "db", severity: "critical", service: "a" },
    [["db-night", '{}/{team="db"}/{severity="critical"}:{service="a"}']],
  ],
  [
    "a route whose children do not match takes it itself, and hides its later siblings",
    { team: "db", severity: "warning", service: "a" },
    [["db", '{}/{team="db"}:{service="a"}']],
  ],
  [
    "with continue later siblings are asked, too",
    { team: "web", severity: "warning" },
    [
      ["audit", '{}/{severity=~"critical|warning"}:{}'],
      ["web", '{}/{team="web"}:{severity="warning", team="web"}'],
    ],
  ],
  [
    "without a later match the route with continue is the only one",
    { severity: "critical", service: "a" },
    [["audit", '{}/{severity=~"critical|warning"}:{}']],
  ],
  [
    "a label that an alert lacks is not in its group's key",
    { severity: "info" },
    [["default", "{}:{}"]],
  ],
  [
    "an empty label is a missing one",
    { severity: "info", service: "" },
    [["default", "{}:{}"]],
  ],
  [
    "an empty label is a missing one where all labels group, too",
    { team: "web", service: "" },
    [["web", '{}/{team="web"}:{team="web"}']],
  ],
];
for (const [rule, labels, taken] of rows) {
  Deno.test(rule, () => {
    assert.deepEqual(
      routeAlert(route, labels).map(({ route, key }) => [route.receiver, key]),
      taken,
    );
  });
}
