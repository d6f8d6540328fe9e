/** The examples of docstrings that assert something are run. @module */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { globSync, readFileSync } from "node:fs";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const root = fileURLToPath(new URL("../..", import.meta.url));

Deno.test("every example that asserts holds", async () => {
  const files = globSync("{functions,shared}/**/*.ts", { cwd: root })
    .filter((file) => /^ \* assert\b/m.test(readFileSync(root + file, "utf8")));
  assert(files.includes("shared/time/duration.ts"));
  await promisify(execFile)(
    process.execPath,
    ["test", "--doc", "--cached-only", "--allow-read", "--allow-env", ...files],
    { cwd: root },
  );
});
