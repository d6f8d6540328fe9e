/**
 * The props of islands as text, from the server to the browser: JSON, and signals, which stay one
 * signal however many islands they were given to. Pure.
 *
 * @module
 */
import { Signal, signal } from "@preact/signals";

/**
 * Writes a value so that it can stand inside a `script` element of any type.
 *
 * @throws {TypeError} for functions and symbols, which stay on the server
 */
export function writeProps(value: unknown): string {
  const signals: Signal[] = [];
  const encode = (one: unknown, name: string): unknown => {
    if (one instanceof Signal) {
      if (!signals.includes(one)) signals.push(one);
      return { $: signals.indexOf(one) };
    }
    if (typeof one === "function" || typeof one === "symbol") {
      throw new TypeError(
        `Cannot send the prop "${name}" to an island as a ${typeof one} stays on the server`,
      );
    }
    if (typeof one !== "object" || one === null) return one;
    if (Array.isArray(one)) return one.map((item) => encode(item, name));
    if ("toJSON" in one && typeof one.toJSON === "function") return encode(one.toJSON(), name);
    const entries = Object.entries(one).map(([key, item]) => [key, encode(item, key)] as const);
    // `$` is ours: an object of others that has it is written as its entries.
    return Object.hasOwn(one, "$") ? { $: entries } : Object.fromEntries(entries);
  };
  const v = encode(value, "");
  const s: unknown[] = [];
  // A signal may hold what holds more signals.
  for (let i = 0; i < signals.length; i++) s.push(encode(signals[i]!.peek(), "") ?? null);
  return JSON.stringify({ v, s }).replaceAll("<", "\\u003c");
}

/** Reads what `writeProps` wrote. */
export function readProps(text: string): unknown {
  const { v, s } = JSON.parse(text) as { v: unknown; s: unknown[] };
  const signals = s.map(() => signal<unknown>());
  const decode = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(decode);
    if (typeof value !== "object" || value === null) return value;
    const { $ } = value as { $?: unknown };
    if (typeof $ === "number") return signals[$];
    const entries = Array.isArray($) ? $ as [string, unknown][] : Object.entries(value);
    return Object.fromEntries(entries.map(([name, item]) => [name, decode(item)]));
  };
  s.forEach((value, i) => signals[i]!.value = decode(value));
  return decode(v);
}
