/** A real Jaeger, built from its Go module, on free ports and with its traces in memory. @module */
import { join } from "node:path";
import { attempt, command } from "./command.ts";
import { eventually } from "./process.ts";

const version = "v1.76.0";
/** Two to seven minutes on two cores, once: the binary is kept. */
const build_ms = Number(Deno.env.get("JAEGER_BUILD_MS") ?? 300_000);

export interface Jaeger {
  /** For `OTEL_EXPORTER_OTLP_ENDPOINT`. */
  readonly otlp: string;
  /** Its API, e.g. `http://127.0.0.1:40123/api`. */
  readonly api: string;
  stop(): Promise<void>;
}

/**
 * The path of its binary, built where there is none yet.
 *
 * @returns undefined when that takes longer than `JAEGER_BUILD_MS` (5 minutes)
 */
export async function jaegerBinary(): Promise<string | undefined> {
  const cache = join(
    Deno.env.get("XDG_CACHE_HOME") || join(Deno.env.get("HOME") ?? "/tmp", ".cache"),
    "eventflow",
  );
  const binary = join(cache, `jaeger-${version}`);
  try {
    if ((await Deno.stat(binary)).isFile) return binary;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  await Deno.mkdir(cache, { recursive: true });
  const module = `github.com/jaegertracing/jaeger@${version}`;
  const { Dir } = JSON.parse(await command("go", ["mod", "download", "-json", module])) as {
    Dir: string;
  };
  // The module's own folder cannot be written to, and `go install` refuses it.
  const copy = await Deno.makeTempDir({ prefix: "eventflow-jaeger-" });
  try {
    await command("cp", ["-r", "--no-preserve=mode", `${Dir}/.`, copy]);
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(), build_ms);
    const built = await attempt(
      "go",
      ["build", "-trimpath", "-ldflags=-s -w", "-o", `${binary}.new`, "./cmd/jaeger"],
      { cwd: copy, signal: late.signal },
    );
    clearTimeout(timer);
    if (late.signal.aborted) return undefined;
    if (built.code !== 0) throw new Error(`Cannot build Jaeger: ${built.stderr}`);
    await Deno.rename(`${binary}.new`, binary);
    return binary;
  } finally {
    await Deno.remove(copy, { recursive: true });
  }
}

/** Starts it and waits until it answers. */
export async function startJaeger(binary: string): Promise<Jaeger> {
  const [otlp, query, grpc] = freePorts(3);
  const directory = await Deno.makeTempDir({ prefix: "eventflow-jaeger-" });
  await Deno.writeTextFile(
    `${directory}/config.yml`,
    `
service:
  extensions: [jaeger_storage, jaeger_query]
  telemetry: { metrics: { level: none }, logs: { level: warn } }
  pipelines:
    traces: { receivers: [otlp], exporters: [jaeger_storage_exporter] }
extensions:
  jaeger_storage: { backends: { memory: { memory: { max_traces: 10000 } } } }
  jaeger_query:
    storage: { traces: memory }
    http: { endpoint: 127.0.0.1:${query} }
    grpc: { endpoint: 127.0.0.1:${grpc} }
receivers:
  otlp: { protocols: { http: { endpoint: 127.0.0.1:${otlp} } } }
exporters:
  jaeger_storage_exporter: { trace_storage: memory }
`,
  );
  const log = await Deno.open(`${directory}/log`, { write: true, create: true });
  const child = new Deno.Command(binary, {
    args: ["--config", `file:${directory}/config.yml`],
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const written = child.stderr.pipeTo(log.writable);
  const api = `http://127.0.0.1:${query}/api`;
  const stop = async () => {
    try {
      // It keeps nothing, and a clean end takes it 20 s.
      child.kill("SIGKILL");
    } catch (error) {
      // It has ended by itself.
      if (!(error instanceof TypeError)) throw error;
    }
    await child.status;
    await written;
    await Deno.remove(directory, { recursive: true });
  };
  try {
    await eventually(
      async () => {
        const response = await fetch(`${api}/services`);
        await response.body?.cancel();
        return response.ok;
      },
      (ok) => ok,
    );
  } catch (cause) {
    const text = await Deno.readTextFile(`${directory}/log`);
    await stop();
    throw new Error(`Jaeger did not start:\n${text}`, { cause });
  }
  return { otlp: `http://127.0.0.1:${otlp}`, api, stop };
}

/** Ports that are free now, all different. */
export function freePorts(count: number): number[] {
  const listeners = Array.from(
    { length: count },
    () => Deno.listen({ port: 0, hostname: "127.0.0.1" }),
  );
  const ports = listeners.map(({ addr }) => (addr as Deno.NetAddr).port);
  for (const listener of listeners) listener.close();
  return ports;
}
