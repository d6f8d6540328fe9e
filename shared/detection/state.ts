/**
 * What detection remembers of a partition: for each series its points, windows and episodes. Plain
 * memory; `snapshot.ts` turns it into JSON and back.
 *
 * @module
 */
import type { Alert } from "shared/model/alert.ts";
import type { Labels } from "shared/model/labels.ts";
import { Ids } from "./ids.ts";
import { Points } from "./points.ts";
import type { CompiledRule, RuleSet } from "./rules.ts";
import type { Sums, Window } from "./windows.ts";

/** How late a sample may be, against the newest of its series, and how far ahead of the clock. */
export const lateness_ms = 60_000;

/** How long points are kept when no rule needs more, so that a new rule has history at once. */
export const leastHistory_ms = 900_000;

/** A series that is silent for this long (or its longest window) resolves what fires on it. */
export const leastSilence_ms = 300_000;

/** A series with nothing to tell is forgotten when silent for this long (or its longest window). */
export const idle_ms = 3_600_000;

/** A series on which something still fires (its absence) is forgotten after a day. */
export const abandoned_ms = 86_400_000;

/** Most series of a partition; samples of further ones are stored but not watched. */
export const maxSeries = 50_000;

/** Most ids remembered per generation against duplicates; two generations are looked at. */
export const maxIds = 8_192;

/** Most log lines kept for the explanation of a burst. */
export const maxLines = 20;

/** One rule's doings on one series; there is none while the rule is inactive. */
export interface Episode {
  /** `over` remembers when it began, for the cooldown. */
  phase: "pending" | "firing" | "over";
  /** Event time of the first breach of a pending episode. */
  since: number;
  /** Event time at which the last episode went firing. */
  began?: number;
  /** While firing: event time since which the condition no longer holds. */
  cleared?: number;
  /** Fingerprint of the labels that the rule gives, before a score raises the severity. */
  identity: string;
  /** While firing. */
  alert?: Alert;
}

/** A rule attached to a series. */
export interface Attached {
  readonly rule: CompiledRule;
  episode: Episode | undefined;
}

/** A rule that samples breach. */
export interface Watch extends Attached {
  readonly window: Window;
}

/** A log line as explanations show it. */
export interface Line {
  t: number;
  level: string;
  message: string;
  trace_id?: string;
}

export class SeriesState {
  readonly points: Points = new Points();
  /** Greatest event time seen: where its windows end. */
  newest = -Infinity;
  /** When its last sample was handled, by the clock. */
  arrived = -Infinity;
  /** Ids of late: those seen since `rotated`, and of the generation before. */
  recent: Ids = new Ids();
  older: Ids = new Ids();
  rotated = -Infinity;
  /** The rules it was attached to; another set means that it has to be attached again. */
  rules: RuleSet | undefined;
  watches: Watch[] = [];
  /** Absence rules: time breaches them, not samples. */
  absences: Attached[] = [];
  windows: Window[] = [];
  /** By rule id, whether or not the rule is attached. */
  episodes: Map<string, Episode> = new Map();
  history_ms: number = leastHistory_ms;
  /** The least silence that means something to one of its rules. */
  patience_ms = Infinity;
  idle_ms: number = idle_ms;
  /** Sums of its windows by length, from a snapshot, until they are attached. */
  sums: Map<number, Sums> | undefined;
  lines: Line[] = [];
  dirty = true;

  constructor(
    readonly key: string,
    readonly service: string,
    readonly metric: string,
    readonly labels: Labels,
    readonly unit: string,
  ) {}
}

export interface DetectionState {
  readonly series: Map<string, SeriesState>;
  /** Series forgotten since the last snapshot. */
  readonly forgotten: Set<string>;
  /** When time was last let pass; not stored. */
  swept_at: number;
}

/** A state that has seen nothing. */
export function createState(): DetectionState {
  return { series: new Map(), forgotten: new Set(), swept_at: -Infinity };
}
