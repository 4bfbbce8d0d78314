import { readdir, realpath, stat } from 'node:fs/promises';
import type { Dirent } from 'node:fs';
import { join, posix, sep } from 'node:path';
import { UsageError } from '../../base/errors.ts';
import { limits } from '../../base/limits.ts';

/** Sorted by name, so that equal folders are read equally. Empty without the folder. */
export async function entriesOf(folder: string): Promise<Dirent[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return [];
    throw new UsageError(`${folder}: cannot be read: ${message}`);
  }
}

/** `path` is `dir` or in it; both without symbolic links. */
export const isInside = (dir: string, path: string): boolean =>
  path === dir || path.startsWith(dir.endsWith(sep) ? dir : dir + sep);

/** A path in a bundle or an output, with forward slashes, in its plain form; null: it leads out of it, or nowhere. */
export function plainPath(path: string): string | null {
  const plain = posix.normalize(path).replace(/\/$/, '');
  return plain === '' ||
    plain === '.' ||
    plain === '..' ||
    plain.startsWith('../') ||
    plain.startsWith('/') ||
    plain.includes('\0')
    ? null
    : plain;
}

/** Without symbolic links; null: it leads nowhere. */
export const realPathOf = (path: string): Promise<string | null> => realpath(path).catch(() => null);

interface Walked {
  /** Relative to where the walk began, with forward slashes. */
  readonly path: string;
  readonly entry: Dirent;
  /** Whether it is a directory, also by a symbolic link. */
  readonly isDirectory: boolean;
}

/**
 * What is in a folder and below, folders before what is in them; symbolic links to folders are followed, once. `enter`
 * says of every folder whether to look into it.
 */
export async function* walkFollowing(
  root: string,
  enter: (folder: Walked) => boolean | Promise<boolean>,
  folder = '',
  above: readonly string[] = [],
): AsyncGenerator<Walked> {
  const real = await realPathOf(join(root, folder));
  // A link back up would make the tree endless.
  if (real === null || above.includes(real) || above.length > limits.publicDepth) return;
  for (const entry of await entriesOf(join(root, folder))) {
    const path = posix.join(folder, entry.name);
    const isDirectory = entry.isSymbolicLink()
      ? ((await stat(join(root, path)).catch(() => null))?.isDirectory() ?? false)
      : entry.isDirectory();
    const walked = { path, entry, isDirectory };
    yield walked;
    if (isDirectory && (await enter(walked))) yield* walkFollowing(root, enter, path, [...above, real]);
  }
}
