/** Servers and attempts for the tests of the dispatchers. @module */
import type {
  Attempt,
  Dispatcher,
  DispatcherKind,
} from "functions/alert-engine/dispatchers/dispatcher.ts";
import { DeliveryFailed } from "functions/alert-engine/dispatchers/dispatcher.ts";
import { type AlertingConfig, readAlertingConfig } from "shared/alerting/config.ts";
import { createLog, silentLog } from "shared/telemetry/log.ts";
import { start } from "tests/unit/alerting/samples.ts";

export const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

export function attempt(over: Partial<Attempt> = {}): Attempt {
  return {
    signal: new AbortController().signal,
    now: start,
    traceparent,
    log: silentLog,
    ...over,
  };
}

/** A log and the lines that were written to it. */
export function recordedLog() {
  const lines: string[] = [];
  const log = createLog({ level: "debug", now: () => start, write: (line) => lines.push(line) });
  return { log, lines };
}

/** Makes the dispatcher of an entry as a configuration file has it. */
export function dispatcherOf(kind: DispatcherKind, entry: Record<string, unknown>): Dispatcher {
  return kind.create(kind.entry.parse(entry), { fetch });
}

/** Reads a file whose only receiver has this entry. */
export function configWith(kind: DispatcherKind, global: string, entry: string): AlertingConfig {
  return readAlertingConfig(
    `global: ${global}\nroute: {receiver: a}\nreceivers: [{name: a, ${kind.name}_configs: [${entry}]}]\n`,
    [kind],
  ).config;
}

export interface Web {
  /** Ends without a slash. */
  readonly url: string;
  readonly got: { path: string; body: string; headers: Headers }[];
  answer: (request: Request) => Response;
  close(): Promise<void>;
}

/** A web server that remembers what it got. */
export function web(answer: Web["answer"] = () => new Response("ok")): Web {
  const got: Web["got"] = [];
  const one: { answer: Web["answer"] } = { answer };
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, async (request) => {
    const { pathname, search } = new URL(request.url);
    got.push({ path: pathname + search, body: await request.text(), headers: request.headers });
    return one.answer(request);
  });
  return Object.assign(one, {
    url: `http://127.0.0.1:${server.addr.port}`,
    got,
    close: () => server.shutdown(),
  });
}

/** Why a dispatch failed. */
export async function failureOf(work: Promise<void>): Promise<DeliveryFailed> {
  try {
    await work;
  } catch (error) {
    if (error instanceof DeliveryFailed) return error;
    throw error;
  }
  throw new Error("It was delivered");
}

/** Everything that a log line or a dead letter could show of an error. */
export function shown(error: DeliveryFailed): string {
  const parts: string[] = [];
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    parts.push(at.message, at.stack ?? "", JSON.stringify(at), Deno.inspect(at));
  }
  return parts.join("\n");
}
