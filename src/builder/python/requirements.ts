import { createHash } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { UsageError } from '../../base/errors.ts';
import { limits } from '../../base/limits.ts';

/** A file of requirements and those that it names. Paths are absolute. */
export interface Requirements {
  /** With their content, in the order in which they are read. */
  readonly files: ReadonlyMap<string, string>;
  /** Folders of the project that are installed as packages. */
  readonly folders: readonly string[];
  /** Whether anything is asked for at all. */
  readonly isEmpty: boolean;
}

const another = /^(?:-r|--requirement|-c|--constraint)(?:\s+|=)?(\S.*)$/;
const folder =
  /^(?:(?:-e|--editable)(?:\s+|=))?(\.{1,2}(?:\/[^\s;#[]*)?|[^\s;#:@=<>[]*\/[^\s;#:@[]*)(?:\[[^\]]*\])?\s*(?:[;#].*)?$/;
const editable = /^(?:-e|--editable)\b/;

/** Null: there is no such file. Throws UsageError where one that is named is missing. */
export async function readRequirements(file: string): Promise<Requirements | null> {
  const files = new Map<string, string>();
  const folders = new Set<string>();
  let isEmpty = true;
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
      const named = another.exec(line)?.[1];
      if (named !== undefined && !/^\w+:\/\//.test(named))
        await read(resolve(dirname(path), named), `${path}:${index + 1}`);
      else if (!line.startsWith('-') || editable.test(line)) isEmpty = false;
      const local = folder.exec(line)?.[1];
      // pip looks for them from where it runs: the project.
      if (local !== undefined && named === undefined) folders.add(resolve(dirname(file), local));
    }
    return true;
  };
  return (await read(file, null)) ? { files, folders: [...folders], isEmpty } : null;
}

const linesOf = (text: string): string[] => text.split(/\r?\n/).map((line) => line.replace(/(?:^|\s)#.*$/, '').trim());

/** Of what is in them: names, sizes and times of all files, as far as they are the project's own. */
export async function digestOfFolders(folders: readonly string[]): Promise<string> {
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
  for (const each of folders) await walk(each);
  return hash.digest('hex');
}
