import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { UsageError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { FunctionSpec } from '../model/function.ts';
import type { Route } from '../model/route.ts';
import type { Deployment } from '../model/snapshot.ts';
import { compile } from './compile.ts';
import { functionConfig, readConfig, refuseUnmatched } from './config.ts';
import { detect } from './detect.ts';
import type { DetectedFunction } from './detect.ts';

export interface BuildOptions {
  /** Its name, as in labels; `projectName(dir)` when nobody says otherwise. */
  readonly project: string;
  /** Unique over all deployments that are served: `dep_…`. */
  readonly deployment: string;
  readonly hosts: readonly string[];
  /** Set in every function, weaker than anything the project's own files say. */
  readonly environment: Readonly<Record<string, string>>;
  readonly log: Log;
}

/** Where builds of a project go: in it, so that compiled code finds the project's packages. */
const buildsDir = (dir: string): string => join(dir, '.weir', 'dev');

/**
 * Makes a deployment of what is in `dir`. Throws UsageError when something in the project is wrong; what was built before
 * is untouched then.
 */
export async function buildProject(dir: string, options: BuildOptions): Promise<Deployment> {
  const root = resolve(dir);
  await requireDirectory(root);
  const config = await readConfig(root);
  const { functions, publicDir } = await detect(root);
  const files = functions.map(({ file }) => file);
  refuseUnmatched(config, files);
  for (const warning of config.warnings) options.log.warn(warning);
  const outDir = join(buildsDir(root), options.deployment);
  const entries = await compileInto(root, outDir, functions, options.log);
  const specs = functions.map((found, index): FunctionSpec => {
    const own = functionConfig(config, found.file);
    return {
      id: `${options.deployment}/${found.name}`,
      label: `${options.project}/${found.name}`,
      project: options.project,
      deployment: options.deployment,
      name: found.name,
      root,
      entry: entries[index]!,
      launch: found.launch,
      config: { ...own, environment: { ...options.environment, ...own.environment } },
    };
  });
  return {
    id: options.deployment,
    project: options.project,
    environment: 'production',
    hosts: options.hosts,
    functions: specs,
    routes: functions.map(({ pattern, segments }, index): Route => ({
      pattern,
      segments,
      functionId: specs[index]!.id,
    })),
    publicDir,
  };
}

async function compileInto(
  dir: string,
  outDir: string,
  functions: readonly DetectedFunction[],
  log: Log,
): Promise<string[]> {
  const entries = await compile(functions, { dir, outDir, log });
  if (await isThere(outDir)) {
    await writeFile(join(dir, '.weir', '.gitignore'), '*\n');
    await writeFile(join(outDir, ownerFile), String(process.pid));
  }
  return entries;
}

/** Says which process uses a build, so that another one in the same project leaves it alone. */
const ownerFile = 'owner.pid';

/** Nothing imports it any more. */
export async function removeBuild(dir: string, deployment: string): Promise<void> {
  await rm(join(buildsDir(resolve(dir)), deployment), { recursive: true, force: true });
}

/** Removes what processes left behind that were killed. */
export async function removeAbandonedBuilds(dir: string): Promise<void> {
  const folder = buildsDir(resolve(dir));
  for (const name of await readdir(folder).catch(() => [])) {
    const owner = Number(await readFile(join(folder, name, ownerFile), 'utf8').catch(() => '0'));
    if (!isAlive(owner)) await rm(join(folder, name), { recursive: true, force: true });
  }
}

/** Whether there is a process of this number; one of another user counts. */
export function isAlive(pid: number): boolean {
  if (!Number.isSafeInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // Somebody else's process: it is there.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** What a project is called that does not say: its folder's name, as a host name has it. */
export async function projectName(dir: string): Promise<string> {
  const root = resolve(dir);
  await requireDirectory(root);
  const { name } = await readConfig(root);
  if (name !== null) return name;
  const plain = basename(root)
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .slice(0, 63);
  return plain.replaceAll(/^-+|-+$/g, '') || 'project';
}

async function requireDirectory(dir: string): Promise<void> {
  const found = await stat(dir).catch(() => null);
  if (found === null) throw new UsageError(`${dir}: there is no such directory`);
  if (!found.isDirectory()) throw new UsageError(`${dir}: is a file; the directory of a project is expected`);
}

const isThere = async (path: string): Promise<boolean> => (await stat(path).catch(() => null)) !== null;
