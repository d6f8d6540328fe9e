/**
 * What islands ask the dashboard's own server for, which passes it on with the session's token. A
 * page that waits longer than 300 ms says so at its upper edge.
 *
 * @module
 */
import * as text from "../text.ts";

/** What the API refused, or that it could not be reached (status 0). */
export class RequestError extends Error {
  override name = "RequestError";
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly details: readonly { path: string; message: string }[] = [],
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** Waits shorter than this feel like none (Nielsen 1993 draws lines at 0.1 and 1 s). */
const patience_ms = 300;
/** A page never waits for ever. */
const timeout_ms = 15_000;

/** Calls a path of this site that answers in the API's envelope. @throws {RequestError} */
export async function request<T>(
  method: "GET" | "POST" | "PUT" | "DELETE",
  path: string,
  body?: unknown,
  signal?: AbortSignal,
): Promise<T> {
  return (await envelope<T>(method, path, body, signal)).data;
}

/** Reads a page of a list, and how many there are on all pages. @throws {RequestError} */
export async function requestList<T>(path: string): Promise<{ items: T[]; total: number }> {
  const { data, meta } = await envelope<T[]>("GET", path);
  return { items: data, total: meta!.total };
}

async function envelope<T>(
  method: string,
  path: string,
  body?: unknown,
  signal?: AbortSignal,
): Promise<{ data: T; meta?: { total: number } }> {
  const done = busy();
  try {
    const timeout = AbortSignal.timeout(timeout_ms);
    const response = await fetch(path, {
      method,
      headers: body === undefined ? {} : { "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
    });
    const answer = await response.json();
    if (response.ok && answer.success) return answer;
    throw new RequestError(
      response.status,
      answer.code ?? "unknown",
      response.status === 401
        ? text.request.signedOut
        : response.status >= 500
        ? text.request.away
        : answer.error ?? text.request.failed,
      answer.details,
    );
  } catch (cause) {
    if (cause instanceof RequestError || signal?.aborted) throw cause;
    throw new RequestError(0, "away", text.request.away, [], { cause });
  } finally {
    done();
  }
}

let waiting = 0;

/** Says that something takes its time, if it does; the result ends that. */
export function busy(): () => void {
  waiting++;
  const timer = setTimeout(() => document.documentElement.dataset.busy = "", patience_ms);
  return () => {
    clearTimeout(timer);
    if (--waiting === 0) delete document.documentElement.dataset.busy;
  };
}

/** The sentence of whatever went wrong. */
export function sentence(error: unknown): string {
  return error instanceof RequestError ? error.message : text.request.failed;
}
