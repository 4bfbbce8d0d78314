import { lstat, readlink, realpath, stat } from 'node:fs/promises';
import { dirname, posix, relative, resolve, sep } from 'node:path';
import { UsageError } from '../../base/errors.ts';
import { limits } from '../../base/limits.ts';
import { forEachBounded } from '../output/bounded.ts';
import { isInside } from '../output/folder.ts';

export interface CollectedFile {
  /** Relative to the root of the upload, with forward slashes. */
  readonly path: string;
  /** Where it is read. */
  readonly absolute: string;
  readonly bytes: number;
  readonly executable: boolean;
}

/** A symbolic link; `link` is relative to the folder of `path`. */
interface CollectedLink {
  readonly path: string;
  readonly link: string;
}

/** What an upload consists of, sorted by path. */
export interface Collected {
  /** Absolute: the project, or a folder around it that its packages lie in as well. */
  readonly root: string;
  /** The project in it; the empty string: it is the root. */
  readonly directory: string;
  readonly files: readonly CollectedFile[];
  readonly links: readonly CollectedLink[];
  /** Sentences for whoever reads the terminal. */
  readonly warnings: readonly string[];
}

/** Puts together what is to be uploaded, each path once, whoever asks for it. Paths are absolute. */
export class Gathering {
  readonly #dir: string;
  readonly #workspace: string;
  readonly #files = new Map<string, Omit<CollectedFile, 'path'>>();
  /** Place → what it leads to. */
  readonly #links = new Map<string, string>();
  /** What a link that leads out of the workspace leads to → the link. */
  readonly #foreign = new Map<string, string>();
  readonly #warnings = new Set<string>();

  /** Both without symbolic links, the project in the workspace. */
  constructor(dir: string, workspace: string) {
    this.#dir = dir;
    this.#workspace = workspace;
  }

  get workspace(): string {
    return this.#workspace;
  }

  warn(line: string): void {
    this.#warnings.add(line);
  }

  has(path: string): boolean {
    return this.#files.has(path) || this.#links.has(path);
  }

  /** A path to follow, where a link leads to a folder or file that may not be part of what is gathered yet; null: none. */
  async add(path: string): Promise<string | null> {
    const place = this.#placeOf(path);
    if (place === null) {
      this.warn(`${path} is outside of ${this.#workspace}, and is not uploaded`);
      return null;
    }
    if (this.has(place)) return null;
    const found = await lstat(path).catch(() => null);
    if (found?.isSymbolicLink() === true) return this.#addLink(path, place);
    if (found?.isFile() !== true) return null;
    this.#addFile(place, { absolute: path, bytes: found.size, executable: (found.mode & 0o111) !== 0 });
    return null;
  }

  #addFile(place: string, file: Omit<CollectedFile, 'path'>): void {
    if (this.#files.size === limits.uploadFiles) {
      throw new UsageError(
        `${this.#dir}: more than ${limits.uploadFiles} files; what is not needed can be named in .weirignore`,
      );
    }
    this.#files.set(place, file);
  }

  async #addLink(path: string, place: string): Promise<string | null> {
    const text = await readlink(path);
    const target = resolve(dirname(path), text);
    const real = await realpath(path).catch(() => null);
    if (real === null) {
      this.warn(`${path} is a link that leads nowhere, to ${text}, and is not uploaded`);
      return null;
    }
    if (isInside(this.#workspace, real) && isInside(this.#workspace, target)) {
      this.#links.set(place, target);
      return target;
    }
    // Whoever made the link wants what is there; it must not happen unseen.
    this.warn(`${path} leads out of ${this.#workspace}, to ${real}: what is used of it is uploaded in its place`);
    this.#foreign.set(real, place);
    const found = await stat(real);
    if (!found.isFile()) return null;
    this.#addFile(place, { absolute: real, bytes: found.size, executable: (found.mode & 0o111) !== 0 });
    return null;
  }

  /** Where a path belongs; null: nowhere in the workspace. */
  #placeOf(path: string): string | null {
    if (isInside(this.#workspace, path)) return path;
    for (const [real, place] of this.#foreign) if (isInside(real, path)) return place + path.slice(real.length);
    return null;
  }

  /** Links first: other paths may lie behind them. */
  async addAll(paths: Iterable<string>): Promise<void> {
    const [links, others]: [string[], string[]] = [[], []];
    await forEachBounded(paths, async (path) => {
      const isLink = (await lstat(path).catch(() => null))?.isSymbolicLink() ?? false;
      (isLink ? links : others).push(path);
    });
    for (const path of links.toSorted()) await this.add(path);
    await forEachBounded(others, async (path) => void (await this.add(path)));
  }

  collected(): Collected {
    const root = this.#root();
    const pathOf = (place: string): string => relative(root, place).split(sep).join(posix.sep);
    const files = [...this.#files].map(([place, file]) => Object.assign({ path: pathOf(place) }, file));
    const links: CollectedLink[] = [];
    for (const [place, target] of this.#links) {
      if (!this.#isThere(target)) {
        if (!place.includes('/node_modules/'))
          this.warn(`${place} leads to ${target}, which is left out, and so is the link`);
        continue;
      }
      links.push({ path: pathOf(place), link: relative(dirname(place), target).split(sep).join(posix.sep) || '.' });
    }
    return {
      root,
      directory: pathOf(this.#dir),
      files: files.sort(byPath),
      links: links.sort(byPath),
      warnings: [...this.#warnings].sort(),
    };
  }

  /** The innermost folder that everything lies in. */
  #root(): string {
    let root = this.#dir;
    const targets = [...this.#links.values()].filter((target) => this.#isThere(target));
    for (const place of [...this.#files.keys(), ...this.#links.keys(), ...targets]) {
      while (!isInside(root, place)) root = dirname(root);
    }
    return root;
  }

  /** Whether there will be something where a link leads. */
  #isThere(target: string): boolean {
    this.#folders ??= new Set(
      [...this.#files.keys(), ...this.#links.keys()].flatMap((place) => foldersAbove(place, this.#workspace)),
    );
    return this.has(target) || this.#folders.has(target);
  }
  #folders: Set<string> | null = null;
}

function foldersAbove(place: string, workspace: string): string[] {
  const folders: string[] = [];
  for (let at = dirname(place); isInside(workspace, at); at = dirname(at)) {
    folders.push(at);
    if (at === dirname(at)) break;
  }
  return folders;
}

const byPath = (a: { readonly path: string }, b: { readonly path: string }): number => (a.path < b.path ? -1 : 1);
