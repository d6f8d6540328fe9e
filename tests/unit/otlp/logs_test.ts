/** OTLP log records as log lines. @module */
import assert from "node:assert/strict";
import { ServiceLog } from "shared/model/log.ts";
import { convertLogs } from "shared/otlp/logs.ts";

const now = Date.parse("2026-01-05T09:00:00.000Z");

function convert(records: object[], resource: object[] = []) {
  const message = {
    resourceLogs: [{
      resource: {
        attributes: [{ key: "service.name", value: { stringValue: "shop" } }, ...resource],
      },
      scopeLogs: [{ logRecords: records }],
    }],
  };
  const work = convertLogs(message, now);
  let step = work.next();
  while (!step.done) step = work.next();
  for (const log of step.value.logs) ServiceLog.parse(log);
  return step.value;
}

const one = (record: object) => convert([record]).logs[0]!;

const levels: [
  severityNumber: number | undefined,
  severityText: string | undefined,
  level: string,
][] = [
  [1, undefined, "debug"],
  [4, undefined, "debug"],
  [5, undefined, "debug"],
  [8, undefined, "debug"],
  [9, undefined, "info"],
  [12, undefined, "info"],
  [13, undefined, "warn"],
  [16, undefined, "warn"],
  [17, undefined, "error"],
  [20, undefined, "error"],
  [21, undefined, "fatal"],
  [24, undefined, "fatal"],
  [17, "info", "error"],
  [0, "WARNING", "warn"],
  [undefined, "Error", "error"],
  [undefined, "CRITICAL", "fatal"],
  [undefined, "trace", "debug"],
  [undefined, undefined, "info"],
  [99, "nonsense", "info"],
];
for (const [severityNumber, severityText, level] of levels) {
  Deno.test(`logs: severity ${severityNumber} ${severityText ?? ""} is ${level}`, () => {
    assert.equal(one({ severityNumber, severityText }).level, level);
  });
}

const bodies: [rule: string, record: object, message: string][] = [
  ["text as it is", { body: { stringValue: "hello" } }, "hello"],
  ["numbers as text", { body: { intValue: "7" } }, "7"],
  [
    "large integers with all digits",
    { body: { intValue: "9007199254740993" } },
    "9007199254740993",
  ],
  ["doubles that are not finite by name", { body: { doubleValue: "NaN" } }, "NaN"],
  ["booleans as text", { body: { boolValue: false } }, "false"],
  [
    "structures as JSON",
    {
      body: {
        kvlistValue: {
          values: [{ key: "a", value: { arrayValue: { values: [{ intValue: 1 }, {}] } } }],
        },
      },
    },
    '{"a":[1,null]}',
  ],
  ["an event by its name", { eventName: "checkout.done" }, "checkout.done"],
  [
    "an exception by its message",
    { attributes: [{ key: "exception.message", value: { stringValue: "boom" } }] },
    "boom",
  ],
  ["nothing as nothing", {}, ""],
];
for (const [rule, record, message] of bodies) {
  Deno.test(`logs: a message is ${rule}`, () => assert.equal(one(record).message, message));
}

Deno.test("logs: attributes are fields; stack, caller, request and trace find their places", () => {
  const text = (key: string, stringValue: string) => ({ key, value: { stringValue } });
  const log = one({
    timeUnixNano: "1767603600123456789",
    body: { stringValue: "failed" },
    traceId: "5b8efff798038103d269b633813fc60c",
    spanId: "eee19b7ec3c1b174",
    attributes: [
      text("user", "u1"),
      text("request_id", "r1"),
      text("exception.stacktrace", "Error: x\n  at y"),
      text("code.file.path", "src/cart.ts"),
      { key: "code.line.number", value: { intValue: 42 } },
      text("code.function.name", "add"),
    ],
  });
  const { id: _, ...rest } = log;
  assert.deepEqual(rest, {
    service_name: "shop",
    level: "info",
    message: "failed",
    timestamp: "2026-01-05T09:00:00.123Z",
    caller: "src/cart.ts:42 add",
    stack_trace: "Error: x\n  at y",
    fields: {
      user: "u1",
      request_id: "r1",
      "code.file.path": "src/cart.ts",
      "code.line.number": 42,
      "code.function.name": "add",
    },
    trace_id: "5b8efff798038103d269b633813fc60c",
    span_id: "eee19b7ec3c1b174",
    request_id: "r1",
  });
});

Deno.test("logs: equal lines are lines of their own; the request again has the same ids", () => {
  const record = { timeUnixNano: "1767603600000000000", body: { stringValue: "same" } };
  const ids = convert([record, record, { ...record, timeUnixNano: "1767603600000000001" }]).logs
    .map(({ id }) => id);
  assert.equal(new Set(ids).size, 3);
  assert.deepEqual(
    convert([record, record, { ...record, timeUnixNano: "1767603600000000001" }]).logs
      .map(({ id }) => id),
    ids,
  );
});

Deno.test("logs: the observed time stands in for a missing one, and now for both", () => {
  assert.equal(
    one({ timeUnixNano: "0", observedTimeUnixNano: "1767603500000000000" }).timestamp,
    "2026-01-05T08:58:20.000Z",
  );
  assert.equal(one({}).timestamp, "2026-01-05T09:00:00.000Z");
});

Deno.test("logs: a time that cannot be is rejected, the others go on", () => {
  const { logs, records, rejected } = convert([{ timeUnixNano: "99999999999999999999" }, {}]);
  assert.deepEqual([logs.length, records, rejected.total], [1, 2, 1]);
  assert.match(rejected.message, /between 1970 and a day from now/);
});

Deno.test("logs: hostile records are cut, not followed", () => {
  let deep: object = { stringValue: "bottom" };
  for (let i = 0; i < 50_000; i++) deep = { arrayValue: { values: [deep] } };
  assert.ok(one({ body: deep }).message.length < 200);
  assert.equal(one({ body: { stringValue: "x".repeat(5e6) } }).message.length, 100_000);
  const attributes = Array.from({ length: 10_000 }, (_, i) => ({
    key: `k${i}`,
    value: { intValue: i },
  }));
  const { fields } = one({ attributes });
  assert.equal(Object.keys(fields!).length, 257);
  assert.equal(fields!.attributes_left_out, 9_744);
  const odd = JSON.parse(
    '{"attributes":[{"key":"code.function","value":{"kvlistValue":{"values":[{"key":"toString"}]}}},' +
      '{"key":"n","value":{"intValue":{"low":1,"high":1e300,"toString":5}}}]}',
  );
  assert.equal(convert([odd, {}]).logs.length, 1);
});
