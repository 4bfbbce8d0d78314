import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { copyFile, link, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { UsageError } from '../../base/errors.ts';
import { isCode } from '../own-store.ts';
import { isAlive } from '../project.ts';

/** Locks that this process has: the process that had its number before it may have left some. */
const held = new Set<string>();

/**
 * Does something while nobody else does it: a file at `path` says which process is at it. Left by one that was killed, it
 * counts for nothing. Throws UsageError when somebody is at it.
 */
export async function locked<Result>(path: string, act: () => Promise<Result>): Promise<Result> {
  const own = `${path}.${randomBytes(6).toString('hex')}`;
  await writeFile(own, String(process.pid));
  try {
    while (!(await linked(own, path))) await removeAbandoned(path, own);
    held.add(path);
  } finally {
    await rm(own, { force: true });
  }
  try {
    return await act();
  } finally {
    held.delete(path);
    await rm(path, { force: true });
  }
}

/** A link is there with its content, or not at all. False: there is something. */
async function linked(own: string, path: string): Promise<boolean> {
  try {
    await link(own, path).catch((error: unknown) => {
      if (isCode(error, 'EEXIST')) throw error;
      // A file system without links.
      return copyFile(own, path, constants.COPYFILE_EXCL);
    });
    return true;
  } catch (error) {
    if (isCode(error, 'EEXIST')) return false;
    throw error;
  }
}

async function removeAbandoned(path: string, own: string): Promise<void> {
  const text = await readFile(path, 'utf8').catch(() => null);
  if (text === null) return;
  const pid = Number(text);
  if (pid === process.pid ? held.has(path) : isAlive(pid)) {
    throw new UsageError(
      `${path}: process ${pid} builds here at the moment; if it does something else, remove this file`,
    );
  }
  const aside = `${own}.abandoned`;
  await rename(path, aside).catch(() => undefined);
  // Somebody may have been faster, and it is theirs that was taken away.
  const taken = await readFile(aside, 'utf8').catch(() => text);
  if (taken !== text) await linked(aside, path);
  await rm(aside, { force: true });
}
