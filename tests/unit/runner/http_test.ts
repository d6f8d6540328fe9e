/** The HTTP side of the runner over a real socket: what comes in is checked, what goes out is one envelope. @module */
import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { z } from "zod";
import { defineService, HttpProblem, reply, Unavailable } from "shared/define/mod.ts";
import { type Declared, defineFunction, http } from "functions/define.ts";
import { run } from "shared/runner/run.ts";
import { roles } from "shared/define/mod.ts";
import { createLog, type Log, silentLog } from "shared/telemetry/log.ts";
import { testWorld } from "tests/support/invoke.ts";

const functions: Declared[] = [
  defineFunction({
    name: "test.echo",
    on: http("POST /echo/:id", {
      access: "public",
      body: z.object({ title: z.string().min(2), count: z.number().optional() }),
      query: z.object({ page: z.coerce.number().int().default(1) }),
      limit: 1_000,
    }),
    handler: ({ params, query, body }) =>
      reply({ ...params, ...query, ...body }, { status: 201, meta: { total: 1 } }),
  }),
  defineFunction({
    name: "test.bytes",
    on: http("POST /bytes", {
      access: "ingest",
      body: "bytes",
      limit: 1_000_000,
      refuse: (status, message) => new Response(`own: ${message}`, { status }),
    }),
    handler: ({ body }) => new Response(String(body.length)),
  }),
  defineFunction({
    name: "test.admin",
    on: http("DELETE /things/:id", { access: "admin" }),
    handler: ({ user }) => ({ by: user.username }),
  }),
  defineFunction({
    name: "test.caller",
    on: http("GET /caller", { access: "public" }),
    handler: ({ remote }) => remote,
  }),
  defineFunction({
    name: "test.id",
    on: http("GET /id", { access: "public" }),
    handler: (_request, { uuid }) => uuid(),
  }),
  defineFunction({
    name: "test.fail",
    on: http("GET /fail/:how", { access: "public" }),
    handler({ params }) {
      if (params.how === "full") throw new Unavailable("disk is full", { after: 2_500 });
      if (params.how === "half") {
        throw new HttpProblem(422, "half", "One of two", { data: { good: 1 } });
      }
      if (params.how === "missing") {
        throw new HttpProblem(404, "not_found", "There is no such thing");
      }
      throw new Error("a secret of the inside");
    },
  }),
];

async function served(
  work: (base: string) => Promise<void>,
  trusted: string[] = [],
  log: Log = silentLog,
): Promise<void> {
  const test = await testWorld();
  const world = {
    ...test.world,
    log,
    allowedOrigins: ["http://dashboard.test"],
    trustedProxies: trusted,
    authorize: (access: string, token: string | undefined) => {
      if (access === "ingest") return Promise.resolve({ id: "", username: "", role: roles[0] });
      const role = roles.find((role) => role === token);
      if (!role) throw new HttpProblem(401, "unauthenticated", "This needs a bearer token");
      if (role !== access) throw new HttpProblem(403, "forbidden", "This needs another role");
      return Promise.resolve({ id: role, username: role, role });
    },
  };
  const service = defineService({
    name: "test",
    port: 0,
    functions,
    api: { title: "Test", description: "" },
  });
  const running = await run([service], world);
  try {
    await work(running.addresses.get("test")!);
  } finally {
    let open = true;
    const stopped = running.stop().finally(() => open = false);
    while (open) await test.clock.advance(100);
    await stopped;
    await test.close();
  }
}

const json = { "content-type": "application/json" };

async function send(base: string, path: string, init: RequestInit = {}) {
  const response = await fetch(base + path, init);
  const text = await response.text();
  return { status: response.status, text, headers: response.headers };
}

const cases: [rule: string, path: string, init: RequestInit, status: number, mentions: RegExp][] = [
  [
    "a good request is answered in the envelope",
    "/echo/7?page=2",
    { method: "POST", headers: json, body: '{"title":"abc","extra":1}' },
    201,
    /^{"success":true,"data":{"id":"7","page":2,"title":"abc"},"meta":{"total":1}}$/,
  ],
  [
    "malformed JSON is a 400",
    "/echo/7",
    { method: "POST", headers: json, body: '{"title":' },
    400,
    /"code":"malformed_json"/,
  ],
  [
    "bytes that are no text are a 400",
    "/echo/7",
    { method: "POST", headers: json, body: new Uint8Array([0xff, 0xfe, 0x22]) },
    400,
    /"code":"malformed_json"/,
  ],
  [
    "a body that does not fit is a 422 naming the field",
    "/echo/7",
    { method: "POST", headers: json, body: '{"title":"a"}' },
    422,
    /"code":"invalid_body","details":\[{"path":"title"/,
  ],
  ["no body is a 422", "/echo/7", { method: "POST" }, 422, /invalid_body/],
  [
    "an infinite number is a 422",
    "/echo/7",
    { method: "POST", headers: json, body: '{"title":"abc","count":1e999}' },
    422,
    /"path":"count"/,
  ],
  [
    "a query that does not fit is a 400",
    "/echo/7?page=x",
    { method: "POST", headers: json, body: '{"title":"abc"}' },
    400,
    /"code":"invalid_query","details":\[{"path":"page"/,
  ],
  [
    "another content type is a 415",
    "/echo/7",
    { method: "POST", headers: { "content-type": "text/xml" }, body: "<a/>" },
    415,
    /unsupported_media_type/,
  ],
  [
    "an unknown encoding is a 415",
    "/echo/7",
    { method: "POST", headers: { ...json, "content-encoding": "br" }, body: "x" },
    415,
    /unsupported_encoding/,
  ],
  [
    "a body over the limit is a 413",
    "/echo/7",
    { method: "POST", headers: json, body: "x".repeat(1_001) },
    413,
    /too_large/,
  ],
  [
    "a body that unpacks to more than the limit is a 413",
    "/echo/7",
    {
      method: "POST",
      headers: { ...json, "content-encoding": "gzip" },
      body: Uint8Array.from(gzipSync("x".repeat(100_000))),
    },
    413,
    /too_large/,
  ],
  [
    "gzip is unpacked",
    "/echo/7",
    {
      method: "POST",
      headers: { ...json, "content-encoding": "gzip" },
      body: Uint8Array.from(gzipSync('{"title":"zipped"}')),
    },
    201,
    /zipped/,
  ],
  [
    "broken gzip is a 400",
    "/echo/7",
    { method: "POST", headers: { ...json, "content-encoding": "gzip" }, body: "nonsense" },
    400,
    /malformed_encoding/,
  ],
  ["an unknown path is a 404", "/nothing", {}, 404, /"code":"not_found"/],
  ["an unknown method of a path is a 405", "/echo/7", {}, 405, /"code":"method_not_allowed"/],
  ["a method that nobody knows is a 405", "/echo/7", { method: "BREW" }, 405, /asked with POST/],
  ["a 405 has the shape of its route", "/bytes", {}, 405, /^own: /],
  ["under /api a stranger is told nothing", "/api/nothing", {}, 401, /unauthenticated/],
  [
    "under /api a caller is told what is not there",
    "/api/nothing",
    { headers: { authorization: "Bearer viewer" } },
    404,
    /"code":"not_found"/,
  ],
  [
    "a refusal may tell what there is all the same",
    "/fail/half",
    {},
    422,
    /"code":"half","data":{"good":1}/,
  ],
  ["no token is a 401", "/things/1", { method: "DELETE" }, 401, /unauthenticated/],
  [
    "a token in the query is not read where the route does not allow it",
    "/things/1?token=admin",
    { method: "DELETE" },
    401,
    /unauthenticated/,
  ],
  [
    "too small a role is a 403",
    "/things/1",
    { method: "DELETE", headers: { authorization: "Bearer viewer" } },
    403,
    /forbidden/,
  ],
  [
    "the right role may",
    "/things/1",
    { method: "DELETE", headers: { authorization: "Bearer admin" } },
    200,
    /"by":"admin"/,
  ],
  ["a full disk is a 503", "/fail/full", {}, 503, /"code":"unavailable"/],
  ["a problem has its own status", "/fail/missing", {}, 404, /There is no such thing/],
  ["a bug says nothing of the inside", "/fail/bug", {}, 500, /^(?!.*secret).*"code":"internal"/],
  [
    "a route may refuse in its own shape",
    "/bytes",
    { method: "POST", body: new Uint8Array(1_000_001) },
    413,
    /^own: /,
  ],
  ["bytes arrive as they are", "/bytes", { method: "POST", body: new Uint8Array(9) }, 200, /^9$/],
];

Deno.test("requests and their answers", async (t) => {
  await served(async (base) => {
    for (const [rule, path, init, status, mentions] of cases) {
      await t.step(rule, async () => {
        const answer = await send(base, path, init);
        assert.equal(answer.status, status, answer.text);
        assert.match(answer.text, mentions);
        if (status >= 400 && answer.text.startsWith("{")) {
          assert.equal(JSON.parse(answer.text).request_id, answer.headers.get("x-request-id"));
        }
      });
    }
    await t.step("a 405 says which methods there are", async () => {
      const { headers } = await send(base, "/echo/7", { method: "PUT" });
      assert.equal(headers.get("allow"), "POST");
    });
    await t.step("a 503 says when to come again", async () => {
      const { headers } = await send(base, "/fail/full");
      assert.equal(headers.get("retry-after"), "3");
    });
    await t.step("50 MB are refused with an answer, not a broken connection", async () => {
      const started = performance.now();
      const { status } = await send(base, "/echo/7", {
        method: "POST",
        headers: json,
        body: new Uint8Array(50 * 1024 * 1024),
      });
      assert.equal(status, 413);
      assert(performance.now() - started < 10_000);
    });
    await t.step("health, readiness and metrics are there", async () => {
      assert.equal((await send(base, "/healthz")).status, 200);
      assert.equal((await send(base, "/readyz")).status, 200);
      const { text } = await send(base, "/metrics");
      assert.match(text, /service_requests_total{.*route="\/echo\/:id".*} \d+/);
      assert.match(text, /service_latency_seconds_bucket/);
      assert.match(text, /process_cpu_user_seconds_total/);
      assert.match(text, /process_resident_memory_bytes [1-9]/);
      assert.match(text, /dependency_up{dependency="broker",service="\w+"} 1/);
      assert(!text.includes("/nothing"), "unknown paths are one label value");
      assert(!text.includes("BREW"), "unknown methods are one label value");
      assert.match(text, /service_requests_total{.*method="other".*} 1/);
    });
    await t.step("OpenAPI is made of the same schemas", async () => {
      const document = JSON.parse((await send(base, "/openapi.json")).text);
      const operation = document.paths["/echo/{id}"].post;
      assert.deepEqual(operation.parameters.map((p: { name: string }) => p.name), ["id", "page"]);
      assert.equal(
        operation.requestBody.content["application/json"].schema.properties.title.minLength,
        2,
      );
    });
    await t.step("the documentation needs nothing from outside", async () => {
      const page = await send(base, "/docs");
      assert.match(page.text, /swagger-ui-bundle\.js/);
      assert(!/https?:\/\//.test(page.text));
      assert.equal((await send(base, "/docs/swagger-ui.css")).status, 200);
      assert.equal((await send(base, "/docs/swagger-ui-bundle.js")).status, 200);
      assert.equal((await send(base, "/docs/constructor")).status, 404);
    });
    await t.step("browsers of other origins are told nothing", async () => {
      const origin = (from: string) =>
        send(base, "/healthz", { headers: { origin: from } }).then((answer) =>
          answer.headers.get("access-control-allow-origin")
        );
      assert.equal(await origin("http://dashboard.test"), "http://dashboard.test");
      assert.equal(await origin("http://evil.test"), null);
    });
  });
});

Deno.test("requests that name one id make ids of their own", async () => {
  await served(async (base) => {
    const made = async () =>
      (await send(base, "/id", { headers: { "x-request-id": "same" } })).text;
    assert.notEqual(await made(), await made());
  });
});

Deno.test("a handler's bug is logged once, with the id that the sender was told", async () => {
  const lines: Record<string, unknown>[] = [];
  const write = (line: string) => lines.push(JSON.parse(line));
  await served(
    async (base) => {
      await send(base, "/fail/bug", { headers: { "x-request-id": "complaint-7" } });
      await send(base, "/fail/full");
      await send(base, "/fail/missing");
    },
    [],
    createLog({ level: "info", now: () => 0, write }),
  );
  assert.deepEqual(
    lines.map((line) => [line.level, line.function, line.request_id]),
    [["error", "test.fail", "complaint-7"]],
  );
});

for (
  const [rule, trusted, header, expected] of [
    ["a caller is its address", [], undefined, "127.0.0.1"],
    ["what a stranger forwards is not believed", [], "10.0.0.7", "127.0.0.1"],
    ["a trusted proxy says for whom it asks", ["127.0.0.1"], "10.0.0.7", "10.0.0.7"],
    [
      "of several hops the last is the proxy's own word",
      ["127.0.0.1"],
      "1.1.1.1, 10.0.0.7",
      "10.0.0.7",
    ],
    ["a trusted proxy that says nothing asks for itself", ["127.0.0.1"], undefined, "127.0.0.1"],
  ] as const
) {
  Deno.test(`callers: ${rule}`, () =>
    served(async (base) => {
      const headers = header ? { "x-forwarded-for": header } : undefined;
      const { text } = await send(base, "/caller", headers ? { headers } : {});
      assert.equal(JSON.parse(text).data, expected);
    }, [...trusted]));
}
