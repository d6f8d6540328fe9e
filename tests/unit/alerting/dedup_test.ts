import assert from "node:assert/strict";
import { needsNotification, type Question } from "shared/alerting/dedup.ts";

const told = (firing: string[], at = 0) => ({ at, sequence: 1, firing, fingerprints: firing });

const rows: [rule: string, question: Partial<Question>, answer: string][] = [
  ["an alert that fires for one who was never told", { firing: ["a"] }, "first notification"],
  ["nothing fires and nothing was told", {}, "- nothing fires that it should know"],
  [
    "after all were resolved it begins anew",
    { last: told([]), firing: ["a"] },
    "first notification",
  ],
  [
    "one more alert fires",
    { last: told(["a"]), firing: ["a", "b"] },
    "new alerts added",
  ],
  [
    "another alert fires instead of the one that was told",
    { last: told(["a"]), firing: ["b"], resolved: ["a"] },
    "new alerts added",
  ],
  ["the same alerts fire", { last: told(["a", "b"]), firing: ["a", "b"] }, "- it knows already"],
  ["fewer alerts fire and none was resolved", {
    last: told(["a", "b"]),
    firing: ["a"],
  }, "- it knows already"],
  [
    "some are resolved",
    { last: told(["a", "b"]), firing: ["a"], resolved: ["b"] },
    "some alerts resolved",
  ],
  [
    "some are resolved, for one who does not want to know",
    { last: told(["a", "b"]), firing: ["a"], resolved: ["b"], send_resolved: false },
    "- it knows already",
  ],
  ["all are resolved", { last: told(["a"]), resolved: ["a"] }, "all alerts resolved"],
  [
    "all are resolved, for one who does not want to know",
    { last: told(["a"]), resolved: ["a"], send_resolved: false },
    "- it wants no resolved alerts",
  ],
  [
    "the repeat interval has not passed",
    { last: told(["a"]), firing: ["a"], now: 999 },
    "- it knows already",
  ],
  [
    "the repeat interval has passed",
    { last: told(["a"]), firing: ["a"], now: 1_000 },
    "repeat interval elapsed",
  ],
  [
    "the repeat interval has passed for one who wants no resolved alerts",
    {
      last: told(["a", "b"]),
      firing: ["a"],
      resolved: ["b"],
      send_resolved: false,
      now: 1_000,
    },
    "repeat interval elapsed",
  ],
  [
    "nothing fires any more: that is never repeated",
    { last: told([]), now: 5_000 },
    "- nothing fires that it should know",
  ],
];
for (const [rule, question, answer] of rows) {
  Deno.test(`${rule}: ${answer}`, () => {
    const verdict = needsNotification({
      last: undefined,
      firing: [],
      resolved: [],
      send_resolved: true,
      repeat_interval_ms: 1_000,
      now: 10,
      ...question,
    });
    assert.equal(`${verdict.notify ? "" : "- "}${verdict.reason}`, answer);
  });
}
