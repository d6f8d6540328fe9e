import assert from "node:assert/strict";
import { Webhook } from "standardwebhooks";
import webhook from "functions/alert-engine/dispatchers/webhook.ts";
import { readConfig } from "functions/config.ts";
import { alert, notification } from "tests/unit/alerting/samples.ts";
import {
  attempt,
  configWith,
  dispatcherOf,
  failureOf,
  shown,
  traceparent,
  web,
} from "./samples.ts";

const secret = `whsec_${btoa("a secret of twenty-four bytes")}`;

Deno.test("posts the body of version 4 with the notification's id and the trace", async () => {
  const server = web();
  await dispatcherOf(webhook, { url: `${server.url}/hook?x=1` }).dispatch(
    notification(),
    attempt(),
  );
  const [{ path, body, headers }] = server.got as [typeof server.got[0]];
  assert.equal(path, "/hook?x=1");
  assert.equal(headers.get("content-type"), "application/json");
  assert.equal(headers.get("webhook-id"), notification().id);
  assert.equal(headers.get("webhook-timestamp"), "1767603600");
  assert.equal(headers.get("webhook-signature"), null);
  assert.equal(headers.get("traceparent"), traceparent);
  const { version, alerts, notification_reason } = JSON.parse(body);
  assert.deepEqual([version, alerts.length, notification_reason], ["4", 1, "first notification"]);
  await server.close();
});

Deno.test("signs as Standard Webhooks, anew for each attempt, with the same id", async () => {
  const server = web();
  const dispatcher = dispatcherOf(webhook, { url: server.url, secret });
  // The library holds the timestamp against its own clock, so the attempt is made now.
  const now = Date.now();
  await dispatcher.dispatch(notification(), attempt({ now }));
  await dispatcher.dispatch(notification(), attempt({ now: now + 60_000 }));
  for (const { body, headers } of server.got) {
    new Webhook(secret).verify(body, Object.fromEntries(headers));
    assert.throws(() => new Webhook(secret).verify(`${body} `, Object.fromEntries(headers)));
  }
  const [first, second] = server.got.map(({ headers }) => headers);
  assert.equal(first!.get("webhook-id"), second!.get("webhook-id"));
  assert.notEqual(first!.get("webhook-signature"), second!.get("webhook-signature"));
  await server.close();
});

Deno.test("max_alerts leaves out the rest", async () => {
  const server = web();
  const alerts = ["A", "B", "C"].map((name) => alert({ name }));
  await dispatcherOf(webhook, { url: server.url, max_alerts: 2 }).dispatch(
    notification({ alerts }),
    attempt(),
  );
  const body = JSON.parse(server.got[0]!.body);
  assert.deepEqual([body.alerts.length, body.truncatedAlerts], [2, 1]);
  await server.close();
});

const callers: [rule: string, entry: (url: string) => Record<string, unknown>, header: string][] = [
  ["a user and password in the URL", (url) => ({
    url: url.replace("//", "//us%20er:p%40ss@"),
  }), `Basic ${btoa("us er:p@ss")}`],
  ["basic_auth", (url) => ({
    url,
    http_config: { basic_auth: { username: "u", password: "passw" } },
  }), `Basic ${btoa("u:passw")}`],
  ["authorization", (url) => ({
    url,
    http_config: { authorization: { credentials: "token-1" } },
  }), "Bearer token-1"],
  ["authorization of another type", (url) => ({
    url,
    http_config: { authorization: { type: "Splunk", credentials: "token-1" } },
  }), "Splunk token-1"],
  ["bearer_token", (url) => ({ url, http_config: { bearer_token: "token-2" } }), "Bearer token-2"],
];
for (const [rule, entry, header] of callers) {
  Deno.test(`authorizes with ${rule}, and leaks it in no error`, async () => {
    const server = web((request) =>
      new Response(`You sent ${request.headers.get("authorization")}`, { status: 403 })
    );
    const failure = await failureOf(
      dispatcherOf(webhook, entry(server.url)).dispatch(notification(), attempt()),
    );
    assert.equal(server.got[0]!.headers.get("authorization"), header);
    for (const part of ["p@ss", "p%40ss", "passw", "token-", header.split(" ")[1]!]) {
      assert(!shown(failure).includes(part), shown(failure));
    }
    await server.close();
  });
}

const statuses: [status: number, kind: string][] = [
  [200, "delivered"],
  [202, "delivered"],
  [204, "delivered"],
  [301, "final"],
  [302, "final"],
  [307, "final"],
  [308, "final"],
  [400, "final"],
  [401, "final"],
  [403, "final"],
  [404, "final"],
  [408, "retry"],
  [410, "final"],
  [413, "final"],
  [422, "final"],
  [429, "retry"],
  [500, "retry"],
  [502, "retry"],
  [503, "retry"],
  [504, "retry"],
];
Deno.test("what each status means", async (t) => {
  const server = web();
  const dispatcher = dispatcherOf(webhook, { url: server.url });
  for (const [status, kind] of statuses) {
    await t.step(`${status}: ${kind}`, async () => {
      server.got.length = 0;
      server.answer = () =>
        new Response(status === 204 ? null : "text", {
          status,
          headers: { location: `${server.url}/elsewhere` },
        });
      const work = dispatcher.dispatch(notification(), attempt());
      if (kind === "delivered") await work;
      else assert.equal((await failureOf(work)).kind, kind);
      assert.equal(server.got.length, 1, "a redirect was followed");
    });
  }
  await server.close();
});

Deno.test("a wish to be left alone is handed on", async () => {
  const server = web(() => new Response(null, { status: 503, headers: { "retry-after": "7" } }));
  const failure = await failureOf(
    dispatcherOf(webhook, { url: server.url }).dispatch(notification(), attempt()),
  );
  assert.equal(failure.after_ms, 7_000);
  await server.close();
});

Deno.test("leaks no secret in the error: refused connection, answer, time-out", async () => {
  const server = web(() =>
    new Response("no such hook: /services/T000/s3cr3t-path", { status: 404 })
  );
  const path = "/services/T000/s3cr3t-path?token=s3cr3t-query";
  const of = (base: string, over = {}) =>
    failureOf(
      dispatcherOf(webhook, { url: `${base}${path}`, secret }).dispatch(
        notification(),
        attempt(over),
      ),
    );
  const answered = await of(server.url);
  assert.match(answered.message, /answered 404: no such hook/);
  const late = await of(server.url, { signal: AbortSignal.abort() });
  assert.deepEqual([late.kind, late.reason], ["retry", "timeout"]);
  await server.close();
  const refused = await of(server.url);
  assert.deepEqual([refused.kind, refused.reason], ["retry", "network"]);
  for (const failure of [answered, late, refused]) {
    assert(!/s3cr3t|T000|whsec/.test(shown(failure)), shown(failure));
  }
});

Deno.test("leaks no half of a secret where an answer is cut, and none without its escapes", async () => {
  const path = "/hooks/s3cr3t%2Ft0ken-of-forty-characters-and-more";
  for (const echo of [path, decodeURIComponent(path)]) {
    for (const before of [150, 180, 190]) {
      const server = web(() => new Response("x".repeat(before) + echo, { status: 500 }));
      const failure = await failureOf(
        dispatcherOf(webhook, { url: `${server.url}${path}` }).dispatch(notification(), attempt()),
      );
      assert(!shown(failure).includes("s3cr3t"), shown(failure));
      await server.close();
    }
  }
});

Deno.test("a password with a bare percent sign is sent as it stands", async () => {
  const server = web();
  const { host } = new URL(server.url);
  await dispatcherOf(webhook, { url: `http://u:50%off@${host}/` })
    .dispatch(notification(), attempt());
  assert.equal(server.got[0]!.headers.get("authorization"), `Basic ${btoa("u:50%off")}`);
  await server.close();
});

Deno.test("an answer without end is not read to its end", async () => {
  const server = web(() =>
    new Response(
      new ReadableStream({
        pull: (controller) => controller.enqueue(new TextEncoder().encode("x".repeat(10_000))),
      }),
      { status: 500 },
    )
  );
  const failure = await failureOf(
    dispatcherOf(webhook, { url: server.url }).dispatch(notification(), attempt()),
  );
  assert(failure.message.length < 400);
  await server.close();
});

Deno.test("the health check needs an answer, not a good one", async () => {
  const server = web(() => new Response(null, { status: 405 }));
  const dispatcher = dispatcherOf(webhook, { url: `${server.url}/s3cr3t` });
  const { signal } = new AbortController();
  await dispatcher.healthCheck({ signal });
  await server.close();
  assert(!shown(await failureOf(dispatcher.healthCheck({ signal }))).includes("s3cr3t"));
});

Deno.test("the file's http_config is everybody's, and the environment sets up its own", () => {
  const config = configWith(
    webhook,
    "{http_config: {bearer_token: token-1}}",
    "{url: 'http://a/b'}",
  );
  const { entry } = config.receivers.get("a")![0]!;
  assert.deepEqual(JSON.parse(JSON.stringify(entry)), {
    send_resolved: true,
    url: "•••",
    max_alerts: 0,
    http_config: { bearer_token: "•••" },
  });
  const entries = webhook.fromEnvironment!(readConfig({
    WEBHOOK_URLS: "http://a/1,https://b/2",
    WEBHOOK_SECRET: secret,
  }));
  assert.equal(entries.length, 2);
  assert(!JSON.stringify(entries).includes("whsec"));
});
