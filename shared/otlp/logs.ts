/**
 * OTLP log records as the platform's log lines.
 *
 * @module
 * @see https://opentelemetry.io/docs/specs/otel/logs/data-model/
 */
import { derivedId } from "shared/model/ids.ts";
import type { ServiceLog } from "shared/model/log.ts";
import { formatTime } from "shared/model/wire.ts";
import {
  cut,
  digits,
  fields as fieldsOf,
  hexId,
  list,
  maxMessages,
  number,
  own,
  readResource,
  Rejections,
  type Resource,
  text,
  time,
  timeProblem,
  Unusable,
} from "./values.ts";

export interface ConvertedLogs {
  readonly logs: ServiceLog[];
  /** Records that were read, usable or not. */
  readonly records: number;
  readonly rejected: Rejections;
}

/** Most attributes of a record that are kept; how many more there were is told in the fields. */
const maxFields = 256;
/** Longest text of a message or stack trace that the model takes. */
const maxText = 100_000;
/** Records between two chances for others to run. */
const breath = 1_000;

/**
 * Converts an `ExportLogsServiceRequest`; yields now and then.
 *
 * @param request parsed JSON or decoded protobuf
 * @param now epoch milliseconds: the time of records without one
 * @throws {Malformed} when the request as a whole cannot be read
 */
export function* convertLogs(request: unknown, now: number): Generator<void, ConvertedLogs> {
  const logs: ServiceLog[] = [];
  const rejected = new Rejections();
  // Equal lines of one request are several lines; the same request again gives the same ids.
  const repeated = new Map<string, number>();
  let records = 0;
  for (const group of list(request, "resourceLogs")) {
    const resource = readResource(group);
    for (const scoped of list(group, "scopeLogs")) {
      for (const record of list(scoped, "logRecords")) {
        if (++records % breath === 0) yield;
        if (records > maxMessages) {
          rejected.add(`a request must have at most ${maxMessages} records`);
          continue;
        }
        try {
          const log = convertRecord(record, resource, now);
          const times = (repeated.get(log.id) ?? 0) + 1;
          repeated.set(log.id, times);
          logs.push(times === 1 ? log : { ...log, id: derivedId("otlp", log.id, String(times)) });
        } catch (error) {
          if (!(error instanceof Unusable)) throw error;
          rejected.add(error.message);
        }
      }
    }
  }
  return { logs, records, rejected };
}

function convertRecord(record: unknown, resource: Resource, now: number): ServiceLog {
  const t = time(record, "timeUnixNano") ?? time(record, "observedTimeUnixNano") ?? now;
  const problem = timeProblem(t, now);
  if (problem) throw new Unusable(`timeUnixNano ${problem}`);
  const attributes = list(record, "attributes");
  const fields: Record<string, unknown> = {
    ...resource.labels,
    ...fieldsOf(attributes.slice(0, maxFields)),
  };
  if (attributes.length > maxFields) fields.attributes_left_out = attributes.length - maxFields;
  const string = (name: string) =>
    typeof fields[name] === "string" && fields[name] !== "" ? fields[name] : undefined;
  const stack = string("exception.stacktrace");
  delete fields["exception.stacktrace"];
  const eventName = own(record, "eventName");
  const message = text(own(record, "body")) || (typeof eventName === "string" ? eventName : "") ||
    (string("exception.message") ?? "");
  const level = levelOf(number(record, "severityNumber") ?? 0, own(record, "severityText"));
  const trace_id = hexId(record, "traceId", 32);
  const span_id = hexId(record, "spanId", 16);
  const caller = callerOf(fields);
  const request_id = string("request_id") ?? string("request.id");
  return {
    id: derivedId(
      "otlp",
      resource.service,
      resource.identity,
      nanosecondsOf(record),
      level,
      message,
      trace_id ?? "",
      span_id ?? "",
      JSON.stringify(fields),
    ),
    service_name: resource.service,
    level,
    message: cut(message, maxText),
    timestamp: formatTime(t),
    ...(caller ? { caller: cut(caller, 1_000) } : {}),
    ...(stack ? { stack_trace: cut(stack, maxText) } : {}),
    ...(Object.keys(fields).length > 0 ? { fields } : {}),
    ...(trace_id ? { trace_id } : {}),
    ...(span_id ? { span_id } : {}),
    ...(request_id ? { request_id: cut(request_id, 256) } : {}),
  };
}

/** The record's time as sent: lines of one millisecond often differ in it. */
function nanosecondsOf(record: unknown): string {
  return `${digits(own(record, "timeUnixNano"))}/${digits(own(record, "observedTimeUnixNano"))}`;
}

/** Severity numbers come in fours, from trace to fatal; 0 means that only a text is told. */
const bySeverity = ["debug", "debug", "info", "warn", "error", "fatal"] as const;

function levelOf(severity: number, severityText: unknown): ServiceLog["level"] {
  if (severity >= 1 && severity <= 24) return bySeverity[Math.floor((severity - 1) / 4)]!;
  const word = typeof severityText === "string" ? severityText.toLowerCase() : "";
  if (/^(fatal|crit|emerg|alert|panic)/.test(word)) return "fatal";
  if (/^(err|severe)/.test(word)) return "error";
  if (/^warn/.test(word)) return "warn";
  if (/^(trace|debug|fine|verbose)/.test(word)) return "debug";
  return "info";
}

/** Where a line was written, e.g. `src/cart.ts:42 addItem`, by newer or older conventions. */
function callerOf(fields: Readonly<Record<string, unknown>>): string {
  const first = (...names: string[]) =>
    names.map((name) => fields[name]).find((v) => typeof v === "string" || typeof v === "number");
  const file = first("code.file.path", "code.filepath");
  const line = first("code.line.number", "code.lineno");
  const name = first("code.function.name", "code.function");
  const place = file === undefined ? "" : line === undefined ? `${file}` : `${file}:${line}`;
  return [place, name].filter((part) => part).join(" ");
}
