/** Runs one function through the real stack, against a store in memory, and shows what it emitted. @module */
import type { Broker, Incoming, Outgoing } from "shared/broker/port.ts";
import type { Caller, Declared, Topic } from "shared/define/mod.ts";
import { newCall, type Site } from "shared/runner/call.ts";
import { runCall } from "shared/runner/stack.ts";
import type { World } from "shared/runner/world.ts";
import { openEmbeddedStore } from "shared/store/embedded.ts";
import type { Store } from "shared/store/port.ts";
import { silentLog } from "shared/telemetry/log.ts";
import { createMetrics, type Metrics } from "shared/telemetry/metrics.ts";
import { startSpan } from "shared/telemetry/trace.ts";
import { type Config, readConfig } from "functions/config.ts";
import { VirtualClock } from "./virtual_clock.ts";

export interface TestWorld {
  readonly clock: VirtualClock;
  readonly store: Store;
  readonly metrics: Metrics;
  readonly config: Config;
  /** What handlers get besides the context; pass it to `perProcess` things. */
  readonly env: {
    config: Config;
    store: Store;
    clock: VirtualClock;
    metrics: Metrics;
    fetch: typeof fetch;
    process: object;
  };
  /** Everything published, in order. */
  readonly published: Outgoing[];
  readonly world: World;
  close(): Promise<void>;
}

export const testSecret = "a test secret of thirty-two bytes or more";

/** A world in memory, standing still. Close it at the end of the test. */
export async function testWorld(
  environment: Record<string, string> = {},
): Promise<TestWorld> {
  const clock = new VirtualClock();
  const store = await openEmbeddedStore({ directory: ":memory:", clock });
  const metrics = createMetrics("test");
  const config = readConfig({ JWT_SECRET: testSecret, ...environment });
  const published: Outgoing[] = [];
  const env = { config, store, clock, metrics, fetch, process: {} };
  const world: World = {
    clock,
    store,
    log: silentLog,
    hostname: "127.0.0.1",
    allowedOrigins: [],
    broker: recorder(published),
    metrics: () => metrics,
    env: () => env,
    authorize: () => Promise.reject(new Error("No tokens in this world")),
  };
  return { clock, store, metrics, config, env, published, world, close: () => store.close() };
}

function recorder(published: Outgoing[]): Broker {
  const no = () => Promise.reject(new Error("This broker only publishes"));
  return {
    create: () => Promise.resolve(),
    publish: (messages) => {
      published.push(...messages);
      return Promise.resolve();
    },
    subscribe: no,
    lag: () => Promise.resolve([]),
    check: () => Promise.resolve(),
    maintain: () => Promise.resolve(),
    close: () => Promise.resolve(),
  };
}

export interface Invoked {
  /** What the handler returned. */
  readonly result: unknown;
  /** What it emitted: parsed messages, in order. */
  readonly emitted: { topic: string; value: unknown; headers: Record<string, string> }[];
}

export interface InvokeOptions {
  /** For functions with partition state. */
  state?: unknown;
  /** Trace contexts of the inputs. */
  traceparents?: string[];
  /** Seeds ids and chance; each call its own when absent. */
  cause?: string;
}

let calls = 0;

/**
 * Invokes a function: a topic function is given messages (one, or an array for batches), an HTTP
 * function `{ params, query, body, user, request, remote }` (all optional), a schedule `{ at }`, a
 * due function `{ id, at }`.
 *
 * @throws what the handler threw, where the stack does not handle it
 */
export async function invoke(
  fn: Declared,
  input: unknown,
  test: TestWorld,
  options: InvokeOptions = {},
): Promise<Invoked> {
  const site: Site = {
    fn,
    service: fn.name.split(".")[0]!,
    world: test.world,
    metrics: test.metrics,
    env: test.env,
  };
  const before = test.published.length;
  const cause = options.cause ?? `call-${++calls}`;
  const call = newCall({
    site,
    records: fn.on.kind === "topic"
      ? recordsOf(fn.on.topic, fn.on.batch === undefined ? [input] : input as unknown[], options)
      : [],
    inputs: [fn.on.kind === "http" ? httpInput(input as object) : input],
    cause,
    extra: options.state === undefined ? {} : {
      state: options.state,
      partition: 0,
      replaying: false,
      checkpoint: () => Promise.resolve(),
    },
    span: startSpan(fn.name),
    signal: new AbortController().signal,
  });
  await runCall(call);
  return {
    result: call.result,
    emitted: test.published.slice(before).map((message) => ({
      topic: message.topic,
      value: JSON.parse(message.value),
      headers: { ...message.headers },
    })),
  };
}

let offset = 0;

function recordsOf(topic: Topic, values: unknown[], options: InvokeOptions): Incoming[] {
  return values.map((value, i) => ({
    topic: topic.name,
    key: topic.key(value),
    value: JSON.stringify(value),
    headers: {
      traceparent: options.traceparents?.[i] ?? startSpan("test").traceparent,
      "event-id": topic.id?.(value) ?? `event-${offset}`,
    },
    partition: 0,
    offset: offset++,
    published_at: 0,
  }));
}

const admin: Caller = { id: "admin", username: "admin", role: "admin" };

function httpInput(input: object) {
  return {
    params: {},
    query: {},
    body: undefined,
    user: admin,
    request: new Request("http://localhost/"),
    remote: "127.0.0.1",
    ...input,
  };
}
