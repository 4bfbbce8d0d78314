import { createRequire } from 'node:module';
import { glob, readFile, realpath, stat } from 'node:fs/promises';
import { dirname, join, matchesGlob, normalize, relative, resolve } from 'node:path';
import { UsageError } from '../../base/errors.ts';
import { readConfig } from '../config.ts';
import type { ProjectConfig } from '../config.ts';
import { asksForDecoratorMetadata } from '../decorators.ts';
import { detect, isPython } from '../detect.ts';
import { isBundled } from '../format.ts';
import { unbuiltFramework } from '../next-dev.ts';
import { isInside } from '../output/folder.ts';
import { hasOutput } from '../project.ts';
import { localOfLock, readRequirements } from '../python/requirements.ts';
import { tsconfigChain } from '../tsconfig.ts';
import { Gathering } from './gathering.ts';
import type { Collected } from './gathering.ts';
import { gatherOutput } from './output.ts';
import { isPackaged, trace } from './trace.ts';
import type { TracedEntry } from './trace.ts';
import { Walk, ignoringOf } from './walk.ts';
import { workspaceOf } from './workspace.ts';

export type { Collected } from './gathering.ts';

/**
 * What a deployment of the project in `dir` is made of, elsewhere: what a framework built, or the project's files with the
 * packages that its functions load. Throws UsageError when there is nothing to deploy, or something in it is wrong.
 */
export async function collect(dir: string): Promise<Collected> {
  const root = await realpath(dir).catch(() => null);
  if (root === null) throw new UsageError(`${resolve(dir)}: there is no such directory`);
  if (!(await stat(root)).isDirectory())
    throw new UsageError(`${root}: is a file; the directory of a project is expected`);
  const gathering = new Gathering(root, await workspaceOf(root));
  const config = await readConfig(root);
  for (const warning of config.warnings) gathering.warn(warning);
  if (await hasOutput(root)) await gatherOutput(root, gathering);
  else await gatherSources(root, config, gathering);
  return gathering.collected();
}

async function gatherSources(root: string, config: ProjectConfig, gathering: Gathering): Promise<void> {
  const framework = config.program === null ? await unbuiltFramework(root) : null;
  if (framework !== null) {
    throw new UsageError(`${root}: a ${framework.name} project that has not been built: weir build ${root} first`);
  }
  const { functions } = await detect(root, config.program !== null);
  const ignoring = await ignoringOf(root, gathering.workspace);
  await new Walk(root, ignoring, gathering).gather();
  const files = functions.map(({ file }) => normalize(file));
  const rules = await fileRules(config.file);
  const scripts = files.filter((file) => !isPython(file));
  const commands = await scriptsOfCommand(root, config);
  const compilers = await compilersFor(root, scripts);
  const entries = [...scripts, ...commands, ...compilers].map((file): TracedEntry => ({
    path: join(root, file),
    exclude: patternsFor(rules, file, 'excludeFiles'),
  }));
  if (entries.length > 0) await gatherPackages(root, entries, { gathering, ignoredBy: ignoring.file });
  for (const file of files) {
    for (const pattern of patternsFor(rules, file, 'includeFiles')) await include(root, pattern, gathering);
    if (gathering.has(join(root, file))) continue;
    gathering.warn(
      `${join(root, file)} is a function, and left out by ${ignoring.file ?? 'a .gitignore'}: it is not deployed`,
    );
  }
  await gatherLocalPython(root, gathering);
}

/** Decorator metadata is written by the project's own compiler, where it is compiled. */
async function compilersFor(root: string, scripts: readonly string[]): Promise<string[]> {
  if (!scripts.some((file) => isBundled(file)) || !(await asksForDecoratorMetadata(root))) return [];
  try {
    return [relative(root, createRequire(join(root, 'package.json')).resolve('typescript'))];
  } catch {
    // Compiling says it.
    return [];
  }
}

/** Of a program: files of JavaScript among its arguments. */
async function scriptsOfCommand(root: string, { program }: ProjectConfig): Promise<string[]> {
  const scripts: string[] = [];
  for (const word of program?.command ?? []) {
    if (!/\.[mc]?[jt]sx?$/.test(word) || word.startsWith('-')) continue;
    const path = resolve(root, word);
    if (isInside(root, path) && (await isFile(path))) scripts.push(relative(root, path));
  }
  return scripts;
}

interface Packages {
  readonly gathering: Gathering;
  readonly ignoredBy: string | null;
}

async function gatherPackages(root: string, entries: readonly TracedEntry[], to: Packages): Promise<void> {
  const { gathering, ignoredBy } = to;
  const { paths, code, missing } = await trace(entries, root);
  for (const line of missing) gathering.warn(`${line}, which is not there`);
  const needed = new Set<string>();
  for (const path of paths) {
    // Data beside the project's own code was walked, or left out on purpose.
    const isOwn = isInside(root, path) && !isPackaged(path);
    if (!isOwn || (ignoredBy === null && code.has(path))) needed.add(path);
  }
  for (const path of code) {
    if (isBundled(path)) for (const file of await tsconfigChain(path)) needed.add(file);
    for (const file of await packageFilesAbove(path, gathering.workspace)) needed.add(file);
  }
  await gathering.addAll([...needed].filter((path) => !gathering.has(path)));
}

/** The nearest package.json says what kind of modules there are. */
async function packageFilesAbove(path: string, workspace: string): Promise<string[]> {
  for (let at = dirname(path); isInside(workspace, at); at = dirname(at)) {
    const file = join(at, 'package.json');
    if (await isFile(file)) return [file];
    if (at === dirname(at)) break;
  }
  return [];
}

interface FileRule {
  readonly glob: string;
  readonly includeFiles?: unknown;
  readonly excludeFiles?: unknown;
}

/** Settings of vercel.json that are of no effect but here. The file was checked before. */
async function fileRules(file: string | null): Promise<readonly FileRule[]> {
  if (file === null) return [];
  const { functions = {} } = JSON.parse((await readFile(file, 'utf8')).replace(/^\uFEFF/, '')) as {
    functions?: Record<string, object>;
  };
  return Object.entries(functions).map(([glob, settings]) => Object.assign({ glob }, settings));
}

function patternsFor(rules: readonly FileRule[], file: string, field: 'includeFiles' | 'excludeFiles'): string[] {
  const rule = rules.find(({ glob }) => glob.replace(/^\.?\//, '') === file || matchesGlob(file, glob));
  const value = rule?.[field];
  return typeof value === 'string' ? [value] : [];
}

async function include(root: string, pattern: string, gathering: Gathering): Promise<void> {
  let found = 0;
  for await (const name of glob(pattern, { cwd: root })) {
    const path = join(root, name);
    found += 1;
    if (isInside(root, path)) await gathering.add(await realpath(path).catch(() => path));
  }
  if (found === 0) gathering.warn(`includeFiles: ${JSON.stringify(pattern)} matches no file`);
}

/** Python packages of this machine, which the project's requirements name: they are installed from the upload. */
async function gatherLocalPython(root: string, gathering: Gathering): Promise<void> {
  const requirements = await readRequirements(join(root, 'requirements.txt'));
  const [lock, pyproject] = await Promise.all(['uv.lock', 'pyproject.toml'].map((name) => textOf(join(root, name))));
  const places = [
    ...(requirements === null ? [] : [...requirements.local, ...requirements.files.keys()]),
    ...(lock === '' || pyproject === '' ? [] : localOfLock(lock!, pyproject!, root)),
  ];
  for (const place of places) {
    const real = await realpath(place).catch(() => null);
    if (real === null || isInside(root, real)) continue;
    if (!isInside(gathering.workspace, real)) {
      gathering.warn(`${place} is asked for, lies outside of ${gathering.workspace}, and is not uploaded`);
    } else if (await isFile(real)) await gathering.add(real);
    else await new Walk(real, await ignoringOf(real, gathering.workspace), gathering).gather();
  }
}

const textOf = (file: string): Promise<string> => readFile(file, 'utf8').catch(() => '');
const isFile = async (path: string): Promise<boolean> => (await stat(path).catch(() => null))?.isFile() ?? false;
