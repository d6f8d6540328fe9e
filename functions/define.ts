/**
 * What handlers may reach, and `defineFunction` bound to it. Every function of every service is
 * declared with these and nothing else.
 *
 * @module
 */
import { definer } from "shared/define/mod.ts";
import type { StoreReader } from "shared/store/port.ts";
import type { Metrics } from "shared/telemetry/metrics.ts";
import type { Clock } from "shared/time/clock.ts";
import type { Config } from "./config.ts";

/** The environment of a handler, the same for all functions of a service in a process. */
export interface Env {
  readonly config: Config;
  /** For reading; writes go through `save`. */
  readonly store: StoreReader;
  readonly clock: Clock;
  readonly metrics: Metrics;
  /** The way out to the web. */
  readonly fetch: typeof fetch;
  /** One object per process: what `perProcess` keys by. */
  readonly process: object;
}

export const defineFunction = definer<Env>();

/**
 * Something of which a process has one (a cache, a hub of connections): made at first use, apart
 * for each process even when a test runs several.
 *
 * @example
 * ```ts
 * export const ruleBook = perProcess((env) => new RuleBook(env.store));
 * // in a handler: await ruleBook(ctx).current()
 * ```
 */
export function perProcess<T>(create: (env: Env) => T): (env: Env) => T {
  const made = new WeakMap<object, { value: T }>();
  return (env) => {
    let one = made.get(env.process);
    if (!one) made.set(env.process, one = { value: create(env) });
    return one.value;
  };
}

export {
  Conflict,
  cron,
  defineKind,
  defineQueue,
  defineService,
  due,
  every,
  http,
  HttpProblem,
  Permanent,
  reply,
  Retryable,
  topic,
} from "shared/define/mod.ts";
export type { Context, Declared, Service } from "shared/define/mod.ts";
