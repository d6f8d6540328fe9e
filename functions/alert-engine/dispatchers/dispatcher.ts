/**
 * What a dispatcher is: the last step of a notification, to one channel. A dispatcher never retries,
 * never waits and never writes a secret into an error; whoever calls it does the patience.
 *
 * @module
 */
import type { z } from "zod";
import type { Config } from "functions/config.ts";
import type { FailureReason } from "shared/alerting/backoff.ts";
import type { Channel, Entry } from "shared/alerting/config.ts";
import type { Notification } from "shared/alerting/notification.ts";
import type { Log } from "shared/telemetry/log.ts";

/** What a dispatcher is made with. */
export interface Means {
  /** The way out by HTTP. */
  readonly fetch: typeof fetch;
}

/** What an attempt is given. */
export interface Attempt {
  /** Aborted when the attempt takes too long, or is called off. */
  readonly signal: AbortSignal;
  /** Epoch milliseconds. */
  readonly now: number;
  /** W3C trace context, for the headers of what is sent. */
  readonly traceparent: string;
  readonly log: Log;
}

/** Sends notifications to one destination. */
export interface Dispatcher {
  readonly name: string;
  /**
   * Sends a notification; when it resolves the destination has taken it.
   *
   * @throws {DeliveryFailed} telling whether another attempt can help; any other error is tried again
   */
  dispatch(notification: Notification, attempt: Attempt): Promise<void>;
  /** Resolves when the destination can be reached. */
  healthCheck(options: { signal: AbortSignal }): Promise<void>;
  /** Integrations of one destination wait together when it asks for it; in memory only. */
  readonly destination?: string;
  /** The least time between two messages to the destination, milliseconds. */
  readonly pace_ms?: number;
}

/** A kind of dispatcher: its name, its entry in the configuration file, and how one is made. */
export interface DispatcherKind extends Channel {
  /** Its entries of the built-in route, where the environment sets it up. */
  readonly fromEnvironment?: (config: Config) => readonly Entry[];
  readonly create: (entry: Entry, means: Means) => Dispatcher;
}

/** Declares a kind of dispatcher, with its entries typed by their schema. */
export function defineDispatcher<E extends Entry>(
  kind: Omit<DispatcherKind, "entry" | "fromEnvironment" | "create"> & {
    entry: z.ZodType<E>;
    fromEnvironment?: (config: Config) => readonly E[];
    create: (entry: E, means: Means) => Dispatcher;
  },
): DispatcherKind {
  return { ...kind, create: (entry, means) => kind.create(entry as E, means) };
}

/** An attempt that failed. Its message must name no secret. */
export class DeliveryFailed extends Error {
  override name = "DeliveryFailed";
  /** `final`: no attempt can ever succeed. */
  readonly kind: "retry" | "final";
  readonly reason: FailureReason;
  /** What the destination asked for, milliseconds. */
  readonly after_ms?: number;
  constructor(
    kind: "retry" | "final",
    reason: FailureReason,
    message: string,
    options: ErrorOptions & { after_ms?: number } = {},
  ) {
    super(message, options);
    this.kind = kind;
    this.reason = reason;
    if (options.after_ms !== undefined) this.after_ms = options.after_ms;
  }
}
