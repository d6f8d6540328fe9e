/** `docs/ADDING_A_DETECTOR.md`, followed to the letter. @module */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { follow, stepsOf } from "tests/support/guide.ts";

const root = fileURLToPath(new URL("../../..", import.meta.url));

Deno.test("a detector is one file and one line, and its type of rule a few words", async (t) => {
  const copy = mkdtempSync(join(tmpdir(), "eventflow-detector-"));
  const deno = (...args: string[]) => promisify(execFile)(process.execPath, args, { cwd: copy });
  try {
    for (
      const path of [
        "deno.json",
        "deno.lock",
        "import_map.json",
        "infra/lint.ts",
        "fresh-dashboard",
        "functions",
        "shared",
        "tests/unit/detection",
      ]
    ) {
      cpSync(join(root, path), join(copy, path), {
        recursive: true,
        filter: (from) => !/[/\\]_fresh/.test(from),
      });
    }
    const steps = stepsOf(readFileSync(join(root, "docs/ADDING_A_DETECTOR.md"), "utf8"));
    for (const step of steps) follow(step, copy);
    const files = [...new Set(steps.map(({ file }) => file))];
    assert.deepEqual(files, [
      "shared/detection/detectors/surge.ts",
      "shared/detection/detectors/mod.ts",
      "shared/model/rule.ts",
      "shared/model/alert.ts",
      "fresh-dashboard/text.ts",
      "tests/unit/detection/surge_test.ts",
    ]);
    await t.step("its test passes", async () => {
      await deno("test", "--cached-only", "--allow-all", "tests/unit/detection/surge_test.ts");
    });
    await t.step("its files are as the house writes them", async () => {
      await deno("fmt", "--check", ...files);
      await deno("lint", ...files);
    });
    await t.step("what needs a default or a word of every type compiles", async () => {
      await deno("check", "fresh-dashboard/components/ServiceRules.tsx", "shared/model");
    });
  } finally {
    rmSync(copy, { recursive: true });
  }
});
