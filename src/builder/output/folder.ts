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

export interface Walked {
  /** Relative to where the walk began, with forward slashes. */
  readonly path: string;
  /** Where it lies: only it itself may be a link. */
  readonly at: string;
  readonly entry: Dirent;
  /** Whether it is a directory, also by a symbolic link. */
  readonly isDirectory: boolean;
}

interface Walk {
  /** Says of every folder whether to look into it. */
  readonly enter: (folder: Walked) => boolean | Promise<boolean>;
  /** A folder that several links lead to is looked into once, under one of its paths. */
  readonly once?: boolean;
}

/**
 * What is in a folder and below, folders before what is in them; symbolic links to folders are followed, though not back
 * up. Throws UsageError past `limits.outputEntries` and `limits.outputFoldersAgain`.
 */
export async function* walkFollowing(root: string, { enter, once = false }: Walk): AsyncGenerator<Walked> {
  const seen = new Set<string>();
  let [entries, again] = [0, 0];
  const real = await realPathOf(root);
  if (real !== null) yield* walk('', real, []);

  async function* walk(folder: string, dir: string, above: readonly string[]): AsyncGenerator<Walked> {
    // A link back up would make the tree endless.
    if (above.length > limits.publicDepth || above.includes(dir)) return;
    if (seen.has(dir)) {
      if (once) return;
      again += 1;
    }
    seen.add(dir);
    for (const entry of await entriesOf(dir)) {
      entries += 1;
      if (entries > limits.outputEntries || again > limits.outputFoldersAgain) throw tooMany(root);
      const at = join(dir, entry.name);
      const isDirectory = entry.isSymbolicLink() ? await leadsToFolder(at) : entry.isDirectory();
      const walked = { path: posix.join(folder, entry.name), at, entry, isDirectory };
      yield walked;
      if (!isDirectory || !(await enter(walked))) continue;
      const below = entry.isSymbolicLink() ? await realPathOf(at) : at;
      if (below !== null) yield* walk(walked.path, below, [...above, dir]);
    }
  }
}

const leadsToFolder = async (path: string): Promise<boolean> =>
  (await stat(path).catch(() => null))?.isDirectory() ?? false;

const tooMany = (root: string): UsageError =>
  new UsageError(
    `${root}: expected at most ${limits.outputEntries} files and folders, and links to folders that make at most ` +
      `${limits.outputFoldersAgain} of them appear again`,
  );
