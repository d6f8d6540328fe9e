/** What an operator sees in a real Jaeger. Needs Go; the first build of Jaeger takes minutes. @module */
import assert from "node:assert/strict";
import { jaegerBinary, startJaeger } from "tests/support/jaeger.ts";
import { Api, eventually, startProgram, webhookReceiver } from "tests/support/process.ts";

interface Trace {
  spans: {
    spanID: string;
    operationName: string;
    processID: string;
    references: { refType: string; spanID: string }[];
  }[];
  processes: Record<string, { serviceName: string }>;
}

Deno.test("Jaeger shows one trace from the sample to the webhook", async () => {
  const binary = await jaegerBinary();
  if (!binary) {
    console.log(
      "Jaeger takes too long to build here; tests/e2e/trace_test.ts shows the same trace",
    );
    return;
  }
  const jaeger = await startJaeger(binary);
  const hook = webhookReceiver();
  const program = await startProgram({
    environment: {
      SIMULATORS: "none",
      WEBHOOK_URLS: hook.url,
      OTEL_DENO: "true",
      OTEL_DENO_CONSOLE: "ignore",
      OTEL_SERVICE_NAME: "eventflow",
      OTEL_EXPORTER_OTLP_ENDPOINT: jaeger.otlp,
      OTEL_BSP_SCHEDULE_DELAY: "200",
    },
  });
  try {
    const api = await new Api(program.address("ui-backend")).login();
    await api.post("/api/rules", { name: "Hot", metric_type: "heat", threshold: 5 });
    const [id, parent] = ["c0ffee".padEnd(32, "0"), "1".repeat(16)];
    const response = await fetch(`${program.address("ingest")}/ingest/metrics`, {
      method: "POST",
      headers: { "content-type": "application/json", traceparent: `00-${id}-${parent}-01` },
      body: JSON.stringify({ service_name: "shop", metric_type: "heat", value: 10 }),
    });
    assert(response.ok, await response.text());
    await eventually(() => hook.got, (got) => got.length === 1);
    assert.equal(hook.got[0]!.headers.get("traceparent")?.split("-")[1], id);

    const steps = ["POST /ingest/metrics", "analyzer.metrics", "alert-engine.receive"];
    const { spans, processes } = await eventually(
      async () => {
        const answer = await fetch(`${jaeger.api}/traces/${id}`);
        const { data } = await answer.json() as { data: Trace[] | null };
        return data?.[0] ?? { spans: [], processes: {} };
      },
      ({ spans }) =>
        [...steps, "notify webhook"].every((name) =>
          spans.some(({ operationName }) => operationName === name)
        ),
    );
    assert(spans.every(({ processID }) => processes[processID]!.serviceName === "eventflow"));
    // From the delivery back to the request, each span is a child of the one before.
    const path: string[] = [];
    let at = spans.find(({ operationName }) => operationName === "notify webhook");
    while (at) {
      path.unshift(at.operationName);
      const up = at.references.find(({ refType }) => refType === "CHILD_OF")?.spanID;
      at = spans.find(({ spanID }) => spanID === up);
    }
    console.log(`The trace in Jaeger: ${path.join(" → ")}, ${spans.length} spans in all`);
    assert.deepEqual(path, ["POST /ingest/metrics", "analyzer.metrics", "notify webhook"]);
    // Exporting is silent, also what Jaeger does not take (metrics).
    assert.deepEqual(program.lines.filter((line) => !line.startsWith("{")), []);
  } finally {
    assert.equal(await program.stop(), 0);
    await jaeger.stop();
    await hook.close();
    await Deno.remove(program.directory, { recursive: true });
  }
});
