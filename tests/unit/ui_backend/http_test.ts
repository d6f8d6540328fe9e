import assert from "node:assert/strict";
import { request } from "node:http";
import { HttpProblem } from "functions/define.ts";
import { closeLive, liveHub } from "functions/ui-backend/live/live.ts";
import { uiBackend } from "functions/ui-backend/mod.ts";
import recordAlerts from "functions/ui-backend/alerts/record.ts";
import { authenticate, issueToken } from "functions/ui-backend/auth/tokens.ts";
import { type Access, type Role, roles } from "shared/define/mod.ts";
import { openapi } from "shared/runner/openapi.ts";
import { run } from "shared/runner/run.ts";
import { serve } from "shared/runner/http.ts";
import { invoke, type TestWorld, testWorld } from "tests/support/invoke.ts";
import { alertAt } from "./samples.ts";

const allowed = "http://dashboard.test";

/** The service as it is served, in a world that stands still. */
async function served(): Promise<{
  test: TestWorld;
  token(role: Role): Promise<string>;
  ask(role: Role | undefined, method: string, path: string, body?: unknown): Promise<Response>;
  listen(): Promise<{ address: string; stop(): Promise<void> }>;
}> {
  const test = await testWorld({ ALLOWED_ORIGINS: allowed, UI_BACKEND_PORT: "0" });
  const service = uiBackend(test.config);
  const http = {
    ...service,
    functions: service.functions.filter((fn) => fn.on.kind === "http"),
  };
  const world = {
    ...test.world,
    allowedOrigins: [allowed],
    async authorize(access: Access, token: string | undefined) {
      if (!token) throw new HttpProblem(401, "unauthenticated", "No token");
      const caller = await authenticate(token, test.config, test.clock.now());
      if (roles.indexOf(caller.role) < roles.indexOf(access as Role)) {
        throw new HttpProblem(403, "forbidden", "Not you");
      }
      return caller;
    },
  };
  const token = async (role: Role) => {
    const holder = { id: role, username: role, role, session: "s" };
    return (await issueToken(holder, test.config, test.clock.now())).token;
  };
  const site = (fn: (typeof http.functions)[number]) => ({
    fn,
    service: service.name,
    world,
    metrics: test.metrics,
    env: test.env,
  });
  const app = serve(http, site, world, new AbortController().signal);
  const upgrade = () => {
    throw new Error("No upgrade here");
  };
  return {
    test,
    token,
    async ask(role, method, path, body) {
      const asked = new Request(`http://localhost${path}`, {
        method,
        headers: {
          ...(role ? { authorization: `Bearer ${await token(role)}` } : {}),
          ...(body === undefined ? {} : { "content-type": "application/json" }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      return await app.fetch(asked, "127.0.0.1", upgrade);
    },
    async listen() {
      const running = await run([http], world);
      return {
        address: running.addresses.get("ui-backend")!,
        async stop() {
          await closeLive(test.env);
          await running.stop();
        },
      };
    },
  };
}

/** Who may call what: the least role, or public. */
const access: [method: string, path: string, least: Role | "public"][] = [
  ["GET", "/api/health", "public"],
  ["POST", "/api/auth/login", "public"],
  ["POST", "/api/auth/refresh", "public"],
  ["POST", "/api/auth/logout", "viewer"],
  ["GET", "/api/dashboard/stats", "viewer"],
  ["GET", "/api/services", "viewer"],
  ["GET", "/api/services/:service/metrics", "viewer"],
  ["GET", "/api/metrics/latest", "viewer"],
  ["GET", "/api/alerts", "viewer"],
  ["GET", "/api/alerts/:id", "viewer"],
  ["GET", "/api/notifications", "viewer"],
  ["GET", "/api/logs", "viewer"],
  ["POST", "/api/alerts/:id/acknowledge", "operator"],
  ["GET", "/api/rules", "viewer"],
  ["POST", "/api/rules", "admin"],
  ["GET", "/api/rules/:id", "viewer"],
  ["PUT", "/api/rules/:id", "admin"],
  ["DELETE", "/api/rules/:id", "admin"],
  ["GET", "/api/users", "admin"],
  ["POST", "/api/users", "admin"],
  ["DELETE", "/api/users/:username", "admin"],
  ["GET", "/ws", "viewer"],
  ["GET", "/api/live", "viewer"],
];

Deno.test("access: the table names every route", async () => {
  const test = await testWorld();
  const routes = uiBackend(test.config).functions.flatMap(({ on }) =>
    on.kind === "http" ? [[on.method, on.path, on.access]] : []
  );
  assert.deepEqual(routes.map(String).sort(), access.map(String).sort());
  await test.close();
});

Deno.test("access: nobody below the least role gets in", async (t) => {
  const { test, ask } = await served();
  for (const [method, route, least] of access) {
    if (least === "public") continue;
    const path = route.replace(/:\w+/, "x");
    await t.step(`${method} ${route} needs a token`, async () => {
      const response = await ask(undefined, method, path);
      assert.equal(response.status, 401);
      assert.equal((await response.json()).success, false);
    });
    for (const role of roles.slice(0, roles.indexOf(least))) {
      await t.step(`${method} ${route} is not for a ${role}`, async () => {
        const response = await ask(role, method, path);
        assert.equal(response.status, 403);
        await response.body?.cancel();
      });
    }
  }
  await test.close();
});

const asked: [
  rule: string,
  role: Role,
  method: string,
  path: string,
  body: unknown,
  status: number,
  code: string,
][] = [
  ["a bad query is 400", "viewer", "GET", "/api/alerts?page=0", undefined, 400, "invalid_query"],
  [
    "a bad window is 400",
    "viewer",
    "GET",
    "/api/services/x/metrics?window=1y",
    undefined,
    400,
    "invalid_query",
  ],
  [
    "an unknown service is 404",
    "viewer",
    "GET",
    "/api/services/x/metrics",
    undefined,
    404,
    "not_found",
  ],
  ["a rule of nonsense is 422", "admin", "POST", "/api/rules", { name: 5 }, 422, "invalid_body"],
  [
    "an impossible rule is 422",
    "admin",
    "POST",
    "/api/rules",
    { name: "x", metric_type: "cpu" },
    422,
    "impossible_rule",
  ],
  [
    "a short password is 422",
    "admin",
    "POST",
    "/api/users",
    { username: "x", password: "x", role: "viewer" },
    422,
    "invalid_body",
  ],
  ["ws without an upgrade is 426", "viewer", "GET", "/ws", undefined, 426, "upgrade_required"],
];
Deno.test("refusals", async (t) => {
  const { test, ask } = await served();
  for (const [rule, role, method, path, body, status, code] of asked) {
    await t.step(rule, async () => {
      const response = await ask(role, method, path, body);
      const answer = await response.json();
      assert.equal(response.status, status);
      assert.equal(answer.code, code);
      assert(answer.request_id);
    });
  }
  await test.close();
});

Deno.test("refusals: a refresh token used twice is 401, and the session has ended", async () => {
  const { test, ask } = await served();
  const post = async (path: string, body: unknown) => {
    const response = await ask(undefined, "POST", path, body);
    return { status: response.status, answer: await response.json() };
  };
  const { answer } = await post("/api/auth/login", { username: "bob", password: "demo" });
  const first = { refresh_token: answer.data.refresh_token };
  const second = (await post("/api/auth/refresh", first)).answer.data;
  const again = await post("/api/auth/refresh", first);
  assert.equal(again.status, 401);
  assert.equal(again.answer.code, "refresh_invalid");
  assert(again.answer.request_id);
  const { refresh_token } = second;
  assert.equal((await post("/api/auth/refresh", { refresh_token })).status, 401);
  await test.close();
});

Deno.test("acknowledging with an empty body works over HTTP", async () => {
  const { test, ask } = await served();
  const alert = alertAt(0);
  await invoke(recordAlerts, [alert], test);
  const response = await ask("operator", "POST", `/api/alerts/${alert.id}/acknowledge`);
  assert.equal(response.status, 200);
  assert.equal((await response.json()).data.acknowledged_by, "operator");
  await test.close();
});

Deno.test("sse: a HEAD request leaves no connection behind", async () => {
  const { test, ask } = await served();
  const response = await ask("viewer", "HEAD", "/api/live");
  assert.equal(response.headers.get("content-type"), "text/event-stream");
  assert.equal(liveHub(test.env).size, 0);
  await test.close();
});

Deno.test("openapi: every route has a summary, and what it answers", async () => {
  const test = await testWorld();
  const service = uiBackend(test.config);
  for (const { name, on } of service.functions) {
    if (on.kind !== "http") continue;
    assert(on.summary, name);
    assert(on.reply || on.tokenInQuery, name);
  }
  const document = openapi(service) as {
    paths: Record<string, { get: { parameters: { name: string; schema: { type?: string } }[] } }>;
  };
  const parameters = document.paths["/api/alerts"]!.get.parameters;
  assert.deepEqual(parameters.map(({ name }) => name), [
    "page",
    "limit",
    "status",
    "severity",
    "service",
    "type",
    "acknowledged",
    "q",
    "from",
    "to",
    "sort",
  ]);
  await test.close();
});

/** A WebSocket client that hands out messages one by one. */
function client(url: string, options: WebSocketOptions = {}) {
  // Deno's own WebSocket takes headers; the types of browsers, which some package brings, do not.
  const Client = WebSocket as unknown as new (
    url: string,
    options: WebSocketOptions,
  ) => WebSocket;
  const socket = new Client(url, options);
  const got: Record<string, unknown>[] = [];
  const waiting: ((message: Record<string, unknown>) => void)[] = [];
  socket.onmessage = ({ data }) => {
    const message = JSON.parse(data);
    const next = waiting.shift();
    if (next) next(message);
    else got.push(message);
  };
  const closed = new Promise<number>((resolve) => socket.onclose = ({ code }) => resolve(code));
  return {
    socket,
    closed,
    next: () =>
      new Promise<Record<string, unknown>>((resolve) => {
        const message = got.shift();
        if (message) resolve(message);
        else waiting.push(resolve);
      }),
  };
}

/** The status that a request for a WebSocket is answered with. */
function upgradeStatus(url: string, headers: Record<string, string>): Promise<number> {
  return new Promise((resolve, reject) => {
    const handshake = {
      connection: "upgrade",
      upgrade: "websocket",
      "sec-websocket-version": "13",
      "sec-websocket-key": btoa("sixteen bytes ok"),
    };
    const asking = request(url, { headers: { ...handshake, ...headers }, agent: false });
    asking.on("error", reject);
    asking.on("response", (response) => {
      response.resume();
      response.on("end", () => resolve(response.statusCode ?? 0));
    });
    asking.end();
  });
}

Deno.test("ws: speaks after a token as sub-protocol, header or query, and closes cleanly", async (t) => {
  const { test, token, listen } = await served();
  const { address, stop } = await listen();
  const url = `${address.replace("http", "ws")}/ws`;
  const jwt = await token("viewer");

  await t.step("sub-protocol, with the origin of the dashboard", async () => {
    const one = client(url, { protocols: ["bearer", jwt], headers: { origin: allowed } });
    assert.equal((await one.next()).type, "status");
    assert.equal(one.socket.protocol, "bearer");
    one.socket.close();
    await one.closed;
  });
  await t.step("header, and back to where it was", async () => {
    const one = client(`${url}?types=alert`, { headers: { authorization: `Bearer ${jwt}` } });
    const status = await one.next();
    assert.deepEqual((status.payload as { types: string[] }).types, ["alert"]);
    one.socket.send("nonsense");
    assert.equal((await one.next()).type, "error");
    one.socket.send(new Uint8Array(4));
    assert.equal((await one.next()).type, "error");
    liveHub(test.env).publish("log", "not wanted", { service: "orders" });
    liveHub(test.env).publish("alert", "fire", { service: "orders" });
    const alert = await one.next();
    assert.equal(alert.payload, "fire");
    assert(alert.seq as number > (status.seq as number));
    one.socket.close();
    await one.closed;
  });
  const refused: [rule: string, query: string, headers: Record<string, string>, status: number][] =
    [
      ["no token", "", {}, 401],
      ["a forged token", "?token=abc.def.ghi", {}, 401],
      ["a page of somebody else", `?token=${jwt}`, { origin: "http://evil.test" }, 403],
      ["a page that hides its origin", `?token=${jwt}`, { origin: "null" }, 403],
    ];
  for (const [rule, query, headers, status] of refused) {
    await t.step(`${rule} is refused before the upgrade`, async () => {
      assert.equal(await upgradeStatus(`${address}/ws${query}`, headers), status);
    });
  }
  await t.step("a stop closes who is there", async () => {
    const one = client(`${url}?token=${jwt}`, { headers: { origin: address } });
    await one.next();
    const stopped = stop();
    assert.equal(await one.closed, 1001);
    await stopped;
  });
  await test.close();
});

Deno.test("sse: tells what happens, and Last-Event-ID resumes", async () => {
  const { test, token, listen } = await served();
  const { address, stop } = await listen();
  const hub = liveHub(test.env);
  const open = async (headers: Record<string, string> = {}) => {
    const response = await fetch(`${address}/api/live?token=${await token("viewer")}`, { headers });
    const events = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    return {
      response,
      /** Reads until an event has come that holds the words. */
      async until(words: string) {
        while (!text.includes(words) || !text.endsWith("\n\n")) {
          const { value, done } = await events.read();
          if (done) throw new Error(`The stream ended before "${words}": ${text}`);
          text += value;
        }
        return text;
      },
      close: () => events.cancel(),
    };
  };
  const first = await open({ origin: allowed });
  assert.equal(first.response.headers.get("content-type"), "text/event-stream");
  assert.equal(first.response.headers.get("access-control-allow-origin"), allowed);
  await first.until('"type":"status"');
  hub.publish("log", "one", { service: "orders" });
  const text = await first.until('"payload":"one"');
  const id = [...text.matchAll(/^id: (\d+)$/gm)].at(-1)![1]!;
  await first.close();
  hub.publish("log", "two", { service: "orders" });

  const second = await open({ "last-event-id": id });
  const missed = await second.until('"type":"status"');
  assert(missed.includes('"payload":"two"') && !missed.includes('"payload":"one"'));
  await second.close();

  const evil = await fetch(`${address}/api/live?token=${await token("viewer")}`, {
    headers: { origin: "http://evil.test" },
  });
  assert.equal(evil.status, 403);
  await evil.body?.cancel();

  const third = await open();
  await third.until('"type":"status"');
  const ended = assert.rejects(third.until("never"), /ended/);
  await stop();
  await ended;
  await test.close();
});
