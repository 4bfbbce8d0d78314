import { lstat, readlink, realpath } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { limits } from '../../base/limits.ts';
import { entriesOf, isInside } from '../output/folder.ts';
import { readFunctions } from '../output/functions.ts';
import { Faults } from '../output/json-file.ts';
import { outputFolder } from '../output/place.ts';
import { repositoryOf } from '../output/repository.ts';
import type { Gathering } from './gathering.ts';
import { workspaceMarks } from './workspace.ts';

/** Beside a build's output these have something to say. */
const ownFiles = ['weir.json', 'vercel.json', 'package.json'] as const;

/** Gathers what a framework built, the files that its functions name elsewhere, and the project's settings. */
export async function gatherOutput(root: string, gathering: Gathering): Promise<void> {
  const output = join(root, outputFolder);
  for (const name of ownFiles) await gathering.add(join(root, name));
  const faults = new Faults();
  const { functions } = await readFunctions(output, root, faults);
  faults.throwIfAny();
  await gatherFolder(output, gathering);
  const repository = await repositoryOf(root, functions.values());
  const named = new Set<string>();
  for (const { config } of functions.values()) {
    for (const target of Object.values(config.filePathMap)) {
      for (const path of await onTheWay(resolve(repository, target), repository)) named.add(path);
    }
  }
  await gathering.addAll(named);
  if (repository === root) return;
  // Where it is unpacked, paths are taken relative to the folder that looks like the root of a workspace.
  for (const name of workspaceMarks) await gathering.add(join(repository, name));
}

/** A file without links in its path, and the links that lead to it. */
async function onTheWay(path: string, above: string): Promise<string[]> {
  const links: string[] = [];
  let [at, rest] = [above, relative(above, path).split('/')];
  while (rest.length > 1 && links.length < limits.publicDepth) {
    const folder = join(at, rest.shift()!);
    const found = await lstat(folder).catch(() => null);
    if (found?.isSymbolicLink() !== true) {
      at = folder;
      continue;
    }
    links.push(folder);
    const real = resolve(dirname(folder), await readlink(folder));
    if (!isInside(above, real)) return [...links, join(await realpath(real).catch(() => real), ...rest)];
    [at, rest] = [above, [...relative(above, real).split('/'), ...rest]];
  }
  return [...links, join(at, ...rest)];
}

async function gatherFolder(folder: string, gathering: Gathering): Promise<void> {
  for (const entry of await entriesOf(folder)) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) {
      await gatherFolder(path, gathering);
      continue;
    }
    const target = await gathering.add(path);
    if (target !== null && !isInside(folder, target)) await gatherTarget(target, gathering);
  }
}

/** What a link of the output leads to: another part of the output as a rule, else a package. */
async function gatherTarget(target: string, gathering: Gathering): Promise<void> {
  if (gathering.has(target)) return;
  if ((await lstat(target).catch(() => null))?.isDirectory() === true) await gatherFolder(target, gathering);
  else await gathering.add(target);
}
