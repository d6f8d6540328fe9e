import assert from "node:assert/strict";
import { attempt, command } from "tests/support/command.ts";

const script = new URL("../../../infra/release.ts", import.meta.url).pathname;

/** A repository whose `ok` and `build` are as told. */
async function repository(ok = "true"): Promise<string> {
  const cwd = await Deno.makeTempDir({ prefix: "eventflow-release-" });
  const build = "mkdir dist && echo binary > dist/eventflow";
  await Deno.writeTextFile(`${cwd}/deno.json`, JSON.stringify({ tasks: { ok, build } }));
  await Deno.writeTextFile(`${cwd}/.gitignore`, "dist/\n");
  await command("git", ["init", "--quiet"], { cwd });
  for (const [name, value] of [["user.name", "Test"], ["user.email", "test@example.org"]]) {
    await command("git", ["config", name!, value!], { cwd });
  }
  await command("git", ["config", "commit.gpgsign", "false"], { cwd });
  await command("git", ["config", "core.hooksPath", "/dev/null"], { cwd });
  await commit(cwd, "first: begins");
  return cwd;
}

async function commit(cwd: string, message: string): Promise<void> {
  await command("git", ["add", "--all"], { cwd });
  await command("git", ["commit", "--quiet", "--allow-empty", "-m", message], { cwd });
}

function release(cwd: string, ...args: string[]) {
  return attempt(Deno.execPath(), ["run", "--allow-all", script, ...args], { cwd });
}

Deno.test("a release is refused", async (t) => {
  const refused: [string, RegExp, (cwd: string) => Promise<string[]>, string?][] = [
    ["without a version", /must be like 1\.2\.3/, () => Promise.resolve([])],
    ["with a version that is none", /must be like 1\.2\.3/, () => Promise.resolve(["next"])],
    ["when its tag exists", /there is a tag "v1\.0\.0"/, async (cwd) => {
      await command("git", ["tag", "v1.0.0"], { cwd });
      return ["1.0.0"];
    }],
    ["with changes that are not committed", /must be committed first:\n.*new\.ts/, async (cwd) => {
      await Deno.writeTextFile(`${cwd}/new.ts`, "");
      return ["1.0.0"];
    }],
    [
      "when something is not ok",
      /deno task ok must succeed/,
      () => Promise.resolve(["1.0.0"]),
      "false",
    ],
  ];
  for (const [name, reason, prepare, ok] of refused) {
    await t.step(name, async () => {
      const cwd = await repository(ok);
      const { code, stderr } = await release(cwd, ...await prepare(cwd));
      assert.equal(code, 1);
      assert.match(stderr, reason);
      assert.equal((await command("git", ["log", "--format=%s"], { cwd })).trim(), "first: begins");
      await Deno.remove(cwd, { recursive: true });
    });
  }
});

Deno.test("a release has sums, its changes, a commit and a tag", async () => {
  const cwd = await repository();
  assert.equal((await release(cwd, "1.0.0")).code, 0);
  await commit(cwd, "second: goes on");
  await Deno.remove(`${cwd}/dist`, { recursive: true });
  const { code, stderr } = await release(cwd, "1.1.0");
  assert.equal(code, 0, stderr);

  const changes = (await Deno.readTextFile(`${cwd}/CHANGELOG.md`)).replaceAll(
    /\d{4}-\d\d-\d\d/g,
    "day",
  );
  assert.equal(
    changes,
    "# Changes\n\n## 1.1.0 (day)\n\n- second: goes on\n\n## 1.0.0 (day)\n\n- first: begins\n",
  );
  assert.match(await Deno.readTextFile(`${cwd}/dist/SHA256SUMS`), /^[0-9a-f]{64} {2}eventflow\n$/);
  assert.equal((await command("git", ["describe"], { cwd })).trim(), "v1.1.0");
  assert.equal(await command("git", ["status", "--porcelain"], { cwd }), "");
  await Deno.remove(cwd, { recursive: true });
});
