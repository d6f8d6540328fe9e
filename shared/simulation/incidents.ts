/**
 * What goes wrong, when, and how badly: a schedule that is a pure function of the run, so that it is
 * both the cause of what the signal shows and the ground truth to hold detection against.
 *
 * @module
 */
import { derivedId } from "shared/model/ids.ts";
import { draw, pick } from "./noise.ts";
import type { Profile, Run } from "./profile.ts";

export const incidentKinds = [
  "latency_spike",
  "error_burst",
  "memory_leak",
  "outage",
  "traffic_drop",
  "flapping",
] as const;
export type IncidentKind = (typeof incidentKinds)[number];

/** One thing that goes wrong in one service. Times are epoch milliseconds. */
export interface Incident {
  readonly id: string;
  readonly service: string;
  readonly kind: IncidentKind;
  readonly starts_at: number;
  /** Exclusive. */
  readonly ends_at: number;
  /** How bad it is, 0.75 to 1. */
  readonly magnitude: number;
}

const second = 1_000;
const minute = 60 * second;

/** The numbers of the schedule; `docs/LOAD_SIMULATION.md` has them too. */
export const schedule = {
  /** Each service has at most one incident in each slot, all of it inside. */
  slot_ms: 60 * minute,
  /** The share of slots that have one. */
  chance: 0.85,
  /** Quiet at both ends of a slot, so that two incidents never touch. */
  margin_ms: 5 * minute,
  magnitude: { least: 0.75, most: 1 },
  /** How long each kind lasts. */
  lasts_ms: {
    latency_spike: [2 * minute, 6 * minute],
    error_burst: [2 * minute, 5 * minute],
    memory_leak: [10 * minute, 20 * minute],
    outage: [1.5 * minute, 4 * minute],
    traffic_drop: [3 * minute, 8 * minute],
    flapping: [4 * minute, 8 * minute],
  },
  /** The incident that a fresh start shows: what trips a default rule within seconds. */
  opening: {
    kinds: ["latency_spike", "error_burst"],
    after_ms: [20 * second, 40 * second],
    lasts_ms: [2 * minute, 3 * minute],
  },
} as const;

/**
 * The incidents of a service that are under way at some time in `from <= t < to` (epoch ms), in
 * order; no two overlap.
 */
export function incidentsBetween(
  profile: Profile,
  run: Run,
  from: number,
  to: number,
): Incident[] {
  const opening = openingOf(profile, run);
  const found: Incident[] = opening ? [opening] : [];
  for (let slot = slotOf(from); slot <= slotOf(to - 1); slot++) {
    const incident = scheduled(profile, run, slot);
    if (incident && !(opening && touch(incident, opening))) found.push(incident);
  }
  return found
    .filter((incident) => incident.starts_at < to && incident.ends_at > from)
    .sort((a, b) => a.starts_at - b.starts_at);
}

/** The incident that is under way at `t` (epoch ms). */
export function incidentAt(profile: Profile, run: Run, t: number): Incident | undefined {
  return incidentsBetween(profile, run, t, t + 1)[0];
}

function slotOf(t: number): number {
  return Math.floor(t / schedule.slot_ms);
}

function touch(a: Incident, b: Incident): boolean {
  return a.starts_at < b.ends_at + schedule.margin_ms &&
    b.starts_at < a.ends_at + schedule.margin_ms;
}

function scheduled(profile: Profile, run: Run, slot: number): Incident | undefined {
  const name = `${run.seed}/${profile.name}/incident`;
  if (draw(`${name}/whether`, slot) >= schedule.chance) return undefined;
  const kind = kindOf(profile, draw(`${name}/kind`, slot));
  if (!kind) return undefined;
  const length = between(schedule.lasts_ms[kind], draw(`${name}/length`, slot));
  const first = slot * schedule.slot_ms + schedule.margin_ms;
  const last = (slot + 1) * schedule.slot_ms - schedule.margin_ms - length;
  return incident(
    profile,
    run,
    kind,
    between([first, last], draw(`${name}/start`, slot)),
    length,
    draw(`${name}/magnitude`, slot),
  );
}

function openingOf(profile: Profile, run: Run): Incident | undefined {
  if (run.opening?.service !== profile.name) return undefined;
  const name = `${run.seed}/${profile.name}/opening`;
  const { kinds, after_ms, lasts_ms } = schedule.opening;
  return incident(
    profile,
    run,
    pick(kinds, `${name}/kind`, 0),
    run.opening.at + between(after_ms, draw(`${name}/start`, 0)),
    between(lasts_ms, draw(`${name}/length`, 0)),
    draw(`${name}/magnitude`, 0),
  );
}

function incident(
  profile: Profile,
  run: Run,
  kind: IncidentKind,
  starts_at: number,
  length_ms: number,
  share: number,
): Incident {
  const { least, most } = schedule.magnitude;
  return {
    id: derivedId("incident", run.seed, profile.name, kind, String(starts_at)),
    service: profile.name,
    kind,
    starts_at,
    ends_at: starts_at + length_ms,
    magnitude: Math.round(between([least * 1_000, most * 1_000], share)) / 1_000,
  };
}

/** Picks by weight; undefined when the profile has none that may come. */
function kindOf(profile: Profile, share: number): IncidentKind | undefined {
  const weight = (kind: IncidentKind) => profile.incidents?.[kind] ?? 1;
  let left = share * incidentKinds.reduce((sum, kind) => sum + weight(kind), 0);
  return incidentKinds.find((kind) => (left -= weight(kind)) < 0);
}

function between([least, most]: readonly [number, number], share: number): number {
  return Math.round(least + (most - least) * share);
}

/** What an incident does to its service at one moment: what is added, or taken away. */
export interface Effect {
  /** Share of the demand that is gone, 0 to 1. */
  readonly demand_lost: number;
  /** Milliseconds that the 95th percentile gains. */
  readonly latency_ms: number;
  /** Share of the requests that fail besides the usual ones, 0 to 1. */
  readonly failing: number;
  /** Share of the way from its usual value to full, 0 to 1. */
  readonly cpu: number;
  readonly memory: number;
  /** Share of the log lines that become errors, 0 to 1. */
  readonly error_lines: number;
  readonly down: boolean;
}

const none: Effect = {
  demand_lost: 0,
  latency_ms: 0,
  failing: 0,
  cpu: 0,
  memory: 0,
  error_lines: 0,
  down: false,
};

/** Full effect is reached, and left again, in this long. */
const edge_ms = 10 * second;
/** A flapping service is well and ill in turn, each for this long. */
const flap_ms = 25 * second;

/** What the incident (or none) does at `t`, which lies within it. */
export function effectOf(incident: Incident | undefined, t: number): Effect {
  if (!incident) return none;
  const { kind, magnitude, starts_at, ends_at } = incident;
  const age = t - starts_at;
  const force = magnitude * Math.min(1, age / edge_ms, (ends_at - t) / edge_ms);
  switch (kind) {
    case "latency_spike":
      return {
        ...none,
        latency_ms: 3_000 * force,
        failing: 0.06 * force,
        cpu: 0.75 * force,
        error_lines: 0.2 * force,
      };
    case "error_burst":
      return { ...none, latency_ms: 150 * force, failing: 0.4 * force, error_lines: 0.7 * force };
    case "memory_leak": {
      // Grows for four fifths of its time, then stands, then a restart ends it at once.
      const leaked = magnitude * Math.min(1, age / (0.8 * (ends_at - starts_at)));
      return {
        ...none,
        memory: 0.97 * leaked,
        cpu: 0.25 * leaked,
        latency_ms: 250 * leaked ** 3,
        error_lines: 0.1 * leaked ** 3,
      };
    }
    case "outage":
      return {
        ...none,
        demand_lost: 0.95 * force,
        latency_ms: 4_000 * force,
        failing: 0.95 * force,
        error_lines: 0.8 * force,
        down: force > 0.5,
      };
    case "traffic_drop":
      return { ...none, demand_lost: 0.95 * force };
    case "flapping": {
      if (Math.floor(age / flap_ms) % 2 === 1) return none;
      return {
        ...none,
        latency_ms: 400 * magnitude,
        failing: 0.4 * magnitude,
        error_lines: 0.6 * magnitude,
      };
    }
  }
}
