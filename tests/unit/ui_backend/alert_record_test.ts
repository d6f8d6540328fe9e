import assert from "node:assert/strict";
import fc from "fast-check";
import {
  acknowledged,
  recorded,
  summary,
  timelineAfter,
} from "functions/ui-backend/alerts/alert_record.ts";
import type { Alert } from "shared/model/alert.ts";
import { alertAt, explanation, operator, resolvedAt, start } from "./samples.ts";

const firing = alertAt(0, { explanation });
const update: Alert = { ...firing, timestamp: alertAt(5_000).timestamp, current_value: 95 };
const over = resolvedAt(60_000, alertAt(0));
const taken = acknowledged(firing, operator, start + 1_000);

const rules: [rule: string, stored: Alert | undefined, message: Alert, want: Partial<Alert>][] = [
  ["a new alert is kept as it is", undefined, firing, firing],
  ["a later message updates it", firing, update, { status: "firing", current_value: 95 }],
  ["an earlier message does not", update, firing, { current_value: 95 }],
  ["a resolved message ends it", firing, over, { status: "resolved" }],
  ["a resolved message ends it though its time is earlier", update, resolvedAt(1, firing), {
    status: "resolved",
  }],
  ["an episode that is over never fires again", over, update, { status: "resolved" }],
  ["the end keeps why it fired", firing, over, { explanation }],
  ["the end keeps who acknowledged it", taken, over, {
    acknowledged: true,
    acknowledged_by: "olga",
    acknowledged_at: taken.acknowledged_at!,
  }],
  ["a first message that is an end is kept", undefined, over, { status: "resolved" }],
  ["an end without a time of its own ends when it was told", firing, {
    ...over,
    ends_at: undefined,
    resolved_at: undefined,
  }, { resolved_at: over.timestamp, ends_at: over.timestamp }],
];
for (const [rule, stored, message, want] of rules) {
  Deno.test(`recorded: ${rule}`, () => {
    const after = recorded(stored, message);
    for (const [name, value] of Object.entries(want)) {
      assert.deepEqual(after[name as keyof Alert], value, name);
    }
  });
}

Deno.test("recorded: a message that says nothing new leaves the very same record", () => {
  assert.equal(recorded(update, update), update);
  assert.equal(recorded(update, firing), update);
  const ended = recorded(firing, over);
  assert.equal(recorded(ended, over), ended);
});

Deno.test("recorded: messages may come twice and in any order", () => {
  const messages = [alertAt(0), update, { ...update, timestamp: alertAt(9_000).timestamp }, over];
  fc.assert(fc.property(
    fc.array(fc.constantFrom(...messages), { minLength: 1, maxLength: 12 }),
    (some) => {
      const all = [...some, over];
      let state: Alert | undefined;
      for (const message of all) {
        const before = state;
        state = recorded(state, message);
        if (before?.status === "resolved") assert.equal(state.status, "resolved");
        assert.equal(recorded(state, message), state);
      }
      assert.equal(state!.resolved_at, over.resolved_at);
    },
  ));
});

Deno.test("acknowledged: the first who says so is kept", () => {
  assert.equal(acknowledged(taken, { ...operator, username: "paul" }, start + 2_000), taken);
});

Deno.test("summary: has all but the explanation", () => {
  assert.deepEqual({ ...summary(firing), explanation }, firing);
  assert.equal("explanation" in summary(firing), false);
});

Deno.test("timeline: tells each thing once, oldest first", () => {
  let entries = timelineAfter([], undefined, firing);
  entries = timelineAfter(entries, firing, update);
  entries = timelineAfter(entries, update, acknowledged(update, operator, start + 70_000), "mine");
  const after = recorded(acknowledged(update, operator, start + 70_000), over);
  entries = timelineAfter(entries, { ...after, status: "firing" }, after);
  assert.deepEqual(entries.map(({ event, timestamp }) => [event, timestamp]), [
    ["fired", firing.starts_at],
    ["resolved", over.resolved_at],
    ["acknowledged", alertAt(70_000).timestamp],
  ]);
  assert.equal(entries[2]!.note, "mine");
  assert.equal(entries[2]!.by, "olga");
});
