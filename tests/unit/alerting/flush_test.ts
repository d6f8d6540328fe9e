import assert from "node:assert/strict";
import { type Integration } from "shared/alerting/config.ts";
import { flushGroup, type Hold, holds } from "shared/alerting/flush.ts";
import { endedMemory_ms, type GroupState, mergeAlerts } from "shared/alerting/group.ts";
import { routeAlert } from "shared/alerting/route.ts";
import type { Alert } from "shared/model/alert.ts";
import { alert, config, integration, over, start } from "./samples.ts";

const minute = 60_000;
const { route } = config(`
route:
  receiver: ops
  group_by: [service]
  group_wait: 0s
  group_interval: 1m
  repeat_interval: 10m
receivers: [{ name: ops }]
`);
const routed = routeAlert(route, alert().labels)[0]!;

/** A group with its integrations, told step by step. */
class Told {
  group: GroupState | undefined;
  constructor(readonly integrations: Integration[] = [integration]) {}

  push(at: number, ...alerts: Alert[]): this {
    this.group =
      mergeAlerts(this.group, routed, alerts.map((alert) => ({ alert })), start + at).group;
    return this;
  }

  /** What a flush says, in words: integration, reason, names; and sets when the next one is. */
  flush(at: number): string[] {
    const { told, group } = flushGroup({
      group: this.group!,
      route,
      integrations: this.integrations,
      now: start + at,
      external_url: "http://localhost:3001",
    });
    this.group = group;
    return told.flatMap(({ notification }) =>
      notification
        ? [
          `${notification.reason}: ${
            notification.alerts.map(({ title, status }) => `${title.split(" ")[0]} ${status}`)
          }`,
        ]
        : []
    );
  }

  get due(): number | undefined {
    return this.group?.due_at === undefined ? undefined : this.group.due_at - start;
  }
}

const a = alert({ name: "A" });
const b = alert({ name: "B", since: 1 });

Deno.test("from the first alert to the last, each change is told once", () => {
  const told = new Told().push(0, a);
  assert.deepEqual(told.flush(0), ["first notification: A firing"]);
  told.push(10_000, b);
  assert.equal(told.due, minute);
  assert.deepEqual(told.flush(minute), ["new alerts added: A firing,B firing"]);
  told.push(70_000, over(a, 70_000));
  assert.equal(told.due, 2 * minute);
  assert.deepEqual(told.flush(2 * minute), ["some alerts resolved: B firing,A resolved"]);
  assert.deepEqual(Object.values(told.group!.alerts).map(({ id }) => id), [b.id]);
  told.push(130_000, over(b, 130_000));
  assert.deepEqual(told.flush(3 * minute), ["all alerts resolved: B resolved"]);
  assert.equal(told.due, undefined);
  assert.deepEqual(told.group!.alerts, {});
});

Deno.test("what stays is repeated at the first interval after the repeat interval, and no sooner", () => {
  const told = new Told().push(0, a);
  told.flush(0);
  assert.equal(told.due, 10 * minute);
  assert.deepEqual(told.flush(10 * minute), ["repeat interval elapsed: A firing"]);
  assert.equal(told.due, 20 * minute);
});

Deno.test("a late flush does not move the intervals that follow", () => {
  const told = new Told().push(0, a);
  told.flush(700);
  told.push(1_000, b);
  assert.equal(told.due, minute);
});

Deno.test("a late flush does not put the repetition off by an interval", () => {
  const told = new Told().push(0, a);
  told.flush(700);
  assert.equal(told.due, 10 * minute);
  assert.deepEqual(told.flush(10 * minute + 1), ["repeat interval elapsed: A firing"]);
  assert.equal(told.due, 20 * minute);
});

Deno.test("after a long sleep the intervals count from the flush", () => {
  const told = new Told().push(0, a);
  told.flush(5 * minute + 1);
  told.push(5 * minute + 2, b);
  assert.equal(told.due, 6 * minute + 1);
});

Deno.test("an alert that ended before it was told is not told", () => {
  const told = new Told().push(0, a, over(a, 1));
  assert.deepEqual(told.flush(0), []);
  assert.deepEqual(told.group!.alerts, {});
  assert.equal(told.due, undefined);
});

Deno.test("a label set that was told to fire is told to be over, whichever episode ended last", () => {
  const told = new Told().push(0, a);
  told.flush(0);
  const again = alert({ name: "A", since: 2_000 });
  told.push(5_000, over(a, 1_000), again, over(again, 3_000));
  assert.deepEqual(told.flush(minute), ["all alerts resolved: A resolved"]);
  assert.deepEqual(told.group!.alerts, {});
  assert.equal(told.due, undefined);
});

Deno.test("beside one that fires, it is left out, too", () => {
  const told = new Told().push(0, a, b, over(a, 1));
  assert.deepEqual(told.flush(0), ["first notification: B firing"]);
});

Deno.test("a new episode within an interval is told, the end in between is not", () => {
  const again = alert({ name: "A", since: 20_000 });
  const told = new Told().push(0, a);
  told.flush(0);
  told.push(20_000, over(a, 10_000), again);
  assert.deepEqual(told.flush(minute), ["new alerts added: A firing"]);
});

Deno.test("one who wants no resolved alerts is never told of them, and the group forgets them", () => {
  const quiet = { ...integration, entry: { send_resolved: false } };
  const told = new Told([quiet]).push(0, a, b);
  assert.deepEqual(told.flush(0), ["first notification: A firing,B firing"]);
  told.push(1_000, over(a, 1_000));
  assert.deepEqual(told.flush(minute), []);
  assert.deepEqual(Object.keys(told.group!.alerts), [b.fingerprint]);
  told.push(minute + 1, over(b, minute));
  assert.deepEqual(told.flush(2 * minute), []);
  assert.deepEqual(told.group!.alerts, {});
});

Deno.test("each integration is told what it does not know", () => {
  const other = { ...integration, key: "ops/pager/1" };
  const told = new Told([integration]).push(0, a);
  told.flush(0);
  told.integrations.push(other);
  told.push(1_000, b);
  assert.deepEqual(told.flush(minute), [
    "new alerts added: A firing,B firing",
    "first notification: A firing,B firing",
  ]);
});

Deno.test("alerts with notify_<channel> false are kept from that channel alone", () => {
  const other = { ...integration, key: "ops/mail/0", channel: "mail" };
  const muted = alert({ name: "A", annotations: { notify_pager: "false" } });
  const told = new Told([integration, other]).push(0, muted);
  assert.deepEqual(told.flush(0), ["first notification: A firing"]);
  assert.deepEqual(Object.keys(told.group!.notified), ["ops/mail/0"]);
  told.push(1, over(muted, 1));
  assert.deepEqual(told.flush(minute), ["all alerts resolved: A resolved"]);
  assert.deepEqual(told.group!.alerts, {});
});

Deno.test("a hold that may pass is asked again at the next interval, and hides no end for ever", () => {
  let held = false;
  const hold: Hold = { name: "silenced", passes: true, holds: () => held };
  const list = holds as Hold[];
  list.push(hold);
  try {
    const told = new Told().push(0, a);
    told.flush(0);
    held = true;
    told.push(1_000, over(a, 1_000));
    assert.deepEqual(told.flush(minute), []);
    assert.equal(told.due, 2 * minute);
    held = false;
    assert.deepEqual(told.flush(2 * minute), ["all alerts resolved: A resolved"]);
  } finally {
    list.splice(list.indexOf(hold), 1);
  }
});

Deno.test("the same flush on another replica makes the same ids, the next flush others", () => {
  const ids = (told: Told, at: number) => {
    const { told: all } = flushGroup({
      group: told.group!,
      route,
      integrations: told.integrations,
      now: start + at,
      external_url: "",
    });
    return all.map(({ notification }) => notification?.id);
  };
  const told = new Told([integration, { ...integration, key: "ops/pager/1" }]).push(0, a);
  const [one, two] = ids(told, 0);
  assert.deepEqual(ids(told, 500), [one, two]);
  assert.notEqual(one, two);
  told.flush(0);
  const [repeated] = ids(told, 10 * minute);
  assert.notEqual(repeated, one);
});

Deno.test("what ended is forgotten after a while", () => {
  const told = new Told().push(0, a, b, over(a, 1));
  told.flush(0);
  assert.deepEqual(Object.keys(told.group!.ended), [a.fingerprint]);
  told.flush(endedMemory_ms);
  assert.deepEqual(told.group!.ended, {});
});

Deno.test("a receiver without integrations keeps its alerts and is looked at again", () => {
  const told = new Told([]).push(0, a);
  assert.deepEqual(told.flush(0), []);
  assert.equal(told.due, 10 * minute);
});
