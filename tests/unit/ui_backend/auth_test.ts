import assert from "node:assert/strict";
import { SignJWT } from "jose";
import { readConfig } from "functions/config.ts";
import { HttpProblem } from "functions/define.ts";
import createUser from "functions/ui-backend/users/create.ts";
import deleteUser from "functions/ui-backend/users/delete.ts";
import listUsers from "functions/ui-backend/users/list.ts";
import login from "functions/ui-backend/auth/login.ts";
import logout from "functions/ui-backend/auth/logout.ts";
import { hashPassword, verifyPassword } from "functions/ui-backend/auth/passwords.ts";
import { userKind } from "functions/ui-backend/records.ts";
import refresh from "functions/ui-backend/auth/refresh.ts";
import type { Session } from "functions/ui-backend/auth/sessions.ts";
import { authenticate, issueToken } from "functions/ui-backend/auth/tokens.ts";
import type { Reply } from "shared/define/mod.ts";
import { invoke, testSecret, type TestWorld, testWorld } from "tests/support/invoke.ts";
import { queryOf } from "./samples.ts";

const refused = (status: number, code: string) => (error: unknown) =>
  error instanceof HttpProblem && error.status === status && error.code === code;

async function logIn(test: TestWorld, username: string, password: string, remote = "1.1.1.1") {
  const { result } = await invoke(login, { body: { username, password }, remote }, test);
  return result as Required<Session>;
}
async function refreshWith(test: TestWorld, refresh_token: string) {
  const { result } = await invoke(refresh, { body: { refresh_token } }, test);
  if (result instanceof HttpProblem) throw result;
  return result as Required<Session>;
}
async function refreshBy(test: TestWorld, token: string) {
  const request = new Request("http://localhost/", {
    headers: { authorization: `Bearer ${token}` },
  });
  const { result } = await invoke(refresh, { request }, test);
  return result as Session;
}
function world(name: string, run: (test: TestWorld) => Promise<void>, env = {}) {
  Deno.test(name, async () => {
    const test = await testWorld(env);
    try {
      await run(test);
    } finally {
      await test.close();
    }
  });
}
async function addUser(test: TestWorld, username: string, password: string, role = "viewer") {
  const { result } = await invoke(createUser, { body: { username, password, role } }, test);
  return result as Reply;
}

world("login: admin with the configured password is admin", async (test) => {
  const session = await logIn(test, "admin", "admin");
  assert.equal(session.user.role, "admin");
  assert.equal(session.expires_at, "2026-01-06T09:00:00.000Z");
  const caller = await authenticate(session.token, test.config, test.clock.now());
  assert.equal(caller.username, "admin");
  assert.equal(caller.expires_at, Date.parse(session.expires_at));
});

world("login: the administrator's password is stored as a hash", async (test) => {
  await logIn(test, "admin", "admin");
  const stored = (await test.store.get(userKind, "admin"))!;
  assert.match(stored.value.password_hash, /^scrypt\$32768\$8\$1\$/);
  await logIn(test, "admin", "admin");
  assert.equal((await test.store.get(userKind, "admin"))!.version, stored.version);
});

world("login: a changed ADMIN_PASSWORD takes effect with the next start", async (test) => {
  await logIn(test, "admin", "first password");
  const config = readConfig({ JWT_SECRET: testSecret, ADMIN_PASSWORD: "second password" });
  const env = { ...test.env, config, process: {} };
  const restarted = { ...test, config, env, world: { ...test.world, env: () => env } };
  await assert.rejects(
    logIn(restarted, "admin", "first password"),
    refused(401, "bad_credentials"),
  );
  assert.equal((await logIn(restarted, "admin", "second password")).user.role, "admin");
}, { ADMIN_PASSWORD: "first password" });

const wrong: [rule: string, username: string, password: string][] = [
  ["a wrong password is refused", "admin", "nimda"],
  ["the demo password does not open the administrator's account", "admin", "demo"],
  ["nor an account that looks like it", "Admin", "demo"],
  ["a demo user has no other password", "bob", "admin"],
];
for (const [rule, username, password] of wrong) {
  world(`login: ${rule}`, async (test) => {
    await assert.rejects(logIn(test, username, password), refused(401, "bad_credentials"));
  });
}

world("login: any other name with the password demo is an operator", async (test) => {
  assert.equal((await logIn(test, "bob", "demo")).user.role, "operator");
});

world("login: without DEMO_LOGIN demo is no password", async (test) => {
  await assert.rejects(logIn(test, "bob", "demo"), refused(401, "bad_credentials"));
}, { DEMO_LOGIN: "false" });

world(
  "login: the sixth failure within a minute is 429, and a minute later it is not",
  async (test) => {
    for (let i = 0; i < 5; i++) await assert.rejects(logIn(test, "bob", "guess"));
    await assert.rejects(logIn(test, "bob", "demo"), refused(429, "too_many_attempts"));
    await test.clock.advance(60_000);
    assert.equal((await logIn(test, "bob", "demo")).user.username, "bob");
  },
);

world("users: a stored user has its own role and password, not the demo one", async (test) => {
  assert.equal((await addUser(test, "vera", "correct horse")).status, 201);
  assert.equal((await logIn(test, "vera", "correct horse")).user.role, "viewer");
  await assert.rejects(logIn(test, "vera", "demo"), refused(401, "bad_credentials"));
});

world("users: names are taken once, and admin always is", async (test) => {
  await addUser(test, "vera", "correct horse");
  await assert.rejects(addUser(test, "vera", "another one"), refused(409, "user_exists"));
  await assert.rejects(addUser(test, "ADMIN", "another one"), refused(409, "user_exists"));
});

world("users: are listed without their passwords", async (test) => {
  await addUser(test, "vera", "correct horse");
  const { result } = await invoke(listUsers, { query: queryOf(listUsers) }, test);
  const [user] = (result as Reply).data as Record<string, unknown>[];
  assert.deepEqual(Object.keys(user!).sort(), [
    "created_at",
    "created_by",
    "id",
    "role",
    "username",
  ]);
});

world("users: a removed user cannot log in, nor refresh as a demo user", async (test) => {
  await addUser(test, "vera", "correct horse");
  const session = await logIn(test, "vera", "correct horse");
  await invoke(deleteUser, { params: { username: "vera" } }, test);
  await assert.rejects(logIn(test, "vera", "correct horse"), refused(401, "bad_credentials"));
  await assert.rejects(refreshWith(test, session.refresh_token), refused(401, "refresh_invalid"));
  await assert.rejects(
    invoke(deleteUser, { params: { username: "vera" } }, test),
    refused(404, "not_found"),
  );
});

world("refresh: a refresh token is good once and brings the next one", async (test) => {
  const first = await logIn(test, "bob", "demo");
  const second = await refreshWith(test, first.refresh_token);
  assert.notEqual(second.refresh_token, first.refresh_token);
  assert.equal((await refreshWith(test, second.refresh_token)).user.username, "bob");
});

world("refresh: a token that comes a second time ends the whole family", async (test) => {
  const first = await logIn(test, "bob", "demo");
  const second = await refreshWith(test, first.refresh_token);
  await assert.rejects(refreshWith(test, first.refresh_token), refused(401, "refresh_invalid"));
  await assert.rejects(refreshWith(test, second.refresh_token), refused(401, "refresh_invalid"));
  await assert.rejects(refreshBy(test, second.token), refused(401, "refresh_invalid"));
});

world("refresh: another login of the same user goes on", async (test) => {
  const one = await logIn(test, "bob", "demo");
  const two = await logIn(test, "bob", "demo");
  await refreshWith(test, one.refresh_token);
  await assert.rejects(refreshWith(test, one.refresh_token));
  assert.equal((await refreshWith(test, two.refresh_token)).user.username, "bob");
});

world("refresh: a family that nobody used for a week is gone", async (test) => {
  const session = await logIn(test, "bob", "demo");
  await test.clock.advance(7 * 24 * 3_600_000 + 1);
  await assert.rejects(refreshWith(test, session.refresh_token), refused(401, "refresh_invalid"));
});

world(
  "refresh: a good bearer brings a new token and leaves the refresh token good",
  async (test) => {
    const session = await logIn(test, "bob", "demo");
    await test.clock.advance(3_600_000);
    const again = await refreshBy(test, session.token);
    assert(again.expires_at > session.expires_at);
    assert.equal(again.refresh_token, undefined);
    assert.equal((await refreshWith(test, session.refresh_token)).user.username, "bob");
  },
);

world("refresh: an expired bearer is refused", async (test) => {
  const session = await logIn(test, "bob", "demo");
  await test.clock.advance(24 * 3_600_000);
  await assert.rejects(refreshBy(test, session.token), refused(401, "token_expired"));
});

world("refresh: nothing at all is refused", async (test) => {
  await assert.rejects(invoke(refresh, {}, test), refused(401, "token_missing"));
  await assert.rejects(refreshWith(test, "nonsense"), refused(401, "refresh_invalid"));
});

world("logout: ends the session, so that nothing can be refreshed", async (test) => {
  const session = await logIn(test, "bob", "demo");
  const user = await authenticate(session.token, test.config, test.clock.now());
  await invoke(logout, { user }, test);
  await assert.rejects(refreshWith(test, session.refresh_token), refused(401, "refresh_invalid"));
  await assert.rejects(refreshBy(test, session.token), refused(401, "refresh_invalid"));
});

world("logout: nobody ends the session of somebody else", async (test) => {
  const bob = await logIn(test, "bob", "demo");
  const eve = await logIn(test, "eve", "demo");
  const user = await authenticate(eve.token, test.config, test.clock.now());
  await invoke(logout, { user, body: { refresh_token: bob.refresh_token } }, test);
  assert.equal((await refreshWith(test, bob.refresh_token)).user.username, "bob");
});

const now = Date.parse("2026-01-05T09:00:00Z");
const key = (secret = testSecret) => new TextEncoder().encode(secret);
const good = { username: "bob", role: "operator", sid: "s" };
const sign = (claims: Record<string, unknown>, secret = testSecret, alg = "HS256") =>
  new SignJWT(claims).setProtectedHeader({ alg }).setIssuer("eventflow").setSubject("1")
    .setIssuedAt(now / 1000).setExpirationTime(now / 1000 + 60).setJti("j").sign(key(secret));
const unsigned = () =>
  [{ alg: "none" }, { ...good, iss: "eventflow", sub: "1", exp: now, iat: 0, jti: "j" }]
    .map((part) => btoa(JSON.stringify(part)).replaceAll("=", "")).join(".") + ".";

const forged: [rule: string, token: () => string | Promise<string>][] = [
  ["another secret", () => sign(good, "another secret of thirty-two bytes")],
  ["another algorithm", () => sign(good, testSecret, "HS512")],
  ["no signature", unsigned],
  ["an unknown role", () => sign({ ...good, role: "root" })],
  ["no role", () => sign({ username: "bob", sid: "s" })],
  ["no token at all", () => "nonsense"],
  ["changed claims", async () => {
    const [head, , signature] = (await sign(good)).split(".");
    return [head, btoa(JSON.stringify({ ...good, role: "admin" })), signature].join(".");
  }],
];
for (const [rule, token] of forged) {
  world(`token: ${rule} is token_invalid`, async ({ config }) => {
    await assert.rejects(
      Promise.resolve(token()).then((text) => authenticate(text, config, now)),
      refused(401, "token_invalid"),
    );
  });
}

world("token: is good until its last second and not after", async ({ config }) => {
  const holder = { id: "1", username: "bob", role: "viewer" as const, session: "s" };
  const { token, expires_at } = await issueToken(holder, config, now);
  assert.equal((await authenticate(token, config, expires_at - 1)).role, "viewer");
  await assert.rejects(authenticate(token, config, expires_at), refused(401, "token_expired"));
});

Deno.test("passwords: a hash fits its password, each time with another salt", async () => {
  const hash = await hashPassword("pässword");
  assert.match(hash, /^scrypt\$32768\$8\$1\$[\w-]{22}\$[\w-]{43}$/);
  assert.equal(await verifyPassword("pässword", hash), true);
  assert.equal(await verifyPassword("password", hash), false);
  assert.notEqual(await hashPassword("pässword"), hash);
});

Deno.test("passwords: no password fits an account that is not there", async () => {
  assert.equal(await verifyPassword("", undefined), false);
  assert.equal(await verifyPassword("demo", undefined), false);
});
