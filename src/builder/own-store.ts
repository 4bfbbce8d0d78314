import * as fs from 'node:fs/promises';
import * as path from 'node:path';

/** A directory of this name in `cacheDir` if that can be ours, else in one of our own under `temporaryDir`. Made if need be. */
export async function openStore(cacheDir: string, temporaryDir: string, name: string): Promise<string> {
  const candidates = [cacheDir, path.join(temporaryDir, `weir-${process.getuid?.() ?? 'user'}`)];
  for (const candidate of candidates) {
    const store = path.join(candidate, name);
    if (await canBeOurs(store)) return store;
  }
  return fs.mkdtemp(path.join(temporaryDir, 'weir-'));
}

/** What lies there is going to be executed: it must belong to this user, and be writable by nobody else. */
async function canBeOurs(store: string): Promise<boolean> {
  try {
    await fs.mkdir(store, { recursive: true, mode: 0o700 });
    await fs.access(store, fs.constants.W_OK);
    const stats = await fs.lstat(store);
    return stats.isDirectory() && stats.uid === (process.getuid?.() ?? stats.uid) && (stats.mode & 0o022) === 0;
  } catch (error) {
    if (isCode(error, 'EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'EEXIST', 'ENOENT', 'ENOSPC')) return false;
    throw error;
  }
}

export function isCode(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof Error && 'code' in error && codes.includes(String(error.code));
}
