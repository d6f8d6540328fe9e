/**
 * Detection's memory as compact JSON, one part for each series, and back. What is restored goes on
 * exactly as what was never interrupted, to the last bit of a sum.
 *
 * @module
 */
import type { Labels } from "shared/model/labels.ts";
import { hash32 } from "shared/model/ids.ts";
import type { Ids } from "./ids.ts";
import { type DetectionState, type Episode, type Line, SeriesState } from "./state.ts";
import type { Sums } from "./windows.ts";

/** A stored series. */
interface Part {
  service: string;
  metric: string;
  labels: Labels;
  unit: string;
  newest: number;
  arrived: number;
  rotated: number;
  ids: [older: string[], recent: string[]];
  /** Milliseconds since the point before (the first: since the epoch). */
  t: number[];
  v: number[];
  /** By length of the window, milliseconds. */
  sums: [number, Sums][];
  episodes: [rule_id: string, Episode][];
  lines: Line[];
}

/** The series that changed since the last call, by key; `null` for those that were forgotten. */
export function* dirtyParts(state: DetectionState): Iterable<[key: string, part: unknown]> {
  for (const key of state.forgotten) yield [key, null];
  state.forgotten.clear();
  for (const series of state.series.values()) {
    if (!series.dirty) continue;
    series.dirty = false;
    yield [series.key, partOf(series)];
  }
}

/** Puts a stored series back; its rules are attached again at its next sample or sweep. */
export function restorePart(state: DetectionState, key: string, part: unknown): void {
  const stored = part as Part;
  const { service, metric, labels, unit } = stored;
  const series = new SeriesState(key, service, metric, labels, unit);
  series.newest = stored.newest;
  series.arrived = stored.arrived;
  series.rotated = stored.rotated;
  refill(series.older, stored.ids[0]);
  refill(series.recent, stored.ids[1]);
  let t = 0;
  for (const [i, gap] of stored.t.entries()) series.points.push(t += gap, stored.v[i]!);
  series.sums = new Map(stored.sums);
  series.episodes = new Map(stored.episodes);
  series.lines = [...stored.lines];
  series.dirty = false;
  state.series.set(key, series);
}

function partOf(series: SeriesState): Part {
  const { points } = series;
  const t: number[] = [];
  const v: number[] = [];
  let before = 0;
  for (let i = points.first; i < points.end; i++) {
    t.push(points.t(i) - before);
    v.push(points.v(i));
    before = points.t(i);
  }
  // Sums that are not finite (of values near the largest double) are counted anew when restored.
  const sums: [number, Sums][] = series.windows.map(({ ms, sums }) => [ms, sums]);
  return {
    service: series.service,
    metric: series.metric,
    labels: series.labels,
    unit: series.unit,
    newest: series.newest,
    arrived: series.arrived,
    rotated: series.rotated,
    ids: [[...series.older.list], [...series.recent.list]],
    t,
    v,
    sums: [...(series.sums ?? []), ...sums].filter(([, numbers]) => numbers.every(Number.isFinite)),
    episodes: [...series.episodes].map(([id, episode]) => [id, { ...episode }]),
    lines: [...series.lines],
  };
}

function refill(ids: Ids, list: readonly string[]): void {
  for (const id of list) ids.add(id, hash32(id));
}
