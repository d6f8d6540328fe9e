/**
 * Series and their points in the embedded store. The series are in memory too, with their newest
 * sample: few, and asked for all the time.
 *
 * @module
 */
import { hash52 } from "shared/model/ids.ts";
import type { Sample } from "shared/model/metric.ts";
import { type Database, fromText, toText } from "shared/sqlite/database.ts";
import type { Clock } from "shared/time/clock.ts";
import type { Point, Series, StoreReader } from "../port.ts";

/** Most series that one transaction of the housekeeping looks at. */
const dropSeries = 500;

export const seriesSchema = `
  create table if not exists series (
    id integer primary key, key text not null unique, service text not null, metric text not null,
    labels text not null, unit text not null
  );
  create table if not exists points (
    series integer not null, t integer not null, k integer not null, v real not null,
    primary key (series, t, k)
  ) without rowid
`;

/** A series with its place in the file. */
export interface Known extends Series {
  readonly id: number;
}

export type RangeQuery = Parameters<StoreReader["range"]>[0];

export class SeriesTable {
  readonly #db: Database;
  /** All series, by identity, and those of a service. */
  readonly #known = new Map<string, Known>();
  readonly #byService = new Map<string, Set<string>>();

  constructor(db: Database) {
    this.#db = db;
    const newest = db.prepare(
      "select t, v from points where series = ? order by t desc, k limit 1",
    );
    const rows = db.prepare("select id, key, service, metric, labels, unit from series")
      .all();
    for (const row of rows as [number, string, string, string, string, string][]) {
      const [id, key, service, metric, labels, unit] = row;
      const last = newest.get(id) as [number, number] | undefined;
      if (!last) continue;
      this.#know({
        id,
        series: fromText(key),
        service: fromText(service),
        metric: fromText(metric),
        labels: JSON.parse(labels),
        unit: fromText(unit),
        last: { t: last[0], v: last[1] },
      });
    }
  }

  #know(series: Known) {
    this.#known.set(series.series, series);
    const keys = this.#byService.get(series.service);
    if (keys) keys.add(series.series);
    else this.#byService.set(series.service, new Set([series.series]));
  }

  /** The series there are, ordered by identity. */
  list(where: { service?: string; metric?: string }): Series[] {
    return this.#find(where).map(withoutId);
  }

  #find({ service, metric }: { service?: string; metric?: string }): Known[] {
    const keys = service === undefined ? this.#known.keys() : this.#byService.get(service) ?? [];
    const found: Known[] = [];
    for (const key of keys) {
      const one = this.#known.get(key)!;
      if (metric === undefined || one.metric === metric) found.push(one);
    }
    return found.sort((a, b) => a.series < b.series ? -1 : a.series > b.series ? 1 : 0);
  }

  range(query: RangeQuery): (Series & { points: Point[] })[] {
    const { from, to, step_ms } = query;
    if (step_ms !== undefined && !(Number.isInteger(step_ms) && step_ms > 0)) {
      throw new RangeError(
        `Cannot read a range as step_ms must be a whole number above 0: current value is "${step_ms}"`,
      );
    }
    const all: (Series & { points: Point[] })[] = [];
    for (const one of this.#find(query)) {
      if (one.last.t < from) continue;
      const points = step_ms === undefined
        ? this.#points(one.id, from, to)
        : this.#steps(one.id, from, to, step_ms);
      if (points.length > 0) all.push({ ...withoutId(one), points });
    }
    return all;
  }

  #points(series: number, from: number, to: number): Point[] {
    const rows = this.#db.read(() =>
      this.#db.prepare("select t, v from points where series = ? and t between ? and ? order by t")
        .all(series, from, to)
    ) as [number, number][];
    return rows.map(([t, v]) => ({ t, v }));
  }

  #steps(series: number, from: number, to: number, step_ms: number): Point[] {
    const rows = this.#db.read(() =>
      this.#db.prepare(`
        select t - ((t % ?1) + ?1) % ?1 as step, avg(v), min(v), max(v), count(*) from points
        where series = ?2 and t between ?3 and ?4 group by step order by step
      `).all(step_ms, series, from, to)
    ) as [number, number, number, number, number][];
    return rows.map(([t, v, min, max, count]) => ({ t, v, min, max, count }));
  }

  /** Adds a sample, within a transaction; `appended` gets its series with the newest sample of it. */
  append(sample: Sample, appended: Map<string, Known>) {
    const { series, t, v, unit } = sample;
    let one = appended.get(series);
    if (!one) {
      const known = this.#known.get(series);
      const id = known && known.unit === unit ? known.id : this.#store(sample);
      const { service, metric, labels } = sample;
      one = { id, series, service, metric, labels, unit, last: { t, v } };
      appended.set(series, one);
    }
    this.#db.prepare("insert or ignore into points values (?, ?, ?, ?)").run(
      one.id,
      t,
      hash52(sample.id),
      v,
    );
    if (t > one.last.t) appended.set(series, { ...one, last: { t, v } });
  }

  #store({ series, service, metric, labels, unit }: Sample): number {
    return this.#db.prepare(`
      insert into series (key, service, metric, labels, unit) values (?, ?, ?, ?, ?)
      on conflict (key) do update set unit = excluded.unit returning id
    `).get(
      toText(series),
      toText(service),
      toText(metric),
      JSON.stringify(labels),
      toText(unit),
    )![0] as number;
  }

  /** Notes what a transaction that is committed has appended. */
  note(appended: readonly Known[]) {
    for (const series of appended) {
      const known = this.#known.get(series.series);
      // The housekeeping of the same turn may have dropped it again.
      if (!known && !this.#isStored(series.id)) continue;
      // Event time decides which sample is the newest, whatever the order of arrival.
      this.#know(known && known.last.t >= series.last.t ? { ...series, last: known.last } : series);
    }
  }

  #isStored(series: number): boolean {
    const find = this.#db.prepare("select 1 from series where id = ?");
    return this.#db.read(() => find.get(series)) !== undefined;
  }

  /** Drops the points before a time, and series that have none left. */
  async drop(before: number, clock: Clock) {
    const drop = this.#db.prepare("delete from points where series = ? and t < ?");
    const forget = this.#db.prepare(
      "delete from series where id = ?1 and not exists (select 1 from points where series = ?1)",
    );
    const all = [...this.#known.values()];
    for (let i = 0; i < all.length; i += dropSeries) {
      if (i > 0) await clock.sleep(0);
      await this.#db.write(() => {
        for (const { id, series, service } of all.slice(i, i + dropSeries)) {
          drop.run(id, before);
          if (Number(forget.run(id).changes) === 0) continue;
          // Within the transaction, so that the next sample stores the series anew.
          this.#known.delete(series);
          const others = this.#byService.get(service)!;
          others.delete(series);
          if (others.size === 0) this.#byService.delete(service);
        }
      });
    }
  }
}

function withoutId({ id: _, ...series }: Known): Series {
  return series;
}
