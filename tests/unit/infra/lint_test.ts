/** The house rules find what they are for. @module */
import assert from "node:assert/strict";
import plugin from "../../../infra/lint.ts";

const root = new URL("../../../", import.meta.url).pathname;

const cases: [rule: string, file: string, source: string, found: string[]][] = [
  [
    "a core reads no store",
    "shared/detection/x.ts",
    `import { a } from "shared/store/port.ts";`,
    ["house/layers"],
  ],
  [
    "a core may read the model",
    "shared/detection/x.ts",
    `import { a } from "shared/model/alert.ts";`,
    [],
  ],
  [
    "a relative path leads to the same place",
    "shared/alerting/x.ts",
    `import { a } from "../broker/embedded.ts";`,
    ["house/layers"],
  ],
  [
    "a function opens no adapter",
    "functions/analyzer/x.ts",
    `import { a } from "shared/store/embedded.ts";`,
    ["house/layers"],
  ],
  [
    "a function may build changes for the store",
    "functions/analyzer/x.ts",
    `import { put } from "shared/store/port.ts";`,
    [],
  ],
  [
    "services do not import each other",
    "functions/analyzer/x.ts",
    `import { a } from "functions/ui-backend/records.ts";`,
    ["house/layers"],
  ],
  [
    "the dashboard stands on the API",
    "fresh-dashboard/x.ts",
    `import { a } from "functions/config.ts";`,
    ["house/layers"],
  ],
  ["a package has one door", "functions/ingest/x.ts", `import * as a from "jose";`, [
    "house/doors",
  ]],
  [
    "a part of a package is the package",
    "functions/ingest/x.ts",
    `import * as a from "kafkajs/src/cluster/index.js";`,
    ["house/doors"],
  ],
  [
    "nobody reads the machine's clock",
    "functions/analyzer/x.ts",
    `const t = Date.now(); const d = new Date(); setTimeout(() => {}, 1);`,
    ["house/time-and-chance", "house/time-and-chance", "house/time-and-chance"],
  ],
  ["a given time is a time", "functions/analyzer/x.ts", `const d = new Date(5);`, []],
  ["the clock may", "shared/time/clock.ts", `const t = Date.now();`, []],
];

for (const [rule, file, source, found] of cases) {
  Deno.test(`house rule: ${rule}`, () => {
    const diagnostics = Deno.lint.runPlugin(plugin, root + file, source);
    assert.deepEqual(diagnostics.map(({ id }) => id), found);
  });
}
