/** What the page of an alert draws and says: limits, attempts, windows, and the way to its log. @module */
import assert from "node:assert/strict";
import { expected } from "fresh-dashboard/components/Explanation.tsx";
import { isFollowed } from "fresh-dashboard/lib/alerts.ts";
import type { AlertDetail } from "fresh-dashboard/lib/api.ts";
import { filterOf, searchOf, traceHref } from "fresh-dashboard/lib/lines.ts";
import { exact } from "fresh-dashboard/lib/time.ts";

const limits: [rule: string, alert: object, limits: number[]][] = [
  ["a threshold is a line", { aggregation: "avg" }, [80]],
  ["a count of samples is no value among them", { aggregation: "count" }, []],
  ["nor is their rate", { aggregation: "rate" }, []],
  ["a score is a band around its baseline", { baseline: 100, spread: 0.5 }, [60, 140]],
];
for (const [rule, explanation, wanted] of limits) {
  Deno.test(`limits: ${rule}`, () => {
    const alert = { type: "threshold_violation", threshold: 80, explanation } as AlertDetail;
    assert.deepEqual(expected(alert).limits, wanted);
  });
}

Deno.test("attempts: one that failed is followed by a later one of the same notification", () => {
  const attempt = (attempt: number, outcome: "retry" | "delivered", notification_id = "n") => ({
    attempt,
    outcome,
    notification_id,
    integration: "team/webhook/0",
  });
  const first = attempt(1, "retry");
  assert.equal(isFollowed(first, [first]), false);
  assert.equal(isFollowed(first, [first, attempt(2, "delivered", "other")]), false);
  assert.equal(isFollowed(first, [first, attempt(2, "delivered")]), true);
  assert.equal(isFollowed(attempt(1, "delivered"), [attempt(2, "retry")]), false);
});

Deno.test("a window is told to the second", () => {
  assert.deepEqual([30, 60, 150, 295, 300].map(exact), ["30s", "1m", "2m 30s", "4m 55s", "5m"]);
});

Deno.test("the filter of a log is in its address, and comes from it", () => {
  const filter = { level: "error", q: "time out", trace: "abc" } as const;
  const search = searchOf("1h", filter);
  assert.equal(search, "?range=1h&level=error&q=time+out&trace=abc");
  assert.deepEqual(filterOf(new URLSearchParams(search)), filter);
  assert.equal(searchOf("15m", { level: "all", q: " ", trace: "" }), "?range=15m");
});

Deno.test("a filter that nobody knows is none", () => {
  const filter = filterOf(new URLSearchParams("level=constructor"));
  assert.deepEqual(filter, { level: "all", q: "", trace: "" });
});

Deno.test("a trace leads to the log of its service", () => {
  assert.equal(traceHref("a/b", "t&1"), "/services/a%2Fb?range=24h&trace=t%261#logs");
});
