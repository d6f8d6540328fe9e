/** What the list of alerts shows and how it is asked for, on the server and in the browser. Pure. @module */
import type { AlertDetail, AlertSummary, Severity } from "./api.ts";
import { isAnyOf } from "./filters.ts";

/** A row: an alert without what a list has no room for. */
export interface AlertRow {
  id: string;
  status: AlertSummary["status"];
  severity: Severity;
  type: string;
  service_name: string;
  title: string;
  message: string;
  /** The labels that tell it from others of its rule and service; absent when there are none. */
  labels?: string;
  timestamp: string;
  starts_at: string;
  acknowledged: boolean;
  acknowledged_by?: string;
}

/** Longest text of a row; more would be cut off by any screen. */
const maxText = 300;

/** Labels that say what a row says anyway. */
const common = ["alertname", "service", "type", "severity", "metric"];

export function rowOf(alert: AlertSummary): AlertRow {
  const { id, status, severity, type, service_name, timestamp, starts_at, acknowledged } = alert;
  const labels = labelsOf(alert);
  return {
    id,
    status,
    severity,
    type: clip(type),
    service_name: clip(service_name),
    title: clip(alert.title),
    message: clip(alert.message),
    ...(labels ? { labels } : {}),
    timestamp,
    starts_at,
    acknowledged,
    ...(alert.acknowledged_by ? { acknowledged_by: clip(alert.acknowledged_by) } : {}),
  };
}

/** The labels that tell an alert from others of its rule and service; empty when there are none. */
export function labelsOf({ labels }: Pick<AlertSummary, "labels">): string {
  const telling = Object.entries(labels).filter(([name]) => !common.includes(name));
  return clip(telling.map(([name, value]) => `${name}=${value}`).join(" "));
}

/** The beginning of a text, whole characters. */
export function clip(text: string, most = maxText): string {
  if (text.length <= most) return text;
  return [...text.slice(0, most + 1)].slice(0, -1).join("").trimEnd() + "…";
}

/** The query of the page; empty is absent. */
export interface AlertQuery {
  status: string;
  severity: string;
  service: string;
  type: string;
  acknowledged: string;
  q: string;
  from: string;
  to: string;
  sort: string;
  page: number;
}

export const pageSize = 50;
/** What fires first, the newest of that first. */
export const defaultSort = "status,-starts_at";
const names = ["status", "severity", "service", "type", "acknowledged", "q", "from", "to"] as const;

export function readQuery(params: URLSearchParams): AlertQuery {
  const one = (name: string) => params.get(name)?.trim() ?? "";
  const filters = Object.fromEntries(names.map((name) => [name, one(name)])) as Record<
    (typeof names)[number],
    string
  >;
  return {
    ...filters,
    from: instant(filters.from),
    to: instant(filters.to),
    sort: one("sort") || defaultSort,
    page: Math.max(1, Math.floor(Number(one("page"))) || 1),
  };
}

/** A form without scripts sends `2026-11-22T13:34`, and means UTC, as it says. */
function instant(given: string): string {
  return /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?$/.test(given)
    ? `${given.length === 16 ? `${given}:00` : given}.000Z`
    : given;
}

/** Which filters narrow the list. */
export function filtersOf(query: AlertQuery): string[] {
  return names.filter((name) => query[name] !== "");
}

/** The address of the list with some of its query changed; the page is the first unless said. */
export function hrefOf(query: AlertQuery, change: Partial<AlertQuery> = {}): string {
  const next = { ...query, page: 1, ...change };
  const params = new URLSearchParams();
  for (const name of names) if (next[name]) params.set(name, next[name]);
  if (next.sort !== defaultSort) params.set("sort", next.sort);
  if (next.page > 1) params.set("page", String(next.page));
  return params.size > 0 ? `/alerts?${params}` : "/alerts";
}

/** Whether an alert belongs to the list: what `GET /api/alerts` does with the same query. */
export function belongs(alert: AlertSummary, query: AlertQuery): boolean {
  const starts = Date.parse(alert.starts_at);
  return isAnyOf(query.status, alert.status) && isAnyOf(query.severity, alert.severity) &&
    isAnyOf(query.service, alert.service_name) && isAnyOf(query.type, alert.type) &&
    (!query.acknowledged || String(alert.acknowledged) === query.acknowledged) &&
    (!query.from || starts >= Date.parse(query.from)) &&
    (!query.to || starts <= Date.parse(query.to)) &&
    (!query.q || searched(alert).includes(query.q.toLowerCase()));
}

function searched(alert: AlertSummary): string {
  const { title, description, message, service_name, type, metric_type, id, labels } = alert;
  return [title, description, message, service_name, type, metric_type, id]
    .concat(Object.values(labels)).join("\n").toLowerCase();
}

const severities = ["info", "warning", "critical"];
const text = (key: "status" | "service_name" | "type" | "title") => (a: AlertRow, b: AlertRow) =>
  a[key] < b[key] ? -1 : a[key] > b[key] ? 1 : 0;
const orders: Record<string, (a: AlertRow, b: AlertRow) => number> = {
  status: text("status"),
  service: text("service_name"),
  type: text("type"),
  title: text("title"),
  severity: (a, b) => severities.indexOf(a.severity) - severities.indexOf(b.severity),
  starts_at: (a, b) => Date.parse(a.starts_at) - Date.parse(b.starts_at),
  timestamp: (a, b) => Date.parse(a.timestamp) - Date.parse(b.timestamp),
};

/** Puts a new row where the order has it; the others stay where they are. */
export function inserted(rows: readonly AlertRow[], row: AlertRow, sort: string): AlertRow[] {
  const compare = (a: AlertRow, b: AlertRow) => {
    for (const name of sort.split(",")) {
      const order = orders[name.replace(/^-/, "")]?.(a, b) ?? 0;
      if (order !== 0) return name.startsWith("-") ? -order : order;
    }
    return 0;
  };
  const at = rows.findIndex((one) => compare(row, one) <= 0);
  return at < 0 ? [...rows, row] : [...rows.slice(0, at), row, ...rows.slice(at)];
}

/** An attempt to deliver a notification, as `GET /api/notifications` has it. */
export interface Delivery {
  notification_id: string;
  receiver: string;
  integration: string;
  channel: string;
  status: "firing" | "resolved";
  notification_reason: string;
  attempt: number;
  timestamp: string;
  duration_ms: number;
  outcome: "delivered" | "retry" | "given_up";
  error?: string;
  next_attempt_at?: string;
}

/** What the page of an alert keeps up to date; deliveries are null when they could not be read. */
export interface AlertFile {
  alert: Omit<AlertDetail, "explanation">;
  deliveries: Delivery[] | null;
}

/** Whether an attempt that failed was tried again already. */
export function isFollowed(one: Attempt, all: readonly Attempt[]): boolean {
  return one.outcome === "retry" &&
    all.some(({ notification_id, integration, attempt }) =>
      notification_id === one.notification_id && integration === one.integration &&
      attempt > one.attempt
    );
}
type Attempt = Pick<Delivery, "outcome" | "notification_id" | "integration" | "attempt">;
