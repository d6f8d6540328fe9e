/**
 * What a simulated service measures at a moment: a pure function of profile, run and time, without
 * any state, so that replicas and restarts agree and a day can be replayed in a second.
 *
 * Everything follows from one number, the load, so that latency, errors and CPU rise with it
 * together, as they do in a real service. `docs/LOAD_SIMULATION.md` explains the model.
 *
 * @module
 */
import { type Effect, effectOf, type Incident, incidentAt } from "./incidents.ts";
import { rough, smooth, tail } from "./noise.ts";
import type { Day, Profile, Range, Run } from "./profile.ts";

/** What a service is like at one moment. Percent from 0 to 100, times in milliseconds. */
export interface Signal {
  /** How busy it is, 0 to 1. */
  readonly load: number;
  /** Requests a second. */
  readonly request_rate: number;
  /** The mean. */
  readonly latency: number;
  readonly latency_p50: number;
  readonly latency_p95: number;
  readonly latency_p99: number;
  readonly error_rate: number;
  readonly cpu: number;
  readonly memory: number;
  /** 1 is up, 0 is down. */
  readonly status: number;
  /** The profile's own measures, in its order. */
  readonly measures: readonly number[];
  /** The incident that is under way, and what it does. */
  readonly incident: Incident | undefined;
  readonly effect: Effect;
}

const minute = 60_000;
const hour = 60 * minute;

/** The share that noise has of a value between quiet and busy; the rest is the load's. */
const noiseShare = 0.3;

/**
 * The signal of a service at `t` (epoch ms).
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import orders from "functions/orders/profile.ts";
 *
 * const { cpu } = signalAt(orders, { seed: "42" }, Date.UTC(2026, 0, 5, 12));
 * assert(cpu > 30 && cpu < 65);
 * ```
 */
export function signalAt(profile: Profile, run: Run, t: number): Signal {
  const name = (what: string) => `${run.seed}/${profile.name}/${what}`;
  const incident = incidentAt(profile, run, t);
  const effect = effectOf(incident, t);

  const load = loadAt(profile.day, name("load"), t) * (1 - effect.demand_lost);
  /** Between quiet and busy by a level from 0 to 1, with noise; never outside of the two. */
  const within = (range: Range, level: number, what: string) =>
    range.quiet +
    (range.busy - range.quiet) * ((1 - noiseShare) * level + noiseShare * rough(name(what), t));
  const towardsFull = (value: number, share: number) => value + (100 - value) * share;

  // Mean time in an M/M/1 queue: service time / (1 − utilisation).
  const waiting = 1 / (1 - profile.latency.utilisation * load);
  const about = (value: number, what: string, spread: number) =>
    value * waiting * (1 + spread * (2 * rough(name(what), t) - 1));
  const slow = tail(name("slow"), t);
  const p50 = about(profile.latency.p50, "latency_p50", 0.12);
  const p95 = Math.max(p50, about(profile.latency.p95, "latency_p95", 0.14) * (1 + 0.02 * slow));
  const p99 = Math.max(p95, about(profile.latency.p99, "latency_p99", 0.16) * (1 + 0.12 * slow));
  // Mean of the log-normal distribution that has this median and 95th percentile (z = 1.645).
  const sigma = Math.log(profile.latency.p95 / profile.latency.p50) / 1.645;
  const mean = about(profile.latency.p50, "latency", 0.14) * Math.exp(sigma ** 2 / 2);

  const cycle = (t % (3 * minute)) / (3 * minute); // Garbage grows and is collected.
  const level = 0.5 * load + 0.3 * smooth(name("memory"), t, 30 * minute) + 0.2 * cycle;

  return {
    load,
    request_rate: within(profile.request_rate, load, "request_rate") * (1 - effect.demand_lost),
    latency: mean + 0.5 * effect.latency_ms,
    latency_p50: p50 + 0.35 * effect.latency_ms,
    latency_p95: p95 + effect.latency_ms,
    latency_p99: p99 + 1.6 * effect.latency_ms,
    error_rate: towardsFull(within(profile.error_rate, load ** 2, "error_rate"), effect.failing),
    cpu: towardsFull(within(profile.cpu, load, "cpu"), effect.cpu),
    memory: towardsFull(within(profile.memory, level, "heap"), effect.memory),
    status: effect.down ? 0 : 1,
    measures: profile.measures.map((measure, i) => {
      const usual = within(measure, load, `measure/${i}`);
      const done = measure.unit === "1/min" ? usual * (1 - effect.demand_lost) : usual;
      const value = done + effect.failing * (measure.trouble ?? 0);
      return measure.unit === "percent" ? Math.min(100, value) : value;
    }),
    incident,
    effect,
  };
}

/** The load before anything goes wrong: the day's shape, minutes of drift, seconds of bursts. */
function loadAt(day: Day, name: string, t: number): number {
  const hours = (t / hour) % 24;
  let load = day.mean;
  for (const { per_day, amplitude, peak_hour } of day.waves) {
    load += amplitude * Math.cos((2 * Math.PI * per_day * (hours - peak_hour)) / 24);
  }
  load += 0.08 * (smooth(`${name}/drift`, t, 10 * minute) - 0.5);
  load += 0.06 * (rough(name, t) - 0.5);
  load += day.burst * smooth(`${name}/burst`, t, 15_000);
  return Math.min(1, Math.max(0, load));
}
