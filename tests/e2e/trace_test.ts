/** One trace from the request that brought a sample to the webhook that told of it. @module */
import assert from "node:assert/strict";
import { eventually, startProgram, webhookReceiver } from "tests/support/process.ts";
import { Api } from "tests/support/process.ts";

interface Span {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  name: string;
}

Deno.test("one trace leads from the sample to the webhook, across the broker", async () => {
  const spans: Span[] = [];
  const collector = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen() {} },
    async (request) => {
      if (new URL(request.url).pathname === "/v1/traces") {
        const { resourceSpans } = await request.json() as {
          resourceSpans: { scopeSpans: { spans: Span[] }[] }[];
        };
        for (const { scopeSpans } of resourceSpans) {
          for (const scope of scopeSpans) spans.push(...scope.spans);
        }
      } else await request.body?.cancel();
      return Response.json({});
    },
  );
  const hook = webhookReceiver();
  const program = await startProgram({
    environment: {
      SIMULATORS: "none",
      WEBHOOK_URLS: hook.url,
      OTEL_DENO: "true",
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${collector.addr.port}`,
      OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
      OTEL_BSP_SCHEDULE_DELAY: "200",
      OTEL_DENO_CONSOLE: "ignore",
    },
  });
  const api = await new Api(program.address("ui-backend")).login();
  await api.post("/api/rules", { name: "Hot", metric_type: "heat", threshold: 5 });

  const traces = ["a", "b"].map((digit) => digit.repeat(32));
  for (const [i, trace] of traces.entries()) {
    const response = await fetch(`${program.address("ingest")}/ingest/metrics`, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        traceparent: `00-${trace}-${"1".repeat(16)}-01`,
      },
      body: JSON.stringify({ service_name: `shop-${i}`, metric_type: "heat", value: 10 }),
    });
    assert(response.ok, await response.text());
  }
  await eventually(() => hook.got, (got) => got.length === 2);
  for (const [i, trace] of traces.entries()) {
    const got = hook.got.find(({ body }) => body.alerts[0]!.labels.service === `shop-${i}`)!;
    assert.equal(got.headers.get("traceparent")?.split("-")[1], trace);
    const mine = await eventually(
      () => spans.filter(({ traceId }) => traceId === trace),
      (mine) =>
        ["POST /ingest/metrics", "analyzer.metrics", "notify webhook"].every((name) =>
          mine.some((span) => span.name === name)
        ),
    );
    // Every span but the first has its parent in the trace.
    const ids = new Set(mine.map(({ spanId }) => spanId));
    const loose = mine.filter(({ parentSpanId }) =>
      parentSpanId !== "1".repeat(16) && !ids.has(parentSpanId ?? "")
    );
    assert.deepEqual(loose.map(({ name }) => name), []);
  }
  // What a process does of itself begins traces of its own.
  const other = new Set(spans.map(({ traceId }) => traceId));
  assert(other.size > traces.length);

  assert.equal(await program.stop(), 0);
  await collector.shutdown();
  await hook.close();
  await Deno.remove(program.directory, { recursive: true });
});
