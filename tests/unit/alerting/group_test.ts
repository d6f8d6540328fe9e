import assert from "node:assert/strict";
import fc from "fast-check";
import { type Change, type GroupState, mergeAlerts, nextTick } from "shared/alerting/group.ts";
import { routeAlert } from "shared/alerting/route.ts";
import type { Alert } from "shared/model/alert.ts";
import { alert, config, over, start } from "./samples.ts";

const { route } = config(`
route: { receiver: ops, group_by: [service], group_wait: 10s, group_interval: 1m }
receivers: [{ name: ops }]
`);
const routed = routeAlert(route, alert().labels)[0]!;

function merge(known: GroupState | undefined, alerts: Alert[], at: number) {
  return mergeAlerts(known, routed, alerts.map((alert) => ({ alert })), start + at);
}

const a = alert({ name: "A" });
const later = alert({ name: "A", since: 60_000 });
const rows: [rule: string, arrivals: Alert[], changes: Change[], statuses: string[]][] = [
  ["an alert that fires is added", [a], ["added"], ["firing"]],
  ["the same message again changes nothing", [a, a], ["added", "stale"], ["firing"]],
  [
    "news of the same episode replace what is known",
    [a, { ...a, timestamp: "2026-01-05T09:00:05.000Z", current_value: 7 }],
    ["added", "updated"],
    ["firing"],
  ],
  ["an end resolves", [a, over(a, 5_000)], ["added", "resolved"], ["resolved"]],
  [
    "the end again changes nothing",
    [a, over(a, 5_000), over(a, 5_000)],
    ["added", "resolved", "stale"],
    ["resolved"],
  ],
  [
    "an old message does not open an episode again",
    [a, over(a, 5_000), a],
    ["added", "resolved", "stale"],
    ["resolved"],
  ],
  [
    "not even one with a later time, since an episode ends once",
    [a, over(a, 5_000), { ...a, timestamp: "2026-01-05T09:00:09.000Z" }],
    ["added", "resolved", "stale"],
    ["resolved"],
  ],
  ["an end without a beginning has nobody to tell", [over(a, 5_000)], ["unknown"], []],
  ["an end that comes before its beginning wins", [over(a, 5_000), a], ["unknown", "stale"], []],
  [
    "a later episode replaces the one before",
    [a, over(a, 5_000), later],
    ["added", "resolved", "added"],
    ["firing"],
  ],
  [
    "an earlier episode does not replace a later one",
    [later, a, over(a, 5_000)],
    ["added", "stale", "stale"],
    ["firing"],
  ],
  [
    "the end of a later episode ends the one that is known",
    [a, over(later, 90_000)],
    ["added", "resolved"],
    ["resolved"],
  ],
];
for (const [rule, arrivals, changes, statuses] of rows) {
  Deno.test(rule, () => {
    const merged = merge(undefined, arrivals, 1_000);
    assert.deepEqual(merged.changes, changes);
    assert.deepEqual(Object.values(merged.group.alerts).map(({ status }) => status), statuses);
  });
}

Deno.test("an episode that is over keeps the id under which it was told", () => {
  const { group } = merge(undefined, [a, over(later, 90_000)], 1_000);
  assert.deepEqual(Object.values(group.alerts).map(({ id }) => id), [a.id]);
});

Deno.test("the explanation stays with the alert: groups carry what notifications need", () => {
  const explanation = { reason: "x" } as Alert["explanation"];
  const { group } = merge(undefined, [{ ...a, explanation }], 0);
  assert(!("explanation" in Object.values(group.alerts)[0]!));
});

Deno.test("a batch is the same as its members one after the other", () => {
  const episodes = [a, over(a, 5_000), later, over(later, 90_000), alert({ name: "B" })];
  fc.assert(fc.property(fc.array(fc.constantFrom(...episodes)), (arrivals) => {
    const together = merge(undefined, arrivals, 1_000).group;
    let group: GroupState | undefined;
    for (const one of arrivals) group = merge(group, [one], 1_000).group;
    if (group) assert.deepEqual({ ...together }, { ...group });
  }));
});

Deno.test("whatever was repeated or late, an episode that ended stays ended", () => {
  const stories = [[a, over(a, 5_000)], [later, over(later, 90_000)]];
  fc.assert(fc.property(
    fc.shuffledSubarray([...stories.flat(), ...stories.flat()], { minLength: 8 }),
    (arrivals) => {
      const { group } = merge(undefined, arrivals, 1_000);
      assert(Object.values(group.alerts).every(({ status }) => status === "resolved"));
    },
  ));
});

Deno.test("when a group is due", async (t) => {
  const flushed = (at: number): GroupState => ({
    ...merge(undefined, [a], 0).group,
    flushed_at: start + at,
    due_at: undefined,
  });
  const b = alert({ name: "B", since: 100_000 });
  const due = (group: GroupState) => group.due_at === undefined ? undefined : group.due_at - start;
  const times: [rule: string, group: GroupState, due_at: number | undefined][] = [
    ["a new group waits", merge(undefined, [a], 1_000).group, 11_000],
    [
      "it does not wait longer for more",
      merge(merge(undefined, [a], 1_000).group, [b], 5_000).group,
      11_000,
    ],
    [
      "an alert that is older than the wait is told at once",
      merge(undefined, [a], 10_001).group,
      10_001,
    ],
    [
      "also when it comes to a group that waits",
      merge(merge(undefined, [b], 100_000).group, [a], 101_000).group,
      101_000,
    ],
    [
      "a group that was flushed waits for its next interval",
      merge(flushed(0), [b], 100_000).group,
      120_000,
    ],
    ["which may be now", merge(flushed(0), [b], 120_000).group, 120_000],
    ["but not the moment of the last", merge(flushed(100_000), [b], 100_000).group, 160_000],
    ["news that change nothing make nothing due", merge(flushed(0), [a], 100_000).group, undefined],
    [
      "nor do news of an episode that stays",
      merge(flushed(0), [{ ...a, timestamp: "2026-01-05T09:00:05.000Z" }], 100_000).group,
      undefined,
    ],
    [
      "a group that was empty waits like a new one",
      merge({ ...flushed(0), alerts: {} }, [b], 101_000).group,
      111_000,
    ],
  ];
  for (const [rule, group, due_at] of times) {
    await t.step(rule, () => assert.equal(due(group), due_at));
  }
});

Deno.test("the next interval is a whole number of intervals away, at least one", () => {
  assert.deepEqual([0, 1, 60, 61, 120].map((at) => nextTick(0, 60, at)), [60, 60, 60, 120, 120]);
});
