/** Every bad input has a clear answer and costs nothing else. @module */
import assert from "node:assert/strict";
import { SignJWT } from "jose";
import { Api, eventually, startProgram } from "tests/support/process.ts";

const secret = "a secret of the end-to-end tests, long enough";

function token(claims: Record<string, unknown>, options: { key?: string; expires?: string } = {}) {
  return new SignJWT(claims)
    .setProtectedHeader({ alg: "HS256" })
    .setSubject(String(claims.username))
    .setIssuer("eventflow")
    .setIssuedAt()
    .setExpirationTime(options.expires ?? "1h")
    .sign(new TextEncoder().encode(options.key ?? secret));
}

Deno.test("bad input is answered clearly, and good input after it is served as before", async (t) => {
  const program = await startProgram({
    environment: { SIMULATORS: "none", JWT_SECRET: secret, INGEST_TOKEN: "let-me-in" },
  });
  const ingest = program.address("ingest");
  const api = await new Api(program.address("ui-backend")).login();
  const send = async (path: string, body: BodyInit, headers: Record<string, string> = {}) => {
    const response = await fetch(ingest + path, {
      method: "POST",
      body,
      headers: {
        "content-type": "application/json",
        authorization: "Bearer let-me-in",
        ...headers,
      },
    });
    return { status: response.status, text: await response.text() };
  };
  const sample = { service_name: "shop", metric_type: "heat", value: 1 };

  await t.step("telemetry needs the token", async () => {
    const { status } = await send("/ingest/metrics", "[]", { authorization: "Bearer wrong" });
    assert.equal(status, 401);
  });
  await t.step("malformed JSON", async () => {
    const { status, text } = await send("/ingest/metrics", '[{"service_name":');
    assert.equal(status, 400, text);
  });
  for (const value of ["1e999", "-1e999", '"NaN"', "null"]) {
    await t.step(`a value of ${value}`, async () => {
      const body = `[${
        JSON.stringify(sample)
      },{"service_name":"shop","metric_type":"heat","value":${value}}]`;
      const { status, text } = await send("/ingest/metrics", body);
      assert(status === 200 || status === 202, text);
      const { data } = JSON.parse(text);
      assert.deepEqual([data.accepted, data.rejected, data.errors[0].index], [1, 1, 1]);
    });
  }
  await t.step("unknown fields are ignored", async () => {
    const { status } = await send(
      "/ingest/metrics",
      JSON.stringify({ ...sample, unknown: { __proto__: null, deep: [1] } }),
    );
    assert(status < 300);
  });
  await t.step("50 MB", async () => {
    for (const path of ["/ingest/metrics", "/v1/metrics", "/v1/logs"]) {
      assert.equal((await send(path, new Uint8Array(50 * 1024 * 1024))).status, 413, path);
    }
  });
  await t.step("garbage as protobuf", async () => {
    const { status } = await send("/v1/metrics", new Uint8Array([255, 255, 255, 255, 1, 2, 3]), {
      "content-type": "application/x-protobuf",
    });
    assert.equal(status, 400);
  });
  await t.step("an impossible window, an unknown operator, a missing threshold", async () => {
    for (
      const wrong of [
        { window_size: -5 },
        { window_size: 1e9 },
        { window_size: 0 },
        { operator: "~" },
        { threshold: undefined },
        { for_seconds: -1 },
      ]
    ) {
      const { status, body } = await api.request("POST", "/api/rules", {
        name: "Bad",
        metric_type: "heat",
        threshold: 5,
        ...wrong,
      });
      assert.equal(status, 422, JSON.stringify(body));
      assert.equal(body.details![0]!.path, Object.keys(wrong)[0]);
    }
  });
  await t.step("tokens that are expired, forged, unsigned or of no role", async () => {
    const unsigned = `${btoa('{"alg":"none"}')}.${btoa('{"sub":"x","role":"admin"}')}.`.replaceAll(
      "=",
      "",
    );
    for (
      const bad of [
        await token({ username: "x", role: "admin" }, { expires: "-1s" }),
        await token({ username: "x", role: "admin" }, {
          key: "another secret, as long as the other",
        }),
        await token({ username: "x", role: "emperor" }),
        unsigned,
        "nonsense",
        "",
      ]
    ) {
      const response = await fetch(`${api.base}/api/rules`, {
        headers: { authorization: `Bearer ${bad}` },
      });
      const body = await response.json();
      assert.equal(response.status, 401, bad);
      assert.equal(body.success, false);
    }
  });
  await t.step("a viewer reads, and may not delete", async () => {
    const viewer = new Api(api.base);
    viewer.token = await token({ username: "vera", role: "viewer" });
    const [rule] = await viewer.get<{ id: string }[]>("/api/rules");
    const { status, body } = await viewer.request("DELETE", `/api/rules/${rule!.id}`);
    assert.equal(status, 403);
    assert.match(body.error!, /admin/);
    await viewer.get(`/api/rules/${rule!.id}`);
  });
  await t.step("somebody else saved first", async () => {
    const rule = await api.post<{ id: string; version: number }>("/api/rules", {
      name: "Contended",
      metric_type: "heat",
      threshold: 5,
    });
    const change = { name: "Contended", metric_type: "heat", threshold: 6, version: rule.version };
    await api.put(`/api/rules/${rule.id}`, change);
    const { status } = await api.request("PUT", `/api/rules/${rule.id}`, change);
    assert.equal(status, 409);
  });
  await t.step("guessing a password is slowed down", async () => {
    const statuses: number[] = [];
    for (let i = 0; i < 12; i++) {
      const answer = await new Api(api.base).request("POST", "/api/auth/login", {
        username: "admin",
        password: `guess-${i}`,
      });
      statuses.push(answer.status);
      if (answer.status === 429) assert(Number(answer.headers.get("retry-after")) > 0);
    }
    assert.equal(statuses[0], 401);
    assert.equal(statuses.at(-1), 429);
  });
  await t.step("after all that a good sample is taken and seen", async () => {
    await send("/ingest/metrics", JSON.stringify({ ...sample, value: 42 }));
    await eventually(
      () => api.get<{ value: number }[]>("/api/services/shop/metrics?metric_type=heat"),
      (samples) => samples.some(({ value }) => value === 42),
    );
  });

  const output = program.lines.join("\n");
  assert(!output.includes("let-me-in") && !output.includes(secret), "a secret was logged");
  assert.equal(await program.stop(), 0);
  await Deno.remove(program.directory, { recursive: true });
});

Deno.test("a full disk refuses writes with 503, reads go on, and it recovers without a restart", async () => {
  const directory = await Deno.makeTempDir({ prefix: "eventflow-full-" });
  const run = (command: string, ...args: string[]) =>
    new Deno.Command(command, { args, stderr: "piped" }).output();
  const mounted = (await run("mount", "-t", "tmpfs", "-o", "size=24m", "none", directory)).success;
  assert(mounted, "This test needs the right to mount a small file system");
  try {
    const program = await startProgram({ directory, environment: { SIMULATORS: "none" } });
    const api = await new Api(program.address("ui-backend")).login();
    const send = async (value: number) => {
      const response = await fetch(`${program.address("ingest")}/ingest/metrics`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ service_name: "shop", metric_type: "heat", value }),
      });
      await response.body?.cancel();
      return response;
    };
    assert((await send(1)).ok);
    await eventually(
      () => api.get<{ name: string }[]>("/api/services"),
      (services) => services.length === 1,
    );

    const filler = `${directory}/filler`;
    const chunk = new Uint8Array(64 * 1024);
    const file = await Deno.open(filler, { write: true, create: true });
    try {
      for (;;) await file.write(chunk);
    } catch {
      file.close();
    }
    const refused = await eventually(() => send(2), (response) => response.status === 503);
    assert(Number(refused.headers.get("retry-after")) > 0);
    const ready = await fetch(`${program.address("ingest")}/readyz`);
    assert.equal(ready.status, 503);
    assert.match(await ready.text(), /broker|store/);
    const services = await api.get<{ name: string }[]>("/api/services");
    assert.equal(services[0]!.name, "shop");

    await Deno.remove(filler);
    await eventually(() => send(3), (response) => response.ok);
    await eventually(
      () => api.get<{ value: number }[]>("/api/services/shop/metrics?metric_type=heat"),
      (samples) => samples.some(({ value }) => value === 3),
    );
    assert.equal(await program.stop(), 0);
  } finally {
    await run("umount", "-l", directory);
    await Deno.remove(directory, { recursive: true });
  }
});
