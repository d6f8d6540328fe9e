/**
 * What is remembered of cumulative series, so that a point can be told as what happened since the
 * one before it. Asking again for a point that was asked for before gives the same answer: a sender
 * whose request was answered 503 sends the same points again.
 *
 * @module
 * @see https://opentelemetry.io/docs/specs/otel/metrics/data-model/#resets-and-gaps
 */
import { Unusable } from "./values.ts";

/** A point of a cumulative series. Times are epoch milliseconds. */
export interface Cumulative<T> {
  readonly t: number;
  /** When counting began; undefined when the sender does not know. */
  readonly start: number | undefined;
  readonly total: T;
  /** How many numbers `total` keeps. */
  readonly size: number;
  /** Which stream this belongs to: resource, scope, metric. */
  readonly stream: string;
  /** Which series of the stream: attributes. */
  readonly series: string;
}

/** What happened in (from, t]. */
export interface Increase<T> {
  readonly from: number;
  readonly total: T;
}

/** Points that are kept of a series: requests that are sent again come at most this late. */
const kept = 3;
/** The shortest interval of a first point and of one after a reset: see `firstSight`. */
const shortest_ms = 1_000;

interface Stream {
  /** Times of the newest exports, ascending. */
  times: number[];
  readonly series: Map<string, Series>;
  weight: number;
}

interface Series {
  /** Ascending by time. */
  points: Cumulative<unknown>[];
  /** Older points were forgotten. */
  forgot: boolean;
  weight: number;
}

/** Bounded memory of series; the streams that were not heard of for longest are forgotten first. */
export class Memory {
  readonly #streams = new Map<string, Stream>();
  readonly #limit: number;
  #weight = 0;

  /** @param limit most numbers that are kept, of about 16 bytes each */
  constructor(limit = 4_000_000) {
    this.#limit = limit;
  }

  /** How many numbers are kept now. */
  get weight(): number {
    return this.#weight;
  }

  /**
   * What happened between the last point of the series before this one, and this one.
   *
   * A reset is a new start, or a total that fell: then all that was counted is new.
   *
   * @param subtract what is new in the later total, undefined when it fell
   * @returns undefined when the point says nothing by itself: the first of a series without start,
   * or one that is older than what is remembered
   * @throws {Unusable} when there is no room for one more series
   */
  increase<T>(
    point: Cumulative<T>,
    subtract: (later: T, earlier: T) => T | undefined,
  ): Increase<T> | undefined {
    const stream = this.#streamOf(point);
    const before = last(stream.times, point.t, (time) => time);
    const series = this.#remember(stream, point);
    const base = last(series.points, point.t, (past) => past.t) as Cumulative<T> | undefined;
    if (!base) return series.forgot ? undefined : firstSight(point, before);
    const restarted = point.start !== undefined && base.start !== undefined &&
      point.start > base.start;
    const rest = restarted ? undefined : subtract(point.total, base.total);
    if (rest !== undefined) return { from: base.t, total: rest };
    const start = Math.min(point.start ?? base.t, point.t - shortest_ms);
    return { from: Math.max(base.t, start), total: point.total };
  }

  #streamOf(point: Cumulative<unknown>): Stream {
    let stream = this.#streams.get(point.stream);
    if (stream) this.#streams.delete(point.stream);
    else {
      const weight = 16 + point.stream.length / 8;
      stream = { times: [], series: new Map(), weight };
      this.#weight += weight;
    }
    // The newest are last: the first is the one to forget.
    this.#streams.set(point.stream, stream);
    return stream;
  }

  #remember(stream: Stream, point: Cumulative<unknown>): Series {
    let series = stream.series.get(point.series);
    if (series?.points.some((past) => past.t === point.t)) return series;
    // Room for all points that will be kept: a series that was let in can go on.
    const weight = 8 + point.series.length / 8 + kept * (12 + point.size);
    const more = weight - (series?.weight ?? 0);
    if (more > 0) {
      this.#makeRoom(stream, point.series, more);
      stream.weight += more;
      this.#weight += more;
    }
    if (!series) {
      series = { points: [], forgot: false, weight };
      stream.series.set(point.series, series);
    }
    series.weight = Math.max(series.weight, weight);
    insert(series.points, point, (past) => past.t);
    if (series.points.length > kept) {
      series.points.shift();
      series.forgot = true;
    }
    if (!stream.times.includes(point.t)) {
      insert(stream.times, point.t, (time) => time);
      if (stream.times.length > kept) stream.times.shift();
    }
    return series;
  }

  #makeRoom(stream: Stream, asking: string, wanted: number): void {
    for (const [name, other] of this.#streams) {
      if (this.#weight + wanted <= this.#limit) return;
      if (other === stream) break;
      this.#streams.delete(name);
      this.#weight -= other.weight;
    }
    if (this.#weight + wanted <= this.#limit) return;
    // What the newest exports did not have will not come again.
    const oldest = stream.times[0] ?? -Infinity;
    for (const [name, series] of stream.series) {
      if (name === asking || series.points.at(-1)!.t >= oldest) continue;
      stream.series.delete(name);
      stream.weight -= series.weight;
      this.#weight -= series.weight;
    }
    if (this.#weight + wanted > this.#limit) {
      throw new Unusable("a metric must not have more series than there is memory for");
    }
  }
}

/**
 * The first point of a series: all that was counted is new. Since when? An export has all series of
 * its stream, so one that the export before did not have has counted since then. In a stream that
 * is new itself it has counted since its start; but SDKs may say that a series starts when its
 * first value came, moments before the export, and one value in some milliseconds is not hundreds
 * per second: such an interval is taken as a second.
 */
function firstSight<T>(point: Cumulative<T>, before: number | undefined): Increase<T> | undefined {
  if (point.start === undefined) return undefined;
  return { from: Math.min(before ?? point.start, point.t - shortest_ms), total: point.total };
}

/** The last item before a time. */
function last<T>(items: readonly T[], before: number, at: (item: T) => number): T | undefined {
  return items.findLast((item) => at(item) < before);
}

function insert<T>(items: T[], item: T, at: (item: T) => number): void {
  const i = items.findIndex((other) => at(other) > at(item));
  items.splice(i < 0 ? items.length : i, 0, item);
}
