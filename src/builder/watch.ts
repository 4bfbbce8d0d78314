import { readdirSync, statSync, watch } from 'node:fs';
import type { FSWatcher } from 'node:fs';
import { basename, join, relative, resolve, sep } from 'node:path';
import type { Clock, Timer } from '../base/clock.ts';
import { limits } from '../base/limits.ts';
import type { Log } from '../base/log.ts';

export interface WatchOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Something changed, and nothing more for a moment. Paths relative to the directory, sorted. */
  changed(paths: readonly string[]): void;
  /** `native`: one recursive watch (macOS, Windows). `folders`: one for each folder. Default: what suits the system. */
  readonly method?: Method;
}

type Method = 'native' | 'folders' | 'polling';

export interface Watch {
  /** Idempotent. */
  close(): void;
}

/** What never leads to a new version: packages, other tools' folders, editors' and databases' own files, logs. */
const ignoredFolder = /^(?:node_modules|\..+)$/;
const ignoredFile = /~$|^\.#|^4913$|\.sw[a-p]$|\.(?:log|tmp|pid)$|\.(?:db|sqlite3?)(?:-\w+)?$/;

/**
 * Watches a project. recursive watch on Linux is not used: it watches every file of every package.
 */
export function watchProject(dir: string, options: WatchOptions): Watch {
  const root = resolve(dir);
  const batch = collect(options);
  const changed = (path: string): void => {
    if (matters(relative(root, path))) batch.add(relative(root, path));
  };
  const watches = start(root, changed, options);
  return {
    close() {
      batch.close();
      watches.close();
    },
  };
}

function matters(path: string): boolean {
  const parts = path.split(sep);
  if (path === '') return false;
  if (parts.slice(0, -1).some((part) => ignoredFolder.test(part))) return false;
  const name = parts.at(-1)!;
  if (name.startsWith('.') && !name.startsWith('.env')) return false;
  return name !== 'node_modules' && !ignoredFile.test(name);
}

function start(root: string, changed: (path: string) => void, options: WatchOptions): Watch {
  const method = options.method ?? (process.platform === 'linux' ? 'folders' : 'native');
  try {
    if (method === 'folders') return watchFolders(root, changed, (error) => options.log.warn(error.message));
    if (method === 'native') return watchNatively(root, changed, (error) => options.log.warn(error.message));
  } catch (error) {
    options.log.warn(`cannot watch ${root} (${(error as Error).message}); looking for changes once a second instead`);
  }
  return poll(root, changed, options.clock);
}

/** Gathers what happens within a moment: an editor writes a file in several steps, a checkout many files. */
function collect(options: WatchOptions): { add(path: string): void; close(): void } {
  const { clock } = options;
  const paths = new Set<string>();
  let timer: Timer | null = null;
  let latestMs = 0;
  const fire = (): void => {
    timer = null;
    const sorted = [...paths].toSorted();
    paths.clear();
    options.changed(sorted);
  };
  return {
    add(path) {
      const nowMs = clock.nowMs();
      if (timer === null) latestMs = nowMs + 10 * limits.watchQuietMs;
      timer?.cancel();
      paths.add(path);
      timer = clock.after(Math.max(0, Math.min(limits.watchQuietMs, latestMs - nowMs)), fire);
    },
    close: () => timer?.cancel(),
  };
}

function watchNatively(root: string, changed: (path: string) => void, failed: (error: Error) => void): Watch {
  const watcher = watch(root, { recursive: true }, (_, name) => changed(name === null ? root : join(root, name)));
  watcher.on('error', failed);
  return watcher;
}

function watchFolders(root: string, changed: (path: string) => void, failed: (error: Error) => void): Watch {
  const watchers = new Map<string, FSWatcher>();
  const drop = (folder: string): void => {
    for (const [path, watcher] of watchers) {
      if (path !== folder && !path.startsWith(folder + sep)) continue;
      watcher.close();
      watchers.delete(path);
    }
  };
  const add = (folder: string): void => {
    if (watchers.has(folder)) return;
    const watcher = watch(folder, (_, name) => {
      if (name === null) return;
      const path = join(folder, name);
      changed(path);
      if (!isFolder(path)) drop(path);
      else if (isWatched(path)) addAll(path);
    });
    // A folder that goes away while it is watched is not worth a word: its parent has told.
    watcher.on('error', (error) => (isFolder(folder) ? failed(error) : drop(folder)));
    watchers.set(folder, watcher);
  };
  const addAll = (folder: string): void => {
    add(folder);
    // What was put into a new folder before it was watched counts as changed with the folder itself.
    for (const inner of foldersIn(folder)) if (isWatched(inner)) addAll(inner);
  };
  const close = (): void => {
    for (const watcher of watchers.values()) watcher.close();
    watchers.clear();
  };
  try {
    addAll(root);
  } catch (error) {
    close();
    throw error;
  }
  return { close };
}

const isWatched = (folder: string): boolean => !ignoredFolder.test(basename(folder));

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

function foldersIn(folder: string): string[] {
  const entries = readdirSync(folder, { withFileTypes: true });
  return entries.flatMap((entry) => (entry.isDirectory() ? [join(folder, entry.name)] : []));
}

function poll(root: string, changed: (path: string) => void, clock: Clock): Watch {
  let seen = fingerprints(root);
  let timer: Timer;
  const look = (): void => {
    const now = fingerprints(root);
    for (const [path, mark] of now) if (seen.get(path) !== mark) changed(path);
    for (const path of seen.keys()) if (!now.has(path)) changed(path);
    seen = now;
    timer = clock.after(limits.watchPollMs, look);
  };
  timer = clock.after(limits.watchPollMs, look);
  return { close: () => timer.cancel() };
}

/** Time of change and length of every file that is watched. */
function fingerprints(root: string): Map<string, string> {
  const marks = new Map<string, string>();
  const visit = (folder: string): void => {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) {
        marks.set(path, 'folder');
        if (isWatched(path)) visit(path);
      } else {
        const found = statSync(path, { throwIfNoEntry: false });
        if (found !== undefined) marks.set(path, `${found.mtimeMs} ${found.size}`);
      }
    }
  };
  if (isFolder(root)) visit(root);
  return marks;
}
