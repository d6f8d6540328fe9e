/**
 * The assembly of the world: which adapters stand behind the ports, and what handlers may reach.
 *
 * @module
 */
import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openEmbeddedBroker } from "shared/broker/embedded.ts";
import { HttpProblem } from "shared/define/mod.ts";
import { roles } from "shared/define/mod.ts";
import type { World } from "shared/runner/world.ts";
import { openEmbeddedStore } from "shared/store/embedded.ts";
import { createLog, type Log } from "shared/telemetry/log.ts";
import { createMetrics, type Metrics } from "shared/telemetry/metrics.ts";
import { type Clock, systemClock } from "shared/time/clock.ts";
import { type Config, ConfigError, Secret } from "./config.ts";
import type { Env } from "./define.ts";
import { authenticate } from "./ui-backend/tokens.ts";

export interface OpenOptions {
  clock?: Clock;
  log?: Log;
  fetch?: typeof fetch;
}

export interface OpenWorld extends World {
  /** What handlers of a service may reach. */
  env(service: string): Env;
  /** The configuration, with the secrets that were made for it. */
  readonly config: Config;
  close(): Promise<void>;
}

/**
 * Opens the ports that the configuration names.
 *
 * @throws {ConfigError} when an adapter is asked for that there is not
 */
export async function openWorld(given: Config, options: OpenOptions = {}): Promise<OpenWorld> {
  const problems: string[] = [];
  if (given.KAFKA_BROKERS) problems.push("KAFKA_BROKERS is set, but there is no Kafka adapter yet");
  if (given.REDIS_ADDR || given.REDIS_URL) {
    problems.push("REDIS_ADDR or REDIS_URL is set, but there is no Redis adapter yet");
  }
  if (problems.length > 0) throw new ConfigError(problems);

  const clock = options.clock ?? systemClock;
  const log = options.log ?? consoleLog(given);
  const config = Object.freeze({ ...given, JWT_SECRET: given.JWT_SECRET ?? keptSecret(given) });
  const broker = await openEmbeddedBroker({ directory: config.DATA_DIR, clock });
  const store = await openEmbeddedStore({ directory: config.DATA_DIR, clock });
  const process = {};
  const metrics = new Map<string, Metrics>();
  const metricsOf = (service: string) => {
    let one = metrics.get(service);
    if (!one) metrics.set(service, one = createMetrics(service));
    return one;
  };
  return {
    clock,
    broker,
    store,
    log,
    config,
    hostname: config.HOST,
    allowedOrigins: config.ALLOWED_ORIGINS,
    metrics: metricsOf,
    env: (service) => ({
      config,
      store,
      clock,
      metrics: metricsOf(service),
      fetch: options.fetch ?? fetch,
      process,
    }),
    async authorize(access, token) {
      if (access === "ingest") return ingestCaller(token, config);
      if (!token) throw new HttpProblem(401, "unauthenticated", "This needs a bearer token");
      const caller = await authenticate(token, config, clock.now());
      if (access !== "public" && roles.indexOf(caller.role) < roles.indexOf(access)) {
        throw new HttpProblem(
          403,
          "forbidden",
          `This needs the role ${access}, and ${caller.username} is ${caller.role}`,
        );
      }
      return caller;
    },
    async close() {
      await broker.close();
      await store.close();
    },
  };
}

/** JSON lines on standard output; for people where that is a terminal. */
export function consoleLog(config: Pick<Config, "LOG_LEVEL">): Log {
  return createLog({
    level: config.LOG_LEVEL,
    now: () => systemClock.now(),
    write: (line) => console.log(line),
    pretty: Deno.stdout.isTerminal(),
  });
}

function ingestCaller(token: string | undefined, config: Config) {
  const expected = config.INGEST_TOKEN?.reveal();
  const digest = (text: string) => createHash("sha256").update(text).digest();
  if (expected !== undefined && !timingSafeEqual(digest(expected), digest(token ?? ""))) {
    throw new HttpProblem(401, "unauthenticated", "Telemetry needs the ingest token as bearer");
  }
  return { id: "ingest", username: "ingest", role: "viewer" as const };
}

/** In development a secret is made once and kept beside the data, so that tokens outlive restarts. */
function keptSecret(config: Config): Secret {
  const file = join(config.DATA_DIR, "jwt_secret");
  mkdirSync(config.DATA_DIR, { recursive: true });
  if (!existsSync(file)) {
    writeFileSync(file, randomBytes(48).toString("base64url"));
    chmodSync(file, 0o600);
  }
  return new Secret(readFileSync(file, "utf8").trim());
}
