import { createHash } from 'node:crypto';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import { stateDirectory } from '../base/user-directories.ts';
import type { ProjectPlace } from '../builder/live.ts';
import { isAlive } from '../builder/project.ts';
import { openLearnedStore } from '../control/learned-store.ts';
import { type OwnedDirectory, ownDirectory } from '../control/owned-directory.ts';
import { RuntimeCacheStore } from '../control/runtime-cache.ts';
import { PageStore } from '../edge/prerender/store.ts';
import type { FunctionSpec } from '../model/function.ts';
import { learnedKey } from '../model/learned.ts';
import type { Memory } from '../router/remembering.ts';

interface KeptParts {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly projects: readonly ProjectPlace[];
  /** Of this run: what cannot be kept longer is there. */
  readonly runDir: string;
  readonly clock: Clock;
  readonly log: Log;
}

/** What is kept of functions and their answers: what was learned, pages, what they put into the runtime cache. */
export async function openKept({ environment, projects, runDir, clock, log }: KeptParts) {
  const stateDir = stateDirectory(environment, homedir());
  const learned = await openLearnedStore({ file: join(stateDir, 'learned.json'), clock, log });
  const home = await pagesDirectory(stateDir, projects, clock);
  const pages = await PageStore.open({ directory: home?.path ?? join(runDir, 'pages'), clock, log });
  const memory: Memory = {
    recall: (spec: FunctionSpec) => learned.get(learnedKey(spec)),
    remember: (spec, what, wallMs) => learned.set(learnedKey(spec), what, wallMs),
  };
  const close = async (): Promise<void> => {
    await Promise.all([learned.close(), pages.settled()]);
    await home?.release();
  };
  return { memory, pages, runtimeCache: new RuntimeCacheStore({ clock }), close };
}

/** Of one folder of projects, or of a project alone: whoever serves the same next finds what was kept. */
function pagesDirectory(
  stateDir: string,
  projects: readonly ProjectPlace[],
  clock: Clock,
): Promise<OwnedDirectory | null> {
  const dirs = new Set(projects.map(({ dir, hosts }) => (hosts.length === 0 ? dir : dirname(dir))));
  const name = createHash('sha256')
    .update(JSON.stringify([...dirs].toSorted()))
    .digest('hex')
    .slice(0, 16);
  return ownDirectory({ parent: join(stateDir, 'pages'), name, clock, pid: process.pid, isAlive });
}
