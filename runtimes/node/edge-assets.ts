/** Files that edge code fetches: `fetch(new URL('./font.ttf', import.meta.url))`, or `blob:NAME` once it was built. */
import { readFile, realpath } from 'node:fs/promises';
import { isAbsolute, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

type Fetch = typeof globalThis.fetch;

/** `assets`: absolute paths by name. `root`: the folder that `file:` URLs may lead into. */
export function assetFetch(root: string, assets: Readonly<Record<string, string>>, fetch: Fetch): Fetch {
  return async (input, init) => {
    const url = typeof input === 'string' ? input : input instanceof URL ? input.href : input.url;
    if (url.startsWith('blob:')) {
      const file = assetOf(url.slice('blob:'.length), assets);
      if (file !== undefined) return answer(file);
    } else if (url.startsWith('file:')) return answer(await fileInside(root, url));
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

/** Rejects as fetch() does when it may not, or cannot. */
async function fileInside(root: string, url: string): Promise<string> {
  try {
    const file = await realpath(fileURLToPath(url.replace(/[?#].*$/s, '')));
    const path = relative(await realpath(root), file);
    if (path !== '' && path !== '..' && !path.startsWith(`..${sep}`) && !isAbsolute(path)) return file;
  } catch (cause) {
    throw new TypeError(`fetch failed: ${url} cannot be read`, { cause });
  }
  throw new TypeError(`fetch failed: ${url} is outside of the function's folder`);
}

async function answer(file: string): Promise<Response> {
  try {
    return new Response(await readFile(file));
  } catch (cause) {
    throw new TypeError(`fetch failed: ${file} cannot be read`, { cause });
  }
}
