import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import { UsageError } from '../../base/errors.ts';
import { limits } from '../../base/limits.ts';

const migrationsDir = new URL('migrations/', import.meta.url);

/**
 * SQLite, in WAL mode. What a transaction has written is on the disk when it returns (`synchronous = full`): neither a killed
 * process nor a machine that loses power loses what was acknowledged. No other process has it at the same time: the lock goes
 * with its process, however that ends. Statements are prepared once.
 */
export class Database {
  readonly #db: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  #depth = 0;

  /** Brings the schema up to date. Throws UsageError when it cannot be opened, or was written by a newer Weir. `:memory:` for tests. */
  constructor(file: string) {
    try {
      // Who called what is nobody else's business; what SQLite puts beside it has the same mode.
      if (file !== ':memory:') closeSync(openSync(file, 'a', 0o600));
      this.#db = new DatabaseSync(file, { timeout: limits.databaseLockMs });
      this.#db.exec(
        'pragma locking_mode = exclusive; pragma journal_mode = wal; pragma synchronous = full; pragma foreign_keys = on',
      );
      migrate(this.#db, file);
    } catch (error) {
      if (error instanceof UsageError) throw error;
      const why = (error as Error).message;
      if (/locked|busy/i.test(why))
        throw new UsageError(`${file}: another Weir uses it: stop that one, or choose another --state`);
      throw new UsageError(`${file}: the database cannot be opened: ${why}`);
    }
  }

  all<R>(sql: string, ...values: SQLInputValue[]): R[] {
    return this.#prepared(sql).all(...values) as R[];
  }

  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- as for `all`: the SQL says the row's type, beside it
  get<R>(sql: string, ...values: SQLInputValue[]): R | null {
    return (this.#prepared(sql).get(...values) as R | undefined) ?? null;
  }

  /** How many rows it changed. */
  run(sql: string, ...values: SQLInputValue[]): number {
    return Number(this.#prepared(sql).run(...values).changes);
  }

  /** All of what `work` writes, or nothing of it. One within another is part of it. */
  transaction<T>(work: () => T): T {
    if (this.#depth > 0) return work();
    this.#db.exec('begin immediate');
    this.#depth += 1;
    try {
      const result = work();
      this.#db.exec('commit');
      return result;
    } catch (error) {
      // Of a full disk SQLite has taken it back already.
      if (this.#db.isTransaction) this.#db.exec('rollback');
      throw error;
    } finally {
      this.#depth -= 1;
    }
  }

  /** Of the file and what is yet to be written into it. */
  get bytes(): number {
    const sql = 'select page_count * page_size as bytes from pragma_page_count, pragma_page_size';
    return this.get<{ bytes: number }>(sql)!.bytes;
  }

  /** Idempotent. */
  close(): void {
    if (this.#db.isOpen) this.#db.close();
  }

  #prepared(sql: string): StatementSync {
    const known = this.#statements.get(sql);
    if (known !== undefined) return known;
    const made = this.#db.prepare(sql);
    this.#statements.set(sql, made);
    return made;
  }
}

/** Numbered files, forward only, each in a transaction with the number that says it is done. */
function migrate(db: DatabaseSync, file: string): void {
  const names = readdirSync(migrationsDir)
    .filter((name) => /^\d{3}-.*\.sql$/.test(name))
    .toSorted();
  const { user_version: done } = db.prepare('pragma user_version').get() as { user_version: number };
  const newest = Number(names.at(-1)?.slice(0, 3) ?? 0);
  if (done > newest)
    throw new UsageError(
      `${file}: it was written by a newer version of Weir (schema ${done}, this one knows ${newest})`,
    );
  for (const name of names) {
    const number = Number(name.slice(0, 3));
    if (number <= done) continue;
    const sql = readFileSync(new URL(name, migrationsDir), 'utf8');
    db.exec(`begin immediate; ${sql}; pragma user_version = ${number}; commit`);
  }
}
