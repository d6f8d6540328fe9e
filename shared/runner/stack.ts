/**
 * Everything that happens around every handler, in one ordered list. A stage may leave a call
 * alone; none may answer before its `next` has.
 *
 * The order of settling (publish, then save with the marks of what was handled, then commit) and
 * ids that derive from the cause make a crash at any point harmless: what is done again is
 * recognised by whoever gets it.
 *
 * @module
 */
import type { Incoming } from "shared/broker/port.ts";
import { Conflict, HttpProblem, Permanent, Retryable } from "shared/define/mod.ts";
import { derivedId } from "shared/model/ids.ts";
import { formatTime } from "shared/model/wire.ts";
import { alertsDlq } from "shared/model/topics.ts";
import type { DeadLetter } from "shared/model/dead_letter.ts";
import { type Call, contextOf, emptyOutbox, eventId } from "./call.ts";

export type Next = (call: Call) => Promise<void>;
export type Stage = (call: Call, next: Next) => Promise<void>;

/** The stack, outermost first. */
export const stack: readonly Stage[] = [
  observe,
  deadLetter,
  decode,
  retry,
  timeout,
  dedup,
  settle,
];

/** Runs a call through the stack. @throws what the stack did not handle */
export const runCall: Next = compose(stack, handle);

function compose(stages: readonly Stage[], last: Next): Next {
  return stages.reduceRight<Next>((next, stage) => async (call) => {
    let open = 0;
    await stage(call, async (inner) => {
      open++;
      try {
        await next(inner);
      } finally {
        open--;
      }
    });
    if (open > 0) throw new Error(`Stage "${stage.name}" ended before its next did`);
  }, last);
}

/** How long a handler may take; longer is a bug, since patience belongs into the store. */
const timeout_ms = 60_000;
/** How long a handled message is remembered: longer than any redelivery takes. */
const remember_ms = 24 * 3_600_000;
/** Most reruns of a request whose records others keep changing. */
const maxConflicts = 20;

/** Counts, times and traces the call; errors nobody handled are logged here, once. */
async function observe(call: Call, next: Next): Promise<void> {
  const { fn, metrics, world } = call.site;
  const count = (outcome: string) =>
    metrics.add("function_calls_total", { function: fn.name, outcome });
  try {
    await call.span.run(() => next(call));
    count("ok");
  } catch (error) {
    count(error instanceof HttpProblem ? "refused" : "failed");
    if (!(error instanceof HttpProblem)) {
      metrics.add("service_errors_total", { function: fn.name, reason: classOf(error) });
      if (!(error instanceof Retryable)) {
        world.log.error(`Call of ${fn.name} failed`, {
          service: call.site.service,
          function: fn.name,
          trace_id: call.span.trace_id,
          span_id: call.span.span_id,
          correlation_id: call.cause,
          ...(call.request_id === undefined ? {} : { request_id: call.request_id }),
          error,
        });
      }
    }
    throw error;
  } finally {
    metrics.observe(
      "function_duration_seconds",
      { function: fn.name },
      (world.clock.now() - call.started_at) / 1000,
    );
    if (call.records.length > 0) {
      const { topic } = call.records[0]!;
      metrics.add("kafka_messages_consumed_total", { topic }, call.records.length);
    }
  }
}

/**
 * Gives up what can not succeed: a failed batch is run again member by member, and the culprit goes
 * to the dead letters. Calls with partition state are left to their partition, which starts over
 * from its snapshot.
 */
async function deadLetter(call: Call, next: Next): Promise<void> {
  const { on } = call.site.fn;
  if ((on.kind !== "topic" && on.kind !== "due") || stateful(call)) return await next(call);
  try {
    await next(call);
  } catch (error) {
    // What a call throws that was called off says nothing of its input.
    if (error instanceof Retryable || call.signal.aborted) throw error;
    if (call.records.length > 1) {
      for (const record of call.records) {
        const cause = eventId(record);
        await deadLetter({ ...call, records: [record], cause, outbox: emptyOutbox() }, next);
      }
      return;
    }
    await giveUp(call, call.records[0], error);
    if (call.taken) {
      const { id, token } = call.taken;
      const queue = on.kind === "due" ? on.queue.name : "";
      await patiently(
        call,
        () => call.site.world.store.apply([{ do: "unschedule", queue, id, token }]),
      );
    }
  }
}

/** Publishes the dead letter of a message, or of the due item of a call. */
export async function giveUp(
  call: Call,
  record: Incoming | undefined,
  error: unknown,
): Promise<void> {
  const { fn, world, metrics } = call.site;
  const now = formatTime(world.clock.now());
  const cause = record ? eventId(record) : call.cause;
  const letter: DeadLetter = {
    id: derivedId("dead-letter", fn.name, cause),
    function: fn.name,
    topic: record?.topic ?? (fn.on.kind === "due" ? fn.on.queue.name : ""),
    key: record?.key ?? call.taken?.id ?? "",
    payload: record?.value ?? "",
    error: error instanceof Error ? error.message : String(error),
    error_class: classOf(error),
    attempts: call.attempt,
    first_attempt_at: formatTime(call.started_at),
    last_attempt_at: now,
    timestamp: now,
    trace_id: call.span.trace_id,
  };
  await patiently(call, () =>
    world.broker.publish([{
      topic: alertsDlq.name,
      key: alertsDlq.key(letter),
      value: JSON.stringify(letter),
      headers: {
        traceparent: record?.headers.traceparent ?? call.span.traceparent,
        "event-id": letter.id,
        "content-type": "application/json",
      },
    }]));
  metrics.add("dead_letters_total", { function: fn.name });
  metrics.add("kafka_messages_produced_total", { topic: alertsDlq.name });
}

/** Reads the messages; malformed ones go to the dead letters and the others go on. */
async function decode(call: Call, next: Next): Promise<void> {
  const { on } = call.site.fn;
  if (on.kind !== "topic") return await next(call);
  const { topic } = on;
  const records: Incoming[] = [];
  const inputs: unknown[] = [];
  for (const record of call.records) {
    try {
      const json: unknown = JSON.parse(record.value);
      inputs.push(topic.parse ? topic.parse(json) : topic.schema.parse(json));
      records.push(record);
    } catch (cause) {
      const message = `Cannot read a message of "${topic.name}": ${problemOf(cause)}`;
      await giveUp(call, record, new Permanent(message, { cause }));
    }
  }
  call.records = records;
  call.inputs = inputs;
  if (inputs.length > 0 || stateful(call)) await next(call);
}

/**
 * Tries again: without end while the world is not ready, a few times when it looks like a bug.
 * Requests are told instead, so that their senders decide; only lost races are run again.
 */
async function retry(call: Call, next: Next): Promise<void> {
  const { fn, world } = call.site;
  let bugs = 0;
  for (call.attempt = 1;; call.attempt++) {
    try {
      return await next(call);
    } catch (error) {
      const again = error instanceof Conflict
        ? fn.on.kind !== "http" || call.attempt < maxConflicts
        : error instanceof Retryable
        ? fn.on.kind === "topic"
        : !(error instanceof Permanent || fn.on.kind === "http" || stateful(call)) &&
          ++bugs < fn.retry.attempts;
      if (!again || call.signal.aborted) throw error;
      if (error instanceof Conflict || call.outbox.stage === "open") call.outbox = emptyOutbox();
      const wait = error instanceof Retryable && error.after !== undefined
        ? error.after
        : Math.min(5_000, 50 * 2 ** Math.min(call.attempt, 10));
      if (wait > 0) await world.clock.sleep(wait, call.signal);
      if (call.signal.aborted) throw error;
    }
  }
}

/** Ends a call that takes too long. */
async function timeout(call: Call, next: Next): Promise<void> {
  if (call.site.fn.on.kind === "http") return await next(call);
  const outer = call.signal;
  const over = new AbortController();
  const done = new AbortController();
  call.signal = AbortSignal.any([outer, over.signal]);
  try {
    await Promise.race([
      next(call),
      call.site.world.clock.sleep(timeout_ms, done.signal).then(() => {
        if (done.signal.aborted) return;
        // Whatever the handler still does goes into the old one, which nobody settles.
        call.outbox = emptyOutbox();
        over.abort();
        throw new Error(
          `Cannot let ${call.site.fn.name} run as it takes longer than ${timeout_ms} ms`,
        );
      }),
    ]);
  } finally {
    done.abort();
    call.signal = outer;
  }
}

/** Leaves out what was handled before, and marks what is handled now together with its effects. */
async function dedup(call: Call, next: Next): Promise<void> {
  const { fn, world } = call.site;
  if (fn.on.kind !== "topic" || fn.on.broadcast || stateful(call)) return await next(call);
  const keys = call.records.map((record) => `${fn.name}/${eventId(record)}`);
  const seen = await world.store.seen(keys);
  const fresh = new Set<string>();
  const kept: number[] = [];
  keys.forEach((key, i) => {
    if (seen[i] || fresh.has(key)) return;
    fresh.add(key);
    kept.push(i);
  });
  if (kept.length === 0) return;
  if (kept.length < keys.length) {
    const inputs = kept.map((i) => call.inputs[i]!);
    call.records = kept.map((i) => call.records[i]!);
    call.inputs = inputs;
    // Ids that derive from what was handled before would be taken for what it caused then.
    if (kept[0]! > 0) call.cause = eventId(call.records[0]!);
  }
  if (call.outbox.stage === "open") {
    call.outbox.changes.push({ do: "mark", keys: [...fresh], ttl_ms: remember_ms });
  }
  await next(call);
}

/** Runs the handler, then makes its effects: messages first, then records and marks as one. */
async function settle(call: Call, next: Next): Promise<void> {
  const { fn, world, metrics } = call.site;
  const { outbox } = call;
  if (outbox.stage === "open") {
    if (call.taken && fn.on.kind === "due") {
      const { id, token } = call.taken;
      outbox.changes.push({ do: "unschedule", queue: fn.on.queue.name, id, token });
    }
    await next(call);
    if (call.outbox !== outbox) throw new Error(`Call of ${fn.name} was given up meanwhile`);
    outbox.stage = "handled";
  }
  if (outbox.stage === "handled") {
    if (outbox.messages.length > 0) {
      await world.broker.publish(outbox.messages);
      for (const { topic } of outbox.messages) {
        metrics.add("kafka_messages_produced_total", { topic });
      }
    }
    outbox.stage = "published";
  }
  if (outbox.changes.length > 0) await world.store.apply(outbox.changes);
}

/** Calls the handler. */
async function handle(call: Call): Promise<void> {
  const { fn } = call.site;
  const batch = fn.on.kind === "topic" && fn.on.batch !== undefined;
  call.result = await fn.handler(batch ? call.inputs : call.inputs[0], contextOf(call));
}

/** Does what must be done for as long as the world is not ready. */
async function patiently(call: Call, work: () => Promise<void>): Promise<void> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof Retryable)) throw error;
      await call.site.world.clock.sleep(error.after ?? 1_000, call.signal);
      if (call.signal.aborted) throw error;
    }
  }
}

function stateful(call: Call): boolean {
  return call.site.fn.on.kind === "topic" && call.site.fn.on.state !== undefined;
}

/** The class of an error, as label and for people. */
export function classOf(error: unknown): string {
  return error instanceof Error ? error.name : "Error";
}

/** What is wrong, short: the first issue of a schema, or the message. */
function problemOf(error: unknown): string {
  const issue = (error as { issues?: { path: PropertyKey[]; message: string }[] }).issues?.[0];
  if (issue) return `${issue.path.map(String).join(".") || "message"}: ${issue.message}`;
  return error instanceof Error ? error.message : String(error);
}
