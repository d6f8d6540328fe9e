/** The real program as a process of its own, on free ports and a directory of its own. @module */
import assert from "node:assert/strict";

const root = new URL("../../", import.meta.url).pathname;

export interface Program {
  readonly directory: string;
  readonly pid: number;
  /** Where a service listens, e.g. `http://127.0.0.1:40123`. */
  address(service: string): string;
  /** Everything it wrote, by lines. */
  readonly lines: readonly string[];
  /** Ends it as an operator would, and resolves with its exit code. */
  stop(): Promise<number>;
  /** Ends it as a power cut would. */
  kill(): Promise<void>;
}

export interface ProgramOptions {
  /** Its data; kept from one start to the next. A new one when absent. */
  directory?: string;
  environment?: Record<string, string>;
  /** Names of services; all when absent. */
  services?: string[];
}

const ports = [
  "AUTH",
  "ORDERS",
  "PAYMENTS",
  "NOTIFICATION",
  "ANALYZER",
  "ALERT_ENGINE",
  "UI_BACKEND",
  "INGEST",
  "DASHBOARD",
].map((name) => `${name}_PORT`);

/** Starts the program and waits until every service listens. */
export async function startProgram(options: ProgramOptions = {}): Promise<Program> {
  const directory = options.directory ?? await Deno.makeTempDir({ prefix: "eventflow-" });
  const environment = {
    ...Object.fromEntries(ports.map((name) => [name, "0"])),
    DATA_DIR: directory,
    NO_COLOR: "1",
    ...options.environment,
  };
  const flags = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-env", "infra/permissions.ts"],
    cwd: root,
    env: environment,
  }).output();
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--no-prompt",
      ...new TextDecoder().decode(flags.stdout).trim().split(" "),
      "functions/main.ts",
      ...(options.services ?? []),
    ],
    cwd: root,
    env: environment,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();

  const lines: string[] = [];
  const addresses = new Map<string, string>();
  let exited = false;
  let changed = Promise.withResolvers<void>();
  const note = (line: string) => {
    lines.push(line);
    try {
      const { service, address } = JSON.parse(line) as { service?: string; address?: string };
      if (service && address) addresses.set(service, address);
    } catch {
      // Not every line is JSON: those of a crash are not.
    }
    changed.resolve();
    changed = Promise.withResolvers<void>();
  };
  const readers = [child.stdout, child.stderr].map(async (stream) => {
    let rest = "";
    for await (const text of stream.pipeThrough(new TextDecoderStream())) {
      const parts = (rest + text).split("\n");
      rest = parts.pop()!;
      parts.forEach(note);
    }
    if (rest) note(rest);
  });
  const ended = (async () => {
    const { code } = await child.status;
    await Promise.all(readers);
    exited = true;
    changed.resolve();
    return code;
  })();

  // Services come up in the order of their list.
  const last = options.services?.at(-1) ?? "dashboard";
  while (!addresses.has(last)) {
    if (exited) throw new Error(`The program ended while it started:\n${lines.join("\n")}`);
    await changed.promise;
  }
  return {
    directory,
    pid: child.pid,
    lines,
    address(service) {
      const address = addresses.get(service);
      assert(address, `No address of ${service}`);
      return address;
    },
    async stop() {
      child.kill("SIGTERM");
      return await ended;
    },
    async kill() {
      child.kill("SIGKILL");
      await ended;
    },
  };
}

/** Runs the program where it must not start; resolves with its exit code and what it wrote. */
export async function failToStart(options: ProgramOptions): Promise<string> {
  try {
    const program = await startProgram(options);
    await program.stop();
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error("The program started");
}

/** Asks until the answer holds, for at most `within` milliseconds; then shows the last answer. */
export async function eventually<T>(
  ask: () => Promise<T> | T,
  holds: (answer: T) => boolean,
  within = 20_000,
): Promise<T> {
  const deadline = Date.now() + within;
  let last: unknown;
  for (;;) {
    try {
      const answer = await ask();
      if (holds(answer)) return answer;
      last = answer;
    } catch (error) {
      last = error;
    }
    if (Date.now() > deadline) {
      throw new Error(
        `Did not hold within ${within} ms; last: ${Deno.inspect(last, { depth: 6 })}`,
      );
    }
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

/** A client of the API. */
export class Api {
  token = "";
  constructor(readonly base: string) {}

  async login(username = "admin", password = "admin"): Promise<this> {
    const { token } = await this.post<{ token: string }>("/api/auth/login", { username, password });
    this.token = token;
    return this;
  }

  async request(
    method: string,
    path: string,
    body?: unknown,
  ): Promise<{ status: number; body: Envelope; headers: Headers }> {
    const response = await fetch(this.base + path, {
      method,
      headers: {
        ...(this.token ? { authorization: `Bearer ${this.token}` } : {}),
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: response.status, body: await response.json(), headers: response.headers };
  }

  async #data<T>(method: string, path: string, body?: unknown): Promise<T> {
    const answer = await this.request(method, path, body);
    assert(answer.body.success, `${method} ${path}: ${JSON.stringify(answer.body)}`);
    return answer.body.data as T;
  }
  get = <T>(path: string) => this.#data<T>("GET", path);
  post = <T>(path: string, body?: unknown) => this.#data<T>("POST", path, body);
  put = <T>(path: string, body?: unknown) => this.#data<T>("PUT", path, body);
  delete = <T>(path: string) => this.#data<T>("DELETE", path);
}

export interface Envelope {
  success: boolean;
  data?: unknown;
  error?: string;
  code?: string;
  details?: { path: string; message: string }[];
  meta?: { total: number; page: number; limit: number; pages: number };
  request_id?: string;
}

/** A webhook receiver that remembers what it got. */
export interface Receiver {
  readonly url: string;
  readonly got: { id: string; body: WebhookBody; headers: Headers; at: number }[];
  /** What it answers; 200 at first. */
  status: number;
  /** How long it thinks before it answers; 0 at first. */
  delay_ms: number;
  close(): Promise<void>;
}

export interface WebhookBody {
  status: string;
  groupKey: string;
  alerts: { status: string; labels: Record<string, string>; fingerprint: string }[];
  notification_reason: string;
}

/** Starts a webhook receiver; `port` 0 picks a free one. */
export function webhookReceiver(port = 0): Receiver {
  const got: Receiver["got"] = [];
  const server = Deno.serve({ port, hostname: "127.0.0.1", onListen() {} }, async (request) => {
    const body = await request.json();
    if (receiver.status < 300) {
      got.push({
        id: request.headers.get("webhook-id") ?? "",
        body,
        headers: request.headers,
        at: Date.now(),
      });
    }
    if (receiver.delay_ms > 0) await new Promise((go) => setTimeout(go, receiver.delay_ms));
    return new Response(null, { status: receiver.status });
  });
  const receiver: Receiver = {
    url: `http://127.0.0.1:${server.addr.port}/hook`,
    got,
    status: 200,
    delay_ms: 0,
    close: () => server.shutdown(),
  };
  return receiver;
}
