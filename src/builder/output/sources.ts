import { createHash } from 'node:crypto';
import { lstat, readFile, readlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { isInside, realPathOf } from './folder.ts';

/** A file of a project that is part of a bundle. */
export type Source =
  | { readonly kind: 'file'; readonly file: string; readonly bytes: number }
  /** A symbolic link; `text` is where it leads, as it stands there. */
  | { readonly kind: 'link'; readonly file: string; readonly text: string }
  | { readonly kind: 'directory'; readonly file: string };

/** What functions share they share file by file: each is looked at once. */
export class Sources {
  readonly #repository: string;
  readonly #looked = new Map<string, Promise<Source | null>>();
  readonly #folders = new Map<string, Promise<string | null>>();
  readonly #digests = new Map<string, Promise<string>>();

  /** `repository`: what bundles are made of lies in it; without symbolic links. */
  constructor(repository: string) {
    this.#repository = repository;
  }

  get repository(): string {
    return this.#repository;
  }

  /** Null: there is nothing. */
  look(file: string): Promise<Source | null> {
    let looked = this.#looked.get(file);
    if (looked === undefined) this.#looked.set(file, (looked = look(file)));
    return looked;
  }

  /** Whether the folder that a file lies in is in the repository, whatever links lead there. */
  async isOurs(file: string): Promise<boolean> {
    const folder = dirname(file);
    let real = this.#folders.get(folder);
    if (real === undefined) this.#folders.set(folder, (real = realPathOf(folder)));
    const found = await real;
    return found !== null && isInside(this.#repository, found);
  }

  /** Of its content. */
  digest(file: string): Promise<string> {
    let digest = this.#digests.get(file);
    if (digest === undefined) this.#digests.set(file, (digest = digestOf(file)));
    return digest;
  }
}

async function look(file: string): Promise<Source | null> {
  const found = await lstat(file).catch(() => null);
  if (found === null) return null;
  if (found.isSymbolicLink()) return { kind: 'link', file, text: await readlink(file) };
  if (found.isDirectory()) return { kind: 'directory', file };
  return found.isFile() ? { kind: 'file', file, bytes: found.size } : null;
}

const digestOf = async (file: string): Promise<string> =>
  createHash('sha256')
    .update(await readFile(file))
    .digest('base64url');

/** What a package manager put there: it does not change under the same name and size. */
export const isPackaged = (path: string): boolean =>
  path.startsWith('node_modules/') || path.includes('/node_modules/');
