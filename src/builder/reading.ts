import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { UsageError } from '../base/errors.ts';
import { allPaths, detect, isPython } from './detect.ts';
import type { Detected } from './detect.ts';
import { unbuiltFramework } from './next-dev.ts';
import { hasOutput } from './project.ts';
import { looksLikeWeb } from './python/source.ts';

/** What a folder that is to be served is taken for. */
export type Reading =
  /** A project. `decider`: what in it says so, where it has others in it. */
  | { readonly kind: 'one'; readonly decider: string | null }
  /** The folder of these, absolute and sorted. `mayBeOne`: there is something to be served in itself, too. */
  | { readonly kind: 'several'; readonly dirs: readonly string[]; readonly mayBeOne: boolean };

/** In a project these say that it is one; `package.json` is also that of a repository of several. */
const ownFiles = ['weir.json', 'vercel.json'] as const;
/** Folders that are part of a project, unless one of the files above, or a package.json, is in them. */
const parts: ReadonlySet<string> = new Set(['api', 'public']);

/** Folders in it that begin with _ or . are no projects. Throws UsageError where the folder cannot be read. */
export async function readingOf(folder: string): Promise<Reading> {
  const names = await foldersIn(folder);
  const own = await detected(folder);
  const hasServer = own !== null && isServed(own);
  const sure = new Set<string>();
  for (const name of names) if (await isSurely(join(folder, name), hasServer)) sure.add(name);
  const mayBeOne =
    own !== null ||
    (await hasProgram(folder)) ||
    (await hasOutput(folder)) ||
    (await unbuiltFramework(folder)) !== null;
  const decider = await deciderOf(folder);
  if (mayBeOne && (decider !== null || sure.size === 0)) {
    return { kind: 'one', decider: sure.size === 0 ? null : decider };
  }
  const dirs = names.filter((name) => sure.has(name) || !parts.has(name)).map((name) => join(folder, name));
  return { kind: 'several', dirs, mayBeOne };
}

async function deciderOf(folder: string): Promise<string | null> {
  for (const name of ownFiles) if (await isFile(join(folder, name))) return name;
  return (await hasOutput(folder)) ? '.vercel/output' : null;
}

/** A server in a folder counts where the folder around has none: that one's may be in `src`. */
async function isSurely(dir: string, isInServer: boolean): Promise<boolean> {
  for (const name of ['package.json', ...ownFiles]) if (await isFile(join(dir, name))) return true;
  if (await hasOutput(dir)) return true;
  const found = isInServer ? null : await detected(dir);
  return found !== null && (await isServedOnItsOwn(dir, found));
}

const isServed = ({ functions }: Detected): boolean => functions.some(({ pattern }) => pattern === allPaths.pattern);

/** A folder of scripts has its main.py, too. */
async function isServedOnItsOwn(dir: string, { functions }: Detected): Promise<boolean> {
  const server = functions.find(({ pattern }) => pattern === allPaths.pattern);
  if (server === undefined || !isPython(server.file)) return server !== undefined;
  return looksLikeWeb(await readFile(join(dir, server.file), 'utf8').catch(() => ''));
}

/** weir.json says that there is one, whatever else is wrong in it: that is told when it is built. */
const hasProgram = (dir: string): Promise<boolean> =>
  readFile(join(dir, 'weir.json'), 'utf8').then(
    (text) => /"command"\s*:/.test(text),
    () => false,
  );

/** Null: nothing, or something wrong, which is told when it is built. */
const detected = (dir: string): Promise<Detected | null> => detect(dir).catch(() => null);

const isFile = async (path: string): Promise<boolean> => (await stat(path).catch(() => null))?.isFile() ?? false;

async function foldersIn(folder: string): Promise<string[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    return entries
      .filter((entry) => entry.isDirectory() && !/^[._]|^node_modules$/.test(entry.name))
      .map(({ name }) => name)
      .toSorted();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new UsageError(`${folder}: ${code === 'ENOENT' ? 'there is no such folder' : message}`);
  }
}
