/** What the dashboard sees of `ui-backend`: logins, one page's numbers, an echo, live messages. @module */
import type { Role, Stats } from "fresh-dashboard/lib/api.ts";

export interface FakeBackendOptions {
  /** Milliseconds until an access token ends; an hour when absent. */
  token_ms?: number;
  now?: () => number;
}

export class FakeBackend {
  /** Every request, oldest first. */
  readonly requests: { method: string; path: string; headers: Headers; body: string }[] = [];
  readonly sockets = new Set<WebSocket>();
  /** Whether it answers at all. */
  up = true;
  token_ms: number;
  /** What the numbers of the overview are; the empty platform when absent. */
  stats: Partial<Stats> = {};
  readonly #now: () => number;
  readonly #access = new Set<string>();
  readonly #refresh = new Map<string, { username: string; role: Role }>();
  #issued = 0;
  #server: Deno.HttpServer | undefined;

  constructor(options: FakeBackendOptions = {}) {
    this.#now = options.now ?? Date.now;
    this.token_ms = options.token_ms ?? 3_600_000;
  }

  /** How often a path was asked for. */
  count(path: string): number {
    return this.requests.filter((one) => one.path.split("?")[0] === path).length;
  }

  /** Ends every session. */
  forget(): void {
    this.#access.clear();
    this.#refresh.clear();
  }

  /** Listens; the address. */
  listen(port = 0): string {
    this.#server = Deno.serve(
      { port, hostname: "127.0.0.1", onListen() {} },
      (request) =>
        // What a proxy says for a server that is not there.
        this.up ? this.fetch(request) : new Response("", { status: 502 }),
    );
    return `http://127.0.0.1:${(this.#server.addr as Deno.NetAddr).port}`;
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.close();
    await this.#server?.shutdown();
  }

  /** In place of the global one: no network. */
  readonly fetch = async (input: Request | URL | string, init?: RequestInit): Promise<Response> => {
    if (!this.up) throw new TypeError("connection refused");
    const request = input instanceof Request ? input : new Request(input, init);
    const url = new URL(request.url);
    const path = url.pathname + url.search;
    if (request.headers.get("upgrade") === "websocket") return this.#socket(request, path);
    const body = await request.text();
    const headers = new Headers(request.headers);
    this.requests.push({ method: request.method, path, headers, body });
    switch (`${request.method} ${url.pathname}`) {
      case "POST /api/auth/login": {
        const { username, password } = JSON.parse(body);
        if (password === "slow down") {
          return refuse(429, "too_many_attempts", { "retry-after": "17" });
        }
        if (password !== "demo" && password !== username) return refuse(401, "bad_credentials");
        const named = (["admin", "viewer"] as const).find((role) => role === username);
        return this.#grant(username, named ?? "operator");
      }
      case "POST /api/auth/refresh": {
        const { refresh_token } = JSON.parse(body);
        const holder = this.#refresh.get(refresh_token);
        // Good once: a second use ends the family.
        if (!holder) {
          this.forget();
          return refuse(401, "refresh_invalid");
        }
        this.#refresh.delete(refresh_token);
        return this.#grant(holder.username, holder.role);
      }
    }
    const token = request.headers.get("authorization")?.replace(/^Bearer /, "") ?? "";
    if (!this.#access.has(token)) return refuse(401, "unauthenticated");
    switch (url.pathname) {
      case "/api/auth/logout":
        this.forget();
        return answer({ logged_out: true });
      case "/api/dashboard/stats":
        return answer({ ...emptyStats, ...this.stats });
      case "/api/services":
      case "/api/metrics/latest":
        return answer([]);
      case "/api/alerts":
      case "/api/rules":
        return Response.json({
          success: true,
          data: [],
          meta: { total: 0, page: 1, limit: 20, pages: 0 },
        });
      case "/api/live":
        return new Response(
          new ReadableStream({
            start: (controller) =>
              controller.enqueue(new TextEncoder().encode("id: 1\ndata: {}\n\n")),
          }),
          { headers: { "content-type": "text/event-stream", connection: "keep-alive" } },
        );
      case "/api/echo":
        return Response.json({ success: true, data: body }, {
          status: 201,
          headers: { "set-cookie": "stolen=1", "x-secret": "1", etag: '"7"' },
        });
      case "/api/broken":
        return refuse(500, "internal");
    }
    return refuse(404, "not_found");
  };

  #grant(username: string, role: Role): Response {
    const n = ++this.#issued;
    const expires = this.#now() + this.token_ms;
    const claims = { username, role, sid: "s", exp: Math.floor(expires / 1000), jti: n };
    const bytes = new TextEncoder().encode(JSON.stringify(claims));
    const token = `e30.${
      btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll(
        "=",
        "",
      )
    }.signature${n}`;
    const refresh_token = `refresh-${n}`;
    this.#access.add(token);
    this.#refresh.set(refresh_token, { username, role });
    return answer({
      token,
      refresh_token,
      expires_at: new Date(expires).toISOString(),
      user: { id: username, username, role },
    });
  }

  #socket(request: Request, path: string): Response {
    const [scheme, token] = (request.headers.get("sec-websocket-protocol") ?? "").split(/\s*,\s*/);
    this.requests.push({ method: "WS", path, headers: new Headers(request.headers), body: "" });
    if (scheme !== "bearer" || !this.#access.has(token!)) return refuse(401, "unauthenticated");
    const { socket, response } = Deno.upgradeWebSocket(request, { protocol: "bearer" });
    socket.onopen = () => {
      this.sockets.add(socket);
      socket.send(message("status", { connected: true }, this.#now() * 1000));
    };
    socket.onmessage = ({ data }) => {
      this.requests.push({ method: "SAID", path: "", headers: new Headers(), body: data });
      if (JSON.parse(data).type === "ping") socket.send(message("pong", {}, this.#now() * 1000));
    };
    socket.onclose = () => this.sockets.delete(socket);
    return response;
  }

  /** Sends a live message to everybody. */
  tell(type: string, payload: unknown): void {
    for (const socket of this.sockets) socket.send(message(type, payload, this.#now() * 1000));
  }
}

function message(type: string, payload: unknown, seq: number): string {
  return JSON.stringify({ type, payload, seq, timestamp: new Date(seq / 1000).toISOString() });
}

function answer(data: unknown): Response {
  return Response.json({ success: true, data });
}

function refuse(status: number, code: string, headers: Record<string, string> = {}): Response {
  return Response.json({ success: false, error: `Refused: ${code}`, code }, { status, headers });
}

const emptyStats: Stats = {
  total_services: 0,
  healthy_services: 0,
  warning_services: 0,
  critical_services: 0,
  down_services: 0,
  total_alerts: 0,
  firing_alerts: 0,
  unacknowledged_alerts: 0,
  critical_alerts: 0,
  warning_alerts: 0,
  by_severity: { info: 0, warning: 0, critical: 0 },
  active_rules: 0,
  total_rules: 0,
  service_stats: [],
  recent_alerts: [],
  pipeline: [],
  samples_per_minute: 0,
  uptime_seconds: 0,
  timestamp: "2026-01-01T00:00:00.000Z",
};
