/**
 * Reading OTLP's values. A request comes as parsed JSON or as decoded protobuf; both have the same
 * field names and are read by the same functions here. They trust nothing: only own properties are
 * seen, and 64-bit integers may be strings, numbers or pairs of 32-bit halves.
 *
 * @module
 * @see https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding
 */
import { maxLabels } from "shared/model/labels.ts";
import { formatTime } from "shared/model/wire.ts";

/** The request as a whole cannot be read: it is answered 400. */
export class Malformed extends Error {
  override name = "Malformed";
}

/** One point or log record cannot be used: it is counted as rejected, and the others go on. */
export class Unusable extends Error {
  override name = "Unusable";
}

/** A field of a message; inherited names such as `constructor` do not count. */
export function own(message: unknown, name: string): unknown {
  return typeof message === "object" && message !== null && Object.hasOwn(message, name)
    ? (message as Record<string, unknown>)[name]
    : undefined;
}

/**
 * A repeated field of messages.
 *
 * @throws {Malformed} when it is something else
 */
export function list(message: unknown, name: string): readonly unknown[] {
  const value = own(message, name);
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) {
    throw new Malformed(
      `Cannot read "${name}" as it must be an array: current value is ${show(value)}`,
    );
  }
  for (const item of value) {
    if (typeof item !== "object" || item === null) {
      throw new Malformed(
        `Cannot read "${name}" as its items must be objects: current value is ${show(item)}`,
      );
    }
  }
  return value;
}

/** A short form of a value for error messages. */
export function show(value: unknown): string {
  if (typeof value === "string") return `"${value.slice(0, 100)}"`;
  return typeof value === "object" && value !== null
    ? Array.isArray(value) ? "an array" : "an object"
    : String(value);
}

interface Halves {
  low: number;
  high: number;
  unsigned: boolean;
}

function isHalves(value: unknown): value is Halves {
  const low = own(value, "low");
  const high = own(value, "high");
  return Number.isInteger(low) && Number.isInteger(high) &&
    Math.abs(low as number) < 2 ** 32 && Math.abs(high as number) < 2 ** 32;
}

/** All digits of a 64-bit integer that was read before by `number` or `time`; empty when absent. */
export function digits(value: unknown): string {
  if (!isHalves(value)) {
    return typeof value === "string" || typeof value === "number" ? `${value}` : "";
  }
  const high = value.unsigned ? value.high >>> 0 : value.high;
  return String(BigInt(high) * 4_294_967_296n + BigInt(value.low >>> 0));
}

/**
 * A double or a 64-bit integer as a number (integers beyond 2^53 lose their last digits), undefined
 * when the field is absent.
 *
 * @throws {Unusable} when it is something else
 */
export function number(message: unknown, name: string): number | undefined {
  const value = own(message, name);
  if (value === undefined || value === null) return undefined;
  return asNumber(value, name);
}

function asNumber(value: unknown, name: string): number {
  if (typeof value === "number") return value;
  if (isHalves(value)) {
    return (value.unsigned ? value.high >>> 0 : value.high) * 4_294_967_296 + (value.low >>> 0);
  }
  // The protobuf JSON mapping allows numbers as strings, and names the values that JSON lacks.
  if (typeof value === "string") {
    if (/^-?\d+(\.\d+)?([eE][+-]?\d+)?$/.test(value)) return Number(value);
    if (value === "NaN" || value === "Infinity" || value === "-Infinity") return Number(value);
  }
  throw new Unusable(`${name} must be a number: current value is ${show(value)}`);
}

/**
 * A count: a number that is whole and not negative.
 *
 * @throws {Unusable}
 */
export function count(message: unknown, name: string): number | undefined {
  const value = number(message, name);
  if (value !== undefined && !(Number.isInteger(value) && value >= 0)) {
    throw new Unusable(`${name} must be a whole number from 0: current value is ${value}`);
  }
  return value;
}

/**
 * A repeated field of numbers.
 *
 * @throws {Unusable} when there are more than `most`, or something is not a number
 */
export function numbers(message: unknown, name: string, most: number): number[] {
  const value = own(message, name);
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) {
    throw new Unusable(`${name} must be an array of numbers: current value is ${show(value)}`);
  }
  if (value.length > most) {
    throw new Unusable(`${name} must have at most ${most} items: current value is ${value.length}`);
  }
  return value.map((item) => asNumber(item, name));
}

/**
 * An enum: a number, or the name in the protobuf definition.
 *
 * @param names the names' last words, by number, e.g. `["UNSPECIFIED", "DELTA", "CUMULATIVE"]`
 */
export function enumeration(message: unknown, name: string, names: readonly string[]): number {
  const value = own(message, name);
  if (typeof value === "number") return value;
  if (typeof value !== "string") return 0;
  const found = names.findIndex((word) => value.endsWith(`_${word}`));
  return Math.max(0, found);
}

/** A day: what is said to happen later than this from now has a wrong clock. */
const maxAhead_ms = 86_400_000;

/**
 * Why a time cannot be used, or undefined when it can.
 *
 * @param t epoch milliseconds
 */
export function timeProblem(t: number, now: number): string | undefined {
  if (t >= 0 && t <= now + maxAhead_ms) return undefined;
  const shown = Math.abs(t) <= 8.64e15 ? formatTime(t) : `${t} ms`;
  return `must be between 1970 and a day from now: current value is "${shown}"`;
}

/**
 * A time in nanoseconds since 1970 as epoch milliseconds, rounded down; undefined when it is absent
 * or 0. Nanoseconds of today exceed 2^53: the division is exact, save for JSON numbers, which have
 * lost their last digits before they get here.
 *
 * @throws {Unusable} when it is no time
 */
export function time(message: unknown, name: string): number | undefined {
  const value = own(message, name);
  if (value === undefined || value === null || value === 0 || value === "0") return undefined;
  if (isHalves(value)) {
    const high = value.high >>> 0;
    // 2^32 = 4294 · 10^6 + 967296
    const ms = high * 4_294 + Math.floor((high * 967_296 + (value.low >>> 0)) / 1_000_000);
    return ms === 0 && value.low === 0 ? undefined : ms;
  }
  if (typeof value === "string" && /^\d{1,20}$/.test(value)) {
    return Number(value.slice(0, -6));
  }
  if (typeof value === "number" && value > 0 && value < 1.9e19) return Math.round(value / 1e6);
  throw new Unusable(`${name} must be nanoseconds since 1970: current value is ${show(value)}`);
}

/** Deeper values are cut: nobody reads them, and each level costs stack. */
const maxDepth = 16;

/** Cuts a text to a length, marked by an ellipsis. */
export function cut(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`;
}

/** An AnyValue as plain JSON; null when it has no value. */
export function plain(value: unknown, depth = 0): unknown {
  if (depth > maxDepth) return "…";
  const string = own(value, "stringValue");
  if (typeof string === "string") return string;
  const boolean = own(value, "boolValue");
  if (typeof boolean === "boolean") return boolean;
  const integer = own(value, "intValue");
  if (integer !== undefined && integer !== null) {
    if (typeof integer === "string" && !/^-?\d{1,20}$/.test(integer)) return integer;
    const short = asNumber(integer, "intValue");
    return Number.isSafeInteger(short) ? short : digits(integer);
  }
  const double = own(value, "doubleValue");
  if (double !== undefined && double !== null) {
    const number = asNumber(double, "doubleValue");
    return Number.isFinite(number) ? number : String(number);
  }
  const array = own(value, "arrayValue");
  if (array) return list(array, "values").map((item) => plain(item, depth + 1));
  const pairs = own(value, "kvlistValue");
  if (pairs) return fields(list(pairs, "values"), depth + 1);
  const bytes = own(value, "bytesValue");
  if (bytes instanceof Uint8Array) return base64(bytes);
  return typeof bytes === "string" ? bytes : null;
}

/** Attributes as a plain object. An empty key is no attribute, `__proto__` is never a good one. */
export function fields(attributes: readonly unknown[], depth = 0): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  for (const attribute of attributes) {
    const key = own(attribute, "key");
    if (typeof key !== "string" || key === "" || key === "__proto__") continue;
    result[key] = plain(own(attribute, "value"), depth);
  }
  return result;
}

/** An AnyValue as text: strings as they are, all else as JSON; empty when it has no value. */
export function text(value: unknown): string {
  const json = plain(value);
  if (json === null) return "";
  return typeof json === "string" ? json : JSON.stringify(json);
}

/**
 * Attributes as labels, on top of `base`. Attributes without a value are left out.
 *
 * @throws {Unusable} when there are too many, or one is too long
 */
export function labels(
  attributes: readonly unknown[],
  base: Readonly<Record<string, string>>,
): Record<string, string> {
  const result: Record<string, string> = { ...base };
  const total = attributes.length + Object.keys(base).length;
  if (total > maxLabels) {
    throw new Unusable(
      `a point must have at most ${maxLabels} attributes: current value is ${total}`,
    );
  }
  for (const attribute of attributes) {
    const key = own(attribute, "key");
    if (typeof key !== "string" || key === "" || key === "__proto__") continue;
    const value = text(own(attribute, "value"));
    if (key.length > 256 || value.length > 10_000) {
      throw new Unusable(
        `an attribute must have a key of at most 256 and a value of at most 10000 characters: ` +
          `current value is ${key.length} and ${value.length} for "${cut(key, 50)}"`,
      );
    }
    if (value !== "") result[key] = value;
  }
  return result;
}

function base64(bytes: Uint8Array): string {
  let binary = "";
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary);
}

/** A trace or span id as lower-case hex of `digits` digits; undefined when it is absent, zero or no id. */
export function hexId(message: unknown, name: string, digits: 16 | 32): string | undefined {
  const value = own(message, name);
  const hex = value instanceof Uint8Array
    ? Array.from(value, (byte) => byte.toString(16).padStart(2, "0")).join("")
    : typeof value === "string"
    ? value.toLowerCase()
    : "";
  return hex.length === digits && /^[0-9a-f]+$/.test(hex) && !/^0+$/.test(hex) ? hex : undefined;
}

/** What is said of the sender: once for all its metrics or logs. */
export interface Resource {
  /** `service.name`, or `unknown_service`. */
  readonly service: string;
  /** What distinguishes the instances and versions of a service. */
  readonly labels: Readonly<Record<string, string>>;
  /** Equal for equal resources. */
  readonly identity: string;
}

/**
 * The resource attributes that become labels of every series. Only these: each label of a resource
 * multiplies the series, and host names, process ids and the like say nothing that the instance
 * does not.
 */
const resourceLabels = ["service.instance.id", "service.version"];

/** Reads the resource of a `ResourceMetrics` or `ResourceLogs`. */
export function readResource(message: unknown): Resource {
  const attributes = list(own(message, "resource"), "attributes");
  let service = "";
  const kept: Record<string, string> = {};
  const identity: string[] = [];
  for (const attribute of attributes) {
    const key = own(attribute, "key");
    if (typeof key !== "string") continue;
    const value = text(own(attribute, "value"));
    identity.push(JSON.stringify([key, value]));
    if (key === "service.name") service = value;
    else if (resourceLabels.includes(key) && value !== "") kept[key] = cut(value, 256);
  }
  return {
    service: cut(service, 256) || "unknown_service",
    labels: kept,
    identity: identity.sort().join(),
  };
}

/** Most messages that one request may become: what is in memory at once stays bounded. */
export const maxMessages = 100_000;

/** Counts of reasons, for the message of a partial success. */
export class Rejections {
  total = 0;
  readonly #reasons = new Map<string, number>();

  add(reason: string, count = 1): void {
    this.total += count;
    // Reasons carry values; the first few are enough to find the cause.
    const key = this.#reasons.has(reason) || this.#reasons.size < 10 ? reason : "other reasons";
    this.#reasons.set(key, (this.#reasons.get(key) ?? 0) + count);
  }

  /** One line, e.g. `asDouble must be finite: … (3)`; empty when nothing was rejected. */
  get message(): string {
    return [...this.#reasons].map(([reason, count]) => `${reason} (${count})`).join("; ");
  }
}
