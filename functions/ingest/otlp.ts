/**
 * What the three OTLP endpoints share: reading a request in either encoding, and the answers that
 * the specification asks for, in the encoding of the request.
 *
 * @module
 * @see https://opentelemetry.io/docs/specs/otlp/#otlphttp
 */
import { HttpProblem } from "shared/define/mod.ts";
import { Memory } from "shared/otlp/memory.ts";
import { Malformed, type Rejections, show } from "shared/otlp/values.ts";
import type { Clock } from "shared/time/clock.ts";
import { perProcess } from "functions/define.ts";
import { decodeRequest, encodeAnswer, encodeStatus, type Signal } from "./otlp_proto.ts";

/** What is remembered of cumulative series: of one process, since senders keep their connection. */
export const seriesMemory = perProcess(() => new Memory());

/** How an OTLP endpoint takes requests. */
export const otlp = {
  access: "ingest",
  body: "bytes",
  limit: 10 * 1024 * 1024,
  refuse,
} as const;

type Encoding = "json" | "protobuf";

const contentTypes = { json: "application/json", protobuf: "application/x-protobuf" } as const;

function encodingOf(request: Request): Encoding | undefined {
  const type = request.headers.get("content-type")?.replace(/;.*/, "").trim().toLowerCase();
  if (type === contentTypes.json) return "json";
  return type === contentTypes.protobuf ? "protobuf" : undefined;
}

/**
 * Reads an export request.
 *
 * @throws {HttpProblem} 415 for another content type, 400 for what cannot be decoded
 */
export function readExport(signal: Signal, request: Request, body: Uint8Array): unknown {
  const encoding = encodingOf(request);
  if (!encoding) {
    throw new HttpProblem(
      415,
      "unsupported_media_type",
      `Cannot read a request as its content type must be application/json or ` +
        `application/x-protobuf: current value is ${show(request.headers.get("content-type"))}`,
    );
  }
  try {
    if (encoding === "protobuf") return decodeRequest(signal, body);
    const json: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
    if (typeof json === "object" && json !== null && !Array.isArray(json)) return json;
    throw new Malformed(`it must be an object: current value is ${show(json)}`);
  } catch (cause) {
    throw malformed(cause, encoding);
  }
}

function malformed(cause: unknown, encoding: Encoding): HttpProblem {
  const why = cause instanceof Error ? cause.message.slice(0, 300) : "";
  const message = `Cannot decode the request as ${encoding}: ${why}`;
  return new HttpProblem(400, "malformed", message, { cause });
}

/**
 * Does a conversion to its end, in slices that let others run.
 *
 * @throws {HttpProblem} 400 when the request turns out to be malformed
 */
export async function inSlices<T>(
  work: Generator<void, T>,
  request: Request,
  clock: Clock,
): Promise<T> {
  try {
    for (;;) {
      const step = work.next();
      if (step.done) return step.value;
      await clock.sleep(0);
    }
  } catch (cause) {
    if (cause instanceof Malformed) throw malformed(cause, encodingOf(request) ?? "json");
    throw cause;
  }
}

const rejectedField = {
  metrics: "rejectedDataPoints",
  logs: "rejectedLogRecords",
  traces: "rejectedSpans",
} as const;

/** The answer to a request that was read: a full or a partial success. */
export function answerExport(signal: Signal, request: Request, rejected?: Rejections): Response {
  const count = rejected?.total ?? 0;
  const message = rejected?.message ?? "";
  if (encodingOf(request) === "protobuf") {
    return new Response(encodeAnswer(count, message), {
      headers: { "content-type": contentTypes.protobuf },
    });
  }
  // The JSON form of a 64-bit integer is a string.
  return Response.json(
    count === 0
      ? {}
      : { partialSuccess: { [rejectedField[signal]]: String(count), errorMessage: message } },
  );
}

/** Codes of `google.rpc.Code` for HTTP statuses (https://grpc.io/docs/guides/status-codes/). */
const rpcCodes: Readonly<Record<number, number>> = {
  400: 3, // INVALID_ARGUMENT
  401: 16, // UNAUTHENTICATED
  403: 7, // PERMISSION_DENIED
  405: 12, // UNIMPLEMENTED
  413: 8, // RESOURCE_EXHAUSTED
  415: 3,
  429: 8,
  500: 13, // INTERNAL
  503: 14, // UNAVAILABLE
};

/** An error as `google.rpc.Status`, in the encoding of the request. */
function refuse(status: number, message: string, request: Request): Response {
  const code = rpcCodes[status] ?? 2;
  if (encodingOf(request) === "protobuf") {
    return new Response(encodeStatus(code, message), {
      status,
      headers: { "content-type": contentTypes.protobuf },
    });
  }
  return Response.json({ code, message }, { status });
}
