/**
 * Alertmanager's configuration file as a typed value: the route tree with everything inherited, and
 * the receivers with their integrations. Reads text, never a disk; knows no channel by name.
 *
 * Source of the format: https://prometheus.io/docs/alerting/latest/configuration/
 *
 * @module
 */
import { z } from "zod";
import { formatMatcher, makeMatcher, type Matcher, parseMatchers } from "shared/model/matcher.ts";
import { parseDuration } from "shared/time/duration.ts";
import { readYaml } from "./yaml.ts";

/** What a route does with the alerts that end in it. Times in milliseconds. */
export interface Route {
  /** Its place in the tree, as Alertmanager writes it: `{}/{severity="critical"}`. */
  readonly key: string;
  readonly receiver: string;
  /** Label names; `all` is Alertmanager's `...`. */
  readonly group_by: readonly string[] | "all";
  readonly matchers: readonly Matcher[];
  readonly continue: boolean;
  readonly group_wait_ms: number;
  readonly group_interval_ms: number;
  readonly repeat_interval_ms: number;
  readonly routes: readonly Route[];
}

/** An entry of a `<channel>_configs` list, after its channel's schema. */
export interface Entry {
  readonly send_resolved: boolean;
}

/** One way to reach a receiver. */
export interface Integration {
  /** `receiver/channel/index`: names it in records, metrics and lanes. */
  readonly key: string;
  readonly receiver: string;
  readonly channel: string;
  readonly entry: Entry;
}

export interface AlertingConfig {
  readonly route: Route;
  /** Every route of the tree by its key. */
  readonly routes: ReadonlyMap<string, Route>;
  /** The integrations of each receiver. */
  readonly receivers: ReadonlyMap<string, readonly Integration[]>;
}

/** What this reader must know of a channel. */
export interface Channel {
  /** Its entries stand under `<name>_configs`. */
  readonly name: string;
  /** Its entries; gives `send_resolved` the channel's default. */
  readonly entry: z.ZodType<Entry>;
  /** What an entry takes over from the file's `global` section. */
  readonly inherit?: (global: Readonly<Record<string, unknown>>) => Record<string, unknown>;
  /** Alertmanager's fields that are accepted, with a warning, and not used. */
  readonly ignored?: readonly string[];
}

export interface Problem {
  readonly line: number;
  /** Dotted, e.g. `route.routes.0.receiver`. */
  readonly path: string;
  readonly message: string;
}

/** A problem in words: `line 3: route.receiver must name a receiver`. */
export function sentence({ line, path, message }: Problem): string {
  return `line ${line}: ${path ? `${path} ` : ""}${message}`;
}

/** Raised once with everything that is wrong with a file. */
export class AlertingConfigError extends Error {
  override name = "AlertingConfigError";
  constructor(readonly problems: readonly Problem[], options: ErrorOptions = {}) {
    const lines = problems.map((problem) => `  - ${sentence(problem)}`);
    super(`Cannot use this alerting configuration:\n${lines.join("\n")}`, options);
  }
}

/** Alertmanager's defaults for a route. */
const timings = { group_wait: "30s", group_interval: "5m", repeat_interval: "4h" } as const;

/** The built-in route's: a page within seconds, news each minute. */
const builtIn = {
  receiver: "default",
  group_by: ["service", "type"],
  group_wait_ms: 5_000,
  group_interval_ms: 60_000,
  repeat_interval_ms: 14_400_000,
};

const labelName = z.string().min(1, "must be a label name");
const strings = z.array(z.string());
const names = z.record(z.string(), z.string());

const RouteShape = z.strictObject({
  receiver: z.string().optional(),
  group_by: z.array(labelName).nullish(),
  continue: z.boolean().optional(),
  matchers: strings.nullish(),
  match: names.nullish(),
  match_re: names.nullish(),
  group_wait: z.string().optional(),
  group_interval: z.string().optional(),
  repeat_interval: z.string().optional(),
  mute_time_intervals: strings.nullish(),
  active_time_intervals: strings.nullish(),
  get routes() {
    return z.array(RouteShape).nullish();
  },
});

const InhibitRule = z.strictObject({
  name: z.string().optional(),
  source_match: names.nullish(),
  source_match_re: names.nullish(),
  source_matchers: strings.nullish(),
  target_match: names.nullish(),
  target_match_re: names.nullish(),
  target_matchers: strings.nullish(),
  equal: strings.nullish(),
  sources: z.array(z.unknown()).nullish(),
});

const TimeInterval = z.strictObject({
  name: z.string().min(1),
  time_intervals: z.array(z.looseObject({})).nullish(),
});

const File = z.strictObject({
  global: z.looseObject({ resolve_timeout: z.string().optional() }).nullish(),
  route: RouteShape,
  receivers: z.array(z.looseObject({ name: z.string().min(1) })),
  inhibit_rules: z.array(InhibitRule).nullish(),
  time_intervals: z.array(TimeInterval).nullish(),
  mute_time_intervals: z.array(TimeInterval).nullish(),
  templates: strings.nullish(),
  tracing: z.unknown().optional(),
});

/** What is read and not applied. */
const notApplied = [
  "inhibit_rules",
  "time_intervals",
  "mute_time_intervals",
  "templates",
  "tracing",
] as const;

/** What `global` may hold that is used; the rest gets a warning. */
const usedGlobals = /^(resolve_timeout|http_config|slack_api_url|smtp_\w+)$/;

type Path = readonly PropertyKey[];

/**
 * Reads a configuration file.
 *
 * @returns the configuration, and what in the file has no effect (sentences that name the line)
 * @throws {AlertingConfigError} naming the line and the rule of everything that is wrong
 */
export function readAlertingConfig(
  text: string,
  channels: readonly Channel[],
): { config: AlertingConfig; warnings: string[] } {
  const yaml = readYaml(text);
  if (yaml.problems.length > 0) {
    throw new AlertingConfigError(yaml.problems.map((problem) => ({ ...problem, path: "" })));
  }
  const problems: Problem[] = [];
  const warnings: string[] = [];
  const refuse = (path: Path, rule: string, value = currentValue(yaml.value, path)) =>
    problems.push({
      line: yaml.lineOf(path),
      path: path.map(String).join("."),
      message: `${rule}${value}`,
    });
  const warn = (path: Path, effect: string) =>
    warnings.push(`line ${yaml.lineOf(path)}: ${path.map(String).join(".")} ${effect}`);
  const refuseIssues = (path: Path, error: z.ZodError | undefined) => {
    for (const issue of error?.issues ?? []) {
      const at = [...path, ...issue.path];
      if (issue.code === "unrecognized_keys") {
        // Of a field that nobody knows, nobody knows whether its value may be shown.
        const value = at[0] === "receivers" ? "" : undefined;
        for (const key of issue.keys) {
          refuse([...at, key], "is not a field that is known here", value);
        }
      } else refuse(at, ruleOf(issue.message));
    }
  };

  refuseIssues([], File.safeParse(yaml.value ?? {}).error);
  const file = record(yaml.value);
  const global = record(file.global);
  for (const name of notApplied) {
    if (file[name] !== undefined) warn([name], "is read but not applied yet");
  }
  for (const name of Object.keys(global)) {
    if (!usedGlobals.test(name)) warn(["global", name], "is not used");
  }
  readDuration(global.resolve_timeout, ["global", "resolve_timeout"]);
  for (const [i, rule] of list(file.inhibit_rules).entries()) {
    for (const side of ["source", "target"]) {
      readMatchers(record(rule), ["inhibit_rules", i], side === "source" ? "source_" : "target_");
    }
  }

  const receivers = readReceivers();
  const intervals = readIntervals();
  const routes = new Map<string, Route>();
  const route = readRoute(file.route, ["route"]);
  if (problems.length > 0) {
    throw new AlertingConfigError(problems.sort((a, b) => a.line - b.line));
  }
  return { config: { route, routes, receivers }, warnings };

  /** Their names. */
  function readIntervals(): Set<unknown> {
    const found = new Set<unknown>();
    for (const field of ["time_intervals", "mute_time_intervals"]) {
      for (const [i, { name }] of list(file[field]).map(record).entries()) {
        if (found.has(name)) refuse([field, i, "name"], "must be unique");
        found.add(name);
      }
    }
    return found;
  }

  function readReceivers(): Map<string, Integration[]> {
    const found = new Map<string, Integration[]>();
    for (const [i, raw] of list(file.receivers).entries()) {
      const { name, ...fields } = record(raw);
      if (typeof name !== "string") continue;
      if (found.has(name)) refuse(["receivers", i, "name"], "must be unique");
      const integrations: Integration[] = [];
      for (const field of Object.keys(fields)) {
        const path = ["receivers", i, field];
        const channel = channels.find((channel) => field === `${channel.name}_configs`);
        if (!channel) {
          const known = channels.map((channel) => `${channel.name}_configs`).join(", ");
          refuse(path, `is not a channel that is known here (${known})`);
        } else if (!Array.isArray(fields[field] ?? [])) {
          refuse(path, "must be a list");
        } else {
          for (const [at, entry] of list(fields[field]).entries()) {
            const read = readEntry(channel, entry, [...path, at]);
            if (read) {
              integrations.push({
                key: `${name}/${channel.name}/${at}`,
                receiver: name,
                channel: channel.name,
                entry: read,
              });
            }
          }
        }
      }
      found.set(name, integrations);
    }
    return found;
  }

  function readEntry(channel: Channel, raw: unknown, path: Path): Entry | undefined {
    const given = { ...record(raw) };
    for (const field of channel.ignored ?? []) {
      if (given[field] === undefined) continue;
      warn([...path, field], "is not used: this channel writes its messages by itself");
      delete given[field];
    }
    const result = channel.entry.safeParse({ ...channel.inherit?.(global), ...given });
    refuseIssues(path, result.error);
    return result.data;
  }

  function readRoute(raw: unknown, path: Path, parent?: Route): Route {
    const given = record(raw);
    const matchers = readMatchers(given, path, "");
    const receiver = typeof given.receiver === "string" ? given.receiver : parent?.receiver;
    if (receiver === undefined) {
      if (typeof raw === "object") refuse([...path, "receiver"], "must name a receiver");
    } else if (typeof given.receiver === "string" && !receivers.has(receiver)) {
      refuse([...path, "receiver"], "must be the name of a receiver of this file");
    }
    if (!parent && matchers.length > 0) refuse(path, "must match every alert: it is the root");
    if (!parent && given.continue === true) {
      refuse([...path, "continue"], "must not be set on the root");
    }
    for (const field of ["mute_time_intervals", "active_time_intervals"]) {
      for (const [i, name] of list(given[field]).entries()) {
        if (!intervals.has(name)) {
          refuse([...path, field, i], "must be the name of a time interval of this file");
        }
      }
      if (list(given[field]).length === 0) continue;
      if (!parent) refuse([...path, field], "must not be set on the root");
      else warn([...path, field], "is read but not applied yet");
    }
    const timing = (name: keyof typeof timings) => {
      const ms = readDuration(given[name], [...path, name]) ??
        parent?.[`${name}_ms`] ?? parseDuration(timings[name]);
      if (ms === 0 && name !== "group_wait") refuse([...path, name], "must be longer than zero");
      return ms;
    };
    const routes_: Route[] = [];
    const route: Route = {
      key: keyOf(matchers, parent),
      receiver: receiver ?? "",
      group_by: readGroupBy(given.group_by, [...path, "group_by"]) ?? parent?.group_by ?? [],
      matchers,
      continue: given.continue === true,
      group_wait_ms: timing("group_wait"),
      group_interval_ms: timing("group_interval"),
      repeat_interval_ms: timing("repeat_interval"),
      routes: routes_,
    };
    routes.set(route.key, route);
    for (const [i, child] of list(given.routes).entries()) {
      routes_.push(readRoute(child, [...path, "routes", i], route));
    }
    return route;
  }

  /** Two siblings with the same matchers are told apart by a number. */
  function keyOf(matchers: readonly Matcher[], parent: Route | undefined): string {
    const own = `{${matchers.map(formatMatcher).sort().join(",")}}`;
    const key = parent ? `${parent.key}/${own}` : own;
    let unique = key;
    for (let n = 2; routes.has(unique); n++) unique = `${key}#${n}`;
    return unique;
  }

  function readGroupBy(raw: unknown, path: Path): readonly string[] | "all" | undefined {
    if (!Array.isArray(raw)) return undefined;
    if (new Set(raw).size < raw.length) refuse(path, "must name each label once");
    if (!raw.includes("...")) return raw.map(String);
    if (raw.length > 1) refuse(path, "must not name labels beside '...'");
    return "all";
  }

  /** `matchers`, and the older `match` and `match_re`. */
  function readMatchers(
    given: Readonly<Record<string, unknown>>,
    path: Path,
    prefix: "" | "source_" | "target_",
  ): Matcher[] {
    const matchers: Matcher[] = [];
    const read = (at: Path, make: () => Matcher[]) => {
      try {
        matchers.push(...make());
      } catch (error) {
        refuse(at, `must be a matcher such as severity="critical" (${reasonOf(error)})`);
      }
    };
    for (const [i, text] of list(given[`${prefix}matchers`]).entries()) {
      if (typeof text === "string") {
        read([...path, `${prefix}matchers`, i], () => parseMatchers(text));
      }
    }
    for (const [field, operator] of [["match", "="], ["match_re", "=~"]] as const) {
      for (const [name, value] of Object.entries(record(given[`${prefix}${field}`]))) {
        if (typeof value !== "string") continue;
        read(
          [...path, `${prefix}${field}`, name],
          () => [makeMatcher(name, operator, value)],
        );
      }
    }
    return matchers;
  }

  function readDuration(raw: unknown, path: Path): number | undefined {
    if (typeof raw !== "string") return undefined;
    try {
      return parseDuration(raw);
    } catch {
      refuse(path, "must be a duration such as 30s, 5m or 4h");
      return undefined;
    }
  }
}

/** The configuration without a file: one route, one receiver with every given integration. */
export function builtInConfig(
  entries: readonly { channel: string; entry: Entry }[],
): AlertingConfig {
  const { receiver } = builtIn;
  const counts = new Map<string, number>();
  const integrations = entries.map(({ channel, entry }) => {
    const index = counts.get(channel) ?? 0;
    counts.set(channel, index + 1);
    return { key: `${receiver}/${channel}/${index}`, receiver, channel, entry };
  });
  const route: Route = { ...builtIn, key: "{}", matchers: [], continue: false, routes: [] };
  return {
    route,
    routes: new Map([[route.key, route]]),
    receivers: new Map([[receiver, integrations]]),
  };
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? value as Record<string, unknown>
    : {};
}

function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** zod's message as the end of a sentence that begins with the field's name. */
function ruleOf(message: string): string {
  if (message.startsWith("must ") || message.startsWith("is ")) return message;
  if (/expected .*received undefined/.test(message)) return "must be given";
  const expected = /expected (\w+)/.exec(message)?.[1];
  if (expected === "array") return "must be a list";
  if (expected === "object" || expected === "record") return "must be a mapping";
  return expected ? `must be a ${expected}` : `is wrong: ${message}`;
}

/** Fields whose values are never repeated in a message; nor is what looks like a URL. */
const secretField = /secret|password|token|credential|url|auth/i;

function currentValue(root: unknown, path: Path): string {
  let value = root;
  for (const part of path) {
    value = typeof value === "object" && value !== null
      ? (value as Record<PropertyKey, unknown>)[part]
      : undefined;
  }
  if (value === undefined || value === null || typeof value === "object") return "";
  const secret = path.some((part) => secretField.test(String(part))) || /:\/\//.test(String(value));
  const shown = secret ? "•••" : String(value);
  return `: current value is "${shown.slice(0, 200)}"`;
}
