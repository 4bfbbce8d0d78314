import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Clock } from '../../base/clock.ts';
import { UsageError } from '../../base/errors.ts';
import { limits } from '../../base/limits.ts';
import { forEachBounded } from '../output/bounded.ts';
import type { CollectedFile } from './gathering.ts';

export interface HashedFile extends CollectedFile {
  readonly sha256: string;
}

export interface HashOptions {
  /** What was hashed before is kept here, by what tells that a file has not changed since. One file a project. */
  readonly cacheFile: string;
  readonly clock: Clock;
  /** Called for each file that was read. */
  readonly onHashed?: (file: HashedFile) => void;
  readonly signal?: AbortSignal;
}

/** Size, times in nanoseconds, inode; then the hash. */
type Kept = readonly [mark: string, sha256: string];
const version = 1;

/** The SHA-256 of each file, in the same order. A file that changes meanwhile has the size that was read. */
export async function hashFiles(files: readonly CollectedFile[], options: HashOptions): Promise<HashedFile[]> {
  const kept = await readKept(options.cacheFile);
  const hashed = new Map<string, HashedFile>();
  const next = new Map<string, Kept>();
  let changed = 0;
  const startedMs = options.clock.wallMs();
  await forEachBounded(files, async (file) => {
    options.signal?.throwIfAborted();
    const { mark, modifiedMs } = await markOf(file.absolute);
    const before = kept.get(file.absolute);
    if (before?.[0] === mark) {
      next.set(file.absolute, before);
      hashed.set(file.path, { ...file, sha256: before[1] });
      return;
    }
    const one = { ...file, ...(await hashOf(file.absolute)) };
    hashed.set(file.path, one);
    options.onHashed?.(one);
    // One that was just written may be written again without its times telling.
    if (startedMs - modifiedMs < limits.uploadSettledMs) return;
    changed += 1;
    next.set(file.absolute, [mark, one.sha256]);
  });
  if (changed > 0 || next.size !== kept.size) await keep(options.cacheFile, next);
  return files.map(({ path }) => hashed.get(path)!);
}

async function markOf(path: string): Promise<{ mark: string; modifiedMs: number }> {
  const found = await stat(path, { bigint: true }).catch((error: unknown) => {
    throw new UsageError(`${path}: cannot be read: ${(error as Error).message}`);
  });
  const { size, mtimeNs, ctimeNs, ino, mtimeMs } = found;
  return { mark: [size, mtimeNs, ctimeNs, ino].join(' '), modifiedMs: Number(mtimeMs) };
}

async function hashOf(path: string): Promise<{ sha256: string; bytes: number }> {
  const hash = createHash('sha256');
  let bytes = 0;
  try {
    for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      hash.update(chunk);
    }
  } catch (error) {
    throw new UsageError(`${path}: cannot be read: ${(error as Error).message}`);
  }
  return { sha256: hash.digest('hex'), bytes };
}

/** Whatever cannot be read was never kept. */
async function readKept(cacheFile: string): Promise<Map<string, Kept>> {
  try {
    const content = JSON.parse(await readFile(cacheFile, 'utf8')) as { version: unknown; files: [string, Kept][] };
    if (content.version !== version) return new Map();
    return new Map(content.files.filter(([, kept]) => typeof kept[0] === 'string' && /^[0-9a-f]{64}$/.test(kept[1])));
  } catch {
    return new Map();
  }
}

/** It saves time, and nothing else: where it cannot be written, that is all there is to it. */
async function keep(cacheFile: string, files: ReadonlyMap<string, Kept>): Promise<void> {
  const beside = `${cacheFile}.${process.pid}`;
  try {
    await mkdir(dirname(cacheFile), { recursive: true, mode: 0o700 });
    await writeFile(beside, JSON.stringify({ version, files: [...files] }), { mode: 0o600 });
    await rename(beside, cacheFile);
  } catch {
    await rm(beside, { force: true }).catch(() => undefined);
  }
}
