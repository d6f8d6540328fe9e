/**
 * The store inside the process: one SQLite file, one process per directory. What `apply` has
 * acknowledged survives a killed process. Never waits and never starts a timer; the time of TTLs is
 * the clock's it is given.
 *
 * @module
 */
import { Conflict, type Kind, type Queue } from "shared/define/mod.ts";
import type { Sample } from "shared/model/metric.ts";
import { Database, fromText, toText } from "shared/sqlite/database.ts";
import type { Clock } from "shared/time/clock.ts";
import type { Change, ListOptions, Point, Series, Store, Stored, Taken } from "./port.ts";

export interface EmbeddedStoreOptions {
  /** Holds `store.db`; made if missing. `:memory:` keeps nothing. */
  readonly directory: string;
  readonly clock: Clock;
  /** How long points are kept; 7 days when absent. */
  readonly retention_ms?: number;
  /** Most bytes of the file; none when absent. */
  readonly limit_bytes?: number;
}

const defaultRetention_ms = 7 * 86_400_000;
/** Most rows that one transaction of the housekeeping drops. */
const dropRows = 5_000;
/** Most series that one transaction of the housekeeping looks at. */
const dropSeries = 500;

const schema = `
  create table if not exists records (
    kind text not null, key text not null, value text not null, version integer not null,
    rank integer not null, expires_at integer, primary key (kind, key)
  );
  create index if not exists records_by_rank on records (kind, rank, key, expires_at);
  create index if not exists records_by_end on records (expires_at) where expires_at is not null;
  create table if not exists revisions (kind text primary key, revision integer not null) without rowid;
  create table if not exists due (
    queue text not null, id text not null, at integer not null, visible_at integer not null,
    lane text not null, attempt integer not null, token text, primary key (queue, id)
  ) without rowid;
  create index if not exists due_by_time on due (queue, visible_at);
  create index if not exists due_by_lane on due (queue, lane, visible_at);
  create table if not exists series (
    id integer primary key, key text not null unique, service text not null, metric text not null,
    labels text not null, unit text not null
  );
  create table if not exists points (
    series integer not null, t integer not null, k integer not null, v real not null,
    primary key (series, t, k)
  ) without rowid;
  create table if not exists marks (key text primary key, expires_at integer not null) without rowid;
  create index if not exists marks_by_end on marks (expires_at);
  create table if not exists once (key text primary key, expires_at integer not null) without rowid;
  create table if not exists leases (
    key text primary key, holder text not null, expires_at integer not null
  ) without rowid;
  create table if not exists checks (id integer primary key, at integer not null)
`;

/** A series with its place in the file. */
interface Known extends Series {
  readonly id: number;
}

/** A row of `due`: when it can be taken, id, when it was due, lane, how often it was taken. */
type Item = [visible_at: number, id: string, at: number, lane: string, attempt: number];

/** A change with its value already written as JSON, so that later changes of it do no harm. */
type Prepared = Change & { readonly json?: string };

/**
 * Opens the embedded store. Due items that somebody held are free again: whoever held them is dead.
 *
 * @throws when another process uses the directory
 * @example
 * ```ts
 * const store = openEmbeddedStore({ directory: ".data", clock: systemClock });
 * ```
 */
export function openEmbeddedStore(options: EmbeddedStoreOptions): Store {
  return new SqliteStore(options);
}

class SqliteStore implements Store {
  readonly #clock: Clock;
  readonly #retention_ms: number;
  readonly #db: Database;
  readonly #watchers = new Map<string, Set<() => void>>();
  /** All series, by identity, and those of a service. */
  readonly #series = new Map<string, Known>();
  readonly #byService = new Map<string, Set<string>>();

  constructor(options: EmbeddedStoreOptions) {
    this.#clock = options.clock;
    this.#retention_ms = options.retention_ms ?? defaultRetention_ms;
    this.#db = new Database({ ...options, file: "store.db", schema });
    this.#db.prepare("update due set visible_at = at, token = null where token is not null").run();
    this.#db.prepare("delete from leases").run();
    const newest = this.#db.prepare(
      "select t, v from points where series = ? order by t desc, k limit 1",
    );
    const rows = this.#db.prepare("select id, key, service, metric, labels, unit from series")
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
    this.#series.set(series.series, series);
    const keys = this.#byService.get(series.service);
    if (keys) keys.add(series.series);
    else this.#byService.set(series.service, new Set([series.series]));
  }

  // --- records

  async get<T>(kind: Kind<T>, key: string): Promise<Stored<T> | undefined> {
    return this.#get<T>(kind.name, key);
  }

  async getMany<T>(kind: Kind<T>, keys: readonly string[]): Promise<(Stored<T> | undefined)[]> {
    return keys.map((key) => this.#get<T>(kind.name, key));
  }

  #get<T>(kind: string, key: string): Stored<T> | undefined {
    const row = this.#db.read(() =>
      this.#db.prepare(
        "select value, version, rank, expires_at from records where kind = ? and key = ?",
      ).get(toText(kind), toText(key))
    ) as [string, number, number, number | null] | undefined;
    if (!row || this.#isPast(row[3])) return undefined;
    return { key, value: JSON.parse(row[0]), version: row[1], rank: row[2] };
  }

  #isPast(expires_at: number | null): boolean {
    return expires_at !== null && expires_at <= this.#clock.now();
  }

  async list<T>(kind: Kind<T>, options: ListOptions = {}): Promise<Stored<T>[]> {
    const { from = -Infinity, to = Infinity, order = "asc", limit = 1_000, offset = 0 } = options;
    const direction = order === "desc" ? "desc" : "asc";
    const rows = this.#db.read(() =>
      this.#db.prepare(`
        select key, value, version, rank from records
        where kind = ? and rank between ? and ? and (expires_at is null or expires_at > ?)
        order by rank ${direction}, key ${direction} limit ? offset ?
      `).all(toText(kind.name), from, to, this.#clock.now(), limit, offset)
    ) as [string, string, number, number][];
    return rows.map(([key, value, version, rank]) => ({
      key: fromText(key),
      value: JSON.parse(value),
      version,
      rank,
    }));
  }

  async count(
    kind: Kind<unknown>,
    { from = -Infinity, to = Infinity }: Pick<ListOptions, "from" | "to"> = {},
  ): Promise<number> {
    const row = this.#db.read(() =>
      this.#db.prepare(`
        select count(*) from records
        where kind = ? and rank between ? and ? and (expires_at is null or expires_at > ?)
      `).get(toText(kind.name), from, to, this.#clock.now())
    );
    return row![0] as number;
  }

  async revision(kind: Kind<unknown>): Promise<number> {
    const row = this.#db.read(() =>
      this.#db.prepare("select revision from revisions where kind = ?").get(toText(kind.name))
    );
    return row ? row[0] as number : 0;
  }

  // --- series

  async series(where: { service?: string; metric?: string } = {}): Promise<Series[]> {
    return this.#find(where).map(withoutId);
  }

  #find({ service, metric }: { service?: string; metric?: string }): Known[] {
    const keys = service === undefined ? this.#series.keys() : this.#byService.get(service) ?? [];
    const found: Known[] = [];
    for (const key of keys) {
      const one = this.#series.get(key)!;
      if (metric === undefined || one.metric === metric) found.push(one);
    }
    return found.sort((a, b) => a.series < b.series ? -1 : a.series > b.series ? 1 : 0);
  }

  async range(query: {
    service: string;
    metric?: string;
    from: number;
    to: number;
    step_ms?: number;
  }): Promise<(Series & { points: Point[] })[]> {
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

  // --- writing

  async apply(changes: readonly Change[]): Promise<void> {
    if (changes.length === 0) return;
    const prepared = changes.map(prepare);
    const appended = await this.#db.write(() => this.#apply(prepared));
    for (const series of appended) {
      const known = this.#series.get(series.series);
      // Event time decides which sample is the newest, whatever the order of arrival.
      this.#know(known && known.last.t >= series.last.t ? { ...series, last: known.last } : series);
    }
    const names = new Set<string>();
    for (const change of changes) {
      if (change.do === "put" || change.do === "delete") names.add(change.kind);
      if (change.do === "schedule" || change.do === "unschedule" || change.do === "hold") {
        names.add(change.queue);
      }
    }
    for (const name of names) this.#notify(name);
  }

  #apply(changes: readonly Prepared[]): Known[] {
    const now = this.#clock.now();
    for (const change of changes) this.#checkVersion(change, now);
    const kinds = new Set<string>();
    const appended = new Map<string, Known>();
    for (const change of changes) {
      switch (change.do) {
        case "put":
          this.#put(change, now);
          kinds.add(change.kind);
          break;
        case "delete":
          if (this.#delete(change)) kinds.add(change.kind);
          break;
        case "schedule":
          this.#db.prepare("insert or replace into due values (?, ?, ?, ?, ?, 0, null)").run(
            toText(change.queue),
            toText(change.id),
            change.at,
            change.at,
            toText(change.lane ?? ""),
          );
          break;
        case "unschedule":
          this.#db.prepare(
            "delete from due where queue = ? and id = ? and (?3 is null or token = ?3)",
          ).run(toText(change.queue), toText(change.id), change.token ?? null);
          break;
        case "hold":
          this.#db.prepare("update due set visible_at = ? where queue = ? and id = ? and token = ?")
            .run(change.until, toText(change.queue), toText(change.id), change.token);
          break;
        case "append":
          for (const sample of change.samples) this.#append(sample, appended);
          break;
        case "mark":
          for (const key of change.keys) {
            this.#db.prepare("insert or replace into marks values (?, ?)").run(
              toText(key),
              now + change.ttl_ms,
            );
          }
      }
    }
    for (const kind of kinds) this.#raiseRevision(toText(kind));
    return [...appended.values()];
  }

  #checkVersion(change: Prepared, now: number) {
    if ((change.do !== "put" && change.do !== "delete") || change.version === undefined) return;
    const row = this.#db.prepare(
      "select version from records where kind = ? and key = ? and (expires_at is null or expires_at > ?)",
    ).get(toText(change.kind), toText(change.key), now);
    const version = row ? row[0] as number : 0;
    if (version === change.version) return;
    throw new Conflict(
      `Cannot ${change.do} ${change.kind} "${change.key}" as its version must be ${change.version}: current value is "${version}"`,
    );
  }

  #put({ kind, key, json, rank, ttl_ms }: Prepared & { do: "put" }, now: number) {
    this.#db.prepare(`
      insert into records values (?1, ?2, ?3, 1, coalesce(?4, 0), ?5)
      on conflict (kind, key) do update set
        value = excluded.value,
        version = iif(expires_at <= ?6, 1, version + 1),
        rank = coalesce(?4, iif(expires_at <= ?6, 0, rank)),
        expires_at = excluded.expires_at
    `).run(
      toText(kind),
      toText(key),
      json!,
      rank ?? null,
      ttl_ms === undefined ? null : now + ttl_ms,
      now,
    );
  }

  #delete({ kind, key }: Prepared & { do: "delete" }): boolean {
    const { changes } = this.#db.prepare("delete from records where kind = ? and key = ?").run(
      toText(kind),
      toText(key),
    );
    return Number(changes) > 0;
  }

  #raiseRevision(kind: string) {
    this.#db.prepare(
      "insert into revisions values (?, 1) on conflict (kind) do update set revision = revision + 1",
    ).run(kind);
  }

  #append(sample: Sample, appended: Map<string, Known>) {
    const { series, t, v, unit } = sample;
    let one = appended.get(series);
    if (!one) {
      const known = this.#series.get(series);
      const id = known && known.unit === unit ? known.id : this.#storeSeries(sample);
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

  #storeSeries({ series, service, metric, labels, unit }: Sample): number {
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

  // --- watching

  watch(name: string, callback: () => void): () => void {
    // A function of its own for each caller, so that one callback may watch twice.
    const watcher = () => callback();
    const watchers = this.#watchers.get(name) ?? new Set();
    watchers.add(watcher);
    this.#watchers.set(name, watchers);
    return () => {
      watchers.delete(watcher);
      if (watchers.size === 0 && this.#watchers.get(name) === watchers) this.#watchers.delete(name);
    };
  }

  #notify(name: string) {
    for (const watcher of this.#watchers.get(name) ?? []) queueMicrotask(watcher);
  }

  // --- marks, leases

  async seen(keys: readonly string[]): Promise<boolean[]> {
    const now = this.#clock.now();
    const find = this.#db.prepare("select 1 from marks where key = ? and expires_at > ?");
    return this.#db.read(() => keys.map((key) => find.get(toText(key), now) !== undefined));
  }

  async once(key: string, ttl_ms: number): Promise<boolean> {
    const now = this.#clock.now();
    const first = await this.#db.write(() =>
      this.#db.prepare(`
        insert into once values (?, ?) on conflict (key) do update set
        expires_at = excluded.expires_at where expires_at <= ? returning 1
      `).get(toText(key), now + ttl_ms, now)
    );
    return first !== undefined;
  }

  async lease(name: string, holder: string, ttl_ms: number): Promise<boolean> {
    const now = this.#clock.now();
    const held = await this.#db.write(() =>
      this.#db.prepare(`
        insert into leases values (?, ?, ?) on conflict (key) do update set
        holder = excluded.holder, expires_at = excluded.expires_at
        where holder = excluded.holder or expires_at <= ? returning 1
      `).get(toText(name), toText(holder), now + ttl_ms, now)
    );
    return held !== undefined;
  }

  // --- due times

  async take(
    queue: Queue,
    { now, limit, lease_ms, skip = [] }: {
      now: number;
      limit: number;
      lease_ms: number;
      skip?: readonly string[];
    },
  ): Promise<Taken[]> {
    const name = toText(queue.name);
    // Looking first keeps the many looks that find nothing from writing.
    if (this.#db.read(() => this.#earliest(name, now, 1, skip)).length === 0) return [];
    return await this.#db.write(() => {
      const token = crypto.randomUUID();
      return this.#earliest(name, now, limit, skip).map(([, id, at, lane, attempt]) => {
        this.#db.prepare(
          "update due set visible_at = ?, attempt = attempt + 1, token = ? where queue = ? and id = ?",
        ).run(now + lease_ms, token, name, id);
        return { id: fromText(id), at, lane: fromText(lane), attempt, token };
      });
    });
  }

  #earliest(queue: string, now: number, limit: number, skip: readonly string[]): Item[] {
    if (skip.length === 0) {
      return this.#db.prepare(`
        select visible_at, id, at, lane, attempt from due
        where queue = ? and visible_at <= ? order by visible_at, id limit ?
      `).all(queue, now, limit) as Item[];
    }
    const find = this.#db.prepare(`
      select visible_at, id, at, lane, attempt from due
      where queue = ? and lane = ? and visible_at <= ? order by visible_at, id limit ?
    `);
    return this.#lanes(queue, skip)
      .flatMap((lane) => find.all(queue, lane, now, limit) as Item[])
      .sort(([a], [b]) => a - b)
      .slice(0, limit);
  }

  async next(queue: Queue, skip: readonly string[] = []): Promise<number | undefined> {
    const name = toText(queue.name);
    const times = this.#db.read(() => {
      if (skip.length === 0) {
        return this.#db.prepare("select min(visible_at) from due where queue = ?").all(name);
      }
      const find = this.#db.prepare("select min(visible_at) from due where queue = ? and lane = ?");
      return this.#lanes(name, skip).map((lane) => find.get(name, lane)!);
    }) as [number | null][];
    const first = Math.min(...times.map(([time]) => time ?? Infinity));
    return first === Infinity ? undefined : first;
  }

  /** The lanes that have items and are not skipped: a step in the index each, however many wait. */
  #lanes(queue: string, skip: readonly string[]): string[] {
    const without = new Set(skip.map(toText));
    const rows = this.#db.prepare(`
      with recursive lanes (lane) as (
        select min(lane) from due where queue = ?1
        union all
        select (select min(lane) from due where queue = ?1 and lane > lanes.lane)
        from lanes where lane is not null
      )
      select lane from lanes where lane is not null
    `).all(queue) as [string][];
    return rows.map(([lane]) => lane).filter((lane) => !without.has(lane));
  }

  // --- the file

  async check(): Promise<void> {
    await this.#db.write(() =>
      this.#db.prepare("insert or replace into checks values (1, ?)").run(this.#clock.now())
    );
  }

  async maintain(): Promise<void> {
    const now = this.#clock.now();
    while (await this.#dropRecords(now)) await this.#clock.sleep(0);
    for (const table of ["marks", "once", "leases"]) {
      const drop = this.#db.prepare(
        `delete from ${table} where key in (select key from ${table} where expires_at <= ? limit ?)`,
      );
      while (Number((await this.#db.write(() => drop.run(now, dropRows))).changes) === dropRows) {
        await this.#clock.sleep(0);
      }
    }
    await this.#dropPoints(now - this.#retention_ms);
  }

  async #dropRecords(now: number): Promise<boolean> {
    const rows = await this.#db.write(() => {
      const gone = this.#db.prepare(`
        delete from records where rowid in (
          select rowid from records where expires_at <= ? limit ?
        ) returning kind
      `).all(now, dropRows) as [string][];
      for (const kind of new Set(gone.map(([kind]) => kind))) this.#raiseRevision(kind);
      return gone;
    });
    for (const kind of new Set(rows.map(([kind]) => kind))) this.#notify(fromText(kind));
    return rows.length === dropRows;
  }

  async #dropPoints(before: number) {
    const drop = this.#db.prepare("delete from points where series = ? and t < ?");
    const forget = this.#db.prepare(
      "delete from series where id = ?1 and not exists (select 1 from points where series = ?1)",
    );
    const all = [...this.#series.values()];
    for (let i = 0; i < all.length; i += dropSeries) {
      if (i > 0) await this.#clock.sleep(0);
      await this.#db.write(() => {
        for (const { id, series, service } of all.slice(i, i + dropSeries)) {
          drop.run(id, before);
          if (Number(forget.run(id).changes) === 0) continue;
          // Within the transaction, so that the next sample stores the series anew.
          this.#series.delete(series);
          this.#byService.get(service)!.delete(series);
        }
      });
    }
  }

  async close(): Promise<void> {
    this.#db.close();
  }
}

function prepare(change: Change): Prepared {
  if (change.do !== "put") return change;
  const json = JSON.stringify(change.value);
  if (json !== undefined) return { ...change, json };
  throw new TypeError(
    `Cannot put ${change.kind} "${change.key}" as its value must be JSON: current value is "${typeof change
      .value}"`,
  );
}

function withoutId({ id: _, ...series }: Known): Series {
  return series;
}

/**
 * 52 bits of a text: two FNV-1a style 32-bit hashes side by side. Tells the samples of one series and
 * one millisecond apart, of which there are a handful.
 */
function hash52(text: string): number {
  let a = 0x811c9dc5;
  let b = 0x9747b28c;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    a = Math.imul(a ^ c, 0x01000193);
    b = Math.imul(b ^ c, 0x5bd1e995);
    b ^= b >>> 15;
  }
  return (a >>> 0) * 2 ** 20 + (b >>> 12);
}
