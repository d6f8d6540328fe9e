/**
 * Plain JSON: one object, an array, or a line each (NDJSON), item by item checked against the model.
 *
 * @module
 */
import type { z } from "zod";
import { HttpProblem, type ProblemDetail } from "shared/define/mod.ts";
import { formatTime } from "shared/model/wire.ts";
import { show, timeProblem } from "shared/otlp/values.ts";
import type { Metrics } from "shared/telemetry/metrics.ts";
import type { Clock } from "shared/time/clock.ts";

/** Most errors that an answer lists; `rejected` counts all. */
const maxErrors = 100;
/** Items between two chances for others to run. */
const breath = 2_000;

/** What is wrong with an item. */
export interface ItemError {
  /** From 0; of NDJSON the lines that are not empty count. */
  index: number;
  /** Dotted, within the item. */
  path?: string;
  message: string;
}

export interface Outcome {
  accepted: number;
  rejected: number;
  /** The first of them. */
  errors: ItemError[];
}

/** An item that is no JSON: a line of NDJSON. */
class NotJson {
  constructor(readonly message: string) {}
}

/** What items of a body need from a call. */
interface Call {
  readonly now: number;
  readonly uuid: () => string;
  readonly clock: Clock;
  readonly metrics: Metrics;
}

/**
 * Reads a body, hands each good item to `take`, and counts. Items may leave out `id` and `timestamp`; unknown
 * fields are left out.
 *
 * @throws {HttpProblem} 400 when the body is no JSON, 422 when no item is good
 */
export async function takeItems<T extends { timestamp: string }>(
  protocol: string,
  schema: z.ZodType<T>,
  { request, body }: { request: Request; body: Uint8Array },
  call: Call,
  take: (item: T) => void,
): Promise<Outcome> {
  const items = readItems(request, body);
  const outcome: Outcome = { accepted: 0, rejected: 0, errors: [] };
  for (const [index, item] of items.entries()) {
    if (index > 0 && index % breath === 0) await call.clock.sleep(0);
    const read = readItem(schema, item, call);
    if ("item" in read) {
      outcome.accepted++;
      take(read.item);
      continue;
    }
    outcome.rejected++;
    for (const error of read.errors) {
      if (outcome.errors.length < maxErrors) outcome.errors.push({ index, ...error });
    }
  }
  const labels = (outcome: string) => ({ protocol, outcome });
  call.metrics.add("ingest_samples_total", labels("accepted"), outcome.accepted);
  call.metrics.add("ingest_samples_total", labels("rejected"), outcome.rejected);
  if (outcome.accepted === 0 && outcome.rejected > 0) refuseAll(outcome);
  return outcome;
}

function refuseAll(outcome: Outcome): never {
  const { rejected, errors } = outcome;
  const [first] = errors;
  const where = first?.path ? `${first.path}: ` : "";
  throw new HttpProblem(
    422,
    "invalid_items",
    `Cannot accept any of ${rejected} item${rejected === 1 ? "" : "s"}: ${where}${first?.message}`,
    {
      details: errors.map(({ index, path, message }) => ({
        path: path ? `${index}.${path}` : String(index),
        message,
      })),
      data: outcome,
    },
  );
}

function readItem<T extends { timestamp: string }>(
  schema: z.ZodType<T>,
  given: unknown,
  { now, uuid }: Call,
): { item: T } | { errors: ProblemOf[] } {
  if (given instanceof NotJson) return { errors: [{ message: given.message }] };
  if (typeof given !== "object" || given === null || Array.isArray(given)) {
    return { errors: [{ message: `An item must be an object: current value is ${show(given)}` }] };
  }
  const complete: Record<string, unknown> = { ...given };
  complete.id ??= uuid();
  complete.timestamp ??= formatTime(now);
  const result = schema.safeParse(complete);
  if (!result.success) {
    return {
      errors: result.error.issues.map((issue) => ({
        ...(issue.path.length > 0 ? { path: issue.path.map(String).join(".") } : {}),
        message: `${issue.message}${currentValue(complete, issue.path)}`,
      })),
    };
  }
  const t = Date.parse(result.data.timestamp);
  const problem = Number.isNaN(t) ? `must be a time that exists` : timeProblem(t, now);
  if (problem) return { errors: [{ path: "timestamp", message: `timestamp ${problem}` }] };
  return { item: { ...result.data, timestamp: formatTime(t) } };
}

type ProblemOf = Pick<ProblemDetail, "message"> & { path?: string };

function currentValue(item: unknown, path: readonly PropertyKey[]): string {
  let value: unknown = item;
  for (const key of path) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return "";
    value = (value as Record<PropertyKey, unknown>)[key];
  }
  return path.length === 0 ? "" : `: current value is ${show(value)}`;
}

/** The items of a body: of an array its members, else the value itself, or one a line. */
function readItems(request: Request, body: Uint8Array): unknown[] {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(body);
  } catch (cause) {
    throw new HttpProblem(400, "malformed_json", "The body is not UTF-8", { cause });
  }
  const type = request.headers.get("content-type") ?? "";
  if (!/^application\/(x-)?(ndjson|jsonl|jsonlines)\b/i.test(type)) {
    try {
      const json: unknown = JSON.parse(text);
      return Array.isArray(json) ? json : [json];
    } catch (cause) {
      // Several lines that are no document together may be documents one by one.
      if (!/\S[ \t]*\r?\n\s*\S/.test(text)) throw notJson(cause);
    }
  }
  let failure: unknown = new SyntaxError("it is empty");
  let good = 0;
  const items = text.split("\n").filter((line) => line.trim() !== "").map((line) => {
    try {
      const item: unknown = JSON.parse(line);
      good++;
      return item;
    } catch (error) {
      failure = error;
      return new NotJson(`The line is not JSON: ${reasonOf(error)}`);
    }
  });
  if (good === 0) throw notJson(failure);
  return items;
}

function notJson(cause: unknown): HttpProblem {
  const message = `The body is not JSON: ${reasonOf(cause)}`;
  return new HttpProblem(400, "malformed_json", message, { cause });
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message.slice(0, 200) : "";
}
