// In the log's own thread: everything here waits for the disk.
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { limits } from '../../base/limits.ts';
import type { CrashReport } from '../../model/telemetry.ts';
import { isDamage, moveAside, openLogDatabase } from './log-schema.ts';
import type { SetAside } from './log-schema.ts';
import { functionCells, invocationCells, lineCells } from './wire.ts';
import type { Batch, Cell, Retention } from './wire.ts';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
/** Deleted at once: the thread writes and answers in between. */
const deletedRows = 2_000;
/** Pages that are given back to the file system in one go. */
const vacuumedPages = 2_000;
/** Of what may be taken: beyond the first part room is made, down to the second, so that it is not made for every batch. What
 * is left is for what is being written, and for pages that are free. */
const fullPart = 0.95;
const roomyPart = 0.93;

interface Known {
  readonly key: number;
  seenMs: number;
}

export interface LogDatabaseOptions {
  readonly file: string;
  readonly nowMs: number;
  readonly retention: Retention;
  readonly setAside: SetAside;
}

/** Lines, invocations and crashes, bounded by bytes and by age. */
export class LogDatabase {
  database: DatabaseSync;
  readonly #options: LogDatabaseOptions;
  #retention: Retention;
  #nowMs: number;
  #statements: Statements;
  readonly #known = new Map<string, Known>();

  constructor(options: LogDatabaseOptions) {
    this.#options = options;
    this.#retention = options.retention;
    this.#nowMs = options.nowMs;
    this.database = openLogDatabase(options.file, options.setAside);
    this.#statements = prepareAll(this.database);
  }

  /** Ids of a database that is begun are above all that were given before it, as long as time goes on. */
  get lastId(): number {
    const { id } = this.database.prepare('SELECT max(id) AS id FROM lines').get() as { id: number | null };
    return id ?? this.#nowMs * 1_000;
  }

  /** Without what is free in it. */
  get usedBytes(): number {
    return (this.#statements.pages.get() as { bytes: number }).bytes;
  }

  /** All of it, or nothing. */
  write(batch: Batch): void {
    this.#mend(() => {
      this.database.exec('BEGIN');
      try {
        this.#insert(batch);
        this.database.exec('COMMIT');
      } catch (error) {
        this.#known.clear();
        if (this.database.isTransaction) this.database.exec('ROLLBACK');
        throw error;
      }
    });
  }

  /** What reads or writes. A database that turns out to be damaged is replaced by an empty one, and it is done again. */
  #mend<T>(act: () => T): T {
    try {
      return act();
    } catch (error) {
      if (!isDamage(error)) throw error;
      this.begin(error as Error);
      return act();
    }
  }

  /** Begins another one, since what is there cannot be used. */
  begin(why: Error): void {
    const { file, setAside } = this.#options;
    this.database.close();
    this.#known.clear();
    moveAside(file, why.message, setAside);
    this.database = openLogDatabase(file, setAside);
    this.#statements = prepareAll(this.database);
  }

  retain(retention: Retention, nowMs: number): void {
    this.#retention = retention;
    this.#nowMs = nowMs;
  }

  /** A little of what is too old or too much. True: there is more. */
  prune(): boolean {
    return this.#mend(() => this.#pruneOld() || this.#pruneMuch());
  }

  close(): void {
    this.database.close();
  }

  #insert({ functions, lines, invocations, crashes }: Batch): void {
    const keys: number[] = [];
    for (let at = 0; at < functions.length; at += functionCells) keys.push(this.#keyOf(functions, at));
    const { line, invocation } = this.#statements;
    for (let at = 0; at < lines.length; at += lineCells) {
      const [id, atMs, index, instance, invocationId, level, source, text] = lines.slice(at, at + lineCells);
      const nul = (text as string).includes('\0') ? 1 : 0;
      line.run(id!, atMs!, keys[index as number]!, instance!, invocationId!, level!, nul, source!, text!);
    }
    for (let at = 0; at < invocations.length; at += invocationCells) {
      const cells = invocations.slice(at, at + invocationCells) as (Cell & (string | number))[];
      const settledMs = Math.round(cells[11]! as number) + Math.round((cells[27] as number) / 1_000);
      invocation.run(settledMs, cells[0]!, keys[cells[1] as number]!, ...cells.slice(2));
    }
    for (const crash of crashes) this.#insertCrash(crash);
    if (crashes.length > 0) this.#statements.crashesKept.run(limits.crashesKept);
  }

  #insertCrash(crash: CrashReport): void {
    const { functionId, label, project, deployment } = crash;
    const key = this.#keyOf([functionId, label, project, deployment], 0);
    const { atMs, instance, reason, exitCode, signal, invocationId, lost, stack, memoryBytes, cpuMs, ageMs } = crash;
    const told = [Math.round(atMs), key, instance, reason, exitCode, signal, invocationId, JSON.stringify(lost), stack];
    this.#statements.crash.run(...told, memoryBytes, cpuMs, ageMs);
  }

  #keyOf(functions: readonly string[], at: number): number {
    const [id, label, project, deployment] = functions.slice(at, at + functionCells) as [
      string,
      string,
      string,
      string,
    ];
    const known = this.#known.get(id);
    if (known !== undefined && this.#nowMs - known.seenMs < hourMs) return known.key;
    if (this.#known.size >= limits.logDroppedFunctions) this.#known.clear();
    const name = label.slice(label.indexOf('/') + 1);
    const { key } = this.#statements.function.get(id, label, name, project, deployment, this.#nowMs) as {
      key: number;
    };
    this.#known.set(id, { key, seenMs: this.#nowMs });
    return key;
  }

  #pruneOld(): boolean {
    const beforeMs = this.#nowMs - this.#retention.logDays * dayMs;
    const { oldLines, oldInvocations, oldCrashes, oldFunctions } = this.#statements;
    let more = false;
    for (const statement of [oldLines, oldInvocations, oldCrashes])
      more = Number(statement.run(beforeMs, deletedRows).changes) === deletedRows || more;
    // All that a function has may be as old as an hour after it was last seen.
    if (!more && Number(oldFunctions.run(beforeMs - 2 * hourMs).changes) > 0) this.#known.clear();
    return more;
  }

  #pruneMuch(): boolean {
    const { logBytes } = this.#retention;
    if (this.usedBytes > logBytes * fullPart) {
      let excessBytes = this.usedBytes - logBytes * roomyPart;
      while (excessBytes > 0) {
        const freedBytes = this.#dropOldest(excessBytes);
        if (freedBytes === 0) return false;
        excessBytes -= freedBytes;
        if (freedBytes >= limits.logAnswerBytes) return true;
      }
      return this.usedBytes > logBytes * fullPart;
    }
    const { bytes } = this.#statements.file.get() as { bytes: number };
    if (bytes <= logBytes) return false;
    this.database.exec(`PRAGMA incremental_vacuum(${vacuumedPages})`);
    return bytes - this.usedBytes > vacuumedPages * 4096;
  }

  /** Of lines and invocations the older ones. Returns about how many bytes they had. */
  #dropOldest(excessBytes: number): number {
    const { firstLines, firstInvocations, dropLines, dropInvocations } = this.#statements;
    const lines = firstLines.all(deletedRows) as unknown as Row[];
    const invocations = firstInvocations.all(deletedRows) as unknown as Row[];
    let [freedBytes, line, invocation] = [0, 0, 0];
    while (freedBytes < excessBytes && (line < lines.length || invocation < invocations.length)) {
      const [one, other] = [lines[line], invocations[invocation]];
      const isLine = other === undefined || (one !== undefined && one.at <= other.at);
      freedBytes += isLine ? one!.bytes : other.bytes;
      if (isLine) line += 1;
      else invocation += 1;
      if (freedBytes >= limits.logAnswerBytes) break;
      // What is left of the other kind may be older than what was not looked at.
      if (line === deletedRows || invocation === deletedRows) break;
    }
    if (line > 0) dropLines.run(lines[line - 1]!.id);
    if (invocation > 0) dropInvocations.run(invocations[invocation - 1]!.id);
    return freedBytes;
  }
}

interface Row {
  readonly id: number;
  readonly at: number;
  readonly bytes: number;
}

type Statements = ReturnType<typeof prepareAll>;

/** About what a row and its places in the indexes take beside its texts. */
const rowBytes = 100;
const invocationColumns =
  'settled, id, function, environment, route, method, host, path, status, outcome, start, instance, received, cpu_us, ' +
  'memory_mib, request_bytes, response_bytes, refusals, trace_id, admitted_us, matched_us, cached_us, resolved_us, ' +
  'queued_us, placed_us, sent_us, begun_us, answered_us, settled_us';
const places = (count: number): string => Array.from({ length: count }, () => '?').join(', ');

function prepareAll(database: DatabaseSync) {
  const of = (sql: string): StatementSync => database.prepare(sql);
  const old = (table: string, id: string, at: string): StatementSync =>
    of(
      `DELETE FROM ${table} WHERE ${id} IN (SELECT ${id} FROM (SELECT ${id}, ${at} AS at FROM ${table} ORDER BY ${id} LIMIT ?2) WHERE at < ?1)`,
    );
  return {
    function: of(
      `INSERT INTO functions (id, label, name, project, deployment, seen) VALUES (${places(6)})
       ON CONFLICT (id) DO UPDATE SET seen = excluded.seen RETURNING key`,
    ),
    line: of(
      `INSERT OR IGNORE INTO lines (id, at, function, instance, invocation, level, nul, source, text) VALUES (${places(9)})`,
    ),
    invocation: of(`INSERT INTO invocations (${invocationColumns}) VALUES (${places(invocationCells + 1)})`),
    crash: of(
      `INSERT INTO crashes (at, function, instance, reason, exit_code, signal, invocation, lost, stack, memory_bytes,
       cpu_ms, age_ms) VALUES (${places(12)})`,
    ),
    crashesKept: of('DELETE FROM crashes WHERE n <= (SELECT max(n) FROM crashes) - ?'),
    pages: of(
      `SELECT (page_count - freelist_count) * page_size AS bytes
       FROM pragma_page_count, pragma_freelist_count, pragma_page_size`,
    ),
    file: of('SELECT page_count * page_size AS bytes FROM pragma_page_count, pragma_page_size'),
    oldLines: old('lines', 'id', 'at'),
    oldInvocations: old('invocations', 'n', 'settled'),
    oldCrashes: old('crashes', 'n', 'at'),
    oldFunctions: of('DELETE FROM functions WHERE seen < ?'),
    firstLines: of(`SELECT id, at, octet_length(text) + ${rowBytes} AS bytes FROM lines ORDER BY id LIMIT ?`),
    firstInvocations: of(
      `SELECT n AS id, settled AS at, octet_length(path) + octet_length(host) + octet_length(route) + 2 * ${rowBytes} AS bytes
       FROM invocations ORDER BY n LIMIT ?`,
    ),
    dropLines: of('DELETE FROM lines WHERE id <= ?'),
    dropInvocations: of('DELETE FROM invocations WHERE n <= ?'),
  };
}
