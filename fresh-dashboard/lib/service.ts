/** What the page of a service is made of. Pure. @module */
import type { Rule, ServiceSample, ServiceView } from "./api.ts";
import type { BriefAlert } from "./brief.ts";
import type { LogFilter, LogLine } from "./lines.ts";
import type { Range } from "./series.ts";

/** A rule as the page lists and draws it. */
export type BriefRule = Pick<
  Rule,
  | "id"
  | "name"
  | "type"
  | "enabled"
  | "service_name"
  | "metric_type"
  | "operator"
  | "threshold"
  | "severity"
  | "window_size"
  | "aggregation"
>;

/** What the server gives to the page. */
export interface ServiceData {
  view: ServiceView;
  range: Range;
  /** Oldest first. */
  samples: Omit<ServiceSample, "service_name">[];
  /** Oldest first; undefined when they could not be read. */
  lines: LogLine[] | undefined;
  /** What passed. */
  filter: LogFilter;
  alerts: BriefAlert[];
  rules: BriefRule[];
  /** When it was read, epoch milliseconds. */
  at: number;
}

export function briefRule(rule: Rule): BriefRule {
  const { id, type, enabled, service_name, metric_type, operator, threshold, severity } = rule;
  const { window_size, aggregation } = rule;
  return {
    id,
    name: rule.name.slice(0, 300),
    type,
    enabled,
    service_name,
    metric_type,
    operator,
    threshold,
    severity,
    window_size,
    aggregation,
  };
}
