/**
 * Files that edge code fetches: `fetch(new URL('./font.ttf', import.meta.url))`, or `blob:NAME` once it was built. Such code
 * often fetches what a request says, so a `file:` URL is answered only where the code itself, or its build, names the file.
 */
import { readFile, realpath } from 'node:fs/promises';
import { isAbsolute, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

type Fetch = typeof globalThis.fetch;

/** `new URL('./font.ttf', import.meta.url)`; the compiler gives the place of a source a name (src/builder/source-place.ts). */
const named = /\bnew URL\(\s*(["'`])([^"'`\\$\r\n]+)\1\s*,\s*(import\.meta\.url|__weirUrl\d*)\s*,?\s*\)/g;
const declared = /\b(__weirUrl\d*) = ("file:[^"\\]*")/g;

/** Files that modules name by a literal, as absolute paths. */
export class NamedFiles {
  readonly #paths = new Set<string>();

  /** `url`: where the source was loaded from. */
  read(source: string, url: string): void {
    const places = new Map([['import.meta.url', url]]);
    for (const [, name, text] of source.matchAll(declared)) places.set(name!, JSON.parse(text!) as string);
    for (const [, , literal, place] of source.matchAll(named)) {
      const path = pathOf(URL.parse(literal!, places.get(place!))?.href ?? '');
      if (path !== null) this.#paths.add(path);
    }
  }

  add(path: string): void {
    this.#paths.add(path);
  }

  has(path: string): boolean {
    return this.#paths.has(path);
  }
}

export interface Assets {
  /** The folder that `file:` URLs may lead into. */
  readonly root: string;
  /** What the build lists: absolute paths by name. */
  readonly listed: Readonly<Record<string, string>>;
  readonly named: NamedFiles;
}

export function assetFetch({ root, listed, named: files }: Assets, fetch: Fetch): Fetch {
  for (const file of Object.values(listed)) files.add(file);
  return async (input, init) => {
    const url = typeof input === 'string' ? input : input instanceof URL ? input.href : input.url;
    if (url.startsWith('blob:')) {
      const file = assetOf(url.slice('blob:'.length), listed);
      if (file !== undefined) return answer(file);
    } else if (url.startsWith('file:')) return answer(await namedFile(root, files, url));
    return fetch(input, init);
  };
}

function assetOf(name: string, assets: Readonly<Record<string, string>>): string | undefined {
  if (Object.hasOwn(assets, name)) return assets[name];
  const plain = unescaped(name);
  return Object.hasOwn(assets, plain) ? assets[plain] : undefined;
}

function unescaped(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}

/** Rejects as fetch() does when it may not, or cannot. Names with a dot in front are secrets and tools' own, whoever names them. */
async function namedFile(root: string, files: NamedFiles, url: string): Promise<string> {
  const path = pathOf(url);
  if (path === null || !files.has(path)) {
    throw new TypeError(
      `fetch failed: ${url} is no asset of the function: its code names none by new URL('…', import.meta.url)`,
    );
  }
  const inside = await pathInside(root, path, url);
  if (inside === '' || inside === '..' || inside.startsWith(`..${sep}`) || isAbsolute(inside))
    throw new TypeError(`fetch failed: ${url} is outside of the function's folder`);
  if (inside.split(sep).some((part) => part.startsWith('.')))
    throw new TypeError(`fetch failed: ${url} is hidden: such files are never assets`);
  return path;
}

/** Where it really lies, as seen from the root. */
async function pathInside(root: string, path: string, url: string): Promise<string> {
  try {
    return relative(await realpath(root), await realpath(path));
  } catch (cause) {
    throw new TypeError(`fetch failed: ${url} cannot be read`, { cause });
  }
}

/** Null: it is no file's URL on this machine. */
function pathOf(url: string): string | null {
  try {
    return fileURLToPath(url.replace(/[?#].*$/s, ''));
  } catch {
    return null;
  }
}

async function answer(file: string): Promise<Response> {
  try {
    return new Response(await readFile(file));
  } catch (cause) {
    throw new TypeError(`fetch failed: ${file} cannot be read`, { cause });
  }
}
