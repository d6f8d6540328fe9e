/** From a posted sample to the webhook that tells of it, at a steady load, in processes of their own. @module */
import { Api, startProgram } from "tests/support/process.ts";
import { median, quantile } from "./measure.ts";

/** Samples a second that the process has to take besides. */
const load = 1_000;

/** The product as it runs: where `ingest` and `ui-backend` listen. */
export interface Running {
  ingest: string;
  backend: string;
  stop(): Promise<void>;
}

/** Everything in one process. */
async function embedded(environment: Record<string, string>): Promise<Running> {
  const program = await startProgram({ environment });
  return {
    ingest: program.address("ingest"),
    backend: program.address("ui-backend"),
    async stop() {
      await program.stop();
      await Deno.remove(program.directory, { recursive: true });
    },
  };
}

/**
 * Sends `probes` bad samples, ten a second, and times their notifications.
 *
 * @param aim of the median, milliseconds; that of the 99th percentile is five times as long
 */
export async function benchLatency(
  probes: number,
  name = "sample posted → webhook arrived",
  aim = 20,
  start: (environment: Record<string, string>) => Promise<Running> = embedded,
): Promise<void> {
  const arrivals = new Map<string, () => void>();
  const receiver = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen() {} },
    async (request) => {
      const { alerts } = await request.json();
      for (const { labels } of alerts) arrivals.get(labels.service)?.();
      return new Response();
    },
  );
  const url = `http://127.0.0.1:${receiver.addr.port}/`;
  const file = await Deno.makeTempFile({ suffix: ".yml" });
  await Deno.writeTextFile(
    file,
    `route: { receiver: hook, group_by: [service], group_wait: 0s, group_interval: 1s, repeat_interval: 4h }
receivers: [{ name: hook, webhook_configs: [{ url: "${url}" }] }]
`,
  );
  const running = await start({ SIMULATORS: "none", ALERTING_CONFIG: file });
  const api = await new Api(running.backend).login();
  await api.post("/api/rules", { name: "Hot", metric_type: "heat", threshold: 100 });
  const ingest = `${running.ingest}/ingest/metrics`;
  const post = async (to: string, body: unknown) => {
    const response = await fetch(to, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    await response.body?.cancel();
    if (!response.ok) throw new Error(`${to} answered ${response.status}`);
  };
  const sample = (service_name: string, value: number) => ({
    service_name,
    metric_type: "heat",
    value,
    timestamp: new Date().toISOString(),
  });

  let sent = 0;
  let loading = true;
  const started = performance.now();
  const loader = (async () => {
    while (loading) {
      const due = Math.floor((performance.now() - started) * load / 1_000) - sent;
      if (due > 0) {
        const batch = Array.from({ length: due }, () => sample(`load-${sent++ % 100}`, 50));
        await post(ingest, batch);
      }
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  })();

  const delays: number[] = [];
  const direct: number[] = [];
  const warmUp = 20;
  for (let i = 0; i < probes + warmUp; i++) {
    const service = `probe-${i}`;
    let begun = performance.now();
    const arrived = new Promise<void>((resolve) => arrivals.set(service, resolve));
    await post(ingest, sample(service, 150));
    await arrived;
    if (i >= warmUp) delays.push(performance.now() - begun);
    begun = performance.now();
    await post(url, { alerts: [{ labels: { service } }] });
    if (i >= warmUp) direct.push(performance.now() - begun);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  loading = false;
  await loader;
  const seconds = (performance.now() - started) / 1_000;
  await running.stop();
  await receiver.shutdown();
  await Deno.remove(file);

  const p50 = median(delays);
  const p99 = quantile(delays, 0.99);
  const verdict = (met: boolean) => met ? "met" : "MISSED";
  console.log(
    `${name.padEnd(34)} median ${p50.toFixed(1)} ms (aim ${aim}: ${
      verdict(p50 < aim)
    }), 99th percentile ${p99.toFixed(1)} ms (aim ${5 * aim}: ${verdict(p99 < 5 * aim)}), ${
      (p50 / median(direct)).toFixed(1)
    } times a bare POST (${median(direct).toFixed(1)} ms); ${probes} probes at ${
      Math.round(sent / seconds)
    } samples/s`,
  );
}
