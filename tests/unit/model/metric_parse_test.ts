import assert from "node:assert/strict";
import fc from "fast-check";
import { samplesOf, seriesKey, ServiceMetric } from "shared/model/metric.ts";
import { parseMetric } from "shared/model/metric_parse.ts";
import { epochOf, Timestamp } from "shared/model/wire.ts";

/** Times, right and nearly right. */
const time = fc.oneof(
  {
    weight: 20,
    arbitrary: fc.date({ noInvalidDate: true, min: new Date(0), max: new Date("9999-12-31") }).map((
      d,
    ) => d.toISOString()),
  },
  fc.constantFrom(
    "2026-03-01T10:00:00Z",
    "2026-03-01T10:00:00+02:00",
    "2026-03-01T10:00:00.123456789Z",
    "2026-03-01T10:00:00.1234567Z",
    "2026-03-01T10:00:60.000Z",
    "2026-03-01T24:00:00.000Z",
    "2026-02-30T10:00:00.000Z",
    "2024-02-29T10:00:00.000Z",
    "2026-03-01 10:00:00.000Z",
    "2026-03-01T10:00:00.00xZ",
    "2026-03-01T10:00:0x.000Z",
    "2026-03-01T10:00:00.000z",
    "2026-03-01T10:00Z",
    "2026-03-01",
    "",
  ),
  // Close to a time that was just read: what the short way must not take for one.
  fc.tuple(fc.nat(23), fc.constantFrom(..."0123456789:.TZ-+ x/")).map(([at, c]) => {
    const text = "2026-03-01T10:00:00.000Z";
    return text.slice(0, at) + c + text.slice(at + 1);
  }),
);

// Each field is wrong now and then: a message has twelve, and most must get past each of them.
const labels = fc.oneof(
  {
    weight: 20,
    arbitrary: fc.dictionary(
      fc.string({ maxLength: 8 }),
      fc.oneof({ weight: 40, arbitrary: fc.string() }, fc.integer()),
      { maxKeys: 4, noNullPrototype: true },
    ),
  },
  fc.constantFrom([], null, "x", {}, { a: "x".repeat(10_001) }, { ["n".repeat(257)]: "" }),
  fc.constantFrom(64, 65).map((n) =>
    Object.fromEntries(Array.from({ length: n }, (_, i) => [`l${i}`, ""]))
  ),
);
const name = fc.oneof(
  { weight: 40, arbitrary: fc.string({ minLength: 1, maxLength: 10 }) },
  fc.constantFrom<unknown>("", "x".repeat(256), "x".repeat(257), 7, null),
);
const number = fc.oneof(
  { weight: 40, arbitrary: fc.double({ noNaN: true, noDefaultInfinity: true }) },
  fc.constantFrom<unknown>(NaN, Infinity, "1", null, -0),
);
const short = fc.oneof(
  { weight: 20, arbitrary: fc.string({ maxLength: 8 }) },
  fc.constantFrom<unknown>("x".repeat(64), "x".repeat(65), "x".repeat(257), 1),
);

const metric = fc.record(
  {
    id: name,
    service_name: name,
    metric_type: name,
    value: number,
    timestamp: time,
    unit: short,
    labels,
    trace_id: short,
    span_id: short,
    cpu_usage: number,
    error_rate: number,
    request_count: number,
    extra: fc.json(),
  },
  { requiredKeys: ["id", "service_name", "timestamp"], noNullPrototype: true },
);

function outcome(read: (value: unknown) => unknown, value: unknown): unknown {
  try {
    return { value: read(value) };
  } catch (error) {
    return { error: (error as Error).message };
  }
}

Deno.test("the fast reader of metrics agrees with the schema, in what it takes and what it says", () => {
  let taken = 0;
  fc.assert(
    fc.property(fc.oneof({ weight: 20, arbitrary: metric }, fc.jsonValue()), (value) => {
      // As it comes off the wire, and as a sender of this process may hand it over.
      for (const one of [value, JSON.parse(JSON.stringify(value))]) {
        const wanted = outcome((v) => ServiceMetric.parse(v), one);
        assert.deepEqual(outcome(parseMetric, one), wanted);
        if ("value" in (wanted as object)) taken++;
      }
    }),
    { numRuns: 3_000 },
  );
  assert(taken > 1_000, `only ${taken} were metrics`);
});

Deno.test("times are read as the schema and Date.parse read them, in any order", () => {
  fc.assert(
    fc.property(fc.array(time, { minLength: 20, maxLength: 20, size: "max" }), (texts) => {
      for (const text of texts) {
        const wanted = Timestamp.safeParse(text).success ? Date.parse(text) : NaN;
        assert.equal(epochOf(text), wanted, text);
      }
    }),
    { numRuns: 300 },
  );
});

Deno.test("each value of a message is a sample of its series", () => {
  const timestamp = "2026-03-01T10:00:00.250Z";
  const samples = samplesOf({
    id: "m",
    service_name: "orders",
    metric_type: "error",
    value: 4,
    timestamp,
    labels: { b: "2", a: "1" },
    trace_id: "t",
    cpu_usage: 50,
    request_count: 7,
  });
  const shared = {
    service: "orders",
    labels: { a: "1", b: "2" },
    t: Date.parse(timestamp),
    trace_id: "t",
  };
  assert.deepEqual(samples, [
    {
      ...shared,
      id: "m",
      metric: "error_rate",
      series: 'orders|error_rate|a="1",b="2"',
      unit: "percent",
      v: 4,
    },
    {
      ...shared,
      id: "m/cpu",
      metric: "cpu",
      series: 'orders|cpu|a="1",b="2"',
      unit: "percent",
      v: 50,
    },
    {
      ...shared,
      id: "m/request_rate",
      metric: "request_rate",
      series: 'orders|request_rate|a="1",b="2"',
      unit: "req/s",
      v: 7,
    },
  ]);
});

Deno.test("a series has one identity, however often and in whatever order its labels come", () => {
  const text = fc.string({ maxLength: 4 });
  const set = fc.dictionary(fc.string({ minLength: 1, maxLength: 3 }), text, {
    maxKeys: 3,
    noNullPrototype: true,
  });
  fc.assert(
    fc.property(fc.array(fc.tuple(text, text, set), { maxLength: 20 }), (list) => {
      for (const [service, name, labels] of list) {
        const metric = `m${name}`;
        const message = {
          id: "m",
          service_name: service,
          metric_type: metric,
          value: 1,
          timestamp: "2026-03-01T10:00:00.000Z",
        };
        const backwards = Object.fromEntries(Object.entries(labels).reverse());
        for (const written of [labels, backwards]) {
          const [sample] = samplesOf({ ...message, labels: written });
          assert.equal(sample!.series, seriesKey(service, metric, labels));
          assert.deepEqual(sample!.labels, labels);
        }
      }
    }),
  );
});
