import { lstatSync, readdirSync, realpathSync, statSync } from 'node:fs';
import { join, sep } from 'node:path';
import { limits } from '../base/limits.ts';
import type { Log } from '../base/log.ts';
import { mediaType } from './media.ts';

export interface StaticFile {
  /** Absolute, without symbolic links. */
  readonly file: string;
  readonly type: string;
}

/** Decoded URL path → file. */
export type StaticFiles = ReadonlyMap<string, StaticFile>;

/**
 * Walks `publicDir`, so that a request for a function costs no look at the disk. Dot files are left out, except below
 * `.well-known`; so are links that lead out of the directory. A directory that cannot be read is an empty one, and logged.
 */
export function indexFiles(publicDir: string, log: Log): StaticFiles {
  const found = new Map<string, StaticFile>();
  const root = attempt(() => realpathSync(publicDir), publicDir, log);
  if (root !== null) walk({ found, root, log, above: [] }, root, '');
  if (found.size >= limits.publicFiles)
    log.error('too many static files: the rest is not served', { directory: publicDir, limit: limits.publicFiles });
  return found;
}

interface Walk {
  readonly found: Map<string, StaticFile>;
  readonly root: string;
  readonly log: Log;
  /** The directories the walk is in: a link back up would make it endless. */
  readonly above: string[];
}

function walk(state: Walk, directory: string, path: string): void {
  if (state.above.includes(directory)) return;
  if (state.above.length > limits.publicDepth) {
    state.log.warn('static files too deep: not served', { directory });
    return;
  }
  const names = attempt(() => readdirSync(directory), directory, state.log) ?? [];
  state.above.push(directory);
  for (const name of names.toSorted()) {
    if (state.found.size >= limits.publicFiles) break;
    if (name.startsWith('.') && name !== '.well-known') continue;
    visit(state, join(directory, name), `${path}/${name}`);
  }
  state.above.pop();
}

function visit(state: Walk, file: string, path: string): void {
  const real = attempt(() => (lstatSync(file).isSymbolicLink() ? realpathSync(file) : file), file, state.log);
  if (real === null) return;
  if (real !== state.root && !real.startsWith(state.root + sep)) {
    state.log.warn('a link leads out of the public directory: not served', { link: file });
    return;
  }
  const stat = attempt(() => statSync(real), real, state.log);
  if (stat?.isDirectory() === true) walk(state, real, path);
  else if (stat?.isFile() === true) add(state.found, path, { file: real, type: mediaType(path) });
}

function add(found: Map<string, StaticFile>, path: string, file: StaticFile): void {
  found.set(path, file);
  if (!path.endsWith('/index.html')) return;
  const directory = path.slice(0, -'/index.html'.length);
  found.set(`${directory}/`, file);
  if (directory !== '' && !found.has(directory)) found.set(directory, file);
}

function attempt<Value>(look: () => Value, path: string, log: Log): Value | null {
  try {
    return look();
  } catch (error) {
    log.warn('static files: cannot read', { path, why: error instanceof Error ? error.message : String(error) });
    return null;
  }
}
