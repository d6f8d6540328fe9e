/**
 * A function: its name, what starts it, what it may emit, and its handler. Nothing else is ever
 * declared; `functions/define.ts` binds `defineFunction` to this project's environment.
 *
 * @module
 */
import type { Change } from "shared/store/port.ts";
import type { Log } from "shared/telemetry/log.ts";
import type { ExtraOf, InputOf, Trigger } from "./trigger.ts";
import type { Message, Topic } from "./values.ts";

/** What every handler may reach, besides the environment. */
export interface Context<Emits extends Topic = Topic> {
  /** The time of this call, epoch milliseconds; it does not move while the handler runs. */
  readonly now: number;
  /** Uniform in [0, 1), seeded by the function and what caused the call. */
  readonly random: () => number;
  /** A UUID, derived from the function and what caused the call: the same call makes the same ids. */
  readonly uuid: () => string;
  /**
   * Emits a message when the handler has returned: buffered, never sends, never fails. `cause` is
   * the member of a batch that led to it (its trace goes on); single inputs are their own cause.
   */
  readonly emit: <T extends Emits>(topic: T, value: Message<T>, cause?: unknown) => void;
  /** Writes to the store when the handler has returned and its messages are published; atomic. */
  readonly save: (...changes: Change[]) => void;
  /** Aborted when the call timed out or the process is asked to stop at once. */
  readonly signal: AbortSignal;
  /** 1 for the first try. */
  readonly attempt: number;
  /** W3C trace context of this call. */
  readonly traceparent: string;
  /** W3C trace context that a message of this call came with. */
  readonly traceOf: (input: unknown) => string;
  /** Writes JSON lines with this call's function and trace ids. */
  readonly log: Log;
}

/** How a failing call is tried again: attempts in all, for errors that are not `Retryable`. */
export interface Retry {
  attempts: number;
}

/** A declared function, its types erased: what the runner works with. */
export interface Declared {
  /** `service.verb`; also the consumer group: stored, never renamed. */
  readonly name: string;
  readonly on: Trigger;
  readonly emits: readonly Topic[];
  readonly retry: Retry;
  /** Keys (lanes) that may run side by side; 8 when absent. */
  readonly concurrency: number;
  // deno-lint-ignore no-explicit-any
  readonly handler: (input: any, context: any) => unknown;
}

/** `defineFunction` for handlers that may reach `Env`. */
export function definer<Env>(): <
  const On extends Trigger,
  const Emits extends readonly Topic[] = readonly [],
>(declaration: {
  name: `${string}.${string}`;
  on: On;
  emits?: Emits;
  retry?: Retry;
  concurrency?: number;
  handler: (
    input: InputOf<On>,
    context: Context<Emits[number]> & Env & ExtraOf<On>,
  ) => unknown;
}) => Declared {
  return (declaration) => ({
    name: declaration.name,
    on: declaration.on,
    emits: declaration.emits ?? [],
    retry: declaration.retry ?? { attempts: 3 },
    concurrency: declaration.concurrency ?? 8,
    handler: declaration.handler,
  });
}

/** A service: a port and its functions, in reading order. */
export interface Service {
  readonly name: string;
  readonly port: number;
  readonly functions: readonly Declared[];
  /** Goes before the paths of its routes, e.g. `/alertmanager`; `""` when absent. */
  readonly prefix?: string;
  /** Makes up its data: may be left out by `SIMULATORS`. */
  readonly simulated?: boolean;
  /** Serves `/openapi.json` and `/docs`, and answers browsers of the allowed origins. */
  readonly api?: { title: string; description: string };
  /** Answers what no function does: pages, and what belongs to them. */
  readonly fetch?: (
    request: Request,
    info: {
      /** The caller's address. */
      remote: string;
      upgrade(request: Request): { socket: WebSocket; response: Response };
    },
  ) => Promise<Response>;
}

/** Declares a service. */
export function defineService(service: Service): Service {
  return service;
}
