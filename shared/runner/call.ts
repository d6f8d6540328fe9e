/** One call of a function on its way through the stack. @module */
import type { Incoming, Outgoing } from "shared/broker/port.ts";
import type { Declared } from "shared/define/mod.ts";
import { derivedId, seededRandom } from "shared/model/ids.ts";
import type { Change, Taken } from "shared/store/port.ts";
import { type Span, startSpan } from "shared/telemetry/trace.ts";
import type { Metrics } from "shared/telemetry/metrics.ts";
import type { World } from "./world.ts";

/** A function where it runs. */
export interface Site {
  readonly fn: Declared;
  readonly service: string;
  readonly world: World;
  readonly metrics: Metrics;
  readonly env: object;
}

export interface Call {
  readonly site: Site;
  /** Topic calls: the messages as received. */
  records: readonly Incoming[];
  /** Topic calls: the decoded messages, side by side with `records`. Else one: the input. */
  inputs: readonly unknown[];
  /** What started it: seeds ids and chance. Of messages the first that is handled. */
  cause: string;
  /** HTTP calls: what the sender was told to name when it complains. */
  readonly request_id?: string;
  /** Due calls: the item. */
  readonly taken?: Taken;
  /** What the trigger adds to the context. */
  readonly extra: object;
  readonly span: Span;
  signal: AbortSignal;
  attempt: number;
  readonly started_at: number;
  outbox: Outbox;
  /** What the handler returned. */
  result: unknown;
}

/** The effects of a call, held until its handler has returned. */
export interface Outbox {
  readonly messages: Outgoing[];
  readonly changes: Change[];
  /** How far settling got: a retry goes on from there and does not run the handler again. */
  stage: "open" | "handled" | "published";
}

/** A call that begins now; what is not given is empty. */
export function newCall(
  parts: Pick<Call, "site" | "cause" | "span" | "signal"> & Partial<Call>,
): Call {
  return {
    records: [],
    inputs: [],
    extra: {},
    attempt: 1,
    started_at: parts.site.world.clock.now(),
    outbox: emptyOutbox(),
    result: undefined,
    ...parts,
  };
}

export function emptyOutbox(): Outbox {
  return { messages: [], changes: [], stage: "open" };
}

/** Which message a message is, for deduplication. */
export function eventId(record: Incoming): string {
  return record.headers["event-id"] ?? `${record.topic}/${record.partition}/${record.offset}`;
}

/** The context that the handler of a call is given. */
export function contextOf(call: Call): Record<string, unknown> {
  const { site, span, outbox } = call;
  const { fn, world } = site;
  let random: (() => number) | undefined;
  let ids = 0;
  const draw = () => (random ??= seededRandom(`${fn.name}\u0000${call.cause}`))();
  const recordOf = (input: unknown): Incoming | undefined =>
    call.records[call.records.length === 1 ? 0 : call.inputs.indexOf(input)];
  return {
    ...site.env,
    ...call.extra,
    now: world.clock.now(),
    random: draw,
    // Not drawn: the seed of `random` has 32 bits, and thousands of calls would share their ids.
    uuid: () => derivedId("uuid", fn.name, call.cause, String(ids++)),
    signal: call.signal,
    attempt: call.attempt,
    traceparent: span.traceparent,
    traceOf: (input: unknown) => recordOf(input)?.headers.traceparent ?? span.traceparent,
    log: world.log.with({
      service: site.service,
      function: fn.name,
      trace_id: span.trace_id,
      span_id: span.span_id,
      correlation_id: call.cause,
      ...(call.request_id === undefined ? {} : { request_id: call.request_id }),
    }),
    save: (...changes: Change[]) => {
      for (const change of changes) outbox.changes.push(change);
    },
    emit(topic: Declared["emits"][number], value: unknown, cause?: unknown) {
      if (!fn.emits.includes(topic)) {
        throw new TypeError(
          `Cannot emit to a topic as ${fn.name} does not declare it: current value is "${topic.name}"`,
        );
      }
      const record = cause === undefined ? undefined : recordOf(cause);
      const { messages } = outbox;
      messages.push({
        topic: topic.name,
        key: topic.key(value),
        value: JSON.stringify(value),
        headers: {
          traceparent: record && call.records.length > 1
            ? continued(fn.name, record)
            : span.traceparent,
          "event-id": topic.id?.(value) ??
            derivedId(fn.name, record ? eventId(record) : call.cause, String(messages.length)),
          "content-type": "application/json",
        },
      });
    },
  };
}

/** The trace of one member of a batch goes on through a span of its own. */
function continued(name: string, record: Incoming): string {
  const parent = record.headers.traceparent;
  const span = startSpan(name, { kind: "consumer", ...(parent ? { parent } : {}) });
  span.end();
  return span.traceparent;
}
