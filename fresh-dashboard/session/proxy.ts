/**
 * What islands reach of the API: the dashboard's own `/api/…` and `/ws` go on to `ui-backend` with
 * the token from the cookie, which no script ever sees.
 *
 * @module
 */
import type { Context } from "fresh";
import type { State } from "../define.ts";

/** Most bytes of a body that goes on. */
const maxBody = 1024 * 1024;
/** How long the backend may take to begin its answer. */
const timeout_ms = 30_000;
/** Bytes that may wait for a slow browser before it must come again and resume. */
const maxWaiting = 4 * 1024 * 1024;

/** By name, so that cookies, tokens and hop-by-hop headers (RFC 9110, section 7.6.1) stay here. */
const onward = ["accept", "content-type", "if-match", "if-none-match", "last-event-id"];
const back = ["content-type", "cache-control", "etag", "retry-after", "x-accel-buffering"];

/** A refusal in the API's own envelope. */
export function refusal(status: number, code: string, error: string): Response {
  return Response.json({ success: false, error, code }, { status });
}

/** Passes a request on and streams the answer back. */
export async function proxy({ req, url, params, state }: Context<State>): Promise<Response> {
  const { site, token } = state;
  if (!token) return refusal(401, "unauthenticated", "The session is over");
  // Its answers carry tokens. However it is written: the parameter is decoded, as at the backend.
  if (params.path?.split("/").find(Boolean)?.toLowerCase() === "auth") {
    return refusal(404, "not_found", `There is nothing at ${url.pathname}`);
  }
  const hasBody = req.body !== null && req.method !== "GET" && req.method !== "HEAD";
  if (hasBody && Number(req.headers.get("content-length") ?? 0) > maxBody) {
    await req.body!.cancel();
    return refusal(413, "too_large", `A body has at most ${maxBody} bytes`);
  }
  const target = new URL(url.pathname + url.search, site.backend);
  target.searchParams.delete("token");
  const headers = new Headers({ authorization: `Bearer ${token}` });
  copy(onward, req.headers, headers);
  const patience = new AbortController();
  const timer = setTimeout(() => patience.abort(), timeout_ms);
  try {
    const answer = await site.fetch(target, {
      method: req.method,
      headers,
      redirect: "manual",
      signal: AbortSignal.any([req.signal, patience.signal]),
      ...(hasBody ? { body: req.body!.pipeThrough(atMost(maxBody)) } : {}),
    });
    const response = new Response(answer.body, { status: answer.status });
    copy(back, answer.headers, response.headers);
    return response;
  } catch (error) {
    if (error instanceof TooLarge) return refusal(413, "too_large", error.message);
    return refusal(503, "backend_away", "The API does not answer");
  } finally {
    clearTimeout(timer);
  }
}

/** Joins a browser's WebSocket with one to the backend. */
export function proxySocket(ctx: Context<State>): Response {
  const { site, token } = ctx.state;
  if (!token) return refusal(401, "unauthenticated", "The session is over");
  const target = new URL("/ws" + ctx.url.search, site.backend.replace(/^http/, "ws"));
  target.searchParams.delete("token");
  const { socket: browser, response } = ctx.upgrade();
  const backend = new WebSocket(target, ["bearer", token]);
  const early: string[] = [];
  backend.addEventListener("open", () => {
    for (const text of early.splice(0)) backend.send(text);
  });
  backend.addEventListener("message", ({ data }) => {
    if (browser.readyState !== WebSocket.OPEN) return;
    if (browser.bufferedAmount > maxWaiting) return browser.close(1013, "too slow: resume");
    browser.send(data);
  });
  browser.addEventListener("message", ({ data }) => {
    if (backend.readyState === WebSocket.OPEN) backend.send(data);
    else if (backend.readyState === WebSocket.CONNECTING && early.length < 32) early.push(data);
  });
  // An error is always followed by close.
  for (const socket of [browser, backend]) {
    socket.addEventListener("error", (event) => event.preventDefault());
  }
  backend.addEventListener("close", ({ code, reason }) => end(browser, code, reason));
  browser.addEventListener("close", ({ code, reason }) => end(backend, code, reason));
  return response;
}

function end(socket: WebSocket, code: number, reason: string): void {
  if (socket.readyState === WebSocket.CLOSED || socket.readyState === WebSocket.CLOSING) return;
  // Only these may be said; the others tell how a connection was lost (RFC 6455, section 7.4).
  if (code === 1000 || (code >= 3000 && code < 5000)) socket.close(code, reason);
  else socket.close(4000, "the other side went away");
}

class TooLarge extends Error {}

function atMost(limit: number): TransformStream<Uint8Array, Uint8Array> {
  let size = 0;
  return new TransformStream({
    transform(chunk, controller) {
      size += chunk.byteLength;
      if (size > limit) controller.error(new TooLarge(`A body has at most ${limit} bytes`));
      else controller.enqueue(chunk);
    },
  });
}

function copy(names: readonly string[], from: Headers, to: Headers): void {
  for (const name of names) {
    const value = from.get(name);
    if (value !== null) to.set(name, value);
  }
}
