/**
 * The runner: binds declared functions to the world and ends them cleanly. The one place that
 * listens on the network.
 *
 * @module
 */
import type { Subscription } from "shared/broker/port.ts";
import { type Declared, Retryable, type Service } from "shared/define/mod.ts";
import { type FunctionLag, lagKind } from "shared/model/kinds.ts";
import { alertsDlq, topics } from "shared/model/topics.ts";
import { put } from "shared/store/port.ts";
import type { Metrics } from "shared/telemetry/metrics.ts";
import { outsideTraces } from "shared/telemetry/trace.ts";
import type { Site } from "./call.ts";
import { runDues } from "./dues.ts";
import { serve } from "./http.ts";
import { runSchedule } from "./schedules.ts";
import { subscribe } from "./topics.ts";
import type { World } from "./world.ts";

/** How long a stop may take before what is in flight is called off (and done again later). */
const drain_ms = 4_000;
/** How long what is called off has to end; what does not hear of it is left behind. */
const callOff_ms = 500;
/** How long open streams may go on at a stop. */
const streams_ms = 500;
/** How often lag is reported. */
const lag_ms = 10_000;
/** How often ports clean up. */
const maintain_ms = 60_000;

export interface Running {
  /** Where each service listens, e.g. `http://127.0.0.1:8007`. */
  readonly addresses: ReadonlyMap<string, string>;
  /**
   * Stops: takes nothing new, finishes what is in flight within the deadline, commits. The ports
   * stay open; who opened them closes them.
   *
   * @throws what something did not end well for, after all has ended
   */
  stop(): Promise<void>;
}

export interface RunOptions {
  /** Listen on the services' ports; true when absent. */
  listen?: boolean;
}

/** Starts services. */
export function run(
  services: readonly Service[],
  world: World,
  options: RunOptions = {},
): Promise<Running> {
  return outsideTraces(() => start(services, world, options));
}

async function start(
  services: readonly Service[],
  world: World,
  { listen = true }: RunOptions,
): Promise<Running> {
  const stopping = new AbortController();
  const aborting = new AbortController();
  await world.broker.create(topics);

  const loops: Promise<void>[] = [
    maintain(world, stopping.signal),
    reportLag(services, world, stopping.signal),
  ];
  const subscriptions: Subscription[] = [];
  const servers: Server[] = [];
  const addresses = new Map<string, string>();
  for (const service of services) {
    const siteOf = siteFactory(service, world);
    for (const fn of service.functions) {
      const { on } = fn;
      if (on.kind === "topic") subscriptions.push(await subscribe(siteOf(fn), on));
      if (on.kind === "schedule") {
        loops.push(runSchedule(siteOf(fn), on, stopping.signal, aborting.signal));
      }
      if (on.kind === "due") loops.push(runDues(siteOf(fn), on, stopping.signal, aborting.signal));
    }
    if (listen) {
      const server = listenFor(service, siteOf, world, aborting.signal);
      servers.push(server);
      addresses.set(service.name, server.address);
    }
  }

  return {
    addresses,
    async stop() {
      stopping.abort();
      const done = new AbortController();
      const deadline = world.clock.sleep(drain_ms, done.signal).then(async () => {
        if (done.signal.aborted) return;
        aborting.abort();
        await world.clock.sleep(callOff_ms, done.signal);
        if (done.signal.aborted) return;
        world.log.warn("What is in flight takes too long to stop for, and is done again later");
      });
      const ended = Promise.allSettled([
        ...servers.map((server) => server.close()),
        ...subscriptions.map((subscription) => subscription.stop()),
        ...loops,
      ]);
      const results = await Promise.race([ended, deadline]);
      done.abort();
      await deadline;
      for (const one of results ?? []) if (one.status === "rejected") throw one.reason;
    },
  };
}

function siteFactory(service: Service, world: World): (fn: Declared) => Site {
  const metrics = world.metrics(service.name);
  const env = world.env(service.name);
  return (fn) => {
    startAtZero(fn, metrics);
    return { fn, service: service.name, world, metrics, env };
  };
}

/** Counters that begin with their first event would hide that event from `increase` and `rate`. */
function startAtZero(fn: Declared, metrics: Metrics): void {
  const { name, on } = fn;
  for (const outcome of ["ok", "failed"]) {
    metrics.add("function_calls_total", { function: name, outcome }, 0);
  }
  for (const topic of fn.emits) {
    metrics.add("kafka_messages_produced_total", { topic: topic.name }, 0);
  }
  if (on.kind === "topic") {
    metrics.add("kafka_messages_consumed_total", { topic: on.topic.name }, 0);
  }
  if (on.kind === "topic" || on.kind === "due") {
    metrics.add("dead_letters_total", { function: name }, 0);
    metrics.add("kafka_messages_produced_total", { topic: alertsDlq.name }, 0);
  }
  if (on.kind === "schedule") metrics.add("schedule_ticks_skipped_total", { function: name }, 0);
}

interface Server {
  readonly address: string;
  /** Answers what it was asked; open streams are given a moment, then cut. */
  close(): Promise<void>;
}

function listenFor(
  service: Service,
  siteOf: (fn: Declared) => Site,
  world: World,
  abort: AbortSignal,
): Server {
  const served = serve(service, siteOf, world, abort);
  const cut = new AbortController();
  const at = (hostname: string, port: number) =>
    `http://${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}`;
  const listen = () =>
    Deno.serve({
      port: service.port,
      hostname: world.hostname,
      signal: cut.signal,
      onListen: () => {},
    }, (request, info) =>
      served.fetch(
        request,
        info.remoteAddr.transport === "tcp" ? info.remoteAddr.hostname : "",
        (target, options) => Deno.upgradeWebSocket(target, { ...options, idleTimeout: 60 }),
      ));
  let server: ReturnType<typeof listen>;
  try {
    server = listen();
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new Error(
      `Cannot let ${service.name} listen as its address must be free: current value is "${
        at(world.hostname, service.port)
      }" (${why})`,
      { cause },
    );
  }
  const { hostname, port } = server.addr as Deno.NetAddr;
  return {
    address: at(hostname, port),
    async close() {
      const done = new AbortController();
      const closed = server.shutdown().then(() => done.abort());
      await world.clock.sleep(streams_ms, AbortSignal.any([abort, done.signal]));
      if (!done.signal.aborted) cut.abort();
      await closed;
    },
  };
}

async function maintain(world: World, stop: AbortSignal): Promise<void> {
  while (!stop.aborted) {
    await world.clock.sleep(maintain_ms, stop);
    if (stop.aborted) return;
    for (const port of [world.broker, world.store]) {
      try {
        await port.maintain();
      } catch (error) {
        world.log.warn("Housekeeping failed", { error });
      }
    }
  }
}

/** Keeps how far each function is behind where everybody can look. */
async function reportLag(
  services: readonly Service[],
  world: World,
  stop: AbortSignal,
): Promise<void> {
  const names = new Set(services.flatMap(({ functions }) => functions.map((fn) => fn.name)));
  while (!stop.aborted) {
    await world.clock.sleep(lag_ms, stop);
    if (stop.aborted) return;
    try {
      const at = world.clock.now();
      const behind = new Map<string, FunctionLag>();
      for (const { group, topic, lag } of await world.broker.lag()) {
        if (!names.has(group)) continue;
        const sum = lag + (behind.get(group)?.lag ?? 0);
        behind.set(group, { function: group, topic, lag: sum, at });
      }
      const ttl_ms = 4 * lag_ms;
      await world.store.apply(
        [...behind].map(([group, one]) => put(lagKind, group, one, { rank: at, ttl_ms })),
      );
    } catch (error) {
      // Nobody else would hear of a broker that refuses to tell.
      const level = error instanceof Retryable ? "debug" : "warn";
      world.log[level]("Lag is not reported", { error });
    }
  }
}
