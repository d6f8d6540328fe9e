/**
 * What the runner needs of the world: the ports, the clock, and what the assembly knows better.
 *
 * @module
 */
import type { Broker } from "shared/broker/port.ts";
import type { Access, Caller } from "shared/define/mod.ts";
import type { Store } from "shared/store/port.ts";
import type { Log } from "shared/telemetry/log.ts";
import type { Metrics } from "shared/telemetry/metrics.ts";
import type { Clock } from "shared/time/clock.ts";

export interface World {
  readonly clock: Clock;
  readonly broker: Broker;
  readonly store: Store;
  readonly log: Log;
  /** Where HTTP listens, e.g. `127.0.0.1`. */
  readonly hostname: string;
  /** Browsers' origins that may call the API. */
  readonly allowedOrigins: readonly string[];
  /** Addresses whose `X-Forwarded-For` is believed; nobody's when absent. */
  readonly trustedProxies?: readonly string[];
  /** The metrics of a service. */
  metrics(service: string): Metrics;
  /** What handlers of a service may reach besides the context. */
  env(service: string): object;
  /**
   * Who calls, from the token that came with the request.
   *
   * @throws {HttpProblem} 401 or 403
   */
  authorize(access: Access, token: string | undefined): Promise<Caller>;
}
