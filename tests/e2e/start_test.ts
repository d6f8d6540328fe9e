/** Starting, stopping, and not starting: what an operator sees. @module */
import assert from "node:assert/strict";
import { Api, eventually, failToStart, startProgram } from "tests/support/process.ts";

Deno.test("one command brings everything up within 10 s, and an alert comes by itself within 2 minutes", async () => {
  const started = performance.now();
  const program = await startProgram({ environment: { SIMULATOR_SEED: "e2e" } });
  const up = performance.now() - started;
  console.log(`answers after ${(up / 1000).toFixed(1)} s`);
  assert(up < 10_000);
  for (
    const service of [
      "auth",
      "orders",
      "payments",
      "notification",
      "analyzer",
      "alert-engine",
      "ui-backend",
      "ingest",
      "dashboard",
    ]
  ) {
    for (const path of ["/healthz", "/readyz", "/metrics"]) {
      const response = await fetch(program.address(service) + path);
      const text = await response.text();
      assert.equal(response.status, 200, `${service}${path}: ${text}`);
    }
  }
  const page = await fetch(program.address("dashboard"));
  assert.match(page.url, /\/login/);
  assert.match(await page.text(), /<form/);

  const api = await new Api(program.address("ui-backend")).login();
  const alerts = await eventually(
    () => api.get<{ service_name: string; labels: { alertname: string } }[]>("/api/alerts"),
    (alerts) => alerts.length > 0,
    120_000,
  );
  console.log(
    `first alert ${alerts[0]!.labels.alertname} of ${alerts[0]!.service_name} after ${
      ((performance.now() - started) / 1000).toFixed(0)
    } s`,
  );
  const services = await api.get<{ name: string }[]>("/api/services");
  assert.deepEqual(services.map(({ name }) => name).sort(), [
    "auth",
    "notification",
    "orders",
    "payments",
  ]);

  const stopping = performance.now();
  assert.equal(await program.stop(), 0);
  assert(performance.now() - stopping < 5_000);
  const bad = program.lines.filter((line) => /"level":"(warn|error)"/.test(line));
  assert.deepEqual(bad, [], "normal operation warns of nothing");
  await Deno.remove(program.directory, { recursive: true });
});

Deno.test("a second process on one directory is told so", async () => {
  const first = await startProgram({ services: ["analyzer"] });
  const output = await failToStart({ directory: first.directory, services: ["ingest"] });
  assert.match(output, /another EventFlow process uses it/);
  assert(output.includes(first.directory));
  assert.equal(await first.stop(), 0);
  await Deno.remove(first.directory, { recursive: true });
});

Deno.test("a port that is taken is named, with the service", async () => {
  const first = await startProgram({ services: ["analyzer"] });
  const { port } = new URL(first.address("analyzer"));
  const output = await failToStart({
    environment: { INGEST_PORT: port },
    services: ["ingest"],
  });
  assert.match(output, new RegExp(`ingest.*http://127\\.0\\.0\\.1:${port}`));
  assert.equal(await first.stop(), 0);
  await Deno.remove(first.directory, { recursive: true });
});

Deno.test("a wrong configuration is refused as a whole, with nothing secret in it", async () => {
  const output = await failToStart({
    environment: { LOG_LEVEL: "loud", JWT_SECRET: "too-short-a-secret", ENVIRONMENT: "production" },
  });
  for (const mention of [/LOG_LEVEL/, /JWT_SECRET/, /ADMIN_PASSWORD/]) {
    assert.match(output, mention);
  }
  assert(!output.includes("too-short-a-secret"));
});

Deno.test("an unknown service is refused with the names there are", async () => {
  assert.match(await failToStart({ services: ["analyser"] }), /no service "analyser".*analyzer/s);
});

Deno.test("a bad alerting configuration is refused, naming the line", async () => {
  const file = await Deno.makeTempFile({ suffix: ".yml" });
  await Deno.writeTextFile(file, "route:\n  receiver: nobody\nreceivers:\n  - name: somebody\n");
  const output = await failToStart({ environment: { ALERTING_CONFIG: file } });
  assert.match(output, /nobody/);
  assert.match(output, /line 2/);
  await Deno.remove(file);
});
