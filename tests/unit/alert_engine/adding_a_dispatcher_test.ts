import assert from "node:assert/strict";
import { cpSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { web } from "./samples.ts";

const root = fileURLToPath(new URL("../../../", import.meta.url));

/** What a reader would have in front of them: text, and blocks of code after it. */
function blocks(page: string): { before: string; language: string; code: string }[] {
  return [...page.matchAll(/([^`]*(?:`[^`\n]+`[^`]*)*)```(\w+)\n(.*?)```/gs)].map((match) => ({
    before: match[1]!,
    language: match[2]!,
    code: match[3]!,
  }));
}

/** The path that an instruction such as "Create `a/b.ts`:" names last. */
function named(before: string, verb: string): string | undefined {
  return [...before.matchAll(new RegExp(`${verb}[^\`]*\`([^\`]+\\.ts)\``, "g"))].at(-1)?.[1];
}

Deno.test("who follows docs/ADDING_A_DISPATCHER.md to the letter has a dispatcher that works", async (t) => {
  const copy = await Deno.makeTempDir({ prefix: "eventflow-" });
  for (
    const part of [
      "deno.json",
      "deno.lock",
      "import_map.json",
      "infra/lint.ts",
      "functions",
      "shared",
      "tests/unit/alerting/samples.ts",
      "tests/unit/alert_engine/samples.ts",
    ]
  ) {
    mkdirSync(dirname(join(copy, part)), { recursive: true });
    cpSync(join(root, part), join(copy, part), { recursive: true });
  }

  let yaml = "";
  const done: string[] = [];
  for (
    const { before, language, code } of blocks(
      await Deno.readTextFile(join(root, "docs/ADDING_A_DISPATCHER.md")),
    )
  ) {
    const created = named(before, "Create");
    const added = named(before, "Add it to");
    if (language === "yaml") yaml = code;
    else if (added) await Deno.writeTextFile(join(copy, added), code, { append: true });
    else if (created) await Deno.writeTextFile(join(copy, created), code, { createNew: true });
    done.push(language === "yaml" ? "yaml" : added ? `added to ${added}` : `created ${created}`);
    if (added) assert.equal(code.trim().split("\n").length, 1, "more than one line is to be added");
  }
  assert.deepEqual(done, [
    "created functions/alert-engine/dispatchers/ntfy.ts",
    "added to functions/alert-engine/dispatchers/mod.ts",
    "yaml",
    "created tests/unit/alert_engine/ntfy_test.ts",
  ]);

  const deno = async (...args: string[]) => {
    const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args,
      cwd: copy,
      env: { NO_COLOR: "1" },
    }).output();
    const text = new TextDecoder();
    assert(success, text.decode(stdout) + text.decode(stderr));
  };

  await t.step(
    "its test passes",
    () => deno("test", "--cached-only", "--allow-all", "tests/unit/alert_engine/ntfy_test.ts"),
  );

  await t.step("its files are as the house writes them", async () => {
    const files = ["functions/alert-engine/dispatchers", "tests/unit/alert_engine/ntfy_test.ts"];
    await deno("fmt", "--check", ...files);
    await deno("lint", ...files);
  });

  await t.step("its configuration delivers an alert", async () => {
    const server = web();
    await Deno.writeTextFile(
      join(copy, "alerting.yml"),
      yaml.replace("https://ntfy.example.org", server.url),
    );
    await Deno.writeTextFile(
      join(copy, "try.ts"),
      `import { alerting } from "functions/alert-engine/alerting.ts";
import { readConfig } from "functions/config.ts";
import type { Env } from "functions/define.ts";
import { notification } from "tests/unit/alerting/samples.ts";
import { attempt } from "tests/unit/alert_engine/samples.ts";

const config = readConfig({ ALERTING_CONFIG: "alerting.yml" });
const { dispatcher } = alerting({ config, fetch, process: {} } as Env).integration("phones/ntfy/0")!;
await dispatcher.healthCheck({ signal: new AbortController().signal });
await dispatcher.dispatch(notification(), attempt());
`,
    );
    await deno("run", "--cached-only", "--check", "--allow-all", "try.ts");
    assert.equal(JSON.parse(server.got.at(-1)!.body).topic, "on-call");
    await server.close();
  });

  await Deno.remove(copy, { recursive: true });
});
