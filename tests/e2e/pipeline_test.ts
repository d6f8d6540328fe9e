/**
 * The product as its users meet it: a program with the stock OpenTelemetry SDK, a rule over REST, a
 * webhook receiver, a WebSocket client — and processes that are killed.
 *
 * @module
 */
import assert from "node:assert/strict";
import {
  Api,
  eventually,
  type Program,
  type Receiver,
  startProgram,
  webhookReceiver,
} from "tests/support/process.ts";

const quick = { SIMULATORS: "none" };

async function alertingConfig(url: string, options = "group_wait: 0s, group_interval: 1s") {
  const file = await Deno.makeTempFile({ suffix: ".yml" });
  await Deno.writeTextFile(
    file,
    `route: { receiver: hook, group_by: [service, type], ${options}, repeat_interval: 4h }
receivers:
  - name: hook
    webhook_configs: [{ url: "${url}", send_resolved: true }]
`,
  );
  return file;
}

interface Live {
  type: string;
  payload: Record<string, unknown>;
  seq: number;
}

/** A WebSocket client that remembers what it was told. */
async function live(api: Api): Promise<{ messages: Live[]; close(): Promise<void> }> {
  const socket = new WebSocket(`${api.base.replace("http", "ws")}/ws`, ["bearer", api.token]);
  const messages: Live[] = [];
  socket.onmessage = ({ data }) => void messages.push(JSON.parse(data));
  await new Promise((resolve, reject) => {
    socket.onopen = resolve;
    socket.onerror = reject;
  });
  return {
    messages,
    close() {
      const closed = new Promise<void>((resolve) => socket.onclose = () => resolve());
      socket.close();
      return closed;
    },
  };
}

async function otelProgram(endpoint: string, protocol: string) {
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--allow-env",
      "--allow-net",
      "--allow-sys",
      "--allow-read",
      "tests/support/otel_program.ts",
    ],
    env: { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, PROTOCOL: protocol, SERVICE: `shop-${protocol}` },
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const input = child.stdin.getWriter();
  const output = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  return {
    async record(value: number, count: number) {
      await input.write(new TextEncoder().encode(`${value} ${count}\n`));
      assert.match((await output.read()).value!, /exported/);
    },
    async end() {
      await input.close();
      await output.cancel();
      await child.status;
    },
  };
}

for (const protocol of ["json", "protobuf"]) {
  Deno.test(`a histogram of the stock SDK (${protocol}) fires a rule, pages once, and recovers`, async () => {
    const hook = webhookReceiver();
    const file = await alertingConfig(hook.url);
    const program = await startProgram({ environment: { ...quick, ALERTING_CONFIG: file } });
    const api = await new Api(program.address("ui-backend")).login();
    const socket = await live(api);
    const sdk = await otelProgram(program.address("ingest"), protocol);
    const service = `shop-${protocol}`;

    const rule = await api.post<{ id: string }>("/api/rules", {
      name: "Checkout is slow",
      service_name: service,
      metric_type: "latency_p95",
      operator: ">",
      threshold: 800,
      cooldown_seconds: 0,
      severity: "critical",
    });
    await sdk.record(40, 50);
    await sdk.record(900, 500);
    const [fired] = await eventually(() => hook.got, (got) => got.length > 0);
    assert.equal(fired!.body.status, "firing");
    assert.equal(fired!.body.notification_reason !== undefined, true);
    assert.equal(fired!.body.alerts[0]!.labels.alertname, "Checkout is slow");

    const list = await api.get<{ id: string; rule_id: string; status: string }[]>(
      `/api/alerts?service=${service}`,
    );
    const alert = list.find(({ rule_id }) => rule_id === rule.id)!;
    assert.equal(alert.status, "firing");
    const detail = await api.get<{ explanation: { reason: string; comparison: string } }>(
      `/api/alerts/${alert.id}`,
    );
    assert.match(detail.explanation.comparison, /> 800/);

    await sdk.record(40, 500);
    await eventually(
      () => hook.got.filter(({ body }) => body.status === "resolved"),
      (resolved) => resolved.length > 0,
    );
    const told = new Map(
      hook.got.flatMap(({ body }) => body.alerts.map((a) => [`${a.fingerprint}/${a.status}`, a])),
    );
    assert.equal(
      [...told.values()].filter((a) => a.labels.alertname === "Checkout is slow").length,
      2,
    );

    const seen = (type: string, test: (payload: Record<string, unknown>) => boolean) =>
      eventually(() => socket.messages.some((m) => m.type === type && test(m.payload)), Boolean);
    await seen("metric", (p) => p.service_name === service && p.metric_type === "latency_p95");
    await seen("alert", (p) => p.id === alert.id && p.status === "firing");
    await seen("alert", (p) => p.id === alert.id && p.status === "resolved");
    const numbers = socket.messages.map(({ seq }) => seq);
    assert.deepEqual(numbers, [...numbers].sort((a, b) => a - b), "sequence numbers only grow");

    await sdk.end();
    await socket.close();
    assert.equal(await program.stop(), 0);
    await hook.close();
    await Deno.remove(file);
    await Deno.remove(program.directory, { recursive: true });
  });
}

async function post(program: Program, samples: unknown[]): Promise<boolean> {
  try {
    const response = await fetch(`${program.address("ingest")}/ingest/metrics`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(samples),
    });
    await response.body?.cancel();
    return response.ok;
  } catch {
    return false;
  }
}

const names = (hook: Receiver) =>
  hook.got.flatMap(({ body }) => body.alerts.map((alert) => alert.labels.service!));

Deno.test("a killed process loses nothing that was acknowledged, and tells nothing twice under two ids", async () => {
  const hook = webhookReceiver();
  hook.status = 500;
  const file = await alertingConfig(hook.url);
  const environment = { ...quick, ALERTING_CONFIG: file };
  let program = await startProgram({ environment });
  let api = await new Api(program.address("ui-backend")).login();
  const rule = await api.post<{ id: string; version: number }>("/api/rules", {
    name: "Too hot",
    metric_type: "heat",
    threshold: 100,
    cooldown_seconds: 0,
  });

  const acknowledged: string[] = [];
  const services = new Set<string>();
  let sent = 0;
  for (let round = 0; round < 3; round++) {
    const deadline = Date.now() + 1_500;
    let posting = true;
    const posted = (async () => {
      while (posting) {
        const batch = Array.from({ length: 20 }, () => {
          const n = sent++;
          return {
            id: crypto.randomUUID(),
            service_name: `service-${n % 40}`,
            metric_type: "heat",
            value: 1_000 + n,
            timestamp: new Date().toISOString(),
          };
        });
        if (!await post(program, batch)) continue;
        // A series of more than 1,000 points is told down-sampled.
        await new Promise((resolve) => setTimeout(resolve, 5));
        for (const sample of batch) {
          acknowledged.push(`${sample.service_name}/${sample.value}`);
          services.add(sample.service_name);
        }
      }
    })();
    while (Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 50));
    await program.kill();
    posting = false;
    await posted;
    program = await startProgram({ directory: program.directory, environment });
    api = await new Api(program.address("ui-backend")).login();
  }
  assert(acknowledged.length > 200, `only ${acknowledged.length} samples`);

  const kept = await api.get<{ version: number }>(`/api/rules/${rule.id}`);
  assert.equal(kept.version, rule.version);

  // Every acknowledged sample is stored.
  const stored = async () => {
    const values = new Set<string>();
    for (const service of services) {
      const samples = await api.get<{ value: number }[]>(
        `/api/services/${service}/metrics?window=10m&metric_type=heat`,
      );
      for (const { value } of samples) values.add(`${service}/${value}`);
    }
    return values;
  };
  const have = await eventually(stored, (have) => acknowledged.every((key) => have.has(key)));
  console.log(
    `${acknowledged.length} samples acknowledged over 3 kills, ${have.size} stored, 0 lost`,
  );

  // One alert for each service, each told at last, under one id.
  hook.status = 200;
  await eventually(() => new Set(names(hook)), (told) => told.size === services.size, 60_000);
  const alerts = await api.get<{ id: string; service_name: string }[]>("/api/alerts?limit=100");
  const ids = alerts.filter(({ service_name }) => services.has(service_name)).map(({ id }) => id);
  assert.equal(ids.length, services.size);
  const byAlert = new Map<string, Set<string>>();
  for (const { id, body } of hook.got) {
    for (const alert of body.alerts) {
      const key = `${alert.fingerprint}/${alert.status}`;
      byAlert.set(key, (byAlert.get(key) ?? new Set()).add(id));
    }
  }
  for (const [alert, ids] of byAlert) assert.equal(ids.size, 1, `${alert} was told as ${[...ids]}`);

  assert.equal(await program.stop(), 0);
  await hook.close();
  await Deno.remove(file);
  await Deno.remove(program.directory, { recursive: true });
});
