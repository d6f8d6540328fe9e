import assert from "node:assert/strict";
import { startSpan, traceIdOf } from "shared/telemetry/trace.ts";

const trace = "0af7651916cd43dd8448eb211c80319c";
const span = "b7ad6b7169203331";
const none = (digits: number) => "0".repeat(digits);

const cases: [rule: string, traceparent: string, id: string | undefined][] = [
  ["a trace context is read", `00-${trace}-${span}-01`, trace],
  ["a later version may have more", `cc-${trace}-${span}-01-more`, trace],
  ["a version is not ff", `ff-${trace}-${span}-01`, undefined],
  ["a trace has an id", `00-${none(32)}-${span}-01`, undefined],
  ["a span has an id", `00-${trace}-${none(16)}-01`, undefined],
  ["ids are lower case", `00-${trace.toUpperCase()}-${span}-01`, undefined],
  ["flags have two digits", `00-${trace}-${span}-012`, undefined],
];
for (const [rule, traceparent, id] of cases) {
  Deno.test(`traceparent: ${rule}`, () => {
    assert.equal(traceIdOf(traceparent), id);
    const started = startSpan("work", { parent: traceparent });
    started.end();
    assert.equal(started.trace_id === trace, id === trace);
    assert.notEqual(started.trace_id, none(32));
  });
}
