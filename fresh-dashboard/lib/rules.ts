/** Rules as the list and the form have them. Pure; no schemas, which stay on the server. @module */
import type { Rule, RuleInput } from "./api.ts";
import { formatNumber } from "./format.ts";
import { short } from "./time.ts";
import * as text from "../text.ts";

const { rules } = text;

export const pageSize = 50;
export const filterNames = ["q", "type", "severity", "service", "enabled"] as const;

/** What a list of rules is narrowed to, empty for not at all, and which of its pages it is. */
export type RuleQuery = Record<(typeof filterNames)[number], string> & { page: number };

/** A query as the search of an address; with `more`, as the API is asked for it. */
export function searchOf(query: RuleQuery, more?: { sort: string }): string {
  const params = new URLSearchParams(
    Object.entries(query).filter(([, value]) => value)
      .map(([name, value]) => [name, String(value)]),
  );
  if (more) {
    for (const [name, value] of Object.entries({ ...more, limit: pageSize })) {
      params.set(name, String(value));
    }
  }
  return String(params);
}

/** A rule in one line: `avg of cpu > 80 over 1m`. */
export function condition(rule: Rule): string {
  const { type, aggregation, metric_type = "", operator, threshold, window_size } = rule;
  const window = short(window_size);
  const held = rule.for_seconds > 0 ? ` ${rules.held(short(rule.for_seconds))}` : "";
  const metric = metric_type === "*" ? text.list.any.toLowerCase() + " metric" : metric_type;
  switch (type) {
    case "absence":
      return rules.absent(metric, window);
    case "error_burst":
      return rules.burst(operator, threshold, window) + held;
    case "zscore":
    case "anomaly":
      return `${metric} ${operator} ${threshold} ${rules.deviations} ${rules.over(window)}${held}`;
    case "moving_average":
      return `${metric} ${operator} ${threshold} ${rules.offAverage} ${rules.over(window)}${held}`;
    default:
      return aggregation === "last"
        ? `${metric} ${operator} ${formatNumber(threshold)}${held}`
        : `${aggregation} of ${metric} ${operator} ${formatNumber(threshold)} ${
          rules.over(window)
        }${held}`;
  }
}

/** What a caller may say of a stored rule: for changing one part of it. */
export function inputOf(rule: Rule): RuleInput {
  const { id: _i, version: _v, created_at: _c, updated_at: _u, created_by: _b, ...input } = rule;
  return input;
}

/** The form as it is filled in: texts and ticks. */
export type Draft = Record<TextField, string> & Record<TickField, boolean>;
export type FieldName = TextField | TickField;

export const tickFields = ["enabled", "notify_slack", "notify_email", "notify_webhook"] as const;
type TickField = (typeof tickFields)[number];
const numberFields = [
  "window_size",
  "threshold",
  "recovery_threshold",
  "for_seconds",
  "keep_firing_seconds",
  "cooldown_seconds",
  "min_samples",
] as const;
const wordFields = [
  "name",
  "description",
  "type",
  "service_name",
  "metric_type",
  "aggregation",
  "operator",
  "severity",
] as const;
const pairFields = ["labels", "annotations"] as const;
type TextField =
  | (typeof numberFields)[number]
  | (typeof wordFields)[number]
  | (typeof pairFields)[number]
  | "matchers";
export const fields: readonly FieldName[] = [
  ...wordFields,
  "matchers",
  ...numberFields,
  ...pairFields,
  ...tickFields,
];

export interface Issue {
  path: string;
  message: string;
}

/** The form of a rule. */
export function draftOf(rule: Partial<RuleInput>): Draft {
  const said = (value: unknown) => value === undefined ? "" : String(value);
  const pairs = (value: Readonly<Record<string, string>> = {}) =>
    Object.entries(value).map(([name, one]) => `${name}=${one}`).join("\n");
  return {
    ...Object.fromEntries([...wordFields, ...numberFields].map((name) => [name, said(rule[name])])),
    matchers: (rule.matchers ?? []).join("\n"),
    labels: pairs(rule.labels),
    annotations: pairs(rule.annotations),
    ...Object.fromEntries(tickFields.map((name) => [name, rule[name] ?? true])),
  } as Draft;
}

/** The rule of a form, and what could not even be read. */
export function readDraft(draft: Draft): { input: Record<string, unknown>; issues: Issue[] } {
  const issues: Issue[] = [];
  const input: Record<string, unknown> = {};
  for (const name of wordFields) if (draft[name].trim()) input[name] = draft[name].trim();
  input.name = draft.name.trim();
  for (const name of numberFields) {
    if (!draft[name].trim()) continue;
    const value = Number(draft[name].trim().replace(",", "."));
    if (Number.isFinite(value)) input[name] = value;
    else issues.push({ path: name, message: text.ruleForm.notNumber });
  }
  input.matchers = linesOf(draft.matchers);
  for (const name of pairFields) {
    const pairs: [string, string][] = [];
    for (const line of linesOf(draft[name])) {
      const at = line.indexOf("=");
      if (at < 1) {
        issues.push({ path: name, message: text.ruleForm.notPair(line.slice(0, 80)) });
      } else pairs.push([line.slice(0, at).trim(), line.slice(at + 1).trim()]);
    }
    input[name] = Object.fromEntries(pairs);
  }
  for (const name of tickFields) input[name] = draft[name];
  return { input, issues };
}

function linesOf(value: string): string[] {
  return value.split("\n").map((line) => line.trim()).filter(Boolean);
}

/** The field that a path of the API is about: `matchers.2` → `matchers`. */
export function fieldOf(path: string): FieldName | undefined {
  const [name] = path.split(".");
  return fields.find((one) => one === name);
}
