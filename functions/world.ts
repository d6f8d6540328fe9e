/**
 * The assembly of the world: which adapters stand behind the ports, and what handlers may reach.
 *
 * @module
 */
import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { existsSync, linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openEmbeddedBroker } from "shared/broker/embedded.ts";
import type { Broker } from "shared/broker/port.ts";
import { HttpProblem } from "shared/define/mod.ts";
import { roles } from "shared/define/mod.ts";
import type { World } from "shared/runner/world.ts";
import { openEmbeddedStore } from "shared/store/embedded.ts";
import type { Store } from "shared/store/port.ts";
import { createLog, type Log } from "shared/telemetry/log.ts";
import { createMetrics, type Metrics } from "shared/telemetry/metrics.ts";
import { type Clock, systemClock } from "shared/time/clock.ts";
import { type Config, Secret } from "./config.ts";
import type { Env } from "./define.ts";
import { authenticate } from "./ui-backend/auth/tokens.ts";

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
 * Opens the ports that the configuration names: Kafka and Redis where they are, else the embedded
 * ones.
 *
 * @throws {Unavailable} when one of them cannot be reached
 */
export async function openWorld(given: Config, options: OpenOptions = {}): Promise<OpenWorld> {
  const clock = options.clock ?? systemClock;
  const log = options.log ?? consoleLog(given);
  const config = Object.freeze({ ...given, JWT_SECRET: given.JWT_SECRET ?? keptSecret(given) });
  const broker = await openBroker(config, clock, log);
  const store = await openStore(config, clock, log).catch(async (error) => {
    await broker.close();
    throw error;
  });
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
    trustedProxies: config.TRUSTED_PROXIES,
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
      try {
        await broker.close();
      } finally {
        await store.close();
      }
    },
  };
}

async function openBroker(config: Config, clock: Clock, log: Log): Promise<Broker> {
  if (!config.KAFKA_BROKERS) return openEmbeddedBroker({ directory: config.DATA_DIR, clock });
  // Loaded where it is used: most processes on a laptop never need it.
  const { openKafkaBroker } = await import("shared/broker/kafka.ts");
  const ca = config.KAFKA_SSL_CA && readFileSync(config.KAFKA_SSL_CA, "utf8");
  return await openKafkaBroker({
    brokers: config.KAFKA_BROKERS,
    clientId: "eventflow",
    topicPrefix: config.KAFKA_TOPIC_PREFIX,
    ...(config.KAFKA_SSL || ca ? { ssl: ca ? { ca } : true } : {}),
    ...(config.KAFKA_SASL_MECHANISM
      ? {
        sasl: {
          mechanism: config.KAFKA_SASL_MECHANISM,
          username: config.KAFKA_SASL_USERNAME!,
          password: config.KAFKA_SASL_PASSWORD!.reveal(),
        },
      }
      : {}),
    clock,
    log,
  });
}

async function openStore(config: Config, clock: Clock, log: Log): Promise<Store> {
  if (!config.REDIS_URL && !config.REDIS_ADDR) {
    return openEmbeddedStore({ directory: config.DATA_DIR, clock });
  }
  const { openRedisStore } = await import("shared/store/redis.ts");
  return await openRedisStore({
    url: config.REDIS_URL?.reveal(),
    address: config.REDIS_ADDR,
    ca: config.REDIS_SSL_CA && readFileSync(config.REDIS_SSL_CA, "utf8"),
    clock,
    log,
  });
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
    // Written aside and linked: whoever finds it finds all of it, and of two processes that start at
    // once one makes it.
    const draft = `${file}.${randomBytes(8).toString("hex")}`;
    try {
      writeFileSync(draft, randomBytes(48).toString("base64url"), { mode: 0o600, flag: "wx" });
      linkSync(draft, file);
    } catch (error) {
      if (!existsSync(file)) throw error;
    } finally {
      rmSync(draft, { force: true });
    }
  }
  return new Secret(readFileSync(file, "utf8").trim());
}
