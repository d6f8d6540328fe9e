/** Logging in, staying so, and leaving; what comes in and goes out through the dashboard. @module */
import assert from "node:assert/strict";
import { dashboard } from "fresh-dashboard/main.ts";
import { FakeBackend } from "tests/support/fake_backend.ts";

/** A browser's cookie jar before a dashboard. */
async function visit(options: { production?: boolean; token_ms?: number } = {}) {
  let now = Date.parse("2026-03-01T12:00:00Z");
  const clock = { now: () => now };
  const backend = new FakeBackend({ ...clock, ...options });
  const errors: unknown[] = [];
  const handler = await dashboard({
    backend: () => "http://backend",
    fetch: backend.fetch as typeof fetch,
    production: options.production ?? false,
    onError: (error) => errors.push(error),
    ...clock,
  });
  const jar = new Map<string, string>();
  const take = (response: Response) => {
    for (const cookie of response.headers.getSetCookie()) {
      const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(cookie)!;
      if (/Max-Age=0/.test(cookie)) jar.delete(name);
      else jar.set(name, value);
    }
    return response;
  };
  const send = (path: string, init: RequestInit = {}) =>
    handler(
      new Request(`http://dash${path}`, {
        ...init,
        headers: {
          ...jar.size > 0
            ? { cookie: [...jar].map(([name, value]) => `${name}=${value}`).join("; ") }
            : {},
          "sec-fetch-site": "same-origin",
          ...init.headers,
        },
      }),
    );
  const ask = async (path: string, init?: RequestInit) => take(await send(path, init));
  const form = (path: string, fields: Record<string, string>) =>
    ask(path, { method: "POST", body: new URLSearchParams(fields) });
  return {
    backend,
    errors,
    jar,
    /** Without taking the cookies of the answer: what a browser sends at the same time. */
    send,
    take,
    ask,
    form,
    logIn: (next = "") => form(`/login${next}`, { username: "ana", password: "demo" }),
    wait: (ms: number) => now += ms,
  };
}

Deno.test("without a session a page leads to the login and back", async () => {
  const { ask, logIn } = await visit();
  const away = await ask("/?x=1");
  assert.equal(away.status, 303);
  assert.equal(away.headers.get("location"), "/login?next=%2F%3Fx%3D1");
  const back = await logIn("?next=%2F%3Fx%3D1");
  assert.equal(back.status, 303);
  assert.equal(back.headers.get("location"), "/?x=1");
  assert.equal((await ask("/?x=1")).status, 200);
});

Deno.test("without a session programs are told so: no redirect, no page", async () => {
  const { ask } = await visit();
  for (const path of ["/api/alerts", "/session", "/ws"]) {
    const response = await ask(path);
    assert.equal(response.status, 401, path);
    assert.equal((await response.json()).code, "unauthenticated");
  }
});

for (const production of [false, true]) {
  Deno.test(`tokens are in cookies that no script reads (production: ${production})`, async () => {
    const { logIn, ask, send } = await visit({ production });
    const response = await logIn();
    const cookies = response.headers.getSetCookie();
    assert.equal(cookies.length, 2);
    for (const cookie of cookies) {
      assert.match(cookie, /; Path=\/; HttpOnly; SameSite=Lax; Max-Age=604800/);
      assert.equal(/^__Host-.*; Secure$/.test(cookie), production);
    }
    assert.doesNotMatch(await response.text(), /signature|refresh-/);
    const page = await ask("/");
    assert.equal(page.status, 200);
    assert.doesNotMatch(await page.text(), /signature1|refresh-1/);
    assert.equal((await send("/", { headers: { cookie: "" } })).status, 303);
  });
}

const failures: [string, Record<string, string>, number, RegExp][] = [
  ["a wrong password", { username: "ana", password: "no" }, 401, /or the password is wrong/],
  ["nothing entered", { username: "", password: "" }, 422, /Enter a user name/],
  ["too many tries", { username: "ana", password: "slow down" }, 429, /Wait 17 s/],
];
for (const [name, fields, status, says] of failures) {
  Deno.test(`login: ${name} is said on the page, and the name is kept`, async () => {
    const { form } = await visit();
    const response = await form("/login", fields);
    assert.equal(response.status, status);
    assert.deepEqual(response.headers.getSetCookie(), []);
    const html = await response.text();
    assert.match(html, says);
    assert(html.includes(`value="${fields.username}"`) || fields.username === "");
    assert.doesNotMatch(html, /<script/, "the login page ships no script");
  });
}

Deno.test("login: a backend that is away is said so, and is no fault of who logs in", async () => {
  const { backend, logIn, errors } = await visit();
  backend.up = false;
  const response = await logIn();
  assert.equal(response.status, 503);
  assert.match(await response.text(), /does not answer right now/);
  assert.deepEqual(errors, []);
});

Deno.test("login: a form of another site is refused before anybody looks at it", async () => {
  const { ask, backend } = await visit();
  const response = await ask("/login", {
    method: "POST",
    body: new URLSearchParams({ username: "ana", password: "demo" }),
    headers: { "sec-fetch-site": "cross-site" },
  });
  assert.equal(response.status, 403);
  assert.equal(backend.requests.length, 0);
});

Deno.test("a token that is about to end is replaced, once for all requests at a time", async () => {
  const { backend, logIn, wait, send, take, ask } = await visit({ token_ms: 60_000 });
  await logIn();
  wait(20_000);
  assert.equal((await ask("/")).status, 200);
  assert.equal(backend.count("/api/auth/refresh"), 0);
  wait(15_000);
  const answers = await Promise.all([send("/"), send("/api/dashboard/stats"), send("/session")]);
  assert.deepEqual(answers.map(({ status }) => status), [200, 200, 200]);
  assert.equal(backend.count("/api/auth/refresh"), 1);
  // Sent before the new cookies came: they share the answer; a second use would end the session.
  assert.equal((await send("/")).status, 200);
  assert.equal(backend.count("/api/auth/refresh"), 1);
  take(answers[0]!);
  wait(30_001);
  assert.equal((await ask("/")).status, 200);
  assert.equal(backend.count("/api/auth/refresh"), 2);
});

Deno.test("a session that was refreshed is kept although the page fails", async () => {
  const { logIn, wait, ask } = await visit({ token_ms: 60_000 });
  await logIn();
  wait(45_000);
  const response = await ask("/nowhere");
  assert.equal(response.status, 404);
  assert.equal(response.headers.getSetCookie().length, 2);
});

Deno.test("a session that is over leads to the login and leaves no cookie", async () => {
  const { logIn, wait, ask, backend, jar } = await visit({ token_ms: 60_000 });
  await logIn();
  wait(61_000);
  backend.forget();
  const response = await ask("/");
  assert.equal(response.status, 303);
  assert.equal(response.headers.get("location"), "/login");
  assert.equal(jar.size, 0);
});

Deno.test("a token that the backend no longer takes leads to the login", async () => {
  const { logIn, ask, send, backend, jar } = await visit();
  await logIn();
  assert.equal((await ask("/session")).status, 200);
  backend.forget();
  assert.equal((await send("/session")).status, 401);
  assert.equal((await ask("/?a")).headers.get("location"), "/login?next=%2F%3Fa");
  assert.equal(jar.size, 0);
});

Deno.test("a backend that is away shows its page, with a way to try again, and keeps the session", async () => {
  const { logIn, ask, backend, jar, wait, errors } = await visit({ token_ms: 60_000 });
  await logIn();
  for (const ms of [0, 45_000, 60_000]) {
    wait(ms);
    backend.up = false;
    const response = await ask("/?q=1");
    const html = await response.text();
    assert.equal(response.status, 503);
    assert.match(html, /The API does not answer/);
    assert.match(html, /<a class="button button-strong" href="\/\?q=1">Try again/);
    assert.equal(jar.size, 2);
  }
  backend.up = true;
  assert.equal((await ask("/")).status, 200);
  assert.deepEqual(errors, []);
});

Deno.test("signing out ends the session here and there, even when there nobody answers", async () => {
  const { logIn, form, backend, jar, ask } = await visit();
  await logIn();
  const response = await form("/logout", {});
  assert.equal(response.headers.get("location"), "/login");
  assert.equal(jar.size, 0);
  const said = backend.requests.at(-1)!;
  assert.deepEqual([said.path, said.body], ["/api/auth/logout", '{"refresh_token":"refresh-1"}']);
  await logIn();
  backend.up = false;
  await form("/logout", {});
  assert.equal(jar.size, 0);
  assert.equal((await ask("/logout")).status, 303, "a link cannot sign anybody out");
});

Deno.test("anything may stand in a cookie", async () => {
  const { send } = await visit();
  for (const value of ["x", "a.b.c", "e30.bnVsbA.x", "e30.e30.x", "=", "..", "\u00ff"]) {
    const response = await send("/", { headers: { cookie: `eventflow_access=${value}; ;=;a` } });
    assert.equal(response.status, 303, value);
  }
});

Deno.test("an appearance is kept, and leads back to a page of this site", async () => {
  const { form, ask } = await visit();
  const set = await form("/theme", { theme: "dark", back: "//evil.example" });
  assert.equal(set.headers.get("location"), "/");
  assert.match(await (await ask("/login")).text(), /data-theme="dark"/);
  await form("/theme", { theme: "system", back: "/login" });
  assert.match(await (await ask("/login")).text(), /data-theme="system"/);
});

Deno.test("proxy: what a page asks goes on with the token and comes back without what is secret", async () => {
  const { logIn, ask, backend } = await visit();
  await logIn();
  const response = await ask("/api/echo?a=1&token=x", {
    method: "PUT",
    body: "{}",
    headers: {
      "content-type": "application/json",
      "if-match": '"6"',
      connection: "close, x-hop",
      "x-hop": "1",
      "x-forwarded-for": "6.6.6.6",
      authorization: "Bearer of-a-script",
      origin: "http://dash",
    },
  });
  assert.equal(response.status, 201);
  assert.deepEqual(await response.json(), { success: true, data: "{}" });
  assert.equal(response.headers.get("etag"), '"7"');
  assert.deepEqual(response.headers.getSetCookie(), []);
  assert.equal(response.headers.get("x-secret"), null);
  const { path, method, headers } = backend.requests.at(-1)!;
  assert.deepEqual([method, path], ["PUT", "/api/echo?a=1"]);
  assert.match(headers.get("authorization")!, /^Bearer e30\..*signature1$/);
  assert.equal(headers.get("if-match"), '"6"');
  for (const name of ["cookie", "x-hop", "x-forwarded-for", "origin"]) {
    assert.equal(headers.get(name), null, name);
  }
});

Deno.test("proxy: a script cannot get tokens, nor an answer with them", async () => {
  const { logIn, ask, backend } = await visit();
  await logIn();
  const before = backend.requests.length;
  const paths = [
    "/api/auth/refresh",
    "/api/auth/login",
    "/api/auth",
    "/api/x/../auth/refresh",
    "/api/%61uth/refresh",
    "/api/auth%2Frefresh",
    "/api//auth/refresh",
    "/api/./auth/refresh",
    "/api/AUTH/refresh",
  ];
  for (const path of paths) {
    assert.equal((await ask(path, { method: "POST", body: "{}" })).status, 404, path);
  }
  assert.equal(backend.requests.length, before);
});

Deno.test("proxy: bodies have a limit, whether or not they say their length", async () => {
  const { logIn, ask } = await visit();
  await logIn();
  const chunk = new Uint8Array(300_000);
  let sent = 0;
  const body = new ReadableStream({
    pull(controller) {
      if (sent++ < 10) controller.enqueue(chunk);
      else controller.close();
    },
  });
  assert.equal((await ask("/api/echo", { method: "POST", body })).status, 413);
  const long = await ask("/api/echo", {
    method: "POST",
    body: "x",
    headers: { "content-length": "9999999" },
  });
  assert.equal(long.status, 413);
});

Deno.test("proxy: errors of the API come as they are; one that is away is 503", async () => {
  const { logIn, ask, backend } = await visit();
  await logIn();
  assert.equal((await ask("/api/broken")).status, 500);
  backend.up = false;
  const response = await ask("/api/echo");
  assert.equal(response.status, 503);
  assert.equal((await response.json()).code, "backend_away");
});

Deno.test("proxy: server-sent events stream", async () => {
  const { logIn, ask } = await visit();
  await logIn();
  const response = await ask("/api/live");
  assert.equal(response.headers.get("content-type"), "text/event-stream");
  const reader = response.body!.getReader();
  assert.match(new TextDecoder().decode((await reader.read()).value), /^id: 1/);
  await reader.cancel();
});

Deno.test("every answer has the security headers: pages, errors, redirects, files, the API", async () => {
  const { logIn, ask } = await visit();
  const before = [await ask("/"), await ask("/login")];
  await logIn();
  const after = await Promise.all(
    ["/", "/nowhere", "/api/echo", "/favicon.svg"].map((path) => ask(path)),
  );
  for (const { headers, status } of [...before, ...after]) {
    const policy = headers.get("content-security-policy")!;
    assert.match(policy, /script-src 'self';.*frame-ancestors 'none'/, String(status));
    assert.doesNotMatch(policy, /unsafe/);
    assert.equal(headers.get("x-content-type-options"), "nosniff");
    assert.equal(headers.get("referrer-policy"), "same-origin");
    assert.equal(headers.get("cross-origin-opener-policy"), "same-origin");
    assert(headers.has("permissions-policy"));
  }
  assert.equal(after[0]!.headers.get("cache-control"), "no-store");
});

Deno.test("pages have no style attribute, which the policy would drop", async () => {
  const { logIn, ask } = await visit();
  await logIn();
  for (const path of ["/", "/login", "/nowhere"]) {
    const html = await (await ask(path)).text();
    assert.doesNotMatch(html, /\sstyle=|<style|\son\w+=/, path);
  }
});

Deno.test("a user name of any kind is text", async () => {
  const { form, ask } = await visit();
  const username = `<img src=x onerror=alert(1)>"'\u202e💥`;
  await form("/login", { username, password: "demo" });
  const html = await (await ask("/")).text();
  assert.doesNotMatch(html, /<img/);
  assert.match(html, /&lt;img src=x/);
});
