/**
 * The log of the embedded broker: topics, their partitions and records in SQLite tables. Knows
 * nothing of who reads.
 *
 * @module
 */
import {
  type Database,
  fromText,
  type Row,
  type Statement,
  toText,
} from "shared/sqlite/database.ts";
import type { Clock } from "shared/time/clock.ts";
import { positiveMurmur2 } from "../murmur2.ts";
import type { Incoming, Outgoing } from "../port.ts";

/** Records come from the file in pieces, and a batch ends after the piece that reaches its size. */
const pieceRecords = 128;
const batch_bytes = 4 * 1024 * 1024;
/** Records that one transaction of the housekeeping drops at most. */
const dropRecords = 5_000;
/** Most keys whose hash is remembered. */
const rememberedKeys = 20_000;

export const logSchema = `
  create table if not exists partitions (
    id integer primary key, topic text not null, number integer not null,
    start integer not null default 0, start_total integer not null default 0,
    unique (topic, number)
  )
`;

/** Each partition has a table of its own: its records are only ever added at the end, the fast case. */
const logTable = (id: number) => `
  create table if not exists log_${id} (
    "offset" integer primary key, published_at integer not null, total integer not null,
    key text not null, value text not null, headers text not null
  )
`;

/** A partition. Totals count the characters of all records up to an offset. */
export interface Partition {
  readonly id: number;
  readonly topic: string;
  readonly number: number;
  readonly insert: Statement;
  readonly read: Statement;
  /** The oldest offset that is kept. */
  start: number;
  startTotal: number;
  /** The offset after the last committed record: what may be read. */
  end: number;
  endTotal: number;
  /** The same, with the transaction that runs. */
  next: number;
  nextTotal: number;
}

export class Log {
  readonly #db: Database;
  readonly #clock: Clock;
  readonly #topics = new Map<string, Partition[]>();
  readonly #hashes = new Map<string, number>();
  /** Partitions that the running transaction writes to. */
  readonly #written = new Set<Partition>();

  constructor(db: Database, clock: Clock) {
    this.#db = db;
    this.#clock = clock;
    const rows = db.prepare(
      "select id, topic, number, start, start_total from partitions order by topic, number",
    ).all() as [number, string, number, number, number][];
    for (const [id, topic, number, start, startTotal] of rows) {
      this.#add(id, fromText(topic), number, start, startTotal);
    }
  }

  #add(
    id: number,
    topic: string,
    number: number,
    start = 0,
    startTotal = 0,
  ): Partition {
    const last = this.#db.prepare(
      `select "offset", total from log_${id} order by "offset" desc limit 1`,
    ).get() as [number, number] | undefined;
    const end = last ? last[0] + 1 : start;
    const endTotal = last ? last[1] : startTotal;
    const partition: Partition = {
      id,
      topic,
      number,
      insert: this.#db.prepare(`insert into log_${id} values (?, ?, ?, ?, ?, ?)`),
      read: this.#db.prepare(`
        select "offset", published_at, total, key, value, headers from log_${id}
        where "offset" >= ? and "offset" < ? order by "offset" limit ?
      `),
      start,
      startTotal,
      end,
      endTotal,
      next: end,
      nextTotal: endTotal,
    };
    const partitions = this.#topics.get(topic) ?? [];
    partitions[number] = partition;
    this.#topics.set(topic, partitions);
    return partition;
  }

  partitions(): Partition[] {
    return [...this.#topics.values()].flat();
  }

  /** The partitions of a topic, by number. @throws when it was not created */
  topic(verb: string, name: string): Partition[] {
    const partitions = this.#topics.get(name);
    if (partitions) return partitions;
    throw new Error(
      `Cannot ${verb} a topic as it must be created first: current value is "${name}"`,
    );
  }

  async create(topics: readonly { name: string; partitions: number }[]): Promise<void> {
    const insert = this.#db.prepare(
      "insert or ignore into partitions (topic, number) values (?, ?)",
    );
    const find = this.#db.prepare("select id from partitions where topic = ? and number = ?");
    for (const { name, partitions } of topics) {
      if (this.#topics.has(name)) continue;
      if (!Number.isInteger(partitions) || partitions < 1) {
        throw new RangeError(
          `Cannot create topic "${name}" as it needs at least one partition: current value is "${partitions}"`,
        );
      }
      const ids = await this.#db.write(() =>
        Array.from({ length: partitions }, (_, number) => {
          insert.run(toText(name), number);
          const id = find.get(toText(name), number)![0] as number;
          this.#db.prepare(logTable(id)).run();
          return id;
        })
      );
      if (this.#topics.has(name)) continue;
      ids.forEach((id, number) => this.#add(id, name, number));
    }
  }

  /** Where a message belongs. */
  partitionOf({ topic, key }: Outgoing): Partition {
    const partitions = this.topic("publish to", topic);
    if (partitions.length === 1) return partitions[0]!;
    let hash = this.#hashes.get(key);
    if (hash === undefined) {
      hash = positiveMurmur2(key);
      if (this.#hashes.size >= rememberedKeys) this.#hashes.clear();
      this.#hashes.set(key, hash);
    }
    return partitions[hash % partitions.length]!;
  }

  /** Adds messages to their partitions, within a transaction. */
  append(messages: readonly Outgoing[], partitions: readonly Partition[]) {
    const now = this.#clock.now();
    for (let i = 0; i < messages.length; i++) {
      const partition = partitions[i]!;
      const key = toText(messages[i]!.key);
      const value = toText(messages[i]!.value);
      const headers = JSON.stringify(messages[i]!.headers);
      this.#written.add(partition);
      partition.nextTotal += key.length + value.length + headers.length;
      partition.insert.run(partition.next++, now, partition.nextTotal, key, value, headers);
    }
  }

  /** The transaction is committed: what it added may be read. @returns where that is */
  publish(): Partition[] {
    const written = [...this.#written];
    for (const partition of written) {
      partition.end = partition.next;
      partition.endTotal = partition.nextTotal;
    }
    this.#written.clear();
    return written;
  }

  /** The transaction was rolled back: nothing of it is there. */
  forget() {
    for (const partition of this.#written) {
      partition.next = partition.end;
      partition.nextTotal = partition.endTotal;
    }
    this.#written.clear();
  }

  /** The records from a position on, and the total after them. */
  read(partition: Partition, position: number, max: number) {
    const records: Incoming[] = [];
    let from = position;
    let bytes = 0;
    let total = 0;
    while (records.length < max && bytes < batch_bytes) {
      const limit = Math.min(pieceRecords, max - records.length);
      const rows = this.#db.read(() => partition.read.all(from, partition.end, limit));
      for (const row of rows) {
        const [offset, published_at, rowTotal, key, value, headers] = row as Fetched;
        records.push({
          topic: partition.topic,
          partition: partition.number,
          offset,
          published_at,
          key: fromText(key),
          value: fromText(value),
          headers: JSON.parse(headers),
        });
        bytes += value.length;
        total = rowTotal;
        from = offset + 1;
      }
      if (rows.length < limit) break;
    }
    return { records, total };
  }

  /**
   * Drops the oldest records that were published before `oldest`, or are more than fit; true when
   * there may be more.
   */
  async drop(partition: Partition, oldest: number, most_bytes: number): Promise<boolean> {
    const table = `log_${partition.id}`;
    const until = Math.min(partition.start + dropRecords, partition.end);
    const find = this.#db.prepare(`
      select "offset" from ${table} where "offset" >= ? and "offset" < ?
      and published_at >= ? and total > ? order by "offset" limit 1
    `);
    const kept = this.#db.read(() =>
      find.get(partition.start, until, oldest, partition.endTotal - most_bytes)
    );
    const start = kept ? kept[0] as number : until;
    if (start === partition.start) return false;
    const totalAt = this.#db.prepare(`select total from ${table} where "offset" = ?`);
    const drop = this.#db.prepare(`delete from ${table} where "offset" < ?`);
    const note = this.#db.prepare("update partitions set start = ?, start_total = ? where id = ?");
    const startTotal = await this.#db.write(() => {
      const total = totalAt.get(start - 1)![0] as number;
      drop.run(start);
      note.run(start, total, partition.id);
      return total;
    });
    partition.start = start;
    partition.startTotal = startTotal;
    return start === until && start < partition.end;
  }
}

type Fetched = [number, number, number, string, string, string] & Row;
