import * as fs from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { SQLOutputValue } from 'node:sqlite';

/** `user_version` of the form below. */
const version = 1;

/**
 * `functions.seen`: when something of it was last written, to the hour. Ids of lines are given by the platform's thread and
 * never given again; rows are in the order of time, so the oldest are the first.
 */
const schema = `
  CREATE TABLE functions (
    key INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, label TEXT NOT NULL, name TEXT NOT NULL, project TEXT NOT NULL,
    deployment TEXT NOT NULL, seen INTEGER NOT NULL
  );
  CREATE TABLE lines (
    id INTEGER PRIMARY KEY, at INTEGER NOT NULL, function INTEGER NOT NULL, instance TEXT, invocation TEXT,
    level INTEGER NOT NULL, nul INTEGER NOT NULL, source TEXT NOT NULL, text TEXT NOT NULL
  );
  CREATE INDEX lines_invocation ON lines (invocation) WHERE invocation IS NOT NULL;
  CREATE TABLE invocations (
    n INTEGER PRIMARY KEY AUTOINCREMENT, settled INTEGER NOT NULL,
    id TEXT NOT NULL, function INTEGER NOT NULL, environment TEXT NOT NULL, route TEXT NOT NULL, method TEXT NOT NULL,
    host TEXT NOT NULL, path TEXT NOT NULL, status INTEGER, outcome TEXT NOT NULL, start TEXT, instance TEXT,
    received INTEGER NOT NULL, cpu_us INTEGER NOT NULL, memory_mib INTEGER NOT NULL, request_bytes INTEGER NOT NULL,
    response_bytes INTEGER NOT NULL, refusals INTEGER NOT NULL, trace_id TEXT, admitted_us INTEGER NOT NULL,
    matched_us INTEGER NOT NULL, cached_us INTEGER NOT NULL, resolved_us INTEGER NOT NULL, queued_us INTEGER,
    placed_us INTEGER, sent_us INTEGER, begun_us INTEGER, answered_us INTEGER, settled_us INTEGER NOT NULL
  );
  CREATE INDEX invocations_id ON invocations (id, status);
  CREATE TABLE crashes (
    n INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, function INTEGER NOT NULL, instance TEXT NOT NULL,
    reason TEXT NOT NULL, exit_code INTEGER, signal TEXT, invocation TEXT, lost TEXT NOT NULL, stack TEXT,
    memory_bytes INTEGER, cpu_ms REAL, age_ms REAL NOT NULL
  );
  PRAGMA user_version = ${version};
`;

/**
 * WAL: what is committed survives the end of the process, whatever its kind; a machine that loses power may lose the last
 * moments, and no more. What is freed can be given back to the file system.
 */
const pragmas = `
  PRAGMA auto_vacuum = INCREMENTAL;
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = NORMAL;
  PRAGMA journal_size_limit = 8388608;
  PRAGMA cache_size = -8192;
  PRAGMA temp_store = MEMORY;
`;

export type SetAside = (why: string, file: string) => void;

/** The database at `file`, made where there is none. One that cannot be used is kept beside it, and another begun. */
export function openLogDatabase(file: string, setAside: SetAside): DatabaseSync {
  fs.mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  try {
    return open(file);
  } catch (error) {
    if (!isDamage(error)) throw error;
    moveAside(file, (error as Error).message, setAside);
    return open(file);
  }
}

/** Of a database that was closed. */
export function moveAside(file: string, why: string, setAside: SetAside): void {
  const aside = `${file}.damaged`;
  for (const suffix of ['', '-wal', '-shm']) {
    fs.rmSync(`${aside}${suffix}`, { force: true });
    if (fs.existsSync(`${file}${suffix}`)) fs.renameSync(`${file}${suffix}`, `${aside}${suffix}`);
  }
  setAside(why, aside);
}

class Unusable extends Error {}

/** It is the file that is wrong, not its disk: CORRUPT, NOTADB, a table that is not there; or another Weir's. */
export function isDamage(error: unknown): boolean {
  if (error instanceof Unusable) return true;
  const { errcode, message } = error as { errcode?: number; message?: string };
  const primary = (errcode ?? 0) & 0xff;
  return primary === 11 || primary === 26 || (primary === 1 && /no such (?:table|column)/.test(message ?? ''));
}

function open(file: string): DatabaseSync {
  // For this user alone, from its first byte on.
  fs.closeSync(fs.openSync(file, 'a', 0o600));
  const database = new DatabaseSync(file, { timeout: 1_000 });
  try {
    database.exec(pragmas);
    const { user_version: found } = database.prepare('PRAGMA user_version').get() as { user_version: number };
    const { tables } = database.prepare('SELECT count(*) AS tables FROM sqlite_schema').get() as { tables: number };
    if (found === 0 && tables === 0) database.exec(`BEGIN; ${schema} COMMIT;`);
    else if (found !== version) throw new Unusable(`it is of version ${found}, not ${version}`);
    for (const table of ['functions', 'lines', 'invocations', 'crashes'])
      database.prepare(`SELECT max(rowid) FROM ${table}`).get();
    database.function('holds', { deterministic: true }, holds);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** Whether a line has a text in it that is in lower case, whatever the line's. */
const holds = (line: SQLOutputValue, text: SQLOutputValue): number =>
  String(line).toLowerCase().includes(String(text)) ? 1 : 0;
