/**
 * The whole product in virtual time, to be told what happens when and what must come of it: each
 * script runs plainly, with every message delivered twice, and killed and started again at seeded
 * random steps.
 *
 * @module
 */
import assert from "node:assert/strict";
import { openEmbeddedBroker } from "shared/broker/embedded.ts";
import type { Broker, Consumer } from "shared/broker/port.ts";
import type { Service } from "shared/define/mod.ts";
import { seededRandom } from "shared/model/ids.ts";
import { run, type Running } from "shared/runner/run.ts";
import type { World } from "shared/runner/world.ts";
import { openEmbeddedStore } from "shared/store/embedded.ts";
import type { Store } from "shared/store/port.ts";
import { silentLog } from "shared/telemetry/log.ts";
import { createMetrics } from "shared/telemetry/metrics.ts";
import { parseDuration } from "shared/time/duration.ts";
import type { Topic } from "shared/define/mod.ts";
import { readConfig } from "functions/config.ts";
import type { Env } from "functions/define.ts";
import { services as allServices } from "functions/mod.ts";
import { seedRules } from "functions/analyzer/defaults.ts";
import { testSecret } from "./invoke.ts";
import { settled, VirtualClock } from "./virtual_clock.ts";

/** What the world is done to while a script runs. */
export type Weather = "plain" | "duplicated" | "killed";
export const weathers: readonly Weather[] = ["plain", "duplicated", "killed"];

export interface ScriptWorld {
  readonly clock: VirtualClock;
  readonly start: number;
  store(): Store;
  /** Publishes a message now. */
  push<T>(topic: Topic<string, T>, value: T): Promise<void>;
  /** Moves on to a time after the start, e.g. `1m30s`. */
  at(time: string): Promise<void>;
  /** The webhook at this path, from now on: what it got, and what it answers. */
  hook(path: string): Hook;
  end(): Promise<void>;
}

export interface Hook {
  readonly url: string;
  status: number;
  retryAfter?: string;
  readonly got: Got[];
}

export interface Got {
  /** Milliseconds after the start. */
  at: number;
  id: string;
  // deno-lint-ignore no-explicit-any -- Alertmanager's body, looked into by the tests
  body: any;
}

export interface ScriptOptions {
  weather: Weather;
  seed?: string;
  environment?: Record<string, string>;
  /** Names of services; the pipeline without simulators and doors when absent. */
  services?: string[];
}

/** Starts a world in virtual time. */
export async function scriptWorld(options: ScriptOptions): Promise<ScriptWorld> {
  const { weather } = options;
  const names = options.services ?? ["analyzer", "alert-engine", "ui-backend"];
  const clock = new VirtualClock();
  const start = clock.now();
  const random = seededRandom(options.seed ?? "weather");
  const hooks = new Map<string, Hook>();
  const config = readConfig({
    JWT_SECRET: testSecret,
    WEBHOOK_URLS: "http://hooks.test/default",
    ...options.environment,
  });
  const directory = await Deno.makeTempDir({ prefix: "eventflow-" });

  const answer: typeof fetch = async (input, init) => {
    const request = new Request(input as string, init);
    const hook = hooks.get(new URL(request.url).pathname);
    if (!hook) return new Response(null, { status: 200 });
    if (hook.status >= 200 && hook.status < 300) {
      hook.got.push({
        at: clock.now() - start,
        id: request.headers.get("webhook-id") ?? "",
        body: await request.json(),
      });
    }
    return new Response(null, {
      status: hook.status,
      headers: hook.retryAfter ? { "retry-after": hook.retryAfter } : {},
    });
  };

  let generation = await launch();
  let lives = 0;

  async function launch() {
    const life = { over: false };
    const broker = openEmbeddedBroker({ directory, clock });
    const store = openEmbeddedStore({ directory, clock });
    const metrics = createMetrics("test");
    const process = {};
    const world: World = {
      clock,
      store: mortal(await store, life),
      broker: weathered(mortal(broker, life), weather),
      log: silentLog,
      hostname: "127.0.0.1",
      allowedOrigins: [],
      metrics: () => metrics,
      env: (): Env => ({
        config,
        store: mortal(store, life),
        clock,
        metrics,
        fetch: (input, init) => life.over ? hanging() : answer(input, init),
        process,
      }),
      authorize: () => Promise.reject(new Error("No tokens in this world")),
    };
    await seedRules(store, clock.now());
    const services: Service[] = allServices(config).filter(({ name }) => names.includes(name));
    const running: Running = await run(services, world, { listen: false });
    return { life, broker, store, running };
  }

  async function kill(): Promise<void> {
    generation.life.over = true;
    await generation.broker.close();
    await generation.store.close();
    await settled();
    lives++;
    generation = await launch();
  }

  /** Moves on, and in killing weather dies on the way. */
  async function advance(ms: number): Promise<void> {
    if (weather !== "killed" || ms <= 0) return await clock.advance(ms);
    const before = Math.floor(random() * ms);
    await clock.advance(before);
    // Not at rest: in the middle of what a message has begun.
    if (random() < 0.5) await Promise.resolve();
    await kill();
    await clock.advance(ms - before);
  }

  return {
    clock,
    start,
    store: () => generation.store,
    async push(topic, value) {
      await generation.broker.publish([{
        topic: topic.name,
        key: topic.key(value),
        value: JSON.stringify(value),
        headers: { "event-id": topic.id?.(value) ?? crypto.randomUUID() },
      }]);
      if (weather === "killed" && random() < 0.3) {
        const turns = Math.floor(random() * 40);
        for (let i = 0; i < turns; i++) await Promise.resolve();
        await kill();
      }
      await settled();
    },
    async at(time) {
      await advance(start + parseDuration(time) - clock.now());
    },
    hook(path) {
      const hook: Hook = { url: `http://hooks.test${path}`, status: 200, got: [] };
      hooks.set(path, hook);
      return hook;
    },
    async end() {
      let open = true;
      const stopped = generation.running.stop().finally(() => open = false);
      while (open) await clock.advance(100);
      await stopped;
      await generation.broker.close();
      await generation.store.close();
      await Deno.remove(directory, { recursive: true });
      if (weather === "killed") assert(lives > 0, "The script was too short to be killed in");
    },
  };
}

function hanging(): Promise<never> {
  return new Promise(() => {});
}

/** After the end of its life a port does nothing and never answers: its process is gone. */
function mortal<T extends object>(port: T, life: { over: boolean }): T {
  return new Proxy(port, {
    get(target, name) {
      const value = Reflect.get(target, name);
      if (typeof value !== "function") return value;
      return (...args: unknown[]) => {
        if (life.over) return hanging();
        const result = value.apply(target, args);
        if (!(result instanceof Promise)) return result;
        return result.then(
          (answer) => life.over ? hanging() : answer,
          (error) => life.over ? hanging() : Promise.reject(error),
        );
      };
    },
  });
}

/** Delivers each batch twice, where the weather says so. */
function weathered(broker: Broker, weather: Weather): Broker {
  if (weather !== "duplicated") return broker;
  return new Proxy(broker, {
    get(target, name) {
      if (name !== "subscribe") return Reflect.get(target, name);
      return (options: Parameters<Broker["subscribe"]>[0], consumer: Consumer) =>
        target.subscribe(options, {
          ...consumer,
          async batch(batch, signal) {
            const first = await consumer.batch(batch, signal);
            if (first) return first;
            return await consumer.batch(batch, signal);
          },
        });
    },
  });
}

/** A notification that must come: exactly one, between two times after the start. */
export interface Wanted {
  between: [from: string, to: string];
  reason?: string;
  status?: "firing" | "resolved";
  /** The names of its alerts, in any order. */
  alerts?: string[];
}

/**
 * Holds what a hook got against what was wanted: everything wanted came once and in time, in this
 * order, and nothing else came.
 */
export function assertWanted(hook: Hook, wanted: readonly Wanted[]): void {
  const shown = hook.got.map(({ at, body }) =>
    `${at}ms ${body.status} ${body.notification_reason} [${
      body.alerts.map((alert: { labels: Record<string, string> }) => alert.labels.alertname)
    }]`
  );
  const unique = new Map(hook.got.map((got) => [got.id, got]));
  const got = [...unique.values()];
  assert.equal(got.length, wanted.length, `Got:\n${shown.join("\n")}`);
  wanted.forEach((want, i) => {
    const { at, body } = got[i]!;
    const [from, to] = want.between.map(parseDuration);
    assert(at >= from! && at <= to!, `${i}: ${shown[i]} is not between ${want.between}`);
    if (want.status) assert.equal(body.status, want.status, shown[i]);
    if (want.reason) assert.equal(body.notification_reason, want.reason, shown[i]);
    if (want.alerts) {
      assert.deepEqual(
        body.alerts.map((alert: { labels: Record<string, string> }) => alert.labels.alertname)
          .sort(),
        [...want.alerts].sort(),
        shown[i],
      );
    }
  });
}
