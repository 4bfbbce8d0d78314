import { randomBytes } from 'node:crypto';
import type { Stats } from 'node:fs';
import * as fs from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { limits } from '../base/limits.ts';
import type { Learned } from '../model/learned.ts';
import { readEntries } from './learned-check.ts';
import type { Fault, LearnedEntry, Wanted } from './learned-check.ts';

/** Of the file's form: `{ "version": 1, "functions": { KEY: { …, "savedWallMs" } } }`. */
const version = 1;
/** A temporary file that is older was left behind by a platform that was killed while it wrote. */
const abandonedMs = 60_000;
/** What is made of it in one turn of the loop. */
const pieceCharacters = 32 * 1024;

export type Found =
  | { readonly kind: 'missing' }
  | { readonly kind: 'entries'; readonly entries: ReadonlyMap<string, LearnedEntry>; readonly identity: string }
  /** It cannot be understood. */
  | { readonly kind: 'broken'; readonly why: string }
  /** A newer Weir's, which may be running. */
  | { readonly kind: 'newer'; readonly version: number };

/** What tells one content of the file from the next: whoever writes it puts another in its place. Null: it is not there. */
export async function identityOf(file: string): Promise<string | null> {
  const stats = await fs.stat(file).catch(ifMissing);
  return stats === null ? null : identity(stats);
}

const identity = ({ ino, mtimeMs, size }: Stats): string => `${ino} ${mtimeMs} ${size}`;

/** The entries that are wanted. Rejects when it may not be read, or is no file. `nowMs`: since the Unix epoch. */
export async function readLearnedFile(file: string, wanted: Wanted, nowMs: number, fault: Fault): Promise<Found> {
  const stats = await fs.stat(file).catch(ifMissing);
  if (stats === null) return { kind: 'missing' };
  if (!stats.isFile()) throw new Error(`${file} is no file`);
  if (stats.size > limits.learnedFileBytes) {
    return { kind: 'broken', why: `it has ${stats.size} bytes, and ${limits.learnedFileBytes} are the most` };
  }
  const text = await fs.readFile(file, 'utf8').catch(ifMissing);
  if (text === null) return { kind: 'missing' };
  const content = parse(text);
  if (content === null) return { kind: 'broken', why: 'it is not JSON' };
  const { version: found, functions } = content;
  if (typeof found === 'number' && found > version) return { kind: 'newer', version: found };
  if (found !== version) return { kind: 'broken', why: `its version is ${JSON.stringify(found)}, not ${version}` };
  if (!isRecord(functions)) return { kind: 'broken', why: 'its "functions" are no object' };
  return { kind: 'entries', entries: readEntries(functions, wanted, nowMs, fault), identity: identity(stats) };
}

const isRecord = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Null: not JSON. */
function parse(text: string): { readonly version?: unknown; readonly functions?: unknown } | null {
  try {
    return (JSON.parse(text) as object | null) ?? {};
  } catch {
    return null;
  }
}

/**
 * Puts a file with these entries in the place of what is there, whole or not at all, for this user alone. The later ones are
 * left out when all of them are more than limits.learnedFileBytes, and the routes of one that is more than
 * limits.learnedEntryBytes. Resolves with the file's identity; rejects with the
 * operating system's error. The loop is free in between: it carries requests.
 */
export async function writeLearnedFile(file: string, entries: Iterable<[string, LearnedEntry]>): Promise<string> {
  await fs.mkdir(dirname(file), { recursive: true, mode: 0o700 });
  const beside = `${file}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    const handle = await fs.open(beside, 'wx', 0o600);
    let stats: Stats;
    try {
      await handle.writeFile(pieces(entries));
      await handle.sync();
      stats = await handle.stat();
    } finally {
      await handle.close();
    }
    await fs.rename(beside, file);
    return identity(stats);
  } catch (error) {
    await fs.rm(beside, { force: true });
    throw error;
  }
}

/** A function a line. */
function* pieces(entries: Iterable<[string, LearnedEntry]>): Generator<string> {
  const end = '\n} }\n';
  let piece = `{ "version": ${version}, "functions": {`;
  let bytes = piece.length + end.length;
  let separator = '\n';
  for (const [key, { learned, savedWallMs }] of entries) {
    const line = `${separator}${JSON.stringify(key)}: ${entryText(learned, savedWallMs)}`;
    bytes += Buffer.byteLength(line);
    if (bytes > limits.learnedFileBytes) break;
    piece += line;
    separator = ',\n';
    if (piece.length < pieceCharacters) continue;
    yield piece;
    piece = '';
  }
  yield piece + end;
}

function entryText(learned: Learned, savedWallMs: number): string {
  const text = JSON.stringify({ ...learned, savedWallMs });
  if (Buffer.byteLength(text) <= limits.learnedEntryBytes) return text;
  return JSON.stringify({ ...learned, routes: [], savedWallMs });
}

/** Keeps what is there as FILE.broken, in the place of one before it. Resolves with its new name. */
export async function moveAside(file: string): Promise<string> {
  const aside = `${file}.broken`;
  await fs.rename(file, aside);
  return aside;
}

/** Removes temporary files that nobody is writing any more. */
export async function removeAbandoned(file: string, nowMs: number): Promise<void> {
  const folder = dirname(file);
  for (const name of (await fs.readdir(folder).catch(ifMissing)) ?? []) {
    if (!name.startsWith(`${basename(file)}.`) || !/\.[0-9a-f]{12}\.tmp$/.test(name)) continue;
    const path = join(folder, name);
    const stats = await fs.stat(path).catch(ifMissing);
    if (stats !== null && nowMs - stats.mtimeMs > abandonedMs) await fs.rm(path, { force: true });
  }
}

function ifMissing(error: unknown): null {
  if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
  throw error;
}
