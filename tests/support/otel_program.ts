/**
 * A program with the stock OpenTelemetry SDK, as anybody would write it: told by
 * `OTEL_EXPORTER_OTLP_ENDPOINT` where to report. For each line `value count` on standard input it
 * records that many requests of `value` milliseconds, exports, and says so.
 *
 * @module
 */
import { metrics } from "@opentelemetry/api";
import { OTLPMetricExporter as JsonExporter } from "@opentelemetry/exporter-metrics-otlp-http";
import { OTLPMetricExporter as ProtobufExporter } from "@opentelemetry/exporter-metrics-otlp-proto";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { MeterProvider, PeriodicExportingMetricReader } from "@opentelemetry/sdk-metrics";

const Exporter = Deno.env.get("PROTOCOL") === "json" ? JsonExporter : ProtobufExporter;
const provider = new MeterProvider({
  resource: resourceFromAttributes({ "service.name": Deno.env.get("SERVICE") ?? "checkout" }),
  readers: [new PeriodicExportingMetricReader({ exporter: new Exporter() })],
});
metrics.setGlobalMeterProvider(provider);
const latency = metrics.getMeter("checkout").createHistogram("http.server.request.duration", {
  unit: "s",
  advice: { explicitBucketBoundaries: [0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] },
});

let rest = "";
for await (const text of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
  const lines = (rest + text).split("\n");
  rest = lines.pop()!;
  for (const line of lines) {
    const [value, count] = line.split(" ").map(Number) as [number, number];
    for (let i = 0; i < count; i++) {
      latency.record(value / 1000, { "http.route": "/pay", "http.response.status_code": 200 });
    }
    await provider.forceFlush();
    console.log("exported");
  }
}
await provider.shutdown();
