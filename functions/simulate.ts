/**
 * Makes a simulated service of a profile, with two functions: the one place where a simulation
 * meets the clock, the topics and the store. What the numbers are is `shared/simulation`'s to say.
 *
 * @module
 */
import { serviceLogs, serviceMetrics } from "shared/model/topics.ts";
import { type Incident, incidentAt } from "shared/simulation/incidents.ts";
import { logsAt, logsEvery, metricsAt, metricsEvery } from "shared/simulation/messages.ts";
import type { Profile, Run } from "shared/simulation/profile.ts";
import { put } from "shared/store/port.ts";
import {
  type Context,
  defineFunction,
  defineKind,
  defineService,
  type Env,
  every,
  perProcess,
  type Service,
} from "functions/define.ts";

/**
 * The ground truth: what was simulated to go wrong, by incident id, ranked by when it began. Each
 * service writes its own.
 */
export const incidentKind = defineKind<Incident>({ name: "incident", writer: "simulators" });

/** How long the ground truth is kept: as long as samples, and some days more to look back. */
export const incidentsKept_ms = 7 * 86_400_000;

/**
 * A service that reports metrics and log lines as its profile says, and records its incidents.
 *
 * @example
 * ```ts
 * simulate(auth, config.AUTH_PORT)
 * ```
 */
export function simulate(profile: Profile, port: number): Service {
  const metrics = defineFunction({
    name: `${profile.name}.metrics`,
    on: every(profile.metrics_every ?? metricsEvery),
    emits: [serviceMetrics],
    async handler({ at }, ctx) {
      const run = currentRun(profile, ctx);
      for (const metric of metricsAt(profile, run, at)) {
        ctx.emit(serviceMetrics, { id: ctx.uuid(), ...metric });
      }
      const incident = incidentAt(profile, run, at);
      if (incident && !await ctx.store.get(incidentKind, incident.id)) {
        const options = { rank: incident.starts_at, ttl_ms: incidentsKept_ms };
        ctx.save(put(incidentKind, incident.id, incident, options));
      }
    },
  });
  const logs = defineFunction({
    name: `${profile.name}.logs`,
    on: every(profile.logs_every ?? logsEvery),
    emits: [serviceLogs],
    handler({ at }, ctx) {
      for (const log of logsAt(profile, currentRun(profile, ctx), at)) {
        ctx.emit(serviceLogs, { id: ctx.uuid(), ...log });
      }
    },
  });
  return defineService({ name: profile.name, port, simulated: true, functions: [metrics, logs] });
}

const runs = perProcess<{ run?: Run }>(() => ({}));

/**
 * The run of this process. Its first tick draws the seed (unless one is configured) and gives the
 * service that it belongs to the opening incident, whichever services the process has.
 */
function currentRun(profile: Profile, ctx: Context & Env): Run {
  const process = runs(ctx);
  if (!process.run) {
    const seed = ctx.config.SIMULATOR_SEED ?? ctx.uuid();
    process.run = { seed, opening: { service: profile.name, at: ctx.now } };
    ctx.log.info("Simulation started", { seed, opening: process.run.opening });
  }
  return process.run;
}
