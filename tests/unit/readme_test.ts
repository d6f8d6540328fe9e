/** What the README and the other documents say is what is there. @module */
import assert from "node:assert/strict";
import { existsSync, globSync, readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { parseEnv } from "node:util";
import { readConfig, Variables } from "functions/config.ts";
import { withTables } from "../../infra/readme.ts";

const root = new URL("../../", import.meta.url).pathname;
const read = (path: string) => readFileSync(join(root, path), "utf8");
const readme = read("README.md");
const documents = ["README.md", ...readdirSync(join(root, "docs")).map((name) => `docs/${name}`)];

Deno.test("the tables of the README are those of the code (deno task readme)", () => {
  const plain = (text: string) => text.replace(/[ -]+/g, " ");
  assert.equal(plain(readme), plain(withTables(readme)));
});

Deno.test("the function that the README shows is one that there is", () => {
  const [shown] = readme.match(/^export default defineFunction\([^]*?^\}\);$/m)!;
  assert(read("functions/ui-backend/alerts/record_dead_letters.ts").includes(shown));
});

Deno.test("every deno task that a document names exists", () => {
  const { tasks } = JSON.parse(read("deno.json"));
  for (const path of documents) {
    for (const [, name] of read(path).matchAll(/deno task (?:--\S+ )?([\w:-]+)/g)) {
      assert(name! in tasks, `${path}: deno task ${name}`);
    }
  }
});

Deno.test("every file that a document links to exists", () => {
  for (const path of documents) {
    for (const [, link] of read(path).matchAll(/\]\((?!http|#)([^)#]+)/g)) {
      assert(existsSync(join(root, dirname(path), link!)), `${path}: ${link}`);
    }
  }
});

Deno.test("every file that a document names exists, but for those that a guide or a build makes", () => {
  const built = read(".gitignore").split("\n");
  for (const path of documents.filter((path) => !path.startsWith("docs/ADDING_"))) {
    for (const [, name] of read(path).matchAll(/`((?:[\w-]+\/)+[\w.-]*)`/g)) {
      if (built.includes(`${name!.split("/")[0]}/`)) continue;
      const imported = name === "fresh/runtime";
      const inDashboard = join(root, "fresh-dashboard", name!);
      assert(
        imported || existsSync(join(root, name!)) || existsSync(inDashboard),
        `${path}: ${name}`,
      );
    }
  }
});

Deno.test("the tree of the README has every folder, and only what is there", () => {
  const tree = readme.match(/## The tree\n\n```\n([^]*?)```/)![1]!;
  const named = new Set<string>();
  let top = "";
  for (const line of tree.split("\n")) {
    const [first] = line.match(/^[\w-]+\//) ?? [];
    if (first) named.add(top = first);
    for (const [, name] of line.matchAll(/(?<![\w/-])([\w-]+(?:\/|\.ts))(?![\w])/g)) {
      if (name !== top) named.add(top + name);
    }
  }
  const folders = (under: string) =>
    readdirSync(join(root, under), { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && /^[a-z]/.test(entry.name))
      .map((entry) => `${under}${entry.name}/`);
  const parts = ["functions/", "shared/", "fresh-dashboard/", "infra/", "docs/", "tests/"];
  for (const folder of [...parts, ...["functions/", "shared/", "tests/"].flatMap(folders)]) {
    assert(named.has(folder), `the tree lacks ${folder}`);
  }
  for (const path of named) {
    assert(
      existsSync(join(root, path)) ||
        globSync(join(root, dirname(path), "*", basename(path))).length,
      `the tree names ${path}`,
    );
  }
});

Deno.test("every .env.example shows variables that there are, and their defaults", () => {
  const files = globSync(join(root, "functions/*/.env.example"));
  assert.equal(files.length, 9);
  for (const file of files) {
    const text = readFileSync(file, "utf8");
    const shown = parseEnv(text);
    for (const name of text.matchAll(/^# ?((?!OTEL_)[A-Z_]+)=/gm).map(([, name]) => name!)) {
      assert(name in Variables.shape, `${file}: ${name}`);
    }
    for (const name of Object.keys(shown)) assert(name in Variables.shape, `${file}: ${name}`);
    assert.deepEqual(readConfig(shown), readConfig({}), file);
  }
});
