/**
 * Traces: the only door to @opentelemetry/api. With `OTEL_DENO=true` spans are exported by the
 * runtime; without it ids are still made and handed on, so that logs and alerts can be tied
 * together.
 *
 * @module
 */
import {
  context,
  ROOT_CONTEXT,
  type Span as ApiSpan,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  trace,
} from "@opentelemetry/api";

export interface Span {
  /** W3C trace context, for headers. */
  readonly traceparent: string;
  readonly trace_id: string;
  readonly span_id: string;
  /** Runs with this span as the active one, so that outgoing requests are its children. */
  run<T>(work: () => T): T;
  /** Ends it; with an error it is marked as failed. */
  end(error?: unknown): void;
}

const kinds = {
  consumer: SpanKind.CONSUMER,
  producer: SpanKind.PRODUCER,
  server: SpanKind.SERVER,
  internal: SpanKind.INTERNAL,
} as const;

export interface SpanOptions {
  /** The parent's W3C trace context; absent or malformed: a new trace. */
  parent?: string;
  kind?: keyof typeof kinds;
  attributes?: Record<string, string | number>;
}

/** Starts a span. */
export function startSpan(name: string, options: SpanOptions = {}): Span {
  const parent = readTraceparent(options.parent);
  const base = parent ? trace.setSpanContext(ROOT_CONTEXT, parent) : ROOT_CONTEXT;
  const span = trace.getTracer("eventflow").startSpan(name, {
    kind: kinds[options.kind ?? "internal"],
    ...(options.attributes ? { attributes: options.attributes } : {}),
  }, base);
  return wrap(span, parent);
}

/** The span of the request that the server is answering, renamed; a new one where none is active. */
export function serverSpan(name: string, route: string, traceparent: string | undefined): Span {
  const active = trace.getActiveSpan();
  if (!active?.isRecording()) {
    return startSpan(name, { ...(traceparent ? { parent: traceparent } : {}), kind: "server" });
  }
  active.updateName(name);
  active.setAttribute("http.route", route);
  // The runtime ends it.
  return { ...wrap(active, undefined), run: (work) => work(), end: () => {} };
}

function wrap(span: ApiSpan, parent: SpanContext | undefined): Span {
  const recording = span.isRecording();
  const ids = recording
    ? span.spanContext()
    : { traceId: parent?.traceId ?? randomHex(16), spanId: randomHex(8), traceFlags: 0 };
  const active = recording ? trace.setSpan(ROOT_CONTEXT, span) : ROOT_CONTEXT;
  return {
    traceparent: `00-${ids.traceId}-${ids.spanId}-${ids.traceFlags & 1 ? "01" : "00"}`,
    trace_id: ids.traceId,
    span_id: ids.spanId,
    run: (work) => recording ? context.with(active, work) : work(),
    end(error) {
      if (error !== undefined) {
        span.setStatus({ code: SpanStatusCode.ERROR, message: String(error) });
      }
      span.end();
    },
  };
}

/** Runs outside of any span: what a process does of itself must not land in the trace of another. */
export function outsideTraces<T>(work: () => T): T {
  return context.with(ROOT_CONTEXT, work);
}

/** The trace id of a W3C trace context, or undefined when it is not one. */
export function traceIdOf(traceparent: string | undefined): string | undefined {
  return readTraceparent(traceparent)?.traceId;
}

function readTraceparent(text: string | undefined): SpanContext | undefined {
  // Ids of zeros and version ff are invalid: https://www.w3.org/TR/trace-context/#traceparent-header
  const match = text &&
    /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(?![^-])/
      .exec(text);
  if (!match) return undefined;
  return {
    traceId: match[1]!,
    spanId: match[2]!,
    traceFlags: parseInt(match[3]!, 16),
    isRemote: true,
  };
}

function randomHex(bytes: number): string {
  let text = "";
  for (const byte of crypto.getRandomValues(new Uint8Array(bytes))) {
    text += byte.toString(16).padStart(2, "0");
  }
  return text;
}
