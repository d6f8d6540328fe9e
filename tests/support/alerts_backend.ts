/** A backend with alerts and rules: `FakeBackend`, and the API of both as `ui-backend` has it. @module */
import type { AlertDetail, AlertSummary, Role, Rule } from "fresh-dashboard/lib/api.ts";
import { checkRule, completeRule } from "shared/model/rule_check.ts";
import { RuleInput } from "shared/model/rule.ts";
import { FakeBackend } from "./fake_backend.ts";

const start = Date.parse("2026-11-22T12:00:00.000Z");
const iso = (ms: number) => new Date(ms).toISOString();

/** What somebody might send to break a page: markup, turned text, length, and faces. */
export const hostile = `<img src=x onerror="pwned=1"><script>pwned=1</script> \u202eturned\u202c ` +
  `\u05e9\u05dc\u05d5\u05dd \u{1f6a8}\u{1f468}\u200d\u{1f469}\u200d\u{1f467} ` +
  "withoutanybreak".repeat(650);

/** An alert, the n-th newest. */
export function makeAlert(n: number, more: Partial<AlertDetail> = {}): AlertDetail {
  const severity = (["critical", "warning", "info"] as const)[n % 3]!;
  const began = iso(start - n * 60_000);
  const status = n % 4 === 3 ? "resolved" : "firing";
  return {
    id: `alert-${n}`,
    status,
    type: "threshold_violation",
    severity,
    service_name: `service-${n % 200}`,
    metric_type: "cpu",
    title: `High CPU ${n}`,
    description: "The service uses more than 80 % of its CPU.",
    message: `cpu of service-${n % 200} is 97.2 % (alert when > 80)`,
    value: 97.2,
    current_value: 96.1,
    threshold: 80,
    timestamp: began,
    starts_at: began,
    ...(status === "resolved" ? { ends_at: iso(start), resolved_at: iso(start) } : {}),
    acknowledged: false,
    labels: { alertname: "High CPU", severity },
    annotations: {},
    fingerprint: `f${n}`,
    rule_id: "rule-1",
    explanation: {
      reason: "cpu is 97.2 % (alert when > 80)",
      rule_version: 1,
      window_size: 60,
      aggregation: "last",
      comparison: "97.2 > 80",
      score: 97.2,
      samples: Array.from({ length: 12 }, (_, i) => ({
        timestamp: iso(start - n * 60_000 - (11 - i) * 5_000),
        value: i === 11 ? 97.2 : 60 + i,
      })),
      sample_count: 12,
    },
    timeline: [{ event: "fired", timestamp: began, message: `High CPU ${n}` }],
    ...more,
  };
}

export class AlertsBackend extends FakeBackend {
  readonly alerts = new Map<string, AlertDetail>();
  readonly rules = new Map<string, Rule>();
  /** Alerts that cannot be acknowledged just now. */
  readonly refusing = new Set<string>();
  services = ["checkout", "search"];
  #made = 0;

  override listen(port = 0): string {
    const inner = this.fetch;
    Object.assign(this, {
      fetch: async (request: Request): Promise<Response> => {
        const { pathname } = new URL(request.url);
        if (!/^\/api\/(alerts|rules|services|metrics|notifications)\b/.test(pathname)) {
          return await inner(request);
        }
        // Whether the session is good is the inner one's to say; what it answers is not.
        const allowed = await inner(new Request(request.url, { headers: request.headers }));
        return allowed.status === 401 ? allowed : await this.#answer(request);
      },
    });
    return super.listen(port);
  }

  addRule(input: RuleInput, by = "admin"): Rule {
    const id = `rule-${++this.#made}`;
    const rule = completeRule(input, { id, now: start, user: by, version: 1 });
    this.rules.set(id, rule);
    return rule;
  }

  /** Somebody else changes it; `tell("status", { changed: "rules" })` says so. */
  changeRule(id: string, change: Partial<Rule>): void {
    const rule = this.rules.get(id)!;
    this.rules.set(id, { ...rule, ...change, version: rule.version + 1, updated_at: iso(start) });
  }

  async #answer(request: Request): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url);
    const [, , kind, id, act] = pathname.split("/").map(decodeURIComponent);
    const text = await request.text();
    const body = text ? JSON.parse(text) : undefined;
    const { username, role } = this.#caller(request);
    if (kind === "alerts" && id === undefined) return page(this.#found(searchParams), searchParams);
    if (kind === "alerts") {
      const alert = this.alerts.get(id!);
      if (!alert) return refuse(404, "not_found");
      if (act !== "acknowledge") return data(alert);
      if (role === "viewer") return refuse(403, "forbidden");
      if (this.refusing.has(id!)) return refuse(500, "internal");
      if (!alert.acknowledged) this.#acknowledge(alert, username, body?.note);
      return data(this.alerts.get(id!));
    }
    if (kind === "notifications") {
      return page([{
        notification_id: "n1",
        receiver: "team",
        integration: "team/webhook/0",
        channel: "webhook",
        status: "firing",
        notification_reason: "first notification",
        attempt: 1,
        timestamp: iso(start),
        duration_ms: 12,
        outcome: "retry",
        error: hostile,
        next_attempt_at: iso(start + 5_000),
      }], searchParams);
    }
    if (kind === "services" && id === undefined) {
      return data(this.services.map((name) => ({ name, display_name: name, status: "healthy" })));
    }
    if (kind === "services") {
      return data(Array.from({ length: 60 }, (_, i) => ({
        service_name: id,
        metric_type: "cpu",
        value: 50 + 10 * Math.sin(i),
        unit: "percent",
        timestamp: iso(Date.now() - (60 - i) * 60_000),
        labels: {},
      })));
    }
    if (kind === "metrics") {
      const metrics = { cpu: { value: 1, unit: "percent", timestamp: iso(start) } };
      return data(this.services.map((service_name) => ({ service_name, metrics })));
    }
    return this.#rules(request.method, id, body, role, username, searchParams);
  }

  #rules(
    method: string,
    id: string | undefined,
    body: RuleInput & { version?: number },
    role: Role,
    user: string,
    query: URLSearchParams,
  ): Response {
    if (method !== "GET" && role !== "admin") return refuse(403, "forbidden");
    const stored = id === undefined ? undefined : this.rules.get(id);
    if (id !== undefined && !stored) return refuse(404, "not_found");
    if (method === "GET") return stored ? data(stored) : page([...this.rules.values()], query);
    if (method === "DELETE") {
      this.rules.delete(id!);
      return data({ id });
    }
    const { version, ...input } = body;
    const read = RuleInput.safeParse(input);
    const details = read.success
      ? checkRule(input)
      : read.error.issues.map(({ path, message }) => ({ path: path.join("."), message }));
    if (details.length > 0) return refuse(422, "impossible_rule", details);
    if (!stored) return data(this.addRule(input, user), 201);
    if (version !== undefined && version !== stored.version) return refuse(409, "version_conflict");
    const making = { id: id!, now: start, user, version: stored.version + 1, previous: stored };
    const rule = completeRule(input, making);
    this.rules.set(id!, rule);
    return data(rule);
  }

  #found(query: URLSearchParams): AlertSummary[] {
    const any = (name: string, value: string) =>
      !query.get(name) || query.get(name)!.split(",").includes(value);
    const q = query.get("q")?.toLowerCase() ?? "";
    const order = { firing: 0, resolved: 1 };
    return [...this.alerts.values()].filter((alert) =>
      any("status", alert.status) && any("severity", alert.severity) &&
      any("service", alert.service_name) && any("acknowledged", String(alert.acknowledged)) &&
      alert.title.toLowerCase().includes(q)
    ).sort((a, b) => order[a.status] - order[b.status] || (a.starts_at < b.starts_at ? 1 : -1))
      .map(({ explanation: _, ...alert }) => alert);
  }

  #acknowledge(alert: AlertDetail, by: string, note?: string): void {
    const acknowledged_at = iso(start);
    this.alerts.set(alert.id, {
      ...alert,
      acknowledged: true,
      acknowledged_by: by,
      acknowledged_at,
      timeline: [...alert.timeline, {
        event: "acknowledged",
        timestamp: acknowledged_at,
        message: `Acknowledged by ${by}`,
        by,
        ...(note ? { note } : {}),
      }],
    });
  }

  #caller(request: Request): { username: string; role: Role } {
    const [, claims = ""] = (request.headers.get("authorization") ?? "").split(".");
    return JSON.parse(atob(claims.replaceAll("-", "+").replaceAll("_", "/")));
  }
}

function data(value: unknown, status = 200): Response {
  return Response.json({ success: true, data: value }, { status });
}

function page(items: unknown[], query: URLSearchParams): Response {
  const limit = Math.min(100, Number(query.get("limit") ?? 20));
  const page = Number(query.get("page") ?? 1);
  return Response.json({
    success: true,
    data: items.slice((page - 1) * limit, page * limit),
    meta: { total: items.length, page, limit, pages: Math.ceil(items.length / limit) },
  });
}

function refuse(
  status: number,
  code: string,
  details?: readonly { path: string; message: string }[],
): Response {
  return Response.json({ success: false, error: `Refused: ${code}`, code, details }, { status });
}
