/**
 * Due times in the embedded store: which items are due, in which lane, and who has them.
 *
 * @module
 */
import type { Queue } from "shared/define/mod.ts";
import { type Database, fromText, toText } from "shared/sqlite/database.ts";
import type { Change, Store, Taken } from "../port.ts";

export const dueSchema = `
  create table if not exists due (
    queue text not null, id text not null, at integer not null, visible_at integer not null,
    lane text not null, attempt integer not null, token text, primary key (queue, id)
  ) without rowid;
  create index if not exists due_by_time on due (queue, visible_at);
  create index if not exists due_by_lane on due (queue, lane, visible_at)
`;

/** A row of `due`: when it can be taken, id, when it was due, lane, how often it was taken. */
type Item = [visible_at: number, id: string, at: number, lane: string, attempt: number];

export type TakeOptions = Parameters<Store["take"]>[1];

export class DueTable {
  readonly #db: Database;

  /** Items that somebody held are free again. */
  constructor(db: Database) {
    this.#db = db;
    db.prepare("update due set visible_at = at, token = null where token is not null").run();
  }

  schedule(change: Change & { do: "schedule" }) {
    this.#db.prepare("insert or replace into due values (?, ?, ?, ?, ?, 0, null)").run(
      toText(change.queue),
      toText(change.id),
      change.at,
      change.at,
      toText(change.lane ?? ""),
    );
  }

  unschedule(change: Change & { do: "unschedule" }) {
    this.#db.prepare(
      "delete from due where queue = ? and id = ? and (?3 is null or token = ?3)",
    ).run(toText(change.queue), toText(change.id), change.token ?? null);
  }

  hold(change: Change & { do: "hold" }) {
    this.#db.prepare("update due set visible_at = ? where queue = ? and id = ? and token = ?")
      .run(change.until, toText(change.queue), toText(change.id), change.token);
  }

  async take(
    queue: Queue,
    { now, limit, lease_ms, skip = [] }: TakeOptions,
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

  next(queue: Queue, skip: readonly string[]): number | undefined {
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
}
