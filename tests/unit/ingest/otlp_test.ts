/** OTLP in: encodings, answers, the stock SDK, hostile input. @module */
import assert from "node:assert/strict";
import fc from "fast-check";
import protobuf from "protobufjs";
import { OTLPLogExporter as LogsJson } from "@opentelemetry/exporter-logs-otlp-http";
import { OTLPLogExporter as LogsProtobuf } from "@opentelemetry/exporter-logs-otlp-proto";
import { OTLPMetricExporter as MetricsJson } from "@opentelemetry/exporter-metrics-otlp-http";
import { OTLPMetricExporter as MetricsProtobuf } from "@opentelemetry/exporter-metrics-otlp-proto";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { LoggerProvider, SimpleLogRecordProcessor } from "@opentelemetry/sdk-logs";
import {
  AggregationTemporality,
  AggregationType,
  MeterProvider,
  PeriodicExportingMetricReader,
} from "@opentelemetry/sdk-metrics";
import { type Served, withServed } from "./served.ts";

const proto = "application/x-protobuf";
const now = "1767603600000000000"; // 2026-01-05T09:00:00Z

const Status = protobuf.parse(
  `syntax = "proto3"; message Status { int32 code = 1; string message = 2; }`,
).root.lookupType("Status");
const Answer = protobuf.parse(
  `syntax = "proto3";
  message Answer { Partial partial = 1; }
  message Partial { int64 rejected = 1; string message = 2; }`,
).root.lookupType("Answer");

function metrics(...points: object[]) {
  return JSON.stringify({
    resourceMetrics: [{
      resource: { attributes: [{ key: "service.name", value: { stringValue: "shop" } }] },
      scopeMetrics: [{ metrics: [{ name: "depth", unit: "1", gauge: { dataPoints: points } }] }],
    }],
  });
}

/** A NumberDataPoint, by hand: the wire format is what is tested. */
function protobufMetrics(...values: number[]): Uint8Array<ArrayBuffer> {
  const { Writer } = protobuf;
  const inside = (field: number, bytes: Uint8Array) =>
    Writer.create().uint32(field << 3 | 2).bytes(bytes).finish();
  const join = (...parts: Uint8Array[]) => new Uint8Array(parts.flatMap((part) => [...part]));
  const points = values.map((value) =>
    inside(
      1,
      Writer.create().uint32(3 << 3 | 1).fixed64(now).uint32(4 << 3 | 1).double(value).finish(),
    )
  );
  const name = Writer.create().uint32(1 << 3 | 2).string("depth").finish();
  const metric = join(name, inside(5, join(...points)));
  return join(inside(1, inside(2, inside(2, metric))));
}

const empties: [path: string, body: string | Uint8Array<ArrayBuffer>, type: string][] = [
  "metrics",
  "logs",
  "traces",
].flatMap((signal): [string, string | Uint8Array<ArrayBuffer>, string][] => [
  [`/v1/${signal}`, "{}", "application/json"],
  [`/v1/${signal}`, new Uint8Array(), proto],
]);
for (const [path, body, type] of empties) {
  Deno.test(`otlp: an empty request to ${path} as ${type} is a success`, () =>
    withServed(async (it) => {
      const response = await it.post(path, body, type);
      assert.equal(response.status, 200);
      assert.equal(response.headers.get("content-type"), type);
      assert.equal(await response.text(), type === proto ? "" : "{}");
    }));
}

Deno.test("otlp: a point becomes a message; the same point again becomes the same message", () =>
  withServed(async (it) => {
    for (let i = 0; i < 2; i++) {
      const response = await it.post("/v1/metrics", metrics({ timeUnixNano: now, asInt: "7" }));
      assert.deepEqual([response.status, await response.json()], [200, {}]);
    }
    const [first, second] = it.published;
    assert.equal(first!.topic, "service-metrics");
    assert.deepEqual(first, second);
    const { id: _, ...value } = first!.value;
    assert.deepEqual(value, {
      service_name: "shop",
      metric_type: "depth",
      value: 7,
      unit: "1",
      timestamp: "2026-01-05T09:00:00.000Z",
      labels: {},
    });
  }));

Deno.test("otlp: partial success counts what was rejected and says why, in JSON", () =>
  withServed(async (it) => {
    const body = metrics({ timeUnixNano: now, asDouble: 1 }, { asDouble: "NaN" }, {
      asDouble: "NaN",
    });
    const response = await it.post("/v1/metrics", body);
    assert.equal(response.status, 200);
    const { partialSuccess } = await response.json();
    assert.equal(partialSuccess.rejectedDataPoints, "2");
    assert.match(partialSuccess.errorMessage, /finite: current value is NaN \(2\)/);
    assert.equal(it.published.length, 1);
    assert.deepEqual(await it.counted(), [
      'ingest_samples_total{protocol="otlp_metrics",outcome="accepted"} 1',
      'ingest_samples_total{protocol="otlp_metrics",outcome="rejected"} 2',
    ]);
  }));

Deno.test("otlp: partial success counts what was rejected and says why, in protobuf", () =>
  withServed(async (it) => {
    const response = await it.post("/v1/metrics", protobufMetrics(1, NaN, Infinity), proto);
    assert.equal(response.status, 200);
    assert.equal(response.headers.get("content-type"), proto);
    const answer = Answer.toObject(Answer.decode(new Uint8Array(await response.arrayBuffer())), {
      longs: Number,
    });
    assert.equal(answer.partial.rejected, 2);
    assert.match(answer.partial.message, /finite/);
    assert.equal(it.published.length, 1);
  }));

Deno.test("otlp: gzip is read", () =>
  withServed(async (it) => {
    const body = new Response(metrics({ timeUnixNano: now, asInt: 1 })).body!
      .pipeThrough(new CompressionStream("gzip"));
    const headers = { "content-encoding": "gzip" };
    const response = await it.post("/v1/metrics", body, undefined, headers);
    await response.body?.cancel();
    assert.equal(response.status, 200);
    assert.equal(it.published.length, 1);
  }));

Deno.test("otlp: traces are accepted and counted", () =>
  withServed(async (it) => {
    const body = JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans: [{}, {}] }] }] });
    const response = await it.post("/v1/traces", body);
    assert.deepEqual([response.status, await response.json()], [200, {}]);
    assert.deepEqual(await it.counted(), [
      'ingest_samples_total{protocol="otlp_traces",outcome="accepted"} 2',
    ]);
  }));

const big = 11 * 1024 * 1024;
const refusals: [
  rule: string,
  status: number,
  code: number,
  body: BodyInit,
  type?: string,
  headers?: Record<string, string>,
][] = [
  ["text that is no JSON", 400, 3, "{oops"],
  ["no body as JSON", 400, 3, ""],
  ["JSON that is no object", 400, 3, "[]"],
  ["fields of another type", 400, 3, '{"resourceMetrics":5}'],
  ["items of another type", 400, 3, '{"resourceMetrics":[null]}'],
  ["bytes that are no protobuf", 400, 3, new Uint8Array([0x0a, 0xff, 0x01]), proto],
  ["protobuf cut short", 400, 3, protobufMetrics(1).subarray(0, 10), proto],
  ["JSON sent as protobuf", 400, 3, "{}", proto],
  ["another content type", 415, 3, "{}", "text/plain"],
  ["another encoding", 415, 3, "{}", "application/json", { "content-encoding": "br" }],
  ["gzip that is none", 400, 3, "{}", proto, { "content-encoding": "gzip" }],
  ["a large JSON body", 413, 8, new Uint8Array(big)],
  ["a large protobuf body", 413, 8, new Uint8Array(big), proto],
];
for (const [rule, status, code, body, type, headers] of refusals) {
  Deno.test(`otlp: ${status} for ${rule}, as a Status in the request's encoding`, () =>
    withServed(async (it) => {
      const response = await it.post("/v1/metrics", body, type, headers);
      assert.equal(response.status, status);
      await checkStatus(response, type === proto, code);
      assert.equal(it.published.length, 0);
    }));
}

async function checkStatus(response: Response, binary: boolean, code: number) {
  assert.equal(response.headers.get("content-type"), binary ? proto : "application/json");
  const answer = binary
    ? Status.toObject(Status.decode(new Uint8Array(await response.arrayBuffer())))
    : await response.json();
  assert.equal(answer.code, code);
  assert.ok(answer.message.length > 10);
}

Deno.test("otlp: a bomb of gzip is refused at the limit", () =>
  withServed(async (it) => {
    let left = 60;
    const zeros = new ReadableStream<BufferSource>({
      pull: (controller) =>
        left-- > 0 ? controller.enqueue(new Uint8Array(1024 * 1024)) : controller.close(),
    });
    const body = zeros.pipeThrough(new CompressionStream("gzip"));
    const response = await it.post("/v1/metrics", body, proto, { "content-encoding": "gzip" });
    assert.equal(response.status, 413);
    await checkStatus(response, true, 8);
  }));

Deno.test("otlp: a token that is asked for must be presented", () =>
  withServed(async (it) => {
    const refused = await it.post("/v1/logs", new Uint8Array(), proto);
    assert.equal(refused.status, 401);
    await checkStatus(refused, true, 16);
    const authorization = "Bearer secret";
    const taken = await it.post("/v1/logs", new Uint8Array(), proto, { authorization });
    assert.equal(taken.status, 200);
    await taken.body?.cancel();
  }, "secret"));

Deno.test("otlp: what cannot be stored is answered 503; sent again it is the same", () =>
  withServed(async (it) => {
    const total = (seconds: number, asInt: number) =>
      JSON.stringify({
        resourceMetrics: [{
          scopeMetrics: [{
            metrics: [{
              name: "orders",
              sum: {
                aggregationTemporality: 2,
                isMonotonic: true,
                dataPoints: [{ timeUnixNano: `${1767603500 + seconds}000000000`, asInt }],
              },
            }],
          }],
        }],
      });
    const send = async (body: string) => {
      const response = await it.post("/v1/metrics", body);
      await response.body?.cancel();
      return response;
    };
    await send(total(0, 100));
    it.full = true;
    const refused = await send(total(10, 130));
    assert.equal(refused.status, 503);
    assert.ok(Number(refused.headers.get("retry-after")) >= 1);
    it.full = false;
    await send(total(10, 130));
    await send(total(20, 150));
    assert.deepEqual(it.published.map(({ value }) => value.value), [3, 2]);
  }));

/** Lets the stock exporters send to the functions over a socket; every answer must be 200. */
async function withCollector(it: Served, run: (url: string) => Promise<void>) {
  const answers: number[] = [];
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, async (request) => {
    const headers = Object.fromEntries(
      ["content-encoding"].flatMap((name) => {
        const value = request.headers.get(name);
        return value ? [[name, value]] : [];
      }),
    );
    const response = await it.post(
      new URL(request.url).pathname,
      await request.arrayBuffer(),
      request.headers.get("content-type")!,
      headers,
    );
    answers.push(response.status);
    return response;
  });
  try {
    await run(`http://127.0.0.1:${server.addr.port}`);
  } finally {
    await server.shutdown();
  }
  assert.ok(answers.length > 0 && answers.every((status) => status === 200), `${answers}`);
}

const exporters = [
  ["JSON", MetricsJson, LogsJson],
  ["protobuf", MetricsProtobuf, LogsProtobuf],
] as const;
// The SDK stamps its own clock's time: here it is later than any.
const later = Date.parse("2100-01-01T00:00:00Z");
const sdk = { httpAgentOptions: { keepAlive: false } };
const resource = resourceFromAttributes({
  "service.name": "checkout",
  "service.instance.id": "i1",
  "service.version": "1.2.3",
  "host.name": "somewhere",
});
const instance = { "service.instance.id": "i1", "service.version": "1.2.3" };

for (const [encoding, MetricExporter, LogExporter] of exporters) {
  for (const temporality of [AggregationTemporality.CUMULATIVE, AggregationTemporality.DELTA]) {
    const kind = AggregationTemporality[temporality].toLowerCase();
    Deno.test(`otlp: metrics of the stock SDK, ${encoding}, ${kind}`, () =>
      withServed(async (it) => {
        await it.moveTo(later);
        await withCollector(it, async (url) => {
          const exporter = new MetricExporter({
            ...sdk,
            url: `${url}/v1/metrics`,
            compression: "gzip" as never,
            temporalityPreference: temporality as never,
          });
          const provider = new MeterProvider({
            resource,
            readers: [
              new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 }),
            ],
            views: [{
              instrumentName: "size",
              aggregation: { type: AggregationType.EXPONENTIAL_HISTOGRAM },
            }],
          });
          const meter = provider.getMeter("test", "1");
          const requests = meter.createHistogram("http.server.request.duration", {
            unit: "s",
            advice: { explicitBucketBoundaries: [0.1, 0.2, 0.5] },
          });
          const sizes = meter.createHistogram("size", { unit: "By" });
          const queue = meter.createUpDownCounter("queue");
          meter.createObservableGauge("temperature", { unit: "Cel" })
            .addCallback((result) => result.observe(21.5, { room: "a", floor: 2, lit: true }));
          for (let i = 0; i < 9; i++) requests.record(0.15, { "http.response.status_code": 200 });
          requests.record(0.15, { "http.response.status_code": 500 });
          for (const size of [-4, 0, 100, 100, 1e6]) sizes.record(size);
          queue.add(5);
          queue.add(-2);
          await provider.forceFlush();
          await provider.shutdown();
        });
        const values = new Map<string, Record<string, unknown>>();
        for (const { value } of it.published) {
          assert.equal(value.service_name, "checkout");
          // Closing the SDK exports once more: the first export is meant.
          const metric = String(value.metric_type);
          if (values.has(metric)) continue;
          if (JSON.stringify(value.labels) === JSON.stringify(instance)) values.set(metric, value);
        }
        const value = (metric: string) => values.get(metric)?.value as number;
        assert.equal(value("error_rate"), 10);
        assert.equal(Math.round(value("latency_p50")), 150);
        assert.equal(values.get("latency_p95")!.unit, "ms");
        if (kind === "cumulative") assert.ok(value("request_rate") > 0);
        assert.ok(value("size_p50") >= 90 && value("size_p50") <= 110, `${value("size_p50")}`);
        assert.ok(value("size_p99") > 9e5 && value("size_p99") <= 1e6, `${value("size_p99")}`);
        assert.equal(value("queue"), 3);
        const gauge = it.published.find(({ value }) => value.metric_type === "temperature")!.value;
        assert.equal(gauge.value, 21.5);
        assert.deepEqual(gauge.labels, { ...instance, room: "a", floor: "2", lit: "true" });
        const routes = it.published.filter(({ value }) =>
          value.metric_type === "http.server.request.duration_p50"
        ).slice(0, 2);
        assert.deepEqual(
          routes.map(({ value }) =>
            (value.labels as Record<string, string>)["http.response.status_code"]
          ),
          ["200", "500"],
        );
      }));
  }

  Deno.test(`otlp: logs of the stock SDK, ${encoding}`, () =>
    withServed(async (it) => {
      await it.moveTo(later);
      await withCollector(it, async (url) => {
        const exporter = new LogExporter({ ...sdk, url: `${url}/v1/logs` });
        const provider = new LoggerProvider({
          resource,
          processors: [new SimpleLogRecordProcessor({ exporter })],
        });
        provider.getLogger("test").emit({
          severityNumber: 17,
          severityText: "ERROR",
          body: { text: "charge failed", tries: 3 },
          timestamp: [1_767_603_600, 123_456_789],
          attributes: {
            "exception.stacktrace": "Error: boom",
            amount: 12.5,
            items: ["a", "b"],
            big: 2 ** 53 - 1,
          },
        });
        await provider.forceFlush();
        await provider.shutdown();
      });
      const [{ topic, value } = { topic: "", value: {} }] = it.published;
      assert.equal(topic, "service-logs");
      const { id: _, ...log } = value;
      assert.deepEqual(log, {
        service_name: "checkout",
        level: "error",
        message: '{"text":"charge failed","tries":3}',
        timestamp: "2026-01-05T09:00:00.123Z",
        stack_trace: "Error: boom",
        fields: { ...instance, amount: 12.5, items: ["a", "b"], big: 2 ** 53 - 1 },
      });
    }));
}

Deno.test("otlp: 50,000 points are taken, and others run in between", () =>
  withServed(async (it) => {
    let turns = 0;
    const waiting = setInterval(() => turns++, 0);
    const points = Array.from({ length: 50_000 }, (_, i) => ({
      timeUnixNano: now,
      asInt: i,
      attributes: [{ key: "i", value: { intValue: i } }],
    }));
    const response = await it.post("/v1/metrics", metrics(...points));
    clearInterval(waiting);
    assert.deepEqual(await response.json(), {});
    assert.equal(it.published.length, 50_000);
    assert.ok(turns > 10, `${turns} turns`);
  }));

Deno.test("otlp: nesting without end is cut in JSON and refused in protobuf", () =>
  withServed(async (it) => {
    const depth = 20_000;
    const deep = `${'{"arrayValue":{"values":['.repeat(depth)}{}${"]}}".repeat(depth)}`;
    const logs = (body: string) =>
      `{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":${body}}]}]}]}`;
    const response = await it.post("/v1/logs", logs(deep));
    assert.deepEqual(await response.json(), {});
    let bytes = new Uint8Array();
    for (let i = 0; i < 300; i++) {
      bytes = protobuf.Writer.create().uint32(i % 2 ? 0x2a : 0x0a).bytes(bytes)
        .finish() as Uint8Array<ArrayBuffer>;
    }
    for (const field of [0x2a, 0x12, 0x12, 0x0a]) {
      bytes = protobuf.Writer.create().uint32(field).bytes(bytes)
        .finish() as Uint8Array<ArrayBuffer>;
    }
    const refused = await it.post("/v1/logs", new Uint8Array(bytes), proto);
    assert.equal(refused.status, 400);
    await refused.body?.cancel();
  }));

const json = fc.jsonValue({ maxDepth: 1 });
const few = <T>(arbitrary: fc.Arbitrary<T>) => fc.array(arbitrary, { maxLength: 3 });
const anyNumber = fc.oneof(
  fc.integer(),
  fc.double(),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n }).map(String),
  fc.constantFrom("NaN", "Infinity", now, "x", null),
  fc.record({ low: fc.integer(), high: fc.integer(), unsigned: fc.boolean() }),
);
const { value: anyValue } = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: "small", maxDepth: 3 },
    json,
    fc.record({
      stringValue: fc.string(),
      boolValue: fc.boolean(),
      intValue: anyNumber,
      doubleValue: anyNumber,
      bytesValue: fc.string(),
      arrayValue: fc.record({ values: few(tie("value")) }),
      kvlistValue: fc.record({
        values: few(fc.record({ key: fc.string(), value: tie("value") })),
      }),
    }, { requiredKeys: [] }),
  ),
}));
const odd = <T>(arbitrary: fc.Arbitrary<T>) =>
  fc.oneof({ weight: 20, arbitrary }, { weight: 1, arbitrary: json });
const keys = fc.oneof(
  fc.string(),
  fc.constantFrom("__proto__", "constructor", "service.name", "http.response.status_code"),
);
const anyAttributes = odd(few(odd(fc.record({ key: odd(keys), value: anyValue }))));
const anyBuckets = odd(fc.record({ offset: anyNumber, bucketCounts: few(anyNumber) }));
const anyPoint = odd(fc.record({
  attributes: anyAttributes,
  startTimeUnixNano: anyNumber,
  timeUnixNano: anyNumber,
  asDouble: anyNumber,
  asInt: anyNumber,
  count: anyNumber,
  sum: anyNumber,
  min: anyNumber,
  max: anyNumber,
  bucketCounts: odd(few(anyNumber)),
  explicitBounds: odd(few(anyNumber)),
  scale: anyNumber,
  zeroCount: anyNumber,
  zeroThreshold: anyNumber,
  positive: anyBuckets,
  negative: anyBuckets,
  quantileValues: odd(few(fc.record({ quantile: anyNumber, value: anyNumber }))),
  flags: anyNumber,
  exemplars: odd(few(fc.record({ traceId: fc.string() }))),
}, { requiredKeys: [] }));
const anyData = odd(fc.record({
  aggregationTemporality: fc.oneof(fc.integer({ min: 0, max: 3 }), json),
  isMonotonic: fc.boolean(),
  dataPoints: odd(few(anyPoint)),
}));
const anyMetric = odd(
  fc.tuple(
    odd(
      fc.constantFrom("m", "http.server.request.duration", "system.cpu.utilization", "latency"),
    ),
    fc.oneof(fc.constantFrom("s", "ms", "1", ""), json),
    fc.constantFrom("gauge", "sum", "histogram", "exponentialHistogram", "summary"),
    anyData,
  ).map(([name, unit, kind, data]) => ({ name, unit, [kind]: data })),
);
const anyRecord = odd(fc.record({
  timeUnixNano: anyNumber,
  observedTimeUnixNano: anyNumber,
  severityNumber: anyNumber,
  severityText: fc.oneof(fc.string(), json),
  body: anyValue,
  attributes: anyAttributes,
  traceId: fc.oneof(fc.string(), json),
  eventName: json,
}, { requiredKeys: [] }));
const anyResource = odd(fc.record({ attributes: anyAttributes }));
const anyScope = odd(fc.record({ name: json }));

async function clear(response: Response) {
  assert.ok([200, 400].includes(response.status), `${response.status}`);
  await response.arrayBuffer();
}

Deno.test("property: any JSON gets a clear answer", () =>
  withServed(async (it) => {
    const request = fc.oneof(
      json,
      fc.record({
        resourceMetrics: odd(few(odd(fc.record({
          resource: anyResource,
          scopeMetrics: odd(few(odd(fc.record({
            scope: anyScope,
            metrics: odd(few(anyMetric)),
          })))),
        })))),
      }),
      fc.record({
        resourceLogs: odd(few(odd(fc.record({
          resource: anyResource,
          scopeLogs: odd(
            few(odd(fc.record({ scope: anyScope, logRecords: odd(few(anyRecord)) }))),
          ),
        })))),
      }),
    );
    await fc.assert(
      fc.asyncProperty(request, async (request) => {
        const body = JSON.stringify(request, (_, value) => Object.is(value, -0) ? 0 : value);
        for (const signal of ["metrics", "logs", "traces"]) {
          await clear(await it.post(`/v1/${signal}`, body));
        }
      }),
      { numRuns: 400 },
    );
    for (const { value } of it.published) {
      if ("value" in value) assert.ok(Number.isFinite(value.value));
    }
  }));

Deno.test("property: any bytes, and any damage to good ones, get a clear answer", () =>
  withServed(async (it) => {
    const good = protobufMetrics(1, 2, 3);
    const damaged = fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { maxLength: 5 })
      .map((changes) => {
        const bytes = good.slice();
        for (const [at, byte] of changes) bytes[at] = byte;
        return bytes;
      });
    const bytes = fc.oneof(fc.uint8Array({ maxLength: 200 }), damaged);
    await fc.assert(
      fc.asyncProperty(bytes, async (bytes) => {
        for (const signal of ["metrics", "logs", "traces"]) {
          await clear(await it.post(`/v1/${signal}`, new Uint8Array(bytes), proto));
        }
      }),
      { numRuns: 400 },
    );
  }));
