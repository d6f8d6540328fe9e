/** What the README says is what the code says. @module */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { withTables } from "../../infra/readme.ts";

const root = new URL("../../", import.meta.url).pathname;
const readme = readFileSync(join(root, "README.md"), "utf8");

Deno.test("the tables of the README are those of the code (deno task readme)", () => {
  const plain = (text: string) => text.replace(/[ -]+/g, " ");
  assert.equal(plain(readme), plain(withTables(readme)));
});

Deno.test("every deno task that a document names exists", () => {
  const { tasks } = JSON.parse(readFileSync(join(root, "deno.json"), "utf8"));
  for (const [, name] of readme.matchAll(/deno task ([\w:-]+)/g)) {
    assert(name! in tasks, `deno task ${name}`);
  }
});

Deno.test("every file that the README links to exists", () => {
  for (const [, link] of readme.matchAll(/\]\((?!http|#)([^)#]+)/g)) {
    assert(existsSync(join(root, dirname("README.md"), link!)), link);
  }
});
