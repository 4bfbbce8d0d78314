import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { UsageError } from '../../base/errors.ts';
import { limits } from '../../base/limits.ts';

/** A file of requirements and those that it names. Paths are absolute. */
export interface Requirements {
  /** With their content, in the order in which they are read. */
  readonly files: ReadonlyMap<string, string>;
  /** Folders and files of this machine that are installed as packages, or that packages are looked for in. */
  readonly local: readonly string[];
  /** Whether anything is asked for at all. */
  readonly isEmpty: boolean;
}

const another = /^(?:-r|--requirement|-c|--constraint)(?:\s+|=)?(\S.*)$/;
const folder =
  /^(?:(?:-e|--editable)(?:\s+|=))?(\.{1,2}(?:\/[^\s;#[]*)?|[^\s;#:@=<>[]*\/[^\s;#:@[]*)(?:\[[^\]]*\])?\s*(?:(?:[;#\\]|--).*)?$/;
/** pip takes an archive's name for a file without a slash too. */
const archive = /^([^\s;#:@=<>[/]+\.(?:whl|zip|tgz|tar(?:\.\w+)?))(?:\[[^\]]*\])?(?:[\s;#].*)?$/i;
/** `name @ file:///x.whl`, and, for uv, `name @ ./x`. */
const named =
  /^(?:(?:-e|--editable)(?:\s+|=))?(?:[a-z\d][\w.-]*\s*(?:\[[^\]]*\])?\s*@\s*)?(file:[^\s;#[]+|\.{0,2}\/[^\s;#[]*)/i;
const links = /^(?:-f|--find-links)(?:\s+|=)?([^\s#]+)/;
const editable = /^(?:-e|--editable)\b/;

/** Null: there is no such file. Throws UsageError where one that is named is missing. */
export async function readRequirements(file: string): Promise<Requirements | null> {
  const files = new Map<string, string>();
  const local = new Set<string>();
  let isEmpty = true;
  const add = (found: string | null, from: string): void => {
    const place = found === null ? null : pathOf(found, from);
    if (place !== null) local.add(place);
  };
  const read = async (path: string, from: string | null): Promise<boolean> => {
    if (files.has(path)) return true;
    if (files.size === limits.requirementFiles) throw new UsageError(`${file}: leads to more than ${files.size} files`);
    const text = await readFile(path, 'utf8').catch(() => null);
    if (text === null) {
      if (from === null) return false;
      throw new UsageError(`${from}: there is no file ${path}`);
    }
    files.set(path, text);
    for (const [index, line] of linesOf(text).entries()) {
      if (line === '') continue;
      const other = another.exec(line)?.[1];
      if (other !== undefined && !/^\w+:\/\//.test(other))
        await read(resolve(dirname(path), other), `${path}:${index + 1}`);
      else if (!line.startsWith('-') || editable.test(line)) isEmpty = false;
      if (other !== undefined) continue;
      // pip looks for packages from where it runs: the project; and for links from where the file is, too.
      const linked = links.exec(line)?.[1];
      if (linked !== undefined) add(linked, dirname(path));
      add(linked ?? localOf(line), dirname(file));
    }
    return true;
  };
  return (await read(file, null)) ? { files, local: [...local], isEmpty } : null;
}

const linesOf = (text: string): string[] => text.split(/\r?\n/).map((line) => line.replace(/(?:^|\s)#.*$/, '').trim());

/** What a requirement names of this machine, as it is written; null: nothing. */
const localOf = (line: string): string | null =>
  folder.exec(line)?.[1] ?? archive.exec(line)?.[1] ?? named.exec(line)?.[1] ?? null;

/** Those that requirements, a line each, name of this machine. */
export const localOfLines = (lines: readonly string[], dir: string): string[] =>
  lines.flatMap((line) => {
    const found = localOf(line.trim());
    const place = found === null ? null : pathOf(found, dir);
    return place === null ? [] : [place];
  });

/**
 * Packages of this machine that uv.lock was made of: those with a path, and other members of the workspace (`source = { editable =
 * "lib" }`, as uv writes it); and those that `[tool.uv.sources]` names. Not the project: it is not installed.
 */
export function localOfLock(lock: string, pyproject: string, dir: string): string[] {
  const locked = lock.matchAll(/^source = \{ (?:editable|directory|path|registry) = "([^"]+)"/gm);
  const sources = pyproject
    .split(/^(?=[ \t]*\[)/m)
    .filter((table) => /^[ \t]*\[\s*tool\s*\.\s*uv\s*\.\s*sources\b/.test(table))
    .join('')
    .matchAll(/\bpath\s*=\s*(?:"([^"]+)"|'([^']+)')/g);
  const places = [...locked, ...sources].map(([, one, other]) => pathOf(one ?? other ?? '', dir));
  return [...new Set(places)].filter((place): place is string => place !== null && place !== resolve(dir));
}

/** Null: it is on no path of this machine. */
function pathOf(written: string, from: string): string | null {
  if (!/^file:/i.test(written)) return /^\w+:\/\//.test(written) ? null : resolve(from, written);
  try {
    const path = written.slice('file:'.length);
    return path.startsWith('/') ? fileURLToPath(`file:${path}`) : resolve(from, decodeURIComponent(path));
  } catch {
    return null;
  }
}

/** Of a folder: names, sizes and times of all files, as far as they are the project's own. Of a file: what is in it. */
export async function digestOfLocal(places: readonly string[]): Promise<string> {
  const hash = createHash('sha256');
  let left = limits.localPackageFiles;
  const walk = async (dir: string): Promise<void> => {
    const entries = await readdir(dir, { withFileTypes: true }).catch(() => []);
    for (const entry of entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
      if (/^\.|^(?:node_modules|__pycache__|venv|build|dist)$|\.egg-info$/.test(entry.name)) continue;
      const path = join(dir, entry.name);
      if (entry.isDirectory()) await walk(path);
      else if (left > 0) {
        left -= 1;
        const found = await stat(path).catch(() => null);
        hash.update(`${path} ${found?.size} ${found?.mtimeMs}\n`);
      }
    }
  };
  for (const each of places) {
    const isFile = (await stat(each).catch(() => null))?.isFile() === true;
    if (isFile) hash.update(`${each} ${await digestOfFile(each)}\n`);
    else await walk(each);
  }
  return hash.digest('hex');
}

/** Empty where it cannot be read: whoever installs it says so. */
async function digestOfFile(file: string): Promise<string> {
  const hash = createHash('sha256');
  return pipeline(createReadStream(file), hash).then(
    () => hash.digest('hex'),
    () => '',
  );
}
