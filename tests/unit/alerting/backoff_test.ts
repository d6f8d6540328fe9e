import assert from "node:assert/strict";
import {
  afterFailure,
  backoff_ms,
  outcomeOfStatus,
  patience,
  retryAfter_ms,
} from "shared/alerting/backoff.ts";

const statuses: [statuses: number[], outcome: string][] = [
  [[200, 201, 202, 204, 299], "delivered"],
  [[301, 302, 303, 307, 308], "final redirected"],
  [[400, 402, 405, 409, 413, 415, 422, 451], "final rejected"],
  [[401, 403], "final auth"],
  [[404, 410], "final gone"],
  [[408], "retry timeout"],
  [[429], "retry rate limited"],
  [[500, 501, 502, 503, 504, 599], "retry server"],
];
for (const [list, expected] of statuses) {
  Deno.test(`HTTP ${list.join(", ")}: ${expected}`, () => {
    for (const status of list) {
      const outcome = outcomeOfStatus(status);
      assert.equal(
        outcome.kind === "delivered" ? outcome.kind : `${outcome.kind} ${outcome.reason}`,
        expected,
      );
    }
  });
}

const now = Date.parse("2026-01-05T09:00:00Z");
const headers: [rule: string, header: string | null, ms: number | undefined][] = [
  ["none", null, undefined],
  ["seconds", "30", 30_000],
  ["seconds with a fraction, as some write them", "0.5", 500],
  ["an HTTP date", "Mon, 05 Jan 2026 09:01:00 GMT", 60_000],
  ["a date that has passed", "Mon, 05 Jan 2026 08:00:00 GMT", 0],
  ["what cannot be read", "soon", undefined],
  ["more than an hour is cut", "86400", 3_600_000],
];
for (const [rule, header, ms] of headers) {
  Deno.test(`Retry-After, ${rule}`, () => assert.equal(retryAfter_ms(header, now), ms));
}

Deno.test("waits double up to the cap, and jitter spreads them from nothing to all", () => {
  const limits = { attempts: 9, base_ms: 1_000, cap_ms: 5_000 };
  assert.deepEqual([1, 2, 3, 4, 5].map((n) => backoff_ms(n, 0.999_999_9, limits)), [
    999,
    1_999,
    3_999,
    4_999,
    4_999,
  ]);
  assert.deepEqual([1, 2, 3].map((n) => backoff_ms(n, 0, limits)), [0, 0, 0]);
  assert.equal(backoff_ms(2_000, 0.5, limits), 2_500);
});

const failure = {
  failed: 3,
  kind: "retry" as const,
  now,
  random: 0.5,
  patience: { attempts: 5, base_ms: 1_000, cap_ms: 60_000 },
};
const decisions: [
  rule: string,
  given: Partial<Parameters<typeof afterFailure>[0]>,
  next: unknown,
][] = [
  ["a failure that may pass is tried again after the backoff", {}, {
    kind: "retry",
    at: now + 2_000,
  }],
  ["a destination's wish for more time is obeyed", { after_ms: 9_000 }, {
    kind: "retry",
    at: now + 9_000,
  }],
  ["its wish for less is not", { after_ms: 1 }, { kind: "retry", at: now + 2_000 }],
  ["what can never succeed ends at once", { failed: 1, kind: "final" }, {
    kind: "give up",
    because: "it can never succeed",
  }],
  ["the last attempt is the last", { failed: 5 }, { kind: "give up", because: "patience ended" }],
];
for (const [rule, given, next] of decisions) {
  Deno.test(rule, () => assert.deepEqual(afterFailure({ ...failure, ...given }), next));
}

Deno.test("patience lasts about half an hour, and at most 64 minutes", () => {
  let most = 0;
  for (let failed = 1; failed < patience.attempts; failed++) {
    most += backoff_ms(failed, 1, patience);
  }
  assert(most / 2 > 25 * 60_000 && most < 64 * 60_000, String(most));
});
