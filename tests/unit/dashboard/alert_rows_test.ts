/** Which alerts belong to a list, and what a row of it says. @module */
import assert from "node:assert/strict";
import { type AlertQuery, belongs, readQuery, rowOf } from "fresh-dashboard/lib/alerts.ts";
import { isAnyOf, oneValue, valueOf } from "fresh-dashboard/lib/filters.ts";
import { makeAlert } from "tests/support/alerts_backend.ts";

const cases: { rule: string; query: Partial<AlertQuery>; belongs: boolean }[] = [
  { rule: "no filter lets all pass", query: {}, belongs: true },
  { rule: "one of several services passes", query: { service: "other,a\\,b" }, belongs: true },
  { rule: "a name with a comma is one name", query: { service: oneValue("a,b") }, belongs: true },
  { rule: "a part of such a name is another one", query: { service: "a" }, belongs: false },
  { rule: "severities are a list too", query: { severity: "info,critical" }, belongs: true },
  { rule: "a word is looked for in labels", query: { q: "DISK-7" }, belongs: true },
];
for (const { rule, query, belongs: expected } of cases) {
  Deno.test(`alerts of a list: ${rule}`, () => {
    const alert = makeAlert(0, { service_name: "a,b", labels: { part: "disk-7" } });
    assert.equal(belongs(alert, { ...readQuery(new URLSearchParams()), ...query }), expected);
  });
}

Deno.test("a filter of one value says it as it is, and lets only it pass", () => {
  for (const name of ["a,b", "a", "a\\b", '"a", b']) {
    assert.equal(valueOf(oneValue(name)), name);
    assert(isAnyOf(oneValue(name), name) && !isAnyOf(oneValue(name), `${name}x`));
  }
});

Deno.test("a row says the labels that tell its alert from others, and no others", () => {
  const labels = { alertname: "Disk full", severity: "critical", metric: "disk", part: "disk-7" };
  assert.equal(rowOf(makeAlert(0, { labels })).labels, "part=disk-7");
  assert(!("labels" in rowOf(makeAlert(0, { labels: { alertname: "Disk full" } }))));
});
