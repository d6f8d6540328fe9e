import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { follow, stepsOf } from "tests/support/guide.ts";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const doc = readFileSync(join(root, "docs/ADDING_A_SERVICE.md"), "utf8");

/** Runs in the copy: what a fresh start would, but for the waiting. */
const probe = `
import { readConfig } from "functions/config.ts";
import { services } from "functions/mod.ts";
import { looseEnds } from "shared/runner/check.ts";
import { ServiceLog } from "shared/model/log.ts";
import { ServiceMetric } from "shared/model/metric.ts";
import { invoke, testWorld } from "tests/support/invoke.ts";

const all = services(readConfig(JSON.parse(Deno.args[0])));
const { port, functions } = all.find((service) => service.name === "inventory");
const world = await testWorld();
const counts = {};
for (const fn of functions) {
  for (const { topic, value } of (await invoke(fn, { at: 0 }, world)).emitted) {
    (topic === "service-metrics" ? ServiceMetric : ServiceLog).parse(value);
    if (value.service_name === "inventory") counts[topic] = (counts[topic] ?? 0) + 1;
  }
}
await world.close();
console.log(JSON.stringify({ port, counts, loose: looseEnds(all) }));
`;

Deno.test("a fifth service, added as docs/ADDING_A_SERVICE.md says, reports valid telemetry", async (t) => {
  const copy = mkdtempSync(join(tmpdir(), "eventflow-adding-"));
  const deno = async (...args: string[]) =>
    (await promisify(execFile)(process.execPath, args, { cwd: copy })).stdout;
  const probed = async (environment: Record<string, string>) =>
    JSON.parse(
      await deno("run", "--no-check", "--allow-all", "probe.ts", JSON.stringify(environment)),
    );
  try {
    for (
      const path of [
        "deno.json",
        "import_map.json",
        "deno.lock",
        "functions",
        "shared",
        "tests/support",
      ]
    ) {
      cpSync(join(root, path), join(copy, path), { recursive: true });
    }
    writeFileSync(join(copy, "probe.ts"), probe);

    const steps = stepsOf(doc);
    assert.deepEqual(steps.map(({ file, language }) => `${language} ${file}`), [
      "ts functions/inventory/profile.ts",
      "diff functions/mod.ts",
      "diff functions/mod.ts",
      "diff functions/config.ts",
      "diff functions/mod.ts",
    ]);
    steps.slice(0, 3).forEach((step) => follow(step, copy));
    await t.step("the profile type-checks and is formatted", async () => {
      await deno("check", "functions/inventory/profile.ts");
      await deno("fmt", "--check", "functions/inventory/profile.ts", "functions/mod.ts");
    });
    const reported = { "service-metrics": 11, "service-logs": 4 };
    await t.step("one file and one line: it runs on its port and reports", async () => {
      assert.deepEqual(await probed({}), { port: 8009, counts: reported, loose: [] });
    });

    steps.slice(3).forEach((step) => follow(step, copy));
    await t.step("with the variable, the environment chooses its port", async () => {
      assert.equal((await probed({ INVENTORY_PORT: "9009" })).port, 9009);
      assert.equal((await probed({})).port, 8009);
    });
  } finally {
    rmSync(copy, { recursive: true });
  }
});
