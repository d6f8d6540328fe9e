/**
 * Matchers on labels in Alertmanager's syntax: `severity="critical"`, `env=~"prod|stage"`. A missing
 * label equals an empty one; regular expressions match the whole value.
 *
 * @module
 */
import type { Labels } from "./labels.ts";

export const matcherOperators = ["=", "!=", "=~", "!~"] as const;
export type MatcherOperator = (typeof matcherOperators)[number];

/** One condition on one label. */
export interface Matcher {
  readonly name: string;
  readonly operator: MatcherOperator;
  readonly value: string;
  /** The compiled expression of `=~` and `!~`. */
  readonly regex?: RegExp;
}

/** Longest regular expression of a matcher; a longer one is refused. */
export const maxPattern = 1_000;

// Alertmanager's UTF-8 grammar: a bare name or value ends at white space and these characters.
const bare = "[^\\s{}!=~,\\\\\"'`]+";
const quoted = '"(?:[^"\\\\]|\\\\.)*"';
const one = new RegExp(
  `\\s*(?<name>${bare}|${quoted})\\s*(?<operator>=~|!~|!=|=)\\s*(?<value>${quoted}|(?![=~])[^,{}"]*)\\s*`,
  "suy",
);

/**
 * Reads one matcher. Name and value may be quoted; in quotes `\"`, `\\`, `\n` and `\t` are escapes.
 *
 * @throws {SyntaxError} when the text is not a matcher, or its regular expression not one
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 *
 * assert(matches([parseMatcher('env=~"prod|stage"')], { env: "prod" }));
 * ```
 */
export function parseMatcher(text: string): Matcher {
  const [matcher, end] = readOne(text, 0, text);
  if (end !== text.length) throw unreadable(text);
  return matcher;
}

/**
 * Reads a list of matchers, in braces or without: `{alertname="Down", env!="test"}`.
 *
 * @throws {SyntaxError} when the text is not such a list
 */
export function parseMatchers(text: string): Matcher[] {
  const inner = text.trim().replace(/^\{(.*)\}$/s, "$1").trim();
  const matchers: Matcher[] = [];
  for (let at = 0; at < inner.length;) {
    const [matcher, end] = readOne(inner, at, text);
    matchers.push(matcher);
    if (end < inner.length && inner[end] !== ",") throw unreadable(text);
    at = end + 1;
  }
  return matchers;
}

/**
 * Makes a matcher of its parts.
 *
 * @throws {SyntaxError} when the value of `=~` or `!~` is not a regular expression that is allowed
 */
export function makeMatcher(name: string, operator: MatcherOperator, value: string): Matcher {
  if (operator === "=" || operator === "!=") return { name, operator, value };
  return { name, operator, value, regex: anchored(value) };
}

/** Whether all matchers hold for a label set. */
export function matches(matchers: readonly Matcher[], labels: Labels): boolean {
  for (const matcher of matchers) {
    const value = Object.hasOwn(labels, matcher.name) ? labels[matcher.name]! : "";
    const equal = matcher.regex ? matcher.regex.test(value) : value === matcher.value;
    const wanted = matcher.operator === "=" || matcher.operator === "=~";
    if (equal !== wanted) return false;
  }
  return true;
}

/** The matcher as text that `parseMatcher` reads back. */
export function formatMatcher({ name, operator, value }: Matcher): string {
  const plain = new RegExp(`^${bare}$`, "su").test(name);
  return `${plain ? name : quote(name)}${operator}${quote(value)}`;
}

function readOne(text: string, at: number, whole: string): [matcher: Matcher, end: number] {
  one.lastIndex = at;
  const groups = one.exec(text)?.groups;
  if (!groups) throw unreadable(whole);
  const name = unquote(groups.name!);
  if (name === "") throw unreadable(whole);
  const matcher = makeMatcher(
    name,
    groups.operator as MatcherOperator,
    unquote(groups.value!.trim()),
  );
  return [matcher, one.lastIndex];
}

function unreadable(text: string): SyntaxError {
  return new SyntaxError(
    `Cannot read a matcher as name, operator (=, !=, =~, !~) and value: current value is "${text}"`,
  );
}

const escapes: Record<string, string> = { n: "\n", t: "\t", r: "\r" };

/** Unknown escapes stay as they are, so that `"\d+"` is the expression that it looks like. */
function unquote(text: string): string {
  if (text[0] !== '"') return text;
  return text.slice(1, -1).replace(
    /\\(.)/gs,
    (whole, c: string) => c === '"' || c === "\\" ? c : escapes[c] ?? whole,
  );
}

function quote(text: string): string {
  const escaped = text.replace(/[\\"]/g, "\\$&").replaceAll("\n", "\\n").replaceAll("\t", "\\t")
    .replaceAll("\r", "\\r");
  return `"${escaped}"`;
}

/**
 * The expression that matches the whole value. The common part of RE2 (what Alertmanager reads) and
 * of ECMAScript is allowed; what could run without end on a hostile label value is refused.
 */
function anchored(pattern: string): RegExp {
  const refuse = (rule: string, cause?: unknown) =>
    new SyntaxError(
      `Cannot read a regular expression as ${rule}: current value is "${pattern.slice(0, 200)}"`,
      { cause },
    );
  if (pattern.length > maxPattern) throw refuse(`at most ${maxPattern} characters`);
  const [, flags = ""] = /^\(\?([ims]+)\)/.exec(pattern) ?? [];
  const body = pattern.slice(flags ? flags.length + 3 : 0).replaceAll("(?P<", "(?<");
  const source = `^(?:${body})$`;
  if (/\\[1-9]|\\k<|\(\?<?[=!]/.test(body)) {
    throw refuse("one without look-around and back-references");
  }
  // What ECMAScript reads as something else: POSIX classes, and escapes that it takes for letters.
  const unescaped = body.replaceAll("\\\\", "..");
  const [foreign] = /\[:\^?\w+:\]|\\(?:[AzQEC]|x\{|[pP](?!\{))/.exec(unescaped) ?? [];
  if (foreign) throw refuse(`one without ${foreign}`);
  if (nestedRepetition(body)) {
    throw refuse("one without unbounded repetition of an unbounded repetition");
  }
  try {
    return new RegExp(source, `${flags}u`);
  } catch {
    // RE2 allows to escape any punctuation, which only the older grammar does.
  }
  try {
    return new RegExp(source, flags);
  } catch (cause) {
    throw refuse("one that compiles", cause);
  }
}

/** Whether a group that holds `*`, `+` or `{n,}` is itself repeated without bound: `(a+)+`. */
function nestedRepetition(pattern: string): boolean {
  const unbounded = /^(?:[*+]|\{\d+,\})/;
  const groups: boolean[] = [false];
  for (let i = 0; i < pattern.length; i++) {
    const c = pattern[i];
    if (c === "\\") i++;
    else if (c === "[") {
      // A `]` right after the bracket is a member of the class in RE2 only; ECMAScript decides here.
      while (++i < pattern.length && pattern[i] !== "]") if (pattern[i] === "\\") i++;
    } else if (c === "(") groups.push(false);
    else if (c === ")") {
      const repeats = groups.pop() ?? false;
      const repeated = unbounded.test(pattern.slice(i + 1, i + 12));
      if (repeats && repeated) return true;
      if (groups.length === 0) groups.push(false);
      if (repeats || repeated) groups[groups.length - 1] = true;
    } else if (unbounded.test(pattern.slice(i, i + 12))) groups[groups.length - 1] = true;
  }
  return false;
}
