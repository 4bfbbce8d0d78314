import { constants } from 'node:fs';
import { copyFile, link, mkdir, realpath, stat, symlink } from 'node:fs/promises';
import { isAbsolute, join, posix } from 'node:path';
import { UsageError } from '../../base/errors.ts';
import { forEachBounded } from './bounded.ts';
import { isPackaged } from './sources.ts';
import type { Source } from './sources.ts';

/** Folders of bundles that are made in one build. */
export class Layout {
  /** Source → the first copy of it: the other functions that have it get a link to that. */
  readonly #copies = new Map<string, Promise<string>>();

  /**
   * Makes a folder in which every file is at its path in the bundle. Packages are linked; what a framework's build wrote is
   * copied (or cloned, where the file system can), since the next build may write into the same files. Throws UsageError.
   */
  async make(dir: string, files: ReadonlyMap<string, Source>): Promise<void> {
    try {
      const places = placesIn(files);
      await makeFolders(dir, files);
      await forEachBounded(files, async ([path, source]) => {
        if (source.kind === 'file') await this.#put(source.file, join(dir, path), isPackaged(path));
        else if (source.kind === 'link') await this.#putLink(source, path, dir, places);
      });
    } catch (error) {
      throw new UsageError(`${dir}: the bundle of a function cannot be put there: ${(error as Error).message}`);
    }
  }

  async #put(file: string, target: string, isPackage: boolean): Promise<void> {
    if (isPackage) return linkOrCopy(file, target);
    const first = this.#copies.get(file);
    if (first !== undefined) return linkOrCopy(await first, target);
    const copy = copyFile(file, target, constants.COPYFILE_FICLONE).then(() => target);
    this.#copies.set(file, copy);
    await copy;
  }

  /** One that stays in the bundle is kept as it is; else it is what it leads to. */
  async #putLink(source: Extract<Source, { kind: 'link' }>, path: string, dir: string, places: Places): Promise<void> {
    const inBundle = isAbsolute(source.text) ? null : posix.join(posix.dirname(path), source.text);
    if (inBundle !== null && leadsTo(inBundle, places)) return symlink(source.text, join(dir, path));
    const real = await realpath(source.file).catch(() => null);
    // One that leads nowhere led nowhere before, too.
    if (real === null) return;
    if ((await stat(real)).isDirectory()) await symlink(real, join(dir, path));
    else await this.#put(real, join(dir, path), isPackaged(path));
  }
}

/** The folders that have something in them; those above come with them. */
async function makeFolders(dir: string, files: ReadonlyMap<string, Source>): Promise<void> {
  const folders = new Set<string>(['.']);
  for (const [path, { kind }] of files) folders.add(kind === 'directory' ? path : posix.dirname(path));
  await forEachBounded(folders, async (folder) => void (await mkdir(join(dir, folder), { recursive: true })));
}

/** What there is in a bundle: files and folders; and which of them are links, so that what is below is elsewhere. */
interface Places {
  readonly all: ReadonlySet<string>;
  readonly links: ReadonlySet<string>;
}

function placesIn(files: ReadonlyMap<string, Source>): Places {
  const all = new Set<string>();
  const links = new Set<string>();
  for (const [path, { kind }] of files) {
    if (kind === 'link') links.add(path);
    for (let place = path; place !== '.' && !all.has(place); place = posix.dirname(place)) all.add(place);
  }
  return { all, links };
}

function leadsTo(path: string, { all, links }: Places): boolean {
  if (path.startsWith('..')) return false;
  if (all.has(path)) return true;
  for (let above = posix.dirname(path); above !== '.'; above = posix.dirname(above)) if (links.has(above)) return true;
  return false;
}

/** Other devices, file systems without links, too many links to one file: what cannot be linked is copied. */
const unlinkable = new Set(['EXDEV', 'EPERM', 'EMLINK', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EACCES']);

/** Puts a file at another place as well, as the same file where that can be. */
export async function linkOrCopy(file: string, target: string): Promise<void> {
  try {
    await link(file, target);
  } catch (error) {
    if (!unlinkable.has((error as NodeJS.ErrnoException).code ?? '')) throw error;
    await copyFile(file, target, constants.COPYFILE_FICLONE);
  }
}
