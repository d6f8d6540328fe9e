/**
 * A real Prometheus scrapes the running platform: no query of a dashboard and no alert rule is about
 * something that is not there. Needs Debian's package prometheus.
 *
 * @module
 */
import assert from "node:assert/strict";
import { parse } from "yaml";
import { command } from "tests/support/command.ts";
import { freePorts } from "tests/support/jaeger.ts";
import { Api, eventually, startProgram, webhookReceiver } from "tests/support/process.ts";

const root = new URL("../../", import.meta.url).pathname;
const services = [
  "auth",
  "orders",
  "payments",
  "notification",
  "analyzer",
  "alert-engine",
  "ui-backend",
  "ingest",
  "dashboard",
];
/** Within this everything has data; simulators report every few seconds. */
const patience_ms = 120_000;

Deno.test("promtool accepts the configuration, the rules and their tests", async (t) => {
  for (
    const args of [
      ["check", "config", "prometheus.yml"],
      ["check", "rules", "alerts.yml"],
      ["test", "rules", "alerts_test.yml"],
    ]
  ) {
    await t.step(args.join(" "), async () => {
      await command("promtool", args, { cwd: `${root}infra/prometheus` });
    });
  }
});

Deno.test("every alert is tested, firing and quiet", () => {
  const { tests } = yaml<{ tests: { name: string }[] }>("infra/prometheus/alerts_test.yml");
  const names = new Set(tests.map(({ name }) => name));
  for (const { alert } of alertRules()) {
    assert(
      names.has(`${alert} fires`) && names.has(`${alert} stays quiet`),
      `${alert} has no test`,
    );
  }
});

Deno.test("no query of the dashboards and no alert rule is empty on a running platform", async () => {
  const good = webhookReceiver();
  const bad = webhookReceiver();
  bad.status = 410;
  const program = await startProgram({
    environment: { WEBHOOK_URLS: `${good.url},${bad.url}` },
  });
  const directory = await Deno.makeTempDir({ prefix: "eventflow-prometheus-" });
  const environment = {
    PROMETHEUS_DIR: directory,
    PROMETHEUS_PORT: String(freePorts(1)[0]),
    PROMETHEUS_INTERVAL: "2s",
  };
  const prometheus = (...args: string[]) =>
    command(`${root}infra/prometheus/prometheus.sh`, args, { env: environment });
  await prometheus(
    "start",
    ...services.map((service) => `${service}=${new URL(program.address(service)).host}`),
  );
  const live = new AbortController();
  try {
    const base = `http://127.0.0.1:${environment.PROMETHEUS_PORT}/api/v1`;
    await eventually(
      () => ask<{ result: { value: [number, string] }[] }>(base, 'sum(up{job="eventflow"})'),
      ({ result }) => result[0]?.value[1] === String(services.length),
    );
    // What a quiet platform never counts: an alert, a dead channel, bad data, people.
    await provoke(program.address("ui-backend"), program.address("ingest"), live.signal);

    const queries = [
      ...dashboards().flatMap(({ title, panels }) =>
        panels.flatMap((panel) =>
          (panel.targets ?? []).map(({ expr }) => ({ of: `${title} / ${panel.title}`, expr }))
        )
      ),
      ...alertRules().map(({ alert, expr }) => ({ of: alert, expr: withoutComparison(expr) })),
    ];
    assert(queries.length > 50, `There are only ${queries.length} queries`);
    let empty = queries;
    const started = performance.now();
    while (empty.length > 0 && performance.now() - started < patience_ms) {
      await new Promise((resolve) => setTimeout(resolve, 2_000));
      await touch(program.address("ui-backend"), program.address("ingest"));
      const answers = await Promise.all(empty.map(async (query) => {
        const { result } = await ask<{ result: { value: [number, string] }[] }>(base, query.expr);
        return result.some(({ value }) => value[1] !== "NaN");
      }));
      empty = empty.filter((_query, i) => !answers[i]);
    }
    console.log(
      `${queries.length - empty.length} of ${queries.length} queries have data after ${
        Math.round((performance.now() - started) / 1000)
      } s`,
    );
    assert.deepEqual(empty, []);

    const { groups } = await get<{ groups: { rules: { name: string; health: string }[] }[] }>(
      `${base}/rules`,
    );
    const unhealthy = groups.flatMap(({ rules }) => rules).filter(({ health }) => health !== "ok");
    assert.deepEqual(unhealthy, []);
  } finally {
    live.abort();
    await prometheus("stop");
    await program.stop();
    await good.close();
    await bad.close();
    await Deno.remove(directory, { recursive: true });
    await Deno.remove(program.directory, { recursive: true });
  }
});

/** Makes happen once what simulators may not. */
async function provoke(backend: string, ingest: string, signal: AbortSignal): Promise<void> {
  const api = await new Api(backend).login();
  await api.post("/api/rules", {
    name: "Always",
    metric_type: "cpu",
    operator: ">",
    threshold: -1,
    window_size: 60,
    for_seconds: 0,
  });
  const stream = await fetch(`${backend}/api/live`, {
    headers: { authorization: `Bearer ${api.token}` },
    signal,
  });
  assert.equal(stream.status, 200);
  (async () => {
    for await (const _chunk of stream.body!);
  })().catch((error) => assert(signal.aborted, error));
  await touch(backend, ingest);
}

/** What must go on for its rate to be there: good, unusable and late samples, and logins. */
async function touch(backend: string, ingest: string): Promise<void> {
  const sample = { service_name: "shop", metric_type: "heat", value: 1 };
  const late = new Date(Date.now() - 3_600_000).toISOString();
  const response = await fetch(`${ingest}/ingest/metrics`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify([sample, { ...sample, timestamp: late }, { ...sample, value: "hot" }]),
  });
  await response.body?.cancel();
  const { status } = await new Api(backend).request("POST", "/api/auth/login", {
    username: "nobody",
    password: "wrong",
  });
  assert([401, 429].includes(status));
}

interface Dashboard {
  title: string;
  panels: { title: string; targets?: { expr: string }[] }[];
}

function dashboards(): Dashboard[] {
  const folder = `${root}infra/grafana/dashboards`;
  return [...Deno.readDirSync(folder)].map(({ name }) =>
    JSON.parse(Deno.readTextFileSync(`${folder}/${name}`))
  );
}

function alertRules(): { alert: string; expr: string }[] {
  const { groups } = yaml<{ groups: { rules: { alert: string; expr: string }[] }[] }>(
    "infra/prometheus/alerts.yml",
  );
  return groups.flatMap(({ rules }) => rules);
}

/** `rate(x[5m]) > 3` → `rate(x[5m])`: there even where the alert does not fire. */
function withoutComparison(expr: string): string {
  const bare = expr.replace(/\s(>=|<=|==|!=|>|<)\s*-?\d[\d.e]*/g, "");
  assert.notEqual(bare, expr, `This compares nothing: ${expr}`);
  return bare;
}

function yaml<T>(path: string): T {
  return parse(Deno.readTextFileSync(root + path)) as T;
}

async function get<T>(url: string): Promise<T> {
  const response = await fetch(url);
  const body = await response.json() as { status: string; data: T; error?: string };
  assert.equal(body.status, "success", `${url}: ${body.error}`);
  return body.data;
}

function ask<T>(base: string, query: string): Promise<T> {
  return get<T>(`${base}/query?query=${encodeURIComponent(query)}`);
}
