/**
 * A real redis-server on a free port with data of its own: started, ended, killed and started again.
 * Needs `redis-server` (Debian: `apt-get install redis-server`) and, for TLS, `openssl`.
 *
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path";

export interface RedisServerOptions {
  /** When the log is synced to the disk: `always` survives a power cut, `everysec` a killed server. */
  appendfsync?: "always" | "everysec";
  password?: string;
  /** Listens with TLS alone; the certificate is signed by an authority made for it. */
  tls?: boolean;
  /** More of redis.conf, e.g. `["--maxmemory", "10mb"]`. */
  more?: string[];
}

export interface RedisServer {
  readonly port: number;
  /** `127.0.0.1:port`. */
  readonly address: string;
  /** With user, password and scheme. */
  readonly url: string;
  /** PEM of the authority; with TLS only. */
  readonly ca?: string;
  readonly pid: number;
  /** Ends it as an operator would; its data stay. */
  stop(): Promise<void>;
  /** Ends it as a crash would; what it wrote stays. */
  kill(): Promise<void>;
  /** Starts it on the same port with the same data. */
  start(): Promise<void>;
  /** Asks it something with redis-cli; resolves with what that prints. */
  ask(...command: string[]): Promise<string>;
  /** Ends it and removes its data. */
  close(): Promise<void>;
}

/** Starts a server and waits until it answers. */
export async function startRedis(options: RedisServerOptions = {}): Promise<RedisServer> {
  const directory = await Deno.makeTempDir({ prefix: "eventflow-redis-" });
  const port = freePort();
  const { password, tls } = options;
  if (tls) await makeCertificates(directory);
  const ca = join(directory, "ca.crt");
  let child: Deno.ChildProcess | undefined;

  async function start(): Promise<void> {
    assert.equal(child, undefined, "Redis runs already");
    child = new Deno.Command("redis-server", {
      args: [
        ...["--dir", directory, "--bind", "127.0.0.1", "--save", ""],
        ...["--appendonly", "yes", "--appendfsync", options.appendfsync ?? "everysec"],
        ...["--port", tls ? "0" : `${port}`],
        ...(password ? ["--requirepass", password] : []),
        ...(tls
          ? [
            ...["--tls-port", `${port}`, "--tls-auth-clients", "no"],
            ...["--tls-cert-file", join(directory, "server.crt")],
            ...["--tls-key-file", join(directory, "server.key")],
            ...["--tls-ca-cert-file", ca],
          ]
          : []),
        ...(options.more ?? []),
      ],
      stdin: "null",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    // It says so on its standard output when it has read its data.
    const lines = child.stdout.pipeThrough(new TextDecoderStream());
    let written = "";
    for await (const text of lines.values({ preventCancel: true })) {
      written += text;
      if (written.includes("Ready to accept connections")) break;
    }
    assert(written.includes("Ready to accept connections"), `Redis did not start:\n${written}`);
    drained = lines.pipeTo(new WritableStream()).catch(() => {});
  }
  let drained = Promise.resolve();

  async function end(signal: Deno.Signal): Promise<void> {
    if (!child) return;
    child.kill(signal);
    await child.status;
    await drained;
    child = undefined;
  }

  await start();
  return {
    port,
    address: `127.0.0.1:${port}`,
    url: `${tls ? "rediss" : "redis"}://${
      password ? `default:${encodeURIComponent(password)}@` : ""
    }127.0.0.1:${port}`,
    ...(tls ? { ca: await Deno.readTextFile(ca) } : {}),
    get pid() {
      return child!.pid;
    },
    stop: () => end("SIGTERM"),
    kill: () => end("SIGKILL"),
    start,
    async ask(...command) {
      const { stdout } = await new Deno.Command("redis-cli", {
        args: [
          ...["-h", "127.0.0.1", "-p", `${port}`],
          ...(tls ? ["--tls", "--cacert", ca] : []),
          ...command,
        ],
        env: password ? { REDISCLI_AUTH: password } : {},
      }).output();
      return new TextDecoder().decode(stdout).trimEnd();
    },
    async close() {
      await end("SIGKILL");
      await Deno.remove(directory, { recursive: true });
    },
  };
}

/** A port that was free a moment ago: the server must come back on the same one. */
function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** An authority of its own, and a certificate for 127.0.0.1 and localhost that it signed. */
async function makeCertificates(directory: string): Promise<void> {
  await Deno.writeTextFile(
    join(directory, "names"),
    "subjectAltName=IP:127.0.0.1,DNS:localhost\nbasicConstraints=CA:FALSE\n",
  );
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  const steps = [
    [
      ...["req", "-x509", ...key, "-days", "2", "-subj", "/CN=EventFlow test authority"],
      ...["-keyout", "ca.key", "-out", "ca.crt"],
    ],
    ["req", ...key, "-subj", "/CN=redis", "-keyout", "server.key", "-out", "server.csr"],
    [
      ...["x509", "-req", "-in", "server.csr", "-CA", "ca.crt", "-CAkey", "ca.key"],
      ...["-CAcreateserial", "-days", "2", "-extfile", "names", "-out", "server.crt"],
    ],
  ];
  for (const args of steps) {
    const { success, stderr } = await new Deno.Command("openssl", { args, cwd: directory })
      .output();
    assert(success, new TextDecoder().decode(stderr));
  }
}
