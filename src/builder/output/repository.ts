import { readdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { OutputFunction } from './functions.ts';

/** Files that stand at the root of a repository of several projects. */
const rootFiles: ReadonlySet<string> = new Set([
  '.git',
  'pnpm-workspace.yaml',
  'pnpm-lock.yaml',
  'yarn.lock',
  'package-lock.json',
  'bun.lock',
  'bun.lockb',
  'turbo.json',
  'nx.json',
]);

/**
 * What the paths of a `filePathMap` are relative to: the project's own folder, or that of the repository it is part of.
 * Nothing in the output says which; it is the innermost that has one file of each function at least. The project's own when
 * none has. `project`: without symbolic links.
 */
export async function repositoryOf(project: string, functions: Iterable<OutputFunction>): Promise<string> {
  const samples = [...functions].flatMap(({ config }) => Object.values(config.filePathMap).slice(0, 1));
  for (const dir of await candidates(project)) {
    const there = await Promise.all(samples.map((sample) => stat(join(dir, sample)).catch(() => null)));
    if (there.every((found) => found !== null)) return dir;
  }
  return project;
}

async function candidates(project: string): Promise<string[]> {
  const found = [project];
  for (let dir = dirname(project); dir !== dirname(dir); dir = dirname(dir)) {
    const names = await readdir(dir).catch((): string[] => []);
    if (names.some((name) => rootFiles.has(name))) found.push(dir);
    if (names.includes('.git')) break;
  }
  return found;
}
