import assert from "node:assert/strict";
import createRule from "functions/ui-backend/rules/create.ts";
import deleteRule from "functions/ui-backend/rules/delete.ts";
import getRule from "functions/ui-backend/rules/get.ts";
import listRules from "functions/ui-backend/rules/list.ts";
import replaceRule from "functions/ui-backend/rules/replace.ts";
import { HttpProblem } from "functions/define.ts";
import type { Reply } from "shared/define/mod.ts";
import { ruleKind } from "shared/model/kinds.ts";
import type { Rule } from "shared/model/rule.ts";
import { invoke, type TestWorld, testWorld } from "tests/support/invoke.ts";
import { admin, bodyOf, queryOf } from "./samples.ts";

function world(name: string, run: (test: TestWorld) => Promise<void>) {
  Deno.test(name, async () => {
    const test = await testWorld();
    try {
      await run(test);
    } finally {
      await test.close();
    }
  });
}
const hot = { name: "Hot", service_name: "orders", metric_type: "cpu", threshold: 80 };
const add = async (test: TestWorld, body: object) => ((await invoke(
  createRule,
  { body: bodyOf(createRule, body), user: admin },
  test,
)).result as Reply & { data: Rule });
const replace = async (test: TestWorld, id: string, body: object, headers: HeadersInit = {}) => {
  const request = new Request("http://localhost/", { headers });
  const input = { params: { id }, body: bodyOf(replaceRule, body), request };
  return ((await invoke(replaceRule, input, test)).result as Reply & { data: Rule }).data;
};
const list = async (test: TestWorld, query: Record<string, string> = {}) =>
  (await invoke(listRules, { query: queryOf(listRules, query) }, test)).result as Reply & {
    data: Rule[];
  };
const refused = (status: number, code: string, path?: string) => (error: unknown) =>
  error instanceof HttpProblem && error.status === status && error.code === code &&
  (path === undefined || error.details?.[0]?.path === path);

world("rules: what is left out gets defaults, and who made it is kept", async (test) => {
  const { status, data: rule, headers } = await add(test, { ...hot, colour: "red" });
  assert.equal(status, 201);
  assert.equal(headers.location, `/api/rules/${rule.id}`);
  assert.equal(rule.operator, ">");
  assert.equal(rule.cooldown_seconds, 300);
  assert.equal(rule.version, 1);
  assert.equal(rule.created_by, "admin");
  assert.equal("colour" in rule, false);
  const { result } = await invoke(getRule, { params: { id: rule.id } }, test);
  assert.deepEqual((result as Reply).data, rule);
  assert.equal((result as Reply).headers.etag, '"1"');
  assert.equal(headers.etag, '"1"');
});

world("rules: an impossible one is 422 and says where", async (test) => {
  const { threshold: _, ...without } = hot;
  await assert.rejects(add(test, without), refused(422, "impossible_rule", "threshold"));
  assert.equal(await test.store.count(ruleKind), 0);
});

world("rules: a window that cannot be is refused by the schema", async () => {
  assert.throws(() => bodyOf(createRule, { ...hot, window_size: 0 }));
  assert.throws(() => bodyOf(createRule, { ...hot, threshold: Infinity }));
  await Promise.resolve();
});

world("rules: a replacement is whole and counts the version on", async (test) => {
  const { data: rule } = await add(test, { ...hot, severity: "critical" });
  await test.clock.advance(1_000);
  const after = await replace(test, rule.id, { ...hot, threshold: 90 });
  assert.equal(after.threshold, 90);
  assert.equal(after.severity, "warning");
  assert.equal(after.version, 2);
  assert.equal(after.created_at, rule.created_at);
  assert(after.updated_at > rule.updated_at);
});

world("rules: a replacement of another version is 409 and tells the version", async (test) => {
  const { data: rule } = await add(test, hot);
  await replace(test, rule.id, { ...hot, version: 1 });
  await assert.rejects(replace(test, rule.id, { ...hot, version: 1 }), (error) => {
    assert(refused(409, "version_conflict", "version")(error));
    assert.match((error as HttpProblem).details![0]!.message, /2/);
    return true;
  });
  assert.equal((await replace(test, rule.id, { ...hot, version: 2 })).version, 3);
});

world("rules: a replacement or removal of what If-Match does not name is 412", async (test) => {
  const { data: rule } = await add(test, hot);
  const outdated = { "if-match": '"0", "7"' };
  await assert.rejects(
    replace(test, rule.id, hot, outdated),
    refused(412, "version_mismatch"),
  );
  const request = new Request("http://localhost/", { headers: outdated });
  await assert.rejects(
    invoke(deleteRule, { params: { id: rule.id }, request }, test),
    refused(412, "version_mismatch"),
  );
  assert.equal((await replace(test, rule.id, hot, { "if-match": '"0", "1"' })).version, 2);
  assert.equal((await replace(test, rule.id, hot, { "if-match": "*" })).version, 3);
});

world("rules: a removal of another version is 409", async (test) => {
  const { data: rule } = await add(test, hot);
  await replace(test, rule.id, hot);
  const remove = (version: string) => {
    const query = queryOf(deleteRule, { version });
    return invoke(deleteRule, { params: { id: rule.id }, query }, test);
  };
  await assert.rejects(remove("1"), refused(409, "version_conflict", "version"));
  await remove("2");
  assert.equal(await test.store.count(ruleKind), 0);
});

world("rules: of replacements at once with one version, one is made", async (test) => {
  const { data: rule } = await add(test, hot);
  const outcomes = await Promise.allSettled(
    [81, 82, 83].map((threshold) => replace(test, rule.id, { ...hot, threshold, version: 1 })),
  );
  assert.equal(outcomes.filter((one) => one.status === "fulfilled").length, 1);
  assert.equal((await test.store.get(ruleKind, rule.id))!.value.version, 2);
});

world("rules: one that is removed is gone", async (test) => {
  const { data: rule } = await add(test, hot);
  const { result } = await invoke(deleteRule, { params: { id: rule.id } }, test);
  assert.deepEqual(result, { id: rule.id });
  for (const fn of [getRule, deleteRule]) {
    await assert.rejects(invoke(fn, { params: { id: rule.id } }, test), refused(404, "not_found"));
  }
  await assert.rejects(replace(test, rule.id, hot), refused(404, "not_found"));
});

const filters: [rule: string, query: Record<string, string>, names: string[]][] = [
  ["oldest first", {}, ["Hot", "Odd", "Slow"]],
  ["by service", { service: "orders" }, ["Hot"]],
  ["by type", { type: "zscore" }, ["Odd"]],
  ["by whether they are on", { enabled: "false" }, ["Slow"]],
  ["by a word", { q: "sLO" }, ["Slow"]],
  ["by name, last first", { sort: "-name" }, ["Slow", "Odd", "Hot"]],
  ["a page", { page: "2", limit: "2" }, ["Slow"]],
];
Deno.test("rules: list", async (t) => {
  const test = await testWorld();
  await add(test, hot);
  await test.clock.advance(1);
  await add(test, { name: "Odd", type: "zscore", metric_type: "*" });
  await test.clock.advance(1);
  await add(test, { ...hot, name: "Slow", service_name: "*", enabled: false });
  for (const [rule, query, names] of filters) {
    await t.step(rule, async () => {
      assert.deepEqual((await list(test, query)).data.map((one) => one.name), names);
    });
  }
  await test.close();
});
