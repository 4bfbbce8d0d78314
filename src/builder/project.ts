import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { basename, join, normalize, resolve } from 'node:path';
import type { Clock } from '../base/clock.ts';
import { UsageError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import type { Log } from '../base/log.ts';
import type { FunctionSpec } from '../model/function.ts';
import type { Route } from '../model/route.ts';
import type { Deployment } from '../model/snapshot.ts';
import { compile } from './compile.ts';
import { type CodeConfig, readCodeConfig } from './code-config.ts';
import { functionConfig, readConfig, refuseUnmatched, runtimeWarnings, settingsFor, withDefaults } from './config.ts';
import type { ProjectConfig } from './config.ts';
import { allPaths, detect, isPython, serverName } from './detect.ts';
import type { DetectedFunction } from './detect.ts';
import { gitVariables } from './git.ts';
import { isBundled } from './format.ts';
import { buildFromOutput } from './output/deployment.ts';
import { outputConfigFile } from './output/place.ts';
import { nextDevServer, unbuiltFramework } from './next-dev.ts';
import { readyProgram } from './program.ts';
import { pythonFunctions, refuseForeign, requirementFiles } from './python-functions.ts';
import type { PythonReleases } from './python-releases.ts';
import { anyProgram, ownServer } from './relevance.ts';

export interface BuildOptions {
  /** Its name, as in labels; `projectName(dir)` when nobody says otherwise. */
  readonly project: string;
  /** Unique over all deployments that are served: `dep_…`. */
  readonly deployment: string;
  /** What the deployment is for. */
  readonly target: 'production' | 'preview';
  /** It is being worked on: what a framework has not built is served by the framework's development server. */
  readonly isDevelopment: boolean;
  readonly hosts: readonly string[];
  /** Set in every function, weaker than anything the project's own files say. */
  readonly environment: Readonly<Record<string, string>>;
  readonly log: Log;
  readonly host: BuildHost;
  /** Receives what the build read, relative to the project, also when it fails: a change of these is a reason to build again. */
  readonly reads: Set<string>;
}

/** The machine that builds, and runs what it builds. */
export interface BuildHost {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly python: PythonReleases;
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
  for (const warning of config.warnings) options.log.warn(warning);
  const outDir = join(buildsDir(root), options.deployment);
  if (await hasOutput(root)) {
    options.reads.add(outputConfigFile);
    refuseProgram(config);
    const environment = { ...(await gitVariables(root)), ...options.environment };
    return buildFromOutput(root, { ...options, environment, config, outDir, claim: () => claim(root, outDir) });
  }
  const framework = config.program === null ? await unbuiltFramework(root) : null;
  if (framework === null) return buildFromSources(root, outDir, config, options);
  if (framework.recipe === 'next' && options.isDevelopment) return nextDevelopment(root, config, options);
  throw new UsageError(`${root}: a ${framework.name} project that has not been built: weir build ${root} first`);
}

/** Whether a framework's build has left something to be served: it is served then, and not what is beside it. */
export const hasOutput = async (dir: string): Promise<boolean> =>
  (await stat(join(dir, outputConfigFile)).catch(() => null))?.isFile() ?? false;

async function buildFromSources(
  root: string,
  outDir: string,
  config: ProjectConfig,
  options: BuildOptions,
): Promise<Deployment> {
  const { functions, publicDir } = await detect(root, config.program !== null);
  const files = functions.map(({ file }) => file);
  for (const file of files) options.reads.add(normalize(file));
  refuseUnmatched(config, config.program === null ? files : [...files, serverName]);
  const parts = await partsOf({ root, outDir, config, options }, functions);
  if (config.program !== null)
    parts.push({ name: serverName, ...allPaths, parts: await programParts(root, config, options) });
  const git = await gitVariables(root);
  const specs = parts.map(({ name, parts: { config: own, ...rest } }): FunctionSpec => ({
    ...namesOf(name, options),
    root,
    ...rest,
    config: { ...own, environment: { ...git, ...options.environment, ...own.environment } },
  }));
  return {
    ...plainDeployment(options),
    functions: specs,
    routes: parts.map(({ pattern, segments }, index): Route => ({ pattern, segments, functionId: specs[index]!.id })),
    publicDir,
    routing: config.routing,
    crons: config.crons,
  };
}

type Parts = Pick<FunctionSpec, 'entry' | 'launch' | 'modulePaths' | 'eventExport' | 'command' | 'config'>;

/** What answers a route, without what all functions of the deployment have alike. */
type Answer = Pick<DetectedFunction, 'name' | 'pattern' | 'segments'> & { readonly parts: Parts };

interface Building {
  readonly root: string;
  readonly outDir: string;
  readonly config: ProjectConfig;
  readonly options: BuildOptions;
}

async function partsOf(building: Building, functions: readonly DetectedFunction[]): Promise<Answer[]> {
  const { root, config, options } = building;
  const python = functions.filter(({ file }) => isPython(file));
  if (python.length > 0) for (const file of await requirementFiles(root)) options.reads.add(file);
  const ofPython = await pythonFunctions(root, python, config, options.host.python);
  const scripts = functions.filter(({ file }) => !isPython(file));
  const ofScripts = await scriptParts(building, scripts);
  return functions.map((found): Answer => {
    const own = isPython(found.file) ? ofPython[python.indexOf(found)]! : ofScripts[scripts.indexOf(found)]!;
    return { name: found.name, pattern: found.pattern, segments: found.segments, parts: own };
  });
}

async function scriptParts(building: Building, scripts: readonly DetectedFunction[]): Promise<Parts[]> {
  const { root, outDir, config, options } = building;
  for (const { file } of scripts) refuseForeign(config, file, settingsFor(config, file).runtime ?? null);
  if (scripts.some(({ file }) => isBundled(file))) await claim(root, outDir);
  const entries = await compile(scripts, { dir: root, outDir, log: options.log, reads: options.reads });
  const inCode = await Promise.all(scripts.map((found) => settingsInCode(root, found, options.log)));
  return scripts.map(({ file, launch }, index): Parts => {
    const { settings, isEdge } = inCode[index]!;
    return {
      entry: entries[index]!,
      launch: isEdge ? 'edge' : launch,
      config: functionConfig(config, file, settings),
    };
  });
}

/** The program that the project says answers what nothing else does. */
async function programParts(root: string, config: ProjectConfig, options: BuildOptions): Promise<Parts> {
  const { host, log, project, reads } = options;
  reads.add(anyProgram);
  const place = { project, log, environment: host.environment, clock: host.clock };
  const command = await readyProgram(root, config.file!, config.program!, place);
  const settings = settingsFor(config, serverName);
  return {
    entry: command[0]!,
    launch: 'command',
    command,
    config: withDefaults({ ...settings, runtime: 'executable' }, config),
  };
}

/** What a framework built answers all paths. */
function refuseProgram({ file, program }: ProjectConfig): void {
  if (program === null) return;
  throw new UsageError(
    `${file}: command: there is a build in .vercel/output, which is served in its place: remove one of them`,
  );
}

const namesOf = (name: string, { deployment, project, target }: BuildOptions) => ({
  id: `${deployment}/${name}`,
  label: `${project}/${name}`,
  project,
  deployment,
  environment: target,
  name,
});

const plainDeployment = ({ deployment, project, target, hosts }: BuildOptions) => ({
  id: deployment,
  project,
  environment: target,
  hosts,
  publicDir: null,
  outputs: null,
  routing: null,
  crons: [],
  fingerprint: deployment,
});

async function settingsInCode(dir: string, { file, launch }: DetectedFunction, log: Log): Promise<CodeConfig> {
  const code = await readCodeConfig(dir, file, launch);
  for (const warning of [...code.warnings, ...runtimeWarnings(join(dir, file), [code.settings])]) log.warn(warning);
  return code;
}

/** The framework's own server sees to changes of the sources, as its build does. */
async function nextDevelopment(root: string, config: ProjectConfig, options: BuildOptions): Promise<Deployment> {
  options.reads.add(outputConfigFile).add(ownServer);
  const own = functionConfig(config, 'server');
  // It reads the .env files itself, in an order of its own.
  const environment = { ...(await gitVariables(root)), ...options.environment, ...config.declared };
  const spec = await nextDevServer(root, namesOf('server', options), { ...own, environment });
  const segments = [{ kind: 'rest', name: 'path' }] as const;
  return {
    ...plainDeployment(options),
    functions: [spec],
    routes: [{ pattern: '/[...path]', segments, functionId: spec.id }],
  };
}

/** Makes the folder of a build. Before anything is in it, it says whose it is: nobody else then takes it for abandoned. */
async function claim(dir: string, outDir: string): Promise<void> {
  try {
    await mkdir(outDir, { recursive: true });
    await writeFile(join(outDir, ownerFile), String(process.pid));
    await writeFile(join(dir, '.weir', '.gitignore'), '*\n');
  } catch (error) {
    throw new UsageError(`${outDir}: what is compiled cannot be put there: ${(error as Error).message}`);
  }
}

/** Says which process uses a build, so that another one in the same project leaves it alone. */
const ownerFile = 'owner.pid';

/** Nothing imports it any more. */
export async function removeBuild(dir: string, deployment: string): Promise<void> {
  await rm(join(buildsDir(resolve(dir)), deployment), { recursive: true, force: true });
}

/** Removes what processes left behind that were killed. */
export async function removeAbandonedBuilds(dir: string, clock: Clock): Promise<void> {
  const folder = buildsDir(resolve(dir));
  for (const name of await readdir(folder).catch(() => [])) {
    if (await isAbandoned(join(folder, name), clock)) await rm(join(folder, name), { recursive: true, force: true });
  }
}

/** One that says nothing of its owner may have been made a moment ago. */
async function isAbandoned(outDir: string, clock: Clock): Promise<boolean> {
  const owner = Number(await readFile(join(outDir, ownerFile), 'utf8').catch(() => '')) || null;
  if (owner !== null) return !isAlive(owner);
  const made = await stat(outDir).catch(() => null);
  return made !== null && clock.wallMs() - made.mtimeMs > limits.unownedBuildMs;
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
