import assert from "node:assert/strict";
import { Failures, limits, LoginGuard } from "functions/ui-backend/auth/attempts.ts";
import { HttpProblem } from "functions/define.ts";

const wrong = () => Promise.resolve(undefined);
const right = () => Promise.resolve("in");

async function fail(guard: LoginGuard, times: number, now: number, user = "eve", from = "1.1.1.1") {
  for (let i = 0; i < times; i++) await guard.attempt(from, user, now, wrong);
}
const isLimited = (seconds: string) => (error: unknown) =>
  error instanceof HttpProblem && error.status === 429 && error.code === "too_many_attempts" &&
  error.headers["retry-after"] === seconds;

Deno.test("guard: after five failures of a name from an address the sixth is refused", async () => {
  const guard = new LoginGuard();
  await fail(guard, limits.perPair, 0);
  await assert.rejects(guard.attempt("1.1.1.1", "eve", 0, right), isLimited("60"));
});

Deno.test("guard: says how long until the oldest failure is forgotten", async () => {
  const guard = new LoginGuard();
  await fail(guard, 1, 0);
  await fail(guard, 4, 30_000);
  await assert.rejects(guard.attempt("1.1.1.1", "eve", 40_000, right), isLimited("20"));
  assert.equal(await guard.attempt("1.1.1.1", "eve", 60_000, right), "in");
});

Deno.test("guard: other names and other addresses are not refused", async () => {
  const guard = new LoginGuard();
  await fail(guard, limits.perPair, 0);
  assert.equal(await guard.attempt("1.1.1.1", "ann", 0, right), "in");
  assert.equal(await guard.attempt("2.2.2.2", "eve", 0, right), "in");
});

Deno.test("guard: a login that succeeds forgets the failures of its name", async () => {
  const guard = new LoginGuard();
  await fail(guard, 4, 0);
  await guard.attempt("1.1.1.1", "eve", 0, right);
  await fail(guard, 4, 0);
  assert.equal(await guard.attempt("1.1.1.1", "eve", 0, right), "in");
});

Deno.test("guard: logins that succeed are never too many", async () => {
  const guard = new LoginGuard();
  for (let i = 0; i < 200; i++) await guard.attempt("1.1.1.1", "ann", 0, right);
});

Deno.test("guard: an address that tries many names is refused", async () => {
  const guard = new LoginGuard();
  for (let i = 0; i < limits.perAddress; i++) await fail(guard, 1, 0, `user${i}`);
  await assert.rejects(guard.attempt("1.1.1.1", "ann", 0, right), isLimited("60"));
});

Deno.test("guard: guesses that are sent at once are counted too", async () => {
  const guard = new LoginGuard();
  let checked = 0;
  const outcomes = await Promise.allSettled(
    Array.from({ length: 50 }, () =>
      guard.attempt("1.1.1.1", "eve", 0, async () => {
        checked++;
        await Promise.resolve();
        return undefined;
      })),
  );
  assert(checked < 10, `${checked} guesses were checked`);
  assert(outcomes.filter((one) => one.status === "rejected").length > 40);
});

Deno.test("guard: a check that throws gives its place back", async () => {
  const guard = new LoginGuard();
  for (let i = 0; i < 10; i++) {
    await assert.rejects(guard.attempt("1.1.1.1", "ann", 0, () => Promise.reject(new Error("x"))));
  }
  assert.equal(await guard.attempt("1.1.1.1", "ann", 0, right), "in");
});

Deno.test("failures: forgets the key that was silent longest when there are too many", () => {
  const failures = new Failures(1, 60_000, 2);
  for (const key of ["a", "b", "c"]) failures.add(key, 0);
  assert.equal(failures.size, 2);
  assert.equal(failures.wait("a", 0), 0);
  assert.equal(failures.wait("c", 0), 60_000);
});
