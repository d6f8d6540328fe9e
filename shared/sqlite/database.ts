/**
 * One SQLite file that this process alone uses: opening and locking, group commit, and errors in the
 * system's words. The only door to `node:sqlite`; knows nothing of topics or records.
 *
 * @module
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import { Unavailable } from "shared/define/errors.ts";

/** A row as an array of its columns. */
export type Row = (string | number | null)[];

/** A prepared statement. */
export interface Statement {
  run(...values: SQLInputValue[]): { changes: number | bigint; lastInsertRowid: number | bigint };
  get(...values: SQLInputValue[]): Row | undefined;
  all(...values: SQLInputValue[]): Row[];
}

export interface DatabaseOptions {
  /** Made if missing; `:memory:` keeps everything in memory. */
  readonly directory: string;
  /** The file's name in the directory. */
  readonly file: string;
  /** `create … if not exists` statements. */
  readonly schema: string;
  /** Most bytes of the file; writes beyond are refused as on a full disk. */
  readonly limit_bytes?: number;
}

/** Milliseconds that a writer is told to wait when the disk is full or broken. */
const retryAfter_ms = 1_000;

/** Changes of the schema that an older program could not read raise this. */
const schemaVersion = 1;

/** SQLite's default page. */
const page_bytes = 4_096;

/**
 * Pages of the write-ahead log after which it is written back, each time with a pause for the disk.
 * Four times SQLite's default: pages that change often are written back once, and batched inserts
 * were a tenth faster.
 */
const walPages = 4_000;

/** SQLite's words for a disk that takes nothing now; the result codes are not passed on by Deno. */
const passing =
  /disk is full|disk I\/O error|database is locked|readonly database|unable to open database/;

interface Waiting {
  work: () => unknown;
  resolve: (value: never) => void;
  reject: (error: unknown) => void;
}

/** An open database. Reads are synchronous; writes of one turn share a transaction. */
export class Database {
  readonly #db: DatabaseSync;
  readonly #name: string;
  readonly #begin: StatementSync;
  readonly #commit: StatementSync;
  readonly #committed: () => void;
  readonly #rolledBack: () => void;
  readonly #statements = new Map<string, Statement>();
  #waiting: Waiting[] = [];
  #open = true;

  /**
   * @param hooks called at once after each commit and each rollback, so that what is kept in memory
   * can follow what is on disk
   * @throws when another process uses the file, or it is not a database of this program
   */
  constructor(
    options: DatabaseOptions,
    hooks: { committed?: () => void; rolledBack?: () => void } = {},
  ) {
    const inMemory = options.directory === ":memory:";
    this.#name = inMemory ? ":memory:" : join(options.directory, options.file);
    this.#committed = hooks.committed ?? (() => {});
    this.#rolledBack = hooks.rolledBack ?? (() => {});
    let db: DatabaseSync | undefined;
    try {
      if (!inMemory) mkdirSync(options.directory, { recursive: true });
      db = new DatabaseSync(this.#name);
      // Exclusive: the lock lives and dies with the process. WAL with `synchronous=normal`: what is
      // committed survives a killed process, and a loss of power never corrupts the file.
      db.exec(`
        pragma locking_mode = exclusive;
        pragma journal_mode = wal;
        pragma synchronous = normal;
        pragma temp_store = memory;
        pragma wal_autocheckpoint = ${walPages};
        pragma journal_size_limit = ${walPages * page_bytes};
        pragma cache_size = -16000;
      `);
      db.exec("begin immediate; commit");
      const version = Number(db.prepare("pragma user_version").get()!.user_version);
      if (version > schemaVersion) {
        throw new Error(
          `Cannot open "${this.#name}" as its version must be at most ${schemaVersion}: current value is "${version}"`,
        );
      }
      db.exec(`${options.schema}; pragma user_version = ${schemaVersion}`);
      if (options.limit_bytes !== undefined) {
        db.exec(`pragma max_page_count = ${Math.ceil(options.limit_bytes / page_bytes)}`);
      }
      this.#db = db;
      this.#begin = db.prepare("begin immediate");
      this.#commit = db.prepare("commit");
    } catch (error) {
      db?.close();
      if (error instanceof Error && error.message.includes("database is locked")) {
        throw new Error(
          `Cannot open "${options.directory}" as another EventFlow process uses it: stop that one, or name another directory in DATA_DIR`,
          { cause: error },
        );
      }
      if (error instanceof Error && error.message.startsWith("Cannot open")) throw error;
      throw new Error(
        `Cannot open "${this.#name}": ${error instanceof Error ? error.message : error}`,
        { cause: error },
      );
    }
  }

  /** Prepares a statement, once for the life of the database. */
  prepare(sql: string): Statement {
    let statement = this.#statements.get(sql);
    if (!statement) {
      if (!this.#open) throw this.#closed();
      // Known to Deno, not yet to its types.
      const fresh = this.#db.prepare(sql) as unknown as
        & Statement
        & { setReturnArrays(on: boolean): void };
      fresh.setReturnArrays(true);
      this.#statements.set(sql, statement = fresh);
    }
    return statement;
  }

  /** True while writes wait for their turn. */
  get busy(): boolean {
    return this.#waiting.length > 0;
  }

  /** Runs statements that read. @throws {Unavailable} when the disk does not answer */
  read<T>(work: () => T): T {
    if (!this.#open) throw this.#closed();
    try {
      return work();
    } catch (error) {
      throw this.#translated("read", error);
    }
  }

  /**
   * Runs `work` in a transaction and resolves with what it returned once that is committed. What is
   * asked for in the same turn shares one transaction; a work that throws takes no other with it.
   *
   * @throws {Unavailable} when the disk is full or does not answer
   */
  write<T>(work: () => T): Promise<T> {
    if (!this.#open) return Promise.reject(this.#closed());
    return new Promise<T>((resolve, reject) => {
      this.#waiting.push({ work, resolve, reject });
      if (this.#waiting.length === 1) queueMicrotask(() => this.#flush());
    });
  }

  /** Finishes the writes that wait, and closes. */
  close(): void {
    if (!this.#open) return;
    this.#flush();
    this.#open = false;
    this.#db.close();
  }

  #flush() {
    const group = this.#waiting;
    if (group.length === 0) return;
    this.#waiting = [];
    try {
      const results = this.#transaction(group);
      group.forEach(({ resolve }, i) => resolve(results[i] as never));
      return;
    } catch (error) {
      if (group.length === 1) return group[0]!.reject(this.#translated("write", error));
    }
    // Somebody in the group failed: each on its own, so that only the culprit does.
    for (const one of group) {
      try {
        one.resolve(this.#transaction([one])[0] as never);
      } catch (error) {
        one.reject(this.#translated("write", error));
      }
    }
  }

  #transaction(group: readonly Waiting[]): unknown[] {
    try {
      return this.#attempt(group);
    } catch (error) {
      if (!isFull(error) || !this.#reclaim()) throw error;
      return this.#attempt(group);
    }
  }

  #attempt(group: readonly Waiting[]): unknown[] {
    try {
      this.#begin.run();
      const results = group.map(({ work }) => work());
      this.#commit.run();
      this.#committed();
      return results;
    } catch (error) {
      // SQLite rolls some failures back by itself.
      if (this.#db.isTransaction) this.#db.exec("rollback");
      this.#rolledBack();
      throw error;
    }
  }

  /** Gives the space of the write-ahead log back; false when not even that is possible. */
  #reclaim(): boolean {
    try {
      const [row] = this.#db.prepare("pragma wal_checkpoint(truncate)").all();
      return Number(row?.busy) === 0 && Number(row?.log) === 0;
    } catch (error) {
      if (isPassing(error)) return false;
      throw error;
    }
  }

  #closed() {
    return new Unavailable(`Cannot use "${this.#name}" as it was closed`);
  }

  #translated(verb: "read" | "write", error: unknown): unknown {
    if (!isSqlite(error)) return error;
    const message = `Cannot ${verb} "${this.#name}": ${(error as Error).message}`;
    return isPassing(error)
      ? new Unavailable(message, { cause: error, after: retryAfter_ms })
      : new Error(message, { cause: error });
  }
}

function isSqlite(error: unknown): boolean {
  return error instanceof Error && (error as { code?: string }).code === "ERR_SQLITE_ERROR";
}

function isPassing(error: unknown): boolean {
  return isSqlite(error) && passing.test((error as Error).message);
}

function isFull(error: unknown): boolean {
  return isSqlite(error) && /disk is full|disk I\/O error/.test((error as Error).message);
}

/**
 * Text as SQLite can keep it: reading stops at a NUL, and lone surrogates have no UTF-8, so text
 * with either is kept as JSON behind a control character.
 */
export function toText(text: string): string {
  return text.isWellFormed() && !text.includes("\0") && !text.startsWith("\u0001")
    ? text
    : `\u0001${JSON.stringify(text)}`;
}

/** The text that `toText` was given. */
export function fromText(text: string): string {
  return text.charCodeAt(0) === 1 ? JSON.parse(text.slice(1)) : text;
}
