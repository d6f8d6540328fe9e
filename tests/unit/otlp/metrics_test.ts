/** OTLP metrics as samples. @module */
import assert from "node:assert/strict";
import { ServiceMetric } from "shared/model/metric.ts";
import { Memory } from "shared/otlp/memory.ts";
import { convertMetrics } from "shared/otlp/metrics.ts";

const now = Date.parse("2026-01-05T09:00:00.000Z");

/** Nanoseconds as OTLP's JSON writes them, `seconds` from now. */
function at(seconds: number): string {
  return `${now + seconds * 1000}000000`;
}

function attributes(values: Record<string, string | number | boolean>) {
  return Object.entries(values).map(([key, value]) => ({
    key,
    value: typeof value === "string"
      ? { stringValue: value }
      : typeof value === "boolean"
      ? { boolValue: value }
      : { intValue: String(value) },
  }));
}

function request(metrics: object[], resource: Record<string, string> = { "service.name": "shop" }) {
  return {
    resourceMetrics: [{
      resource: { attributes: attributes(resource) },
      scopeMetrics: [{ scope: { name: "test" }, metrics }],
    }],
  };
}

function convert(message: unknown, memory = new Memory()) {
  const work = convertMetrics(message, memory, now);
  let step = work.next();
  while (!step.done) step = work.next();
  for (const sample of step.value.samples) ServiceMetric.parse(sample);
  return step.value;
}

/** `metric{labels}=value unit`, sorted; values rounded to 6 digits. */
function told(message: unknown, memory?: Memory): string[] {
  return convert(message, memory).samples.map(({ metric_type, labels, value, unit }) => {
    const inner = Object.entries(labels!).map(([name, value]) => `${name}=${value}`).join();
    return `${metric_type}${inner && `{${inner}}`}=${Number(value!.toPrecision(6))} ${unit}`;
  }).sort();
}

const sum = (dataPoints: object[], aggregationTemporality = 2, isMonotonic = true) => ({
  name: "orders",
  unit: "1",
  sum: { dataPoints, aggregationTemporality, isMonotonic },
});
const histogram = (
  dataPoints: object[],
  aggregationTemporality = 2,
  name = "wait",
  unit = "ms",
) => ({
  name,
  unit,
  histogram: { dataPoints, aggregationTemporality },
});
const buckets = (counts: number[], time: number, start?: number, more: object = {}) => ({
  ...(start === undefined ? {} : { startTimeUnixNano: at(start) }),
  timeUnixNano: at(time),
  count: String(counts.reduce((a, b) => a + b, 0)),
  bucketCounts: counts.map(String),
  explicitBounds: [100, 200],
  ...more,
});

const tables: [rule: string, exports: object[][], wanted: string[][]][] = [
  [
    "a gauge is a sample",
    [[{ name: "depth", unit: "1", gauge: { dataPoints: [{ timeUnixNano: at(0), asInt: "7" }] } }]],
    [["depth=7 1"]],
  ],
  [
    "a gauge may be a double, negative, zero",
    [[{
      name: "t",
      unit: "Cel",
      gauge: {
        dataPoints: [{ timeUnixNano: at(0), asDouble: -1.5 }, { timeUnixNano: at(1), asDouble: 0 }],
      },
    }]],
    [["t=-1.5 Cel", "t=0 Cel"]],
  ],
  [
    "a sum that may fall is a gauge",
    [[sum([{ timeUnixNano: at(0), asInt: "7" }], 2, false)]],
    [["orders=7 1"]],
  ],
  [
    "a cumulative sum is a rate from its start on",
    [
      [sum([{ startTimeUnixNano: at(-10), timeUnixNano: at(0), asInt: "50" }])],
      [sum([{ startTimeUnixNano: at(-10), timeUnixNano: at(10), asInt: "80" }])],
    ],
    [["orders=5 1/s"], ["orders=3 1/s"]],
  ],
  [
    "a sum that starts when it ends has no known start",
    [
      [sum([{ startTimeUnixNano: at(0), timeUnixNano: at(0), asInt: "5000" }])],
      [sum([{ startTimeUnixNano: at(0), timeUnixNano: at(10), asInt: "5010" }])],
    ],
    [[], ["orders=1 1/s"]],
  ],
  [
    "a histogram that starts when it ends was filled within a millisecond",
    [[histogram([buckets([0, 5, 0], 0, 0)])]],
    [["wait_p50=150 ms", "wait_p95=195 ms", "wait_p99=199 ms", "wait_rate=5 1/s"]],
  ],
  [
    "a new start is a reset",
    [
      [sum([{ startTimeUnixNano: at(-10), timeUnixNano: at(0), asInt: "50" }])],
      [sum([{ startTimeUnixNano: at(5), timeUnixNano: at(10), asInt: "80" }])],
    ],
    [["orders=5 1/s"], ["orders=16 1/s"]],
  ],
  [
    "a sum that did not grow has rate 0",
    [
      [sum([{ startTimeUnixNano: at(-10), timeUnixNano: at(0), asInt: "50" }])],
      [sum([{ startTimeUnixNano: at(-10), timeUnixNano: at(10), asInt: "50" }])],
    ],
    [["orders=5 1/s"], ["orders=0 1/s"]],
  ],
  [
    "series differ by attributes",
    [
      [sum([
        { timeUnixNano: at(0), asInt: "50", attributes: attributes({ ok: true }) },
        { timeUnixNano: at(0), asInt: "10", attributes: attributes({ ok: false }) },
      ])],
      [sum([
        { timeUnixNano: at(10), asInt: "60", attributes: attributes({ ok: true }) },
        { timeUnixNano: at(10), asInt: "15", attributes: attributes({ ok: false }) },
      ])],
    ],
    [[], ["orders{ok=false}=0.5 1/s", "orders{ok=true}=1 1/s"]],
  ],
  [
    "a delta sum is a rate over its own interval",
    [[sum([{ startTimeUnixNano: at(-5), timeUnixNano: at(0), asInt: "50" }], 1)]],
    [["orders=10 1/s"]],
  ],
  [
    "a delta histogram gives percentiles and a rate",
    [[histogram([buckets([0, 10, 0], 0, -10)], 1)]],
    [["wait_p50=150 ms", "wait_p95=195 ms", "wait_p99=199 ms", "wait_rate=1 1/s"]],
  ],
  [
    "a first cumulative histogram is taken as it is; later ones by what was added",
    [[histogram([buckets([10, 0, 0], 0, -10)])], [histogram([buckets([10, 10, 0], 10, -10)])]],
    [
      ["wait_p50=50 ms", "wait_p95=95 ms", "wait_p99=99 ms", "wait_rate=1 1/s"],
      ["wait_p50=150 ms", "wait_p95=195 ms", "wait_p99=199 ms", "wait_rate=1 1/s"],
    ],
  ],
  [
    "no new observations: rate 0 and no percentiles",
    [[histogram([buckets([10, 0, 0], 0, -10)])], [histogram([buckets([10, 0, 0], 10, -10)])]],
    [
      ["wait_p50=50 ms", "wait_p95=95 ms", "wait_p99=99 ms", "wait_rate=1 1/s"],
      ["wait_rate=0 1/s"],
    ],
  ],
  [
    "a histogram that fell began anew",
    [[histogram([buckets([10, 0, 0], 0)])], [histogram([buckets([0, 5, 0], 10)])]],
    [[], ["wait_p50=150 ms", "wait_p95=195 ms", "wait_p99=199 ms", "wait_rate=0.5 1/s"]],
  ],
  [
    "an exponential histogram interpolates by logarithm",
    [[{
      name: "size",
      unit: "By",
      exponentialHistogram: {
        aggregationTemporality: 1,
        dataPoints: [{
          startTimeUnixNano: at(-2),
          timeUnixNano: at(0),
          count: "4",
          scale: 0,
          positive: { offset: 0, bucketCounts: ["4"] },
        }],
      },
    }]],
    [["size_p50=1.41421 By", "size_p95=1.93187 By", "size_p99=1.98618 By", "size_rate=2 1/s"]],
  ],
  [
    "a summary gives its quantiles, but those that are NaN, and a rate",
    [[{
      name: "gc",
      unit: "s",
      summary: {
        dataPoints: [{
          startTimeUnixNano: at(-10),
          timeUnixNano: at(0),
          count: "20",
          quantileValues: [
            { quantile: 0.5, value: 0.25 },
            { quantile: 0.999, value: 2 },
            { quantile: 0.9, value: "NaN" },
          ],
        }],
      },
    }]],
    [["gc_p50=0.25 s", "gc_p99.9=2 s", "gc_rate=2 1/s"]],
  ],
  [
    "a point without a recorded value says nothing",
    [[{ name: "depth", gauge: { dataPoints: [{ timeUnixNano: at(0), flags: 1 }] } }]],
    [[]],
  ],
  [
    "platform names get the platform's units",
    [[
      histogram([buckets([0, 10, 0], 0, -10)], 1, "latency", "s"),
      { name: "cpu", unit: "1", gauge: { dataPoints: [{ timeUnixNano: at(0), asDouble: 0.5 }] } },
    ]],
    [[
      "cpu=50 percent",
      "latency_p50=150000 ms",
      "latency_p95=195000 ms",
      "latency_p99=199000 ms",
      "latency_rate=1 1/s",
    ]],
  ],
];
for (const [rule, exports, wanted] of tables) {
  Deno.test(`metrics: ${rule}`, () => {
    const memory = new Memory();
    assert.deepEqual(exports.map((metrics) => told(request(metrics), memory)), wanted);
    // Sent again (an answer was lost): the same samples with the same ids.
    const other = new Memory();
    for (const metrics of exports) {
      const first = convert(request(metrics), other).samples;
      assert.deepEqual(convert(request(metrics), other).samples, first);
    }
  });
}

const duration = (counts: Record<number, number[]>, time: number, start: number) => ({
  name: "http.server.request.duration",
  unit: "s",
  histogram: {
    aggregationTemporality: 2,
    dataPoints: Object.entries(counts).map(([status, bucketCounts]) => ({
      ...buckets(bucketCounts, time, start, { explicitBounds: [0.1, 0.2] }),
      attributes: attributes({ "http.response.status_code": Number(status) }),
    })),
  },
});
const gauge = (name: string, unit: string, points: [number, Record<string, string>?][]) => ({
  name,
  unit,
  gauge: {
    dataPoints: points.map(([asDouble, labels = {}]) => ({
      timeUnixNano: at(0),
      asDouble,
      attributes: attributes(labels),
    })),
  },
});

const cards: [rule: string, exports: object[][], wanted: string[]][] = [
  [
    "all attribute sets of HTTP durations make one rate, share of 5xx and latency in ms",
    [[duration({ 200: [0, 90, 0], 500: [0, 10, 0] }, 0, -10)]],
    [
      "error_rate=10 percent",
      "latency_p50=150 ms",
      "latency_p95=195 ms",
      "latency_p99=199 ms",
      "request_rate=10 req/s",
    ],
  ],
  [
    "a status that comes up later counts since the export before",
    [
      [duration({ 200: [90, 0, 0] }, 0, -10)],
      [duration({ 200: [180, 0, 0], 503: [10, 0, 0] }, 10, -10)],
    ],
    [
      "error_rate=10 percent",
      "latency_p50=50 ms",
      "latency_p95=95 ms",
      "latency_p99=99 ms",
      "request_rate=10 req/s",
    ],
  ],
  [
    "without requests the rate is 0 and nothing else is said",
    [[duration({ 200: [90, 0, 0] }, 0, -10)], [duration({ 200: [90, 0, 0] }, 10, -10)]],
    ["request_rate=0 req/s"],
  ],
  [
    "older HTTP durations are in milliseconds, and status codes have their older name",
    [[{
      ...histogram(
        [
          buckets([0, 5, 0], 0, -1, { attributes: attributes({ "http.status_code": 502 }) }),
        ],
        1,
        "http.server.duration",
      ),
    }]],
    [
      "error_rate=100 percent",
      "latency_p50=150 ms",
      "latency_p95=195 ms",
      "latency_p99=199 ms",
      "request_rate=5 req/s",
    ],
  ],
  [
    "an export with both names has the same requests twice: the newer counts",
    [[
      duration({ 200: [0, 10, 0] }, 0, -10),
      histogram([buckets([500, 0, 0], 0, -10)], 2, "http.server.duration"),
    ]],
    [
      "error_rate=0 percent",
      "latency_p50=150 ms",
      "latency_p95=195 ms",
      "latency_p99=199 ms",
      "request_rate=1 req/s",
    ],
  ],
  [
    "RPC calls that are the caller's fault do not count as errors",
    [[
      histogram(
        [
          buckets([0, 2, 0], 0, -2, { attributes: attributes({ "rpc.grpc.status_code": 5 }) }),
          buckets([0, 1, 0], 0, -2, {
            attributes: attributes({ "rpc.response.status_code": "PERMISSION_DENIED" }),
          }),
          buckets([0, 1, 0], 0, -2, {
            attributes: attributes({ "rpc.response.status_code": "internal" }),
          }),
        ],
        1,
        "rpc.server.duration",
      ),
    ]],
    [
      "error_rate=25 percent",
      "latency_p50=150 ms",
      "latency_p95=195 ms",
      "latency_p99=199 ms",
      "request_rate=2 req/s",
    ],
  ],
  [
    "RPC calls fail with a status that is the server's fault",
    [[
      histogram(
        [
          buckets([0, 3, 0], 0, -2, { attributes: attributes({ "rpc.grpc.status_code": 0 }) }),
          buckets([0, 1, 0], 0, -2, { attributes: attributes({ "rpc.grpc.status_code": 14 }) }),
        ],
        1,
        "rpc.server.duration",
      ),
    ]],
    [
      "error_rate=25 percent",
      "latency_p50=150 ms",
      "latency_p95=195 ms",
      "latency_p99=199 ms",
      "request_rate=2 req/s",
    ],
  ],
  [
    "a process' processor shares add up",
    [[gauge("process.cpu.utilization", "1", [[0.25, { "cpu.mode": "user" }], [0.125, {
      "cpu.mode": "system",
    }]])]],
    ["cpu=37.5 percent"],
  ],
  [
    "a system's processors are averaged without their idle time",
    [[gauge("system.cpu.utilization", "1", [
      [0.5, { "cpu.mode": "user", "cpu.logical_number": "0" }],
      [0.5, { "cpu.mode": "idle", "cpu.logical_number": "0" }],
      [0.1, { "cpu.mode": "user", "cpu.logical_number": "1" }],
      [0.9, { "cpu.mode": "idle", "cpu.logical_number": "1" }],
    ])]],
    ["cpu=30 percent"],
  ],
  [
    "the process goes before the system",
    [[
      gauge("system.cpu.utilization", "1", [[0.9]]),
      gauge("process.cpu.utilization", "1", [[0.2]]),
    ]],
    ["cpu=20 percent"],
  ],
  [
    "memory is usage against its limit",
    [[
      gauge("process.memory.usage", "By", [[256]]),
      gauge("container.memory.limit", "By", [[1024]]),
    ]],
    ["memory=25 percent"],
  ],
  [
    "usage without a limit is no share",
    [[gauge("process.memory.usage", "By", [[256]])]],
    [],
  ],
  [
    "of a system's memory the used part counts",
    [[gauge("system.memory.utilization", "1", [[0.75, { "system.memory.state": "used" }], [0.25, {
      "system.memory.state": "free",
    }]])]],
    ["memory=75 percent"],
  ],
];
const platform = /^(cpu|memory|latency_p\d+|error_rate|request_rate)[={]/;
for (const [rule, exports, wanted] of cards) {
  Deno.test(`conventions: ${rule}`, () => {
    const memory = new Memory();
    const all = exports.map((metrics) => told(request(metrics), memory));
    assert.deepEqual(all.at(-1)!.filter((line) => platform.test(line)), wanted);
    assert.ok(all[0]!.some((line) => line.includes(".")), "the originals are kept");
  });
}

const point = { timeUnixNano: at(0), asDouble: 1 };
const depth = (given: object) => ({ name: "depth", gauge: { dataPoints: [given] } });
const many = (count: number) =>
  attributes(Object.fromEntries(Array.from({ length: count }, (_, i) => [`a${i}`, "x"])));
const refused: [rule: string, metric: object, reason: RegExp][] = [
  ["NaN", depth({ ...point, asDouble: "NaN" }), /value must be finite: current value is NaN/],
  ["infinite values", depth({ ...point, asDouble: "-Infinity" }), /must be finite/],
  ["numbers that overflow", depth(JSON.parse('{"asDouble":1e999}')), /must be finite/],
  ["values of another type", depth({ ...point, asDouble: {} }), /asDouble must be a number/],
  ["points without a value", depth({ timeUnixNano: at(0) }), /must have asDouble or asInt/],
  ["times to come", depth({ ...point, timeUnixNano: at(200_000) }), /a day from now/],
  ["times that are none", depth({ ...point, timeUnixNano: "soon" }), /nanoseconds since 1970/],
  ["10,000 attributes", depth({ ...point, attributes: many(10_000) }), /at most 64 attributes/],
  [
    "attributes of a million characters",
    depth({ ...point, attributes: attributes({ a: "x".repeat(1e6) }) }),
    /at most 10000 characters|10000 characters/,
  ],
  ["metrics without a name", { gauge: { dataPoints: [point] } }, /name of 1 to 240/],
  ["sums of unknown temporality", sum([point], 0), /aggregationTemporality/],
  ["delta sums without a start", sum([point], 1), /startTimeUnixNano/],
];
for (const [rule, metric, reason] of refused) {
  Deno.test(`metrics: rejects ${rule}, and takes the rest`, () => {
    const good = { name: "fine", gauge: { dataPoints: [point] } };
    const { samples, points, rejected } = convert(request([metric, good]));
    assert.deepEqual([points, rejected.total, samples.length], [2, 1, 1]);
    assert.match(rejected.message, reason);
  });
}

Deno.test("metrics: instance and version become labels, other resource attributes do not", () => {
  const resource = {
    "service.name": "shop",
    "service.instance.id": "i1",
    "service.version": "2",
    "host.name": "h",
  };
  assert.deepEqual(told(request([depth(point)], resource)), [
    "depth{service.instance.id=i1,service.version=2}=1 ",
  ]);
});

Deno.test("metrics: without service.name it is an unknown service; without a time it is now", () => {
  const [sample] = convert(request([depth({ asInt: 3 })], {})).samples;
  assert.equal(sample!.service_name, "unknown_service");
  assert.equal(sample!.timestamp, "2026-01-05T09:00:00.000Z");
});

Deno.test("metrics: two processes of one service that differ in nothing but the host do not mix", () => {
  const memory = new Memory();
  const from = (host: string, time: number, asInt: number) =>
    told(
      request([sum([{ timeUnixNano: at(time), asInt }])], {
        "service.name": "shop",
        "host.name": host,
      }),
      memory,
    );
  assert.deepEqual(from("a", 0, 1_000), []);
  assert.deepEqual(from("b", 1, 5), []);
  assert.deepEqual(from("a", 10, 1_010), ["orders=1 1/s"]);
  assert.deepEqual(from("b", 11, 25), ["orders=2 1/s"]);
});

Deno.test("metrics: the trace of an exemplar goes with the sample", () => {
  const exemplars = [{ traceId: "5B8EFFF798038103D269B633813FC60C", spanId: "eee19b7ec3c1b174" }];
  const [sample] = convert(request([depth({ ...point, exemplars })])).samples;
  assert.equal(sample!.trace_id, "5b8efff798038103d269b633813fc60c");
  assert.equal(sample!.span_id, "eee19b7ec3c1b174");
});

Deno.test("metrics: prototype keys as attributes change nothing", () => {
  const hostile = JSON.parse(
    `{"timeUnixNano":"${at(0)}","asInt":1,"__proto__":{"asDouble":5},"attributes":[` +
      `{"key":"__proto__","value":{"stringValue":"x"}},` +
      `{"key":"constructor","value":{"stringValue":"y"}}]}`,
  );
  assert.deepEqual(told(request([depth(hostile)])), ["depth{constructor=y}=1 "]);
  assert.equal(({} as Record<string, unknown>).x, undefined);
});

Deno.test("metrics: a request gives at most 100,000 samples; what is beyond is rejected", () => {
  const dataPoints = Array(100_002).fill(point);
  const work = convertMetrics(
    request([{ name: "depth", gauge: { dataPoints } }]),
    new Memory(),
    now,
  );
  let step = work.next();
  while (!step.done) step = work.next();
  assert.deepEqual([step.value.samples.length, step.value.rejected.total], [100_000, 2]);
});
