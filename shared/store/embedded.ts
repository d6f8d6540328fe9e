/**
 * The store inside the process: one SQLite file, one process per directory. What `apply` has
 * acknowledged survives a killed process. Never waits and never starts a timer; the time of TTLs is
 * the clock's it is given.
 *
 * @module
 */
import { Conflict, type Kind, type Queue } from "shared/define/mod.ts";
import { Database, fromText, toText } from "shared/sqlite/database.ts";
import type { Clock } from "shared/time/clock.ts";
import { dueSchema, DueTable, type TakeOptions } from "./embedded/due.ts";
import { type Known, type RangeQuery, seriesSchema, SeriesTable } from "./embedded/series.ts";
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
const schema = `
  create table if not exists records (
    kind text not null, key text not null, value text not null, version integer not null,
    rank integer not null, expires_at integer, primary key (kind, key)
  );
  create index if not exists records_by_rank on records (kind, rank, key, expires_at);
  create index if not exists records_by_end on records (expires_at) where expires_at is not null;
  create table if not exists revisions (kind text primary key, revision integer not null) without rowid;
  create table if not exists marks (key text primary key, expires_at integer not null) without rowid;
  create index if not exists marks_by_end on marks (expires_at);
  create table if not exists once (key text primary key, expires_at integer not null) without rowid;
  create table if not exists leases (
    key text primary key, holder text not null, expires_at integer not null
  ) without rowid;
  create table if not exists checks (id integer primary key, at integer not null);
  ${dueSchema};
  ${seriesSchema}
`;

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
  readonly #series: SeriesTable;
  readonly #due: DueTable;

  constructor(options: EmbeddedStoreOptions) {
    this.#clock = options.clock;
    this.#retention_ms = options.retention_ms ?? defaultRetention_ms;
    this.#db = new Database({ ...options, file: "store.db", schema });
    this.#db.prepare("delete from leases").run();
    this.#series = new SeriesTable(this.#db);
    this.#due = new DueTable(this.#db);
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
      `).all(
        toText(kind.name),
        from,
        to,
        this.#clock.now(),
        Number.isFinite(limit) ? limit : -1,
        offset,
      )
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
    return this.#series.list(where);
  }

  async range(query: RangeQuery): Promise<(Series & { points: Point[] })[]> {
    return this.#series.range(query);
  }

  // --- writing

  async apply(changes: readonly Change[]): Promise<void> {
    if (changes.length === 0) return;
    const prepared = changes.map(prepare);
    const appended = await this.#db.write(() => this.#apply(prepared));
    this.#series.note(appended);
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
          this.#due.schedule(change);
          break;
        case "unschedule":
          this.#due.unschedule(change);
          break;
        case "hold":
          this.#due.hold(change);
          break;
        case "append":
          for (const sample of change.samples) this.#series.append(sample, appended);
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

  async take(queue: Queue, options: TakeOptions): Promise<Taken[]> {
    return await this.#due.take(queue, options);
  }

  async next(queue: Queue, skip: readonly string[] = []): Promise<number | undefined> {
    return this.#due.next(queue, skip);
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
    await this.#series.drop(now - this.#retention_ms, this.#clock);
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
