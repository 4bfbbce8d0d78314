import { readdirSync, statSync, watch } from 'node:fs';
import type { Dirent, FSWatcher, Stats } from 'node:fs';
import { join, relative, resolve, sep } from 'node:path';
import type { Clock, Timer } from '../base/clock.ts';
import { limits } from '../base/limits.ts';
import type { Log } from '../base/log.ts';
import { isRelevant, isWatched } from './relevance.ts';
import type { Happening } from './relevance.ts';

export interface WatchOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Files that the last build read, relative to the directory: they count whatever they are called. */
  reads(): ReadonlySet<string>;
  /** Something changed that matters, and nothing more for a moment. Paths relative to the directory, sorted. */
  changed(paths: readonly string[]): void;
  /** `native`: one recursive watch (macOS, Windows). `folders`: one for each folder. Default: what suits the system. */
  readonly method?: Method;
}

type Method = 'native' | 'folders' | 'polling';

export interface Watch {
  /** Idempotent. */
  close(): void;
}

/** What all methods work on. Paths are absolute. */
interface Scene {
  readonly root: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly noticed: (path: string, happening: Happening) => void;
  readonly isWatched: (folder: string) => boolean;
  /** Null: it cannot be looked at; that folder is left out, and the rest goes on. */
  readonly attempt: <Found>(folder: string, look: () => Found) => Found | null;
}

/**
 * Watches a project. recursive watch on Linux is not used: it watches every file of every package.
 */
export function watchProject(dir: string, options: WatchOptions): Watch {
  const { clock, log } = options;
  const root = resolve(dir);
  const batch = collect(options);
  const noticed = (path: string, happening: Happening): void => {
    const inside = relative(root, path);
    if (isRelevant(inside, happening, options.reads())) batch.add(inside);
  };
  const isSeen = (folder: string): boolean => isWatched(folder, options.reads());
  const watches = start(
    { root, clock, log, noticed, isWatched: isSeen, attempt: attempts(log) },
    options.method ?? suitable(),
  );
  return {
    close() {
      batch.close();
      watches.close();
    },
  };
}

const suitable = (): Method => (process.platform === 'linux' ? 'folders' : 'native');

/** No more watches, or no more open files: every further attempt fails as well. */
const exhausted = new Set(['ENOSPC', 'EMFILE', 'ENFILE']);
const gone = new Set(['ENOENT', 'ENOTDIR']);

function attempts(log: Log): Scene['attempt'] {
  const told = new Set<string>();
  return (folder, look) => {
    try {
      return look();
    } catch (error) {
      const { code = '', message } = error as NodeJS.ErrnoException;
      if (exhausted.has(code)) throw error;
      // Its parent tells.
      if (gone.has(code)) return null;
      if (!told.has(folder)) log.warn(`changes in ${folder} go unnoticed: ${message}`);
      told.add(folder);
      return null;
    }
  };
}

function start(scene: Scene, method: Method): Watch {
  let watches: Watch | null = null;
  const pollInstead = (error: Error, unseen: string | null): void => {
    watches?.close();
    scene.log.warn(`cannot watch ${scene.root} (${error.message}); looking for changes once a second instead`);
    watches = poll(scene, unseen);
  };
  try {
    if (method === 'folders') watches = watchFolders(scene, pollInstead);
    else if (method === 'native') watches = watchNatively(scene);
    else watches = poll(scene, null);
  } catch (error) {
    pollInstead(error as Error, null);
  }
  return { close: () => watches?.close() };
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

function watchNatively(scene: Scene): Watch {
  const { root, noticed } = scene;
  const watcher = watch(root, { recursive: true }, (happening, name) => {
    if (name === null) return;
    const path = join(root, name);
    if (!isFolder(path)) noticed(path, happening);
    // It may have been moved here with all that is in it, of which nothing else tells.
    else if (happening === 'rename' && scene.isWatched(name))
      walk(scene, path, { file: (file) => noticed(file, 'rename') });
  });
  watcher.on('error', (error) => scene.log.warn(error.message));
  return watcher;
}

/** `pollInstead`: watching came to an end; what is in `unseen` came before anybody looked. */
function watchFolders(scene: Scene, pollInstead: (error: Error, unseen: string) => void): Watch {
  const { root, log, noticed, attempt } = scene;
  const watchers = new Map<string, FSWatcher>();
  const drop = (folder: string): void => {
    if (!watchers.has(folder)) return;
    for (const [path, watcher] of watchers) {
      if (path !== folder && !path.startsWith(folder + sep)) continue;
      watcher.close();
      watchers.delete(path);
    }
  };
  const add = (folder: string): void => {
    const watcher = attempt(folder, () => watch(folder, (happening, name) => heard(folder, happening, name)));
    if (watcher === null) return;
    watcher.on('error', (error) => (isFolder(folder) ? log.warn(error.message) : drop(folder)));
    watchers.set(folder, watcher);
  };
  const heard = (folder: string, happening: Happening, name: string | null): void => {
    if (name === null || !watchers.has(folder)) return;
    const path = join(folder, name);
    // Also of a folder of the same name: what is watched is the one that was there before.
    if (happening === 'rename') drop(path);
    if (!isFolder(path)) noticed(path, happening);
    else if (!watchers.has(path) && scene.isWatched(relative(root, path))) addFound(path);
  };
  /** What was put into a folder before it was watched counts as changed with it. */
  const addFound = (path: string): void => {
    try {
      walk(scene, path, { folder: add, file: (file) => noticed(file, 'rename') });
    } catch (error) {
      pollInstead(error as Error, path);
    }
  };
  const close = (): void => {
    for (const watcher of watchers.values()) watcher.close();
    watchers.clear();
  };
  try {
    walk(scene, root, { folder: add });
  } catch (error) {
    close();
    throw error;
  }
  return { close };
}

/** Visits a folder and all below it that can matter: a folder before what is in it, so that nothing slips in between. */
function walk(scene: Scene, folder: string, visit: { folder?(path: string): void; file?(path: string): void }): void {
  visit.folder?.(folder);
  for (const entry of entriesOf(scene, folder)) {
    const path = join(folder, entry.name);
    if (!entry.isDirectory()) visit.file?.(path);
    else if (scene.isWatched(relative(scene.root, path))) walk(scene, path, visit);
  }
}

const entriesOf = ({ attempt }: Scene, folder: string): Dirent[] =>
  attempt(folder, () => readdirSync(folder, { withFileTypes: true })) ?? [];

const isFolder = (path: string): boolean => statsOf(path)?.isDirectory() ?? false;

/** Null: not there, or not to be looked at. */
function statsOf(path: string): Stats | null {
  try {
    return statSync(path);
  } catch {
    return null;
  }
}

/** What lies in `unseen` is found by the first look. */
function poll(scene: Scene, unseen: string | null): Watch {
  let seen = look(scene, new Map());
  if (unseen !== null) seen = new Map([...seen].filter(([path]) => !path.startsWith(unseen + sep)));
  let timer: Timer;
  const compare = (): void => {
    const now = look(scene, seen);
    for (const [path, mark] of now) {
      if (!seen.has(path)) scene.noticed(path, 'rename');
      else if (seen.get(path) !== mark) scene.noticed(path, 'change');
    }
    for (const path of seen.keys()) if (!now.has(path)) scene.noticed(path, 'rename');
    seen = now;
    timer = scene.clock.after(limits.watchPollMs, compare);
  };
  timer = scene.clock.after(limits.watchPollMs, compare);
  return { close: () => timer.cancel() };
}

type Marks = ReadonlyMap<string, string>;

/** Time of change and length of every file that is watched; `before` when it cannot be looked at just now. */
function look(scene: Scene, before: Marks): Marks {
  const marks = new Map<string, string>();
  const file = (path: string): void => {
    const found = statsOf(path);
    if (found !== null) marks.set(path, `${found.mtimeMs} ${found.size}`);
  };
  try {
    walk(scene, scene.root, { file });
    return marks;
  } catch {
    // Too many open files, for the moment.
    return before;
  }
}
