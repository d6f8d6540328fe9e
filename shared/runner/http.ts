/**
 * Binds functions to HTTP: the only door to hono. Reads and checks what comes in (token, size,
 * encoding, JSON, schema), answers in one envelope, and adds what every service has: `/healthz`,
 * `/readyz`, `/metrics`.
 *
 * @module
 */
import { type Context as Exchange, Hono } from "hono";
import { cors } from "hono/cors";
import type { z } from "zod";
import {
  type Access,
  type Caller,
  type Declared,
  HttpProblem,
  type HttpTrigger,
  type ProblemDetail,
  Reply,
  Retryable,
  type Service,
} from "shared/define/mod.ts";
import { serverSpan } from "shared/telemetry/trace.ts";
import { newCall, type Site } from "./call.ts";
import { openapi } from "./openapi.ts";
import { runCall } from "./stack.ts";
import { swagger } from "./swagger.ts";
import type { World } from "./world.ts";

/** Most bytes of a body where the route does not say. */
const defaultLimit = 1024 * 1024;
/** Most bytes of a refused body that are read and thrown away, so that the sender hears the answer. */
const drainLimit = 128 * 1024 * 1024;
/** Seconds after which a sender may come again when we are not ready. */
const retryAfter_s = 1;

/** Methods that are label values; anybody can send others, without end. */
const methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

const nobody: Caller = { id: "", username: "", role: "viewer" };

/** How a request may become a WebSocket. */
export type Upgrade = (
  request: Request,
  options?: { protocol?: string },
) => { socket: WebSocket; response: Response };

export interface Served {
  fetch(request: Request, remote: string, upgrade: Upgrade): Response | Promise<Response>;
}

type Bindings = { remote: string; upgrade: Upgrade };

/** Builds the HTTP side of a service. */
export function serve(
  service: Service,
  siteOf: (fn: Declared) => Site,
  world: World,
  abort: AbortSignal,
): Served {
  const app = new Hono<{ Bindings: Bindings; Variables: { requestId: string; refuse?: Refuse } }>();
  const metrics = world.metrics(service.name);

  app.use(async (c, next) => {
    const given = c.req.header("x-request-id");
    const id = given && /^[\w.-]{1,128}$/.test(given) ? given : crypto.randomUUID();
    c.set("requestId", id);
    const started = world.clock.now();
    await next();
    const route = c.req.routePath === "/*" ? "unknown" : c.req.routePath;
    const method = methods.includes(c.req.method) ? c.req.method : "other";
    metrics.add("service_requests_total", { route, method, status: String(c.res.status) });
    metrics.observe(
      "service_latency_seconds",
      { route, method },
      (world.clock.now() - started) / 1000,
    );
    // The response of an upgrade cannot be changed.
    if (c.res.status !== 101) c.res.headers.set("x-request-id", id);
  });
  if (service.api) {
    app.use(cors({
      origin: [...world.allowedOrigins],
      allowHeaders: ["authorization", "content-type", "if-match", "x-request-id", "last-event-id"],
      exposeHeaders: ["x-request-id", "retry-after", "etag", "location"],
      maxAge: 600,
    }));
  }

  app.get("/healthz", (c) => c.json({ status: "ok", service: service.name }));
  app.get("/readyz", async (c) => {
    const broken = await brokenPorts(world);
    const ready = Object.keys(broken).length === 0;
    return c.json({ status: ready ? "ready" : "not ready", broken }, ready ? 200 : 503);
  });
  app.get("/metrics", async (c) => {
    await measurePorts(service, world);
    return c.text(await metrics.text(), 200, {
      "content-type": "text/plain; version=0.0.4; charset=utf-8",
    });
  });
  if (service.api) {
    const document = openapi(service);
    app.get("/openapi.json", (c) => c.json(document));
    app.get("/docs", (c) => c.redirect("/docs/"));
    app.get("/docs/:file{.*}", (c) => swagger(c.req.param("file"), service.api!.title));
  }

  const routes = new Map<string, HttpTrigger[]>();
  for (const fn of service.functions) {
    if (fn.on.kind !== "http") continue;
    const trigger = fn.on;
    const site = siteOf(fn);
    const path = (service.prefix ?? "") + trigger.path;
    routes.set(path, [...routes.get(path) ?? [], trigger]);
    app.on(trigger.method, path, (c) => {
      if (trigger.refuse) c.set("refuse", trigger.refuse);
      return answer(c, site, trigger, abort);
    });
  }
  // After all others, so that only a method that no route of the path has comes here.
  for (const [path, triggers] of routes) {
    app.all(path, async (c) => {
      const refuse = triggers.find((trigger) => trigger.refuse)?.refuse;
      if (refuse) c.set("refuse", refuse);
      await admitted(c.req.raw, service, world);
      const allow = triggers.map(({ method }) => method).join(", ");
      throw new HttpProblem(
        405,
        "method_not_allowed",
        `${c.req.path} may be asked with ${allow}: current value is "${c.req.method}"`,
        { headers: { allow } },
      );
    });
  }

  app.notFound(async (c) => {
    if (service.fetch) return await service.fetch(c.req.raw, c.env);
    try {
      await admitted(c.req.raw, service, world);
    } catch (error) {
      if (error instanceof HttpProblem) return refusal(c, error);
      throw error;
    }
    const message = `There is nothing at ${c.req.method} ${c.req.path}`;
    return refusal(c, new HttpProblem(404, "not_found", message));
  });
  app.onError((error, c) => {
    if (error instanceof HttpProblem) return refusal(c, error);
    if (error instanceof Retryable) {
      const seconds = Math.max(retryAfter_s, Math.ceil((error.after ?? 0) / 1000));
      return refusal(
        c,
        new HttpProblem(503, "unavailable", "The service cannot store this now, try again later", {
          cause: error,
          headers: { "retry-after": String(seconds) },
        }),
      );
    }
    world.log.error(`Request failed`, {
      service: service.name,
      route: c.req.routePath,
      request_id: c.get("requestId"),
      error,
    });
    return refusal(c, internal(error));
  });
  return {
    fetch: (request, remote, upgrade) => app.fetch(request, { remote, upgrade }),
  };
}

/** The sender is told no more than that; the reason may hold what it must not see. */
function internal(cause: unknown): HttpProblem {
  return new HttpProblem(500, "internal", "Something went wrong on our side", { cause });
}

type Refuse = NonNullable<HttpTrigger["refuse"]>;

// deno-lint-ignore no-explicit-any -- hono's environment is of no use here
type Anything = Exchange<any>;

function refusal(c: Anything, problem: HttpProblem): Response {
  const refuse = c.get("refuse") as Refuse | undefined;
  if (refuse) {
    const response = refuse(problem.status, problem.message, c.req.raw);
    for (const [name, value] of Object.entries(problem.headers)) response.headers.set(name, value);
    return response;
  }
  return Response.json({
    success: false,
    error: problem.message,
    code: problem.code,
    ...(problem.details ? { details: problem.details } : {}),
    ...(problem.data === undefined ? {} : { data: problem.data }),
    request_id: c.get("requestId"),
  }, { status: problem.status, headers: problem.headers });
}

async function answer(
  c: Anything,
  site: Site,
  trigger: HttpTrigger,
  abort: AbortSignal,
): Promise<Response> {
  const request = c.req.raw as Request;
  const bindings = c.env as Bindings;
  const { world } = site;
  const open = trigger.access === "public";
  const user = open ? nobody : await allowed(request, trigger.access, trigger, world);
  const query = trigger.query ? check(trigger.query, c.req.query(), 400, "invalid_query") : {};
  const body = await readBody(request, trigger);
  const span = serverSpan(
    `${trigger.method} ${trigger.path}`,
    trigger.path,
    request.headers.get("traceparent") ?? undefined,
  );
  const call = newCall({
    site,
    inputs: [{
      params: c.req.param(),
      query,
      body,
      user,
      request,
      remote: callerOf(request, bindings.remote, world.trustedProxies ?? []),
      upgrade: (options?: { protocol?: string }) => bindings.upgrade(request, options),
    }],
    // Not the request's id: callers choose that, and must not choose what is derived from the cause.
    cause: crypto.randomUUID(),
    request_id: c.get("requestId"),
    span,
    signal: abort,
  });
  try {
    await runCall(call);
    span.end();
  } catch (error) {
    span.end(error);
    if (error instanceof HttpProblem || error instanceof Retryable) throw error;
    // A bug, and the stack has logged it.
    throw internal(error);
  }
  const { result } = call;
  // Returned, not thrown: refused, and the effects of the call are kept.
  if (result instanceof HttpProblem) throw result;
  if (result instanceof Response) return result;
  const reply = result instanceof Reply ? result : new Reply(result, {});
  return Response.json({
    success: true,
    data: reply.data ?? null,
    ...(reply.meta === undefined ? {} : { meta: reply.meta }),
  }, { status: reply.status, headers: reply.headers });
}

/** Who asks: the peer, or whom a trusted peer asks for (the last hop that it saw itself). */
function callerOf(request: Request, peer: string, trusted: readonly string[]): string {
  const forwarded = request.headers.get("x-forwarded-for")?.split(",").at(-1)?.trim();
  return forwarded && trusted.includes(peer) ? forwarded : peer;
}

/** Under `/api` strangers are not even told what there is. */
async function admitted(request: Request, service: Service, world: World): Promise<void> {
  if (!service.api || !new URL(request.url).pathname.startsWith("/api/")) return;
  await allowed(request, "viewer", {}, world);
}

async function allowed(
  request: Request,
  access: Access,
  trigger: Pick<HttpTrigger, "tokenInQuery">,
  world: World,
): Promise<Caller> {
  try {
    return await world.authorize(access, tokenOf(request, trigger));
  } catch (error) {
    // What was sent must be taken off the connection, or the sender may not see the answer.
    await drain(request.body);
    throw error;
  }
}

/** From the header, the sub-protocol `bearer, <token>`, or `?token=` where the route allows it. */
function tokenOf(
  request: Request,
  trigger: Pick<HttpTrigger, "tokenInQuery">,
): string | undefined {
  const header = /^Bearer\s+(\S+)$/i.exec(request.headers.get("authorization") ?? "")?.[1];
  if (header) return header;
  const [scheme, token] = (request.headers.get("sec-websocket-protocol") ?? "").split(/\s*,\s*/);
  if (scheme?.toLowerCase() === "bearer" && token) return token;
  if (trigger.tokenInQuery) return new URL(request.url).searchParams.get("token") ?? undefined;
  return undefined;
}

function check<T>(schema: z.ZodType<T>, value: unknown, status: number, code: string): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const details: ProblemDetail[] = result.error.issues.map((issue) => ({
    path: issue.path.map(String).join("."),
    message: issue.message,
  }));
  const [first] = details;
  throw new HttpProblem(
    status,
    code,
    first ? `${first.path || "body"}: ${first.message}` : "The request does not fit",
    { details },
  );
}

async function readBody(request: Request, trigger: HttpTrigger): Promise<unknown> {
  if (trigger.body === undefined) return undefined;
  const limit = trigger.limit ?? defaultLimit;
  const bytes = await readBytes(request, limit);
  if (trigger.body === "bytes") return bytes;
  if (bytes.length > 0) {
    const type = request.headers.get("content-type") ?? "application/json";
    if (!/^application\/([\w.-]+\+)?json\b/i.test(type)) {
      throw new HttpProblem(
        415,
        "unsupported_media_type",
        `A body is application/json, not ${type}`,
      );
    }
  }
  let json: unknown;
  if (bytes.length > 0) {
    try {
      json = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : "";
      throw new HttpProblem(400, "malformed_json", `The body is not JSON: ${why}`, { cause });
    }
  }
  return check(trigger.body, json, 422, "invalid_body");
}

async function readBytes(request: Request, limit: number): Promise<Uint8Array<ArrayBuffer>> {
  if (!request.body) return new Uint8Array();
  const encoding = (request.headers.get("content-encoding") ?? "identity").toLowerCase();
  if (Number(request.headers.get("content-length") ?? 0) > limit) {
    await drain(request.body);
    throw tooLarge(limit);
  }
  if (encoding === "identity") return await collect(request.body, limit);
  if (encoding !== "gzip" && encoding !== "deflate") {
    await drain(request.body);
    throw new HttpProblem(
      415,
      "unsupported_encoding",
      `A body may be gzip or deflate, not ${encoding.slice(0, 50)}`,
    );
  }
  try {
    return await collect(
      request.body.pipeThrough(new DecompressionStream(encoding)),
      limit,
    );
  } catch (cause) {
    if (cause instanceof HttpProblem) throw cause;
    throw new HttpProblem(400, "malformed_encoding", `The body is not ${encoding}`, { cause });
  }
}

/** Reads a stream up to a limit; what is beyond it is read and thrown away. */
async function collect(
  stream: ReadableStream<Uint8Array>,
  limit: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of stream) {
    size += chunk.length;
    if (size > drainLimit) break;
    if (size <= limit) chunks.push(chunk);
    else chunks.length = 0;
  }
  if (size > limit) throw tooLarge(limit);
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}

async function drain(stream: ReadableStream<Uint8Array> | null): Promise<void> {
  let size = 0;
  for await (const chunk of stream ?? []) {
    size += chunk.length;
    if (size > drainLimit) break;
  }
}

function tooLarge(limit: number): HttpProblem {
  return new HttpProblem(413, "too_large", `A body has at most ${limit} bytes`);
}

/** What does not answer, with its reason. */
async function brokenPorts(world: World): Promise<Record<string, string>> {
  const broken: Record<string, string> = {};
  await Promise.all(([["broker", world.broker], ["store", world.store]] as const).map(
    async ([name, port]) => {
      try {
        await port.check();
      } catch (error) {
        broken[name] = error instanceof Error ? error.message : String(error);
      }
    },
  ));
  return broken;
}

/**
 * What is measured when it is asked for: whether the ports answer, and the lag of the groups of this
 * service. A service whose broker is away must still tell its metrics.
 */
async function measurePorts(service: Service, world: World): Promise<void> {
  const metrics = world.metrics(service.name);
  const broken = await brokenPorts(world);
  for (const dependency of ["broker", "store"]) {
    metrics.set("dependency_up", { dependency }, dependency in broken ? 0 : 1);
  }
  if ("broker" in broken) return;
  const groups = new Set(service.functions.map((fn) => fn.name));
  try {
    for (const { group, topic, partition, lag } of await world.broker.lag()) {
      if (groups.has(group)) {
        metrics.set("kafka_consumer_lag", { group, topic, partition: String(partition) }, lag);
      }
    }
  } catch (error) {
    if (!(error instanceof Retryable)) throw error;
    metrics.set("dependency_up", { dependency: "broker" }, 0);
  }
}
