/** Log lines as the service page shows them. Pure. @module */
import type { ServiceLog } from "shared/model/log.ts";

export type LogLevel = ServiceLog["level"];

/** A log line, cut to what somebody reads. */
export interface LogLine {
  id: string;
  /** Epoch milliseconds. */
  t: number;
  level: LogLevel;
  message: string;
  trace?: string;
  /** Caller, stack trace and fields, one below the other; absent when there are none. */
  more?: string;
}

/** Characters of a message, and of what comes with it, that a page has. */
const most = 10_000;

export function lineOf(log: ServiceLog): LogLine {
  const more = [
    log.caller,
    log.stack_trace,
    log.fields && Object.keys(log.fields).length > 0 && JSON.stringify(log.fields, null, 1),
    log.request_id,
  ].filter(Boolean).join("\n");
  return {
    id: log.id,
    t: Date.parse(log.timestamp),
    level: log.level,
    message: cut(log.message),
    ...(log.trace_id ? { trace: log.trace_id } : {}),
    ...(more ? { more: cut(more) } : {}),
  };
}

function cut(text: string): string {
  return text.length > most ? `${text.slice(0, most)}…` : text;
}

/** What the panel shows. */
export interface LogFilter {
  level: LogChoice;
  q: string;
  trace: string;
}

/** Levels that can be chosen, and those that pass. */
export const logChoices = {
  all: [],
  info: ["info", "warn", "error", "fatal"],
  warn: ["warn", "error", "fatal"],
  error: ["error", "fatal"],
} as const satisfies Record<string, readonly LogLevel[]>;
export type LogChoice = keyof typeof logChoices;

/** The API's query for them. */
export function logQuery({ level, q, trace }: LogFilter): Record<string, string> {
  return { level: logChoices[level].join(), q: q.trim(), trace_id: trace };
}

/** The filter that an address tells. */
export function filterOf(params: URLSearchParams): LogFilter {
  const level = params.get("level") ?? "";
  return {
    level: Object.hasOwn(logChoices, level) ? level as LogChoice : "all",
    q: (params.get("q") ?? "").slice(0, 200),
    trace: (params.get("trace") ?? "").slice(0, 200),
  };
}

/** The address of the service page with a range and a filter; what is usual is left out. */
export function searchOf(range: string, { level, q, trace }: LogFilter): string {
  const params = new URLSearchParams({ range });
  if (level !== "all") params.set("level", level);
  if (q.trim()) params.set("q", q.trim());
  if (trace) params.set("trace", trace);
  return `?${params}`;
}

/** The lines of a trace in the log of its service, of as long as lines are looked at. */
export function traceHref(service: string, trace: string): string {
  const search = searchOf("24h", { level: "all", q: "", trace });
  return `/services/${encodeURIComponent(service)}${search}#logs`;
}

/** Whether a live line passes, as the API decides it. */
export function passes(log: ServiceLog, { level, q, trace }: LogFilter): boolean {
  const levels: readonly LogLevel[] = logChoices[level];
  const word = q.trim().toLowerCase();
  return (levels.length === 0 || levels.includes(log.level)) &&
    (!trace || log.trace_id === trace) &&
    (!word ||
      `${log.message} ${log.caller ?? ""} ${log.stack_trace ?? ""}`.toLowerCase().includes(word));
}
