import assert from "node:assert/strict";
import fc from "fast-check";
import { formatDuration, parseDuration } from "shared/time/duration.ts";
import { nextMatch } from "shared/time/cron.ts";
import { systemClock } from "shared/time/clock.ts";

for (
  const [text, ms] of [
    ["0", 0],
    ["0s", 0],
    ["500ms", 500],
    ["5s", 5_000],
    ["10m", 600_000],
    ["4h", 14_400_000],
    ["1h30m", 5_400_000],
    ["1d", 86_400_000],
    ["1w", 604_800_000],
  ] as const
) {
  Deno.test(`"${text}" is ${ms} ms`, () => assert.equal(parseDuration(text), ms));
}

for (
  const text of ["", "5", "s", "-5s", "5 s", "1.5h", "5s1m", "5x", "1e3s", "291y", "99999999999w"]
) {
  Deno.test(`"${text}" is no duration`, () => {
    assert.throws(() => parseDuration(text), RangeError);
  });
}

Deno.test("a duration that is written is read back", () => {
  fc.assert(fc.property(fc.nat(10 ** 12), (ms) => parseDuration(formatDuration(ms)) === ms));
});

Deno.test("cron patterns match in UTC, strictly later, with and without seconds", () => {
  const at = Date.parse("2026-01-05T03:00:00.000Z");
  assert.equal(nextMatch("0 3 * * *", at), at + 86_400_000);
  assert.equal(nextMatch("*/15 * * * * *", at + 1), at + 15_000);
});

Deno.test("a sleep ends when its signal is aborted, before or while it sleeps", async () => {
  await systemClock.sleep(Infinity, AbortSignal.abort());
  const stop = new AbortController();
  const sleep = systemClock.sleep(60_000, stop.signal);
  stop.abort();
  await sleep;
});
