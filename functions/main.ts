/**
 * `deno task start [service…]`: configuration → world → run. With `--dev` it greets a person.
 *
 * @module
 */
import { looseEnds } from "shared/runner/check.ts";
import { run } from "shared/runner/run.ts";
import { outsideTraces } from "shared/telemetry/trace.ts";
import { type Config, ConfigError, readConfig } from "./config.ts";
import { alerting, checkAlerting } from "./alert-engine/alerting.ts";
import { seedRules } from "./analyzer/defaults.ts";
import { services as allServices } from "./mod.ts";
import { traffic } from "./ui-backend/stats/traffic.ts";
import { closeLive } from "./ui-backend/live/live.ts";
import { consoleLog, openWorld } from "./world.ts";

/** Starts the named services (none: all) and resolves with what stops them. */
export async function start(config: Config, names: readonly string[], dev: boolean) {
  const addresses = new Map<string, string>();
  const { chosen, warnings } = checked(config, names, addresses);
  const world = await openWorld(config);
  const { log } = world;
  // Its uptime begins here, not with the first request.
  traffic(world.env("ui-backend"));
  try {
    for (const warning of warnings) log.warn(warning, { service: "alert-engine" });
    await seedRules(world.store, world.clock.now());
    const running = await run(chosen, world);
    for (const [service, address] of running.addresses) {
      addresses.set(service, address);
      log.info(`Listening on ${address}`, { service, address });
    }
    if (dev) greet(world.config, running.addresses);
    return {
      addresses: running.addresses,
      /** Reads ALERTING_CONFIG again; a bad one is reported and the old one stays. */
      reload() {
        try {
          alerting(world.env("alert-engine")).reload();
          log.info("Alerting configuration reloaded", { service: "alert-engine" });
        } catch (error) {
          log.error("Alerting configuration not reloaded", { service: "alert-engine", error });
        }
      },
      async stop() {
        try {
          await closeLive(world.env("ui-backend"));
          await running.stop();
        } finally {
          await world.close();
        }
        log.info("Stopped");
      },
    };
  } catch (error) {
    await world.close();
    throw error;
  }
}

/**
 * Reads the environment. Where a variable is wrong, what the others lead to (services that are
 * named, files) is looked at too, which `start` does else: all that is wrong is told at once.
 *
 * @throws {ConfigError}
 */
export function readEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
  names: readonly string[],
): Config {
  try {
    return readConfig(environment);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const left = Object.fromEntries(error.variables.map((name) => [name, undefined]));
    // The rules of production were looked at, and may have no default that keeps them.
    const rest = readConfig({ ...environment, ...left, ENVIRONMENT: undefined });
    throw new ConfigError([...error.problems, ...problemsOf(() => checked(rest, names))]);
  }
}

/** What a configuration leads to. @throws {ConfigError} */
function checked(config: Config, names: readonly string[], addresses?: Map<string, string>) {
  const all = allServices(config, addresses);
  let chosen: typeof all = [];
  let warnings: string[] = [];
  const problems = [
    ...problemsOf(() => chosen = choose(all, names, config)),
    ...looseEnds(all),
    ...problemsOf(() => ({ warnings } = checkAlerting(config))),
  ];
  if (problems.length > 0) throw new ConfigError(problems);
  return { chosen, warnings };
}

function problemsOf(work: () => void): readonly string[] {
  try {
    work();
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
}

function choose(
  all: ReturnType<typeof allServices>,
  names: readonly string[],
  config: Config,
): ReturnType<typeof allServices> {
  const problems: string[] = [];
  const unknown = names.filter((name) => !all.some((service) => service.name === name));
  if (unknown.length > 0) {
    problems.push(
      `There is no service "${unknown.join('", "')}"; there are ${
        all.map((service) => service.name).join(", ")
      }`,
    );
  }
  const simulators = config.SIMULATORS;
  const noSimulator =
    simulators?.filter((name) =>
      name !== "none" && !all.some((service) => service.simulated && service.name === name)
    ) ?? [];
  if (noSimulator.length > 0) {
    problems.push(`SIMULATORS names no simulated service: "${noSimulator.join('", "')}"`);
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return all.filter((service) =>
    names.length > 0
      ? names.includes(service.name)
      : !service.simulated || !simulators || simulators.includes(service.name)
  );
}

function greet(config: Config, addresses: ReadonlyMap<string, string>): void {
  const at = (service: string) => addresses.get(service)?.replace("127.0.0.1", "localhost");
  console.log(`
  EventFlow is running

  dashboard     ${at("dashboard")}
  API           ${at("ui-backend")}   documentation ${at("ui-backend")}/docs/
  telemetry in  ${at("ingest")}   OTEL_EXPORTER_OTLP_ENDPOINT=${at("ingest")}
  log in        admin / ${config.ADMIN_PASSWORD.reveal() === "admin" ? "admin" : "ADMIN_PASSWORD"}${
    config.DEMO_LOGIN ? `, or any name / demo` : ""
  }
  data          ${config.DATA_DIR}
`);
}

async function main(): Promise<void> {
  const names = Deno.args.filter((arg) => arg !== "--dev");
  let running: Awaited<ReturnType<typeof start>>;
  try {
    const config = readEnvironment(Deno.env.toObject(), names);
    running = await start(config, names, Deno.args.includes("--dev"));
  } catch (error) {
    if (error instanceof ConfigError) {
      console.error(error.message);
    } else {
      consoleLog({ LOG_LEVEL: "error" }).error("Cannot start", { error });
    }
    Deno.exit(1);
  }
  let stopping = false;
  const stop = async () => {
    // A terminal sends one Ctrl-C to everybody, and the task runner hands it on once more.
    if (stopping) return;
    stopping = true;
    try {
      await running.stop();
    } catch (error) {
      consoleLog({ LOG_LEVEL: "error" }).error("Cannot stop in order", { error });
      Deno.exit(1);
    }
    Deno.exit(0);
  };
  for (const signal of ["SIGTERM", "SIGINT"] as const) Deno.addSignalListener(signal, stop);
  Deno.addSignalListener("SIGHUP", () => running.reload());
  // Under --watch the program is replaced without a signal.
  globalThis.addEventListener("unload", () => void (stopping || running.stop()));
}

if (import.meta.main) {
  globalThis.addEventListener("unhandledrejection", (event) => {
    consoleLog({ LOG_LEVEL: "error" }).error("Unhandled rejection", { error: event.reason });
    Deno.exit(1);
  });
  await outsideTraces(main);
}
