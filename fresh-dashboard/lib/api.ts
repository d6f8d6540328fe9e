/**
 * The API of `ui-backend` as pages call it, on the server: typed answers, and errors that the error
 * page can show. Never in a browser: it holds the token.
 *
 * @module
 */
import { HttpError } from "fresh";
import type { Alert } from "shared/model/alert.ts";
import type { Rule, RuleInput } from "shared/model/rule.ts";
import type { Site } from "../define.ts";

export type { Alert, Rule, RuleInput };
export type Role = "viewer" | "operator" | "admin";
export type Severity = Alert["severity"];
export type ServiceStatus = "healthy" | "warning" | "critical" | "down";

/** An alert as lists have it. */
export type AlertSummary = Omit<Alert, "explanation">;

export interface TimelineEntry {
  event: "fired" | "resolved" | "acknowledged" | "notified";
  timestamp: string;
  message: string;
  by?: string | undefined;
  note?: string | undefined;
}
export type AlertDetail = Alert & { timeline: TimelineEntry[] };

export interface ServiceView {
  name: string;
  display_name: string;
  status: ServiceStatus;
  last_seen: string;
  version?: string | undefined;
  alerts: { critical: number; warning: number };
}

/** The newest values of a service; null where there is none. */
export interface Vitals {
  cpu_usage: number | null;
  memory_usage: number | null;
  latency_p95: number | null;
  error_rate: number | null;
  request_count: number | null;
}

export interface LatestMetrics extends Vitals {
  service_name: string;
  timestamp: string;
  metrics: Record<string, { value: number; unit: string; timestamp: string }>;
}

export interface ServiceSample {
  service_name: string;
  metric_type: string;
  value: number;
  unit: string;
  timestamp: string;
  labels: Readonly<Record<string, string>>;
  min?: number | undefined;
  max?: number | undefined;
  count?: number | undefined;
}

export interface Stats {
  total_services: number;
  healthy_services: number;
  warning_services: number;
  critical_services: number;
  down_services: number;
  total_alerts: number;
  firing_alerts: number;
  unacknowledged_alerts: number;
  critical_alerts: number;
  warning_alerts: number;
  by_severity: Record<Severity, number>;
  active_rules: number;
  total_rules: number;
  service_stats: (Omit<ServiceView, "name"> & Vitals & { service_name: string })[];
  recent_alerts: AlertSummary[];
  /** How many messages each function has before it, as it last said. */
  pipeline: { function: string; topic: string; lag: number; timestamp: string }[];
  samples_per_minute: number;
  uptime_seconds: number;
  timestamp: string;
}

/** One page of a list. */
export interface Listed<T> {
  items: T[];
  meta: { total: number; page: number; limit: number; pages: number };
}

/** Query parameters; absent and empty ones are left out, lists are joined with commas. */
export type Query = Readonly<
  Record<string, string | number | boolean | readonly string[] | undefined>
>;

/** What the API refused, or that it could not be reached (503 `backend_away`). */
export class ApiError extends HttpError {
  override name = "ApiError";
  constructor(
    status: number,
    readonly code: string,
    message: string,
    /** What is wrong with which field. */
    readonly details: readonly { path: string; message: string }[] = [],
    readonly retryAfter_s?: number,
    options?: ErrorOptions,
  ) {
    super(status, message, options);
  }
}

/** How long an answer may take; a page that waits longer is no help to anybody. */
const timeout_ms = 10_000;

/** Calls the API. @throws {ApiError} */
export async function call<T>(
  site: Pick<Site, "backend" | "fetch">,
  method: string,
  path: string,
  { token, query, body, from }: {
    token?: string | undefined;
    query?: Query;
    body?: unknown;
    /** Whose request this one answers: an address, so that callers are told apart. */
    from?: string | undefined;
  } = {},
): Promise<{ data: T; meta?: unknown }> {
  const url = new URL(path, site.backend);
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value !== undefined && String(value) !== "") url.searchParams.set(name, String(value));
  }
  let response: Response;
  let answer: Partial<Envelope>;
  try {
    response = await site.fetch(url, {
      method,
      headers: {
        accept: "application/json",
        ...(token ? { authorization: `Bearer ${token}` } : {}),
        ...(from ? { "x-forwarded-for": from } : {}),
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      redirect: "error",
      signal: AbortSignal.timeout(timeout_ms),
    });
    answer = await response.json();
  } catch (cause) {
    throw new ApiError(503, "backend_away", "The API does not answer", [], undefined, { cause });
  }
  if (response.ok && answer.success) return { data: answer.data as T, meta: answer.meta };
  throw new ApiError(
    response.ok ? 502 : response.status,
    answer.code ?? "unknown",
    answer.error ?? `The API answered ${response.status}`,
    answer.details,
    Number(response.headers.get("retry-after")) || undefined,
  );
}

interface Envelope {
  success: boolean;
  data: unknown;
  meta: unknown;
  error: string;
  code: string;
  details: { path: string; message: string }[];
}

/** The API as one user. Every method throws `ApiError`. */
export class Api {
  readonly #site: Pick<Site, "backend" | "fetch">;
  readonly #token: string | undefined;

  constructor(site: Pick<Site, "backend" | "fetch">, token?: string) {
    this.#site = site;
    this.#token = token;
  }

  stats(): Promise<Stats> {
    return this.get("/api/dashboard/stats");
  }
  services(): Promise<ServiceView[]> {
    return this.get("/api/services");
  }
  latestMetrics(): Promise<LatestMetrics[]> {
    return this.get("/api/metrics/latest");
  }
  /** Samples of a service, oldest first; `window` and `step` are durations such as `5m`. */
  serviceMetrics(
    service: string,
    query: { window?: string; metric_type?: string; step?: string } = {},
  ): Promise<ServiceSample[]> {
    return this.get(`/api/services/${encodeURIComponent(service)}/metrics`, query);
  }
  alerts(query: Query = {}): Promise<Listed<AlertSummary>> {
    return this.list("/api/alerts", query);
  }
  alert(id: string): Promise<AlertDetail> {
    return this.get(`/api/alerts/${encodeURIComponent(id)}`);
  }
  acknowledge(id: string, note?: string): Promise<Alert> {
    return this.send("POST", `/api/alerts/${encodeURIComponent(id)}/acknowledge`, { note });
  }
  rules(query: Query = {}): Promise<Listed<Rule>> {
    return this.list("/api/rules", query);
  }
  rule(id: string): Promise<Rule> {
    return this.get(`/api/rules/${encodeURIComponent(id)}`);
  }
  createRule(rule: RuleInput): Promise<Rule> {
    return this.send("POST", "/api/rules", rule);
  }
  /** @throws {ApiError} 409 when `version` is not the stored one */
  replaceRule(id: string, rule: RuleInput & { version: number }): Promise<Rule> {
    return this.send("PUT", `/api/rules/${encodeURIComponent(id)}`, rule);
  }
  deleteRule(id: string): Promise<unknown> {
    return this.send("DELETE", `/api/rules/${encodeURIComponent(id)}`);
  }
  /** Ends the session that the token and the refresh token belong to. */
  logout(refresh_token?: string): Promise<unknown> {
    return this.send("POST", "/api/auth/logout", { refresh_token });
  }

  /** Any other read. */
  async get<T>(path: string, query: Query = {}): Promise<T> {
    return (await call<T>(this.#site, "GET", path, { token: this.#token, query })).data;
  }
  /** Any other list. */
  async list<T>(path: string, query: Query = {}): Promise<Listed<T>> {
    const { data, meta } = await call<T[]>(this.#site, "GET", path, { token: this.#token, query });
    return { items: data, meta: meta as Listed<T>["meta"] };
  }
  /** Any other change. */
  async send<T>(method: "POST" | "PUT" | "DELETE", path: string, body?: unknown): Promise<T> {
    return (await call<T>(this.#site, method, path, { token: this.#token, body })).data;
  }
}
