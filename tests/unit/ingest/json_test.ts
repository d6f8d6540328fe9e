/** Plain JSON in. @module */
import assert from "node:assert/strict";
import fc from "fast-check";
import { type Served, withServed } from "./served.ts";

const good = { service_name: "shop", metric_type: "cpu", value: 50 };

async function post(it: Served, body: unknown, type?: string, path = "/ingest/metrics") {
  const response = await it.post(
    path,
    typeof body === "string" ? body : JSON.stringify(body),
    type,
  );
  return { status: response.status, body: await response.json() };
}

const ndjson = "application/x-ndjson";
const taken: [rule: string, body: unknown, type: string | undefined, accepted: number][] = [
  ["one object", good, undefined, 1],
  ["an array", [good, good], undefined, 2],
  ["an empty array", [], undefined, 0],
  ["lines", `${JSON.stringify(good)}\n\n${JSON.stringify(good)}\r\n`, ndjson, 2],
  ["lines that nobody announced", `${JSON.stringify(good)}\n${JSON.stringify(good)}`, undefined, 2],
  ["an object over several lines", JSON.stringify(good, null, 2), undefined, 1],
  ["a type with parameters", good, "application/json; charset=utf-8", 1],
  ["unknown fields", { ...good, colour: "red", nested: { deep: [1] } }, undefined, 1],
  [
    "several values in one message",
    { service_name: "shop", cpu_usage: 1, memory_usage: 2 },
    undefined,
    1,
  ],
];
for (const [rule, body, type, accepted] of taken) {
  Deno.test(`ingest json: takes ${rule}`, () =>
    withServed(async (it) => {
      const answer = await post(it, body, type);
      assert.equal(answer.status, 200);
      assert.deepEqual(answer.body.data, { accepted, rejected: 0, errors: [] });
      assert.equal(it.published.length, accepted);
    }));
}

Deno.test("ingest json: fills in id and time, keeps given ones, writes UTC, drops unknown fields", () =>
  withServed(async (it) => {
    const timestamp = "2026-01-05T10:00:00+01:30";
    await post(it, [{ ...good, colour: "red" }, { ...good, id: "mine", timestamp }]);
    const [first, second] = it.published.map(({ value }) => value);
    assert.deepEqual(first, { ...good, id: first!.id, timestamp: "2026-01-05T09:00:00.000Z" });
    assert.match(String(first!.id), /^[0-9a-f-]{36}$/);
    assert.deepEqual(second, { ...good, id: "mine", timestamp: "2026-01-05T08:30:00.000Z" });
  }));

Deno.test("ingest json: takes log lines", () =>
  withServed(async (it) => {
    const line = { service_name: "shop", level: "error", message: "boom", fields: { a: 1 } };
    const answer = await post(it, [line, { ...line, level: "loud" }], undefined, "/ingest/logs");
    assert.equal(answer.body.data.accepted, 1);
    assert.equal(answer.body.data.errors[0].path, "level");
    assert.equal(it.published[0]!.topic, "service-logs");
    assert.equal(it.published[0]!.value.message, "boom");
  }));

const refused: [rule: string, item: string, path: string | undefined, message: RegExp][] = [
  [
    "values that overflow",
    '{"service_name":"s","metric_type":"m","value":1e999}',
    "value",
    /Infinity/,
  ],
  [
    "NaN as text",
    '{"service_name":"s","metric_type":"m","value":"NaN"}',
    "value",
    /expected number.*"NaN"/,
  ],
  ["no service", '{"metric_type":"m","value":1}', "service_name", /./],
  ["an empty service", '{"service_name":"","metric_type":"m","value":1}', "service_name", /./],
  ["no value", '{"service_name":"s","metric_type":"m"}', "value", /belong together/],
  [
    "a message that carries nothing",
    '{"service_name":"s"}',
    "value",
    /needs metric_type and value/,
  ],
  [
    "times that are none",
    '{"service_name":"s","metric_type":"m","value":1,"timestamp":"today"}',
    "timestamp",
    /"today"/,
  ],
  [
    "days that do not exist",
    '{"service_name":"s","metric_type":"m","value":1,"timestamp":"2026-02-30T00:00:00Z"}',
    "timestamp",
    /./,
  ],
  [
    "times to come",
    '{"service_name":"s","metric_type":"m","value":1,"timestamp":"2036-01-01T00:00:00Z"}',
    "timestamp",
    /a day from now.*2036/,
  ],
  [
    "times long ago",
    '{"service_name":"s","metric_type":"m","value":1,"timestamp":"1950-01-01T00:00:00Z"}',
    "timestamp",
    /between 1970/,
  ],
  [
    "labels that are not text",
    '{"service_name":"s","metric_type":"m","value":1,"labels":{"a":1}}',
    "labels.a",
    /./,
  ],
  [
    "more labels than a series may have",
    JSON.stringify({
      ...good,
      labels: Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`l${i}`, "x"])),
    }),
    "labels",
    /64/,
  ],
  ["items that are no objects", "5", undefined, /must be an object: current value is 5/],
  ["null", "null", undefined, /must be an object/],
  ["nested arrays", "[[]]", undefined, /must be an object: current value is an array/],
];
for (const [rule, item, path, message] of refused) {
  Deno.test(`ingest json: rejects ${rule}, by index, and takes the rest`, () =>
    withServed(async (it) => {
      const one = item.startsWith("[") ? item.slice(1, -1) : item;
      const mixed = await post(it, `[${JSON.stringify(good)},${one}]`);
      assert.equal(mixed.status, 200);
      assert.equal(mixed.body.data.accepted, 1);
      assert.equal(mixed.body.data.rejected, 1);
      const [error] = mixed.body.data.errors;
      assert.deepEqual([error.index, error.path], [1, path]);
      assert.match(error.message, message);
      const alone = await post(it, `[${one}]`);
      assert.equal(alone.status, 422);
      assert.equal(alone.body.success, false);
      assert.equal(alone.body.details[0].path, path ? `0.${path}` : "0");
      assert.deepEqual([alone.body.data.accepted, alone.body.data.rejected], [0, 1]);
      assert.equal(it.published.length, 1);
    }));
}

const malformed: [rule: string, body: BodyInit, type?: string][] = [
  ["text", "hello"],
  ["nothing", ""],
  ["half an object", '{"service_name":'],
  ["lines of which none is JSON", "a\nb", ndjson],
  ["bytes that are not UTF-8", new Uint8Array([0x22, 0xff, 0x22])],
];
for (const [rule, body, type] of malformed) {
  Deno.test(`ingest json: 400 for ${rule}`, () =>
    withServed(async (it) => {
      const response = await it.post("/ingest/metrics", body, type);
      const answer = await response.json();
      assert.equal(response.status, 400);
      assert.equal(answer.code, "malformed_json");
    }));
}

Deno.test("ingest json: a line that is no JSON is rejected by its index", () =>
  withServed(async (it) => {
    const answer = await post(it, `${JSON.stringify(good)}\n{oops\n${JSON.stringify(good)}`);
    assert.equal(answer.body.data.accepted, 2);
    assert.equal(answer.body.data.errors[0].index, 1);
    assert.match(answer.body.data.errors[0].message, /not JSON/);
  }));

Deno.test("ingest json: lists at most 100 errors and counts all", () =>
  withServed(async (it) => {
    const answer = await post(it, [good, ...Array(500).fill({})]);
    assert.equal(answer.body.data.rejected, 500);
    assert.equal(answer.body.data.errors.length, 100);
    assert.deepEqual(await it.counted(), [
      'ingest_samples_total{protocol="json_metrics",outcome="accepted"} 1',
      'ingest_samples_total{protocol="json_metrics",outcome="rejected"} 500',
    ]);
  }));

Deno.test("ingest json: prototype keys change nothing", () =>
  withServed(async (it) => {
    const answer = await post(
      it,
      '{"service_name":"s","metric_type":"m","value":1,"__proto__":{"value":2},' +
        '"labels":{"__proto__":"x","constructor":"y"}}',
    );
    assert.equal(answer.status, 200);
    assert.equal(({} as Record<string, unknown>).x, undefined);
    assert.equal((it.published[0]!.value.labels as Record<string, string>).constructor, "y");
  }));

Deno.test("ingest json: 100,000 items are taken, and others run in between", () =>
  withServed(async (it) => {
    let turns = 0;
    const waiting = setInterval(() => turns++, 0);
    const line = `${JSON.stringify(good)}\n`;
    const answer = await post(it, line.repeat(100_000), ndjson);
    clearInterval(waiting);
    assert.equal(answer.body.data.accepted, 100_000);
    assert.ok(turns > 10, `${turns} turns`);
  }));

Deno.test("ingest json: 50 MB are refused with 413", () =>
  withServed(async (it) => {
    const part = new Uint8Array(1024 * 1024).fill(32);
    let sent = 0;
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        if (sent++ < 50) controller.enqueue(part);
        else controller.close();
      },
    });
    assert.equal((await it.post("/ingest/metrics", body)).status, 413);
  }));

Deno.test("ingest json: a token that is asked for must be presented", () =>
  withServed(async (it) => {
    const body = JSON.stringify(good);
    assert.equal((await it.post("/ingest/metrics", body)).status, 401);
    const authorization = "Bearer secret";
    assert.equal((await it.post("/ingest/metrics", body, ndjson, { authorization })).status, 200);
  }, "secret"));

Deno.test("ingest json: what cannot be stored is answered 503 with Retry-After", () =>
  withServed(async (it) => {
    it.full = true;
    const response = await it.post("/ingest/metrics", JSON.stringify(good));
    await response.body?.cancel();
    assert.equal(response.status, 503);
    assert.ok(Number(response.headers.get("retry-after")) >= 1);
  }));

Deno.test("property: any JSON and any text gets a clear answer", () =>
  withServed(async (it) => {
    const item = fc.oneof(
      fc.jsonValue(),
      fc.record({
        service_name: fc.oneof(fc.string(), fc.jsonValue()),
        metric_type: fc.string(),
        value: fc.oneof(fc.double(), fc.jsonValue()),
        timestamp: fc.oneof(fc.string(), fc.date().map(String), fc.jsonValue()),
        labels: fc.oneof(fc.dictionary(fc.string(), fc.string()), fc.jsonValue()),
        level: fc.constantFrom("info", "error", "x"),
        message: fc.string(),
      }, { requiredKeys: [] }),
    );
    const body = fc.oneof(
      item.map((value) => JSON.stringify(value)),
      fc.array(item).map((value) => JSON.stringify(value)),
      fc.array(item).map((values) => values.map((value) => JSON.stringify(value)).join("\n")),
      fc.string(),
    );
    await fc.assert(
      fc.asyncProperty(body, fc.constantFrom("metrics", "logs"), async (body, path) => {
        const response = await it.post(`/ingest/${path}`, body);
        const answer = await response.json();
        assert.ok([200, 400, 422].includes(response.status), `${response.status}`);
        assert.equal(answer.success, response.status === 200);
      }),
      { numRuns: 300 },
    );
  }));
