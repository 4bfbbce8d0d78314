import { stat, writeFile } from 'node:fs/promises';
import { delimiter, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Clock } from '../../base/clock.ts';
import { UsageError } from '../../base/errors.ts';
import { limits } from '../../base/limits.ts';
import { readConfig } from '../config.ts';
import { configFile, outputConfigFile, outputFolder } from '../output/place.ts';
import { runCommand } from './command.ts';
import type { Ended } from './command.ts';
import { frameworkOf, frameworks } from './frameworks.ts';
import type { Framework } from './frameworks.ts';
import { above, installedVersion, packageManagerOf, readJsonFile, readPackageFile } from './package-file.ts';
import type { PackageFile } from './package-file.ts';
import { replacing } from './replacing.ts';
import { summaryOf } from './summary.ts';
import type { Summary } from './summary.ts';
import { nextTool, toolDirectory, vercelTool } from './tool.ts';
import { withVercelProject } from './vercel-project.ts';
import { textField, withSettings } from './vercel-settings.ts';
import type { OutputConfig, VercelSettings } from './vercel-settings.ts';

export interface MakeOptions {
  /** By the hosted platform's command, whatever the framework. */
  readonly byVercel: boolean;
  /** The user's cache directory of Weir: what is fetched is kept there. */
  readonly cacheDir: string;
  /** Used when others may write there. Default: the system's directory for temporary files. */
  readonly temporaryDir?: string;
  /** What the build finds, besides what the project's own files say. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly say: (line: string) => void;
  /** What the build prints, as it prints it. */
  readonly output: (text: string, stream: 'out' | 'err') => void;
  readonly signal?: AbortSignal;
}

/** How `weir build` ended, for what is not a mistake of the project's: that is a UsageError. */
export type Made =
  | { readonly kind: 'made'; readonly title: string; readonly summary: Summary; readonly tookMs: number }
  /** It runs as it is. */
  | { readonly kind: 'nothing-to-do'; readonly title: string }
  /** Its build has said why. */
  | { readonly kind: 'failed'; readonly command: string; readonly how: string };

interface Project {
  readonly dir: string;
  readonly framework: Framework | null;
  /** Installed; null without a framework. */
  readonly version: string | null;
  readonly packageFile: PackageFile | null;
  readonly settings: VercelSettings | null;
  readonly environment: Readonly<Record<string, string>>;
  readonly outputDir: string;
}

/** What is run for a build: `args` null is a line of the shell. */
interface Step {
  readonly program: string;
  readonly args: readonly string[] | null;
  readonly environment: Readonly<Record<string, string>>;
}

/**
 * Makes `.vercel/output` (Build Output API v3) of a project by its framework's own means. What was there is there again when
 * the build fails. Throws UsageError for what its user can mend.
 */
export async function makeOutput(dir: string, options: MakeOptions): Promise<Made> {
  const project = await read(resolve(dir));
  const { framework, version } = project;
  if (framework === null && !options.byVercel) throw nothingKnown(project);
  const title = framework === null ? 'the project' : `${framework.name} ${version}`;
  if (framework?.recipe === 'none' && !options.byVercel) return { kind: 'nothing-to-do', title };
  const startedMs = options.clock.nowMs();
  const byVercel = options.byVercel || framework?.recipe === 'vercel' || !hasAdapters(project);
  const step = byVercel ? await vercelStep(options) : await ownStep(project, options);
  const command = [step.program, ...(step.args ?? [])].join(' ').replace(`${options.cacheDir}/`, '');
  options.say(`building ${title}: ${command}`);
  const ended = await replacing(project.outputDir, async () => {
    const run = (): Promise<Ended> => runCommand(step.program, step.args, commandOptions(project, step, options));
    const ended = await (byVercel ? withVercelProject(project.dir, framework?.slug ?? null, run) : run());
    if (ended.kind === 'done') await complete(project, byVercel);
    return ended;
  });
  if (ended.kind === 'missing') throw new UsageError(`${project.dir}: ${step.program}: there is no such program`);
  if (ended.kind === 'failed') return { kind: 'failed', command, how: ended.how };
  const tookMs = options.clock.nowMs() - startedMs;
  return { kind: 'made', title, summary: await summaryOf(project.outputDir), tookMs };
}

async function read(dir: string): Promise<Project> {
  const found = await stat(dir).catch(() => null);
  if (!found?.isDirectory()) throw new UsageError(`${dir}: there is no such directory`);
  const { declared: environment, file } = await readConfig(dir);
  const fields = file === null ? null : await readJsonFile(file);
  const settings = file === null || fields === null ? null : { path: file, fields: { ...fields } };
  const packageFile = await readPackageFile(dir);
  const slug = settings === null ? null : textField(settings, 'framework');
  const framework = frameworkOf(packageFile?.dependencies ?? new Set(), slug);
  const version = framework === null ? null : await installedVersion(dir, framework.dependency);
  if (framework !== null && version === null) {
    const { install } = await packageManagerOf(dir);
    throw new UsageError(`${dir}: ${framework.dependency} is in package.json, and not installed: \`${install}\` first`);
  }
  return { dir, framework, version, packageFile, settings, environment, outputDir: join(dir, outputFolder) };
}

function nothingKnown({ dir, packageFile }: Project): UsageError {
  const names = frameworks.map(({ dependency }) => dependency).join(', ');
  const where = packageFile === null ? 'there is no package.json' : `package.json has none of ${names}`;
  return new UsageError(
    `${dir}: no framework is recognised: ${where}\n` +
      `api/, server.* and public/ need no build: weir dev serves them as they are\n` +
      `what the hosted platform can build, weir build --vercel can`,
  );
}

/** Next.js has had adapters since 16.2. */
function hasAdapters({ framework, version }: Project): boolean {
  if (framework?.recipe !== 'next' || version === null) return true;
  const [major = 0, minor = 0] = version.split('.').map((part) => Number.parseInt(part, 10));
  return major > 16 || (major === 16 && minor >= 2);
}

async function vercelStep(options: MakeOptions): Promise<Step> {
  const tool = await toolDirectory(vercelTool, options);
  return {
    program: join(tool, 'node_modules', '.bin', 'vercel'),
    args: ['build', '--yes'],
    environment: { NO_UPDATE_NOTIFIER: '1', VERCEL_TELEMETRY_DISABLED: '1' },
  };
}

async function ownStep(project: Project, options: MakeOptions): Promise<Step> {
  const { dir, settings, packageFile } = project;
  const framework = project.framework!;
  const environment = {
    ...framework.environment,
    ...(framework.recipe === 'next' ? await nextAdapter(project, options) : {}),
  };
  const own = settings === null ? null : textField(settings, 'buildCommand');
  if (own !== null && own !== '') return { program: own, args: null, environment };
  const script = ['vercel-build', 'build'].find((name) => packageFile?.scripts.has(name));
  if (script === undefined) return { program: framework.command, args: null, environment };
  return { program: (await packageManagerOf(dir)).name, args: ['run', script], environment };
}

async function nextAdapter(
  { outputDir, settings }: Project,
  options: MakeOptions,
): Promise<Readonly<Record<string, string>>> {
  const tool = await toolDirectory(nextTool, options);
  return {
    NEXT_ADAPTER_PATH: fileURLToPath(new URL('next-adapter.js', import.meta.url)),
    // What memory and time the project gives to which of its files.
    NEXT_ADAPTER_VERCEL_CONFIG: JSON.stringify({ zeroConfig: true, functions: settings?.fields['functions'] }),
    WEIR_NEXT_ADAPTER: join(tool, 'node_modules/@vercel/next/dist/adapter/index.js'),
    WEIR_OUTPUT_DIR: outputDir,
  };
}

function commandOptions({ dir, environment }: Project, step: Step, options: MakeOptions) {
  const programs = [dir, ...above(dir)].map((folder) => join(folder, 'node_modules', '.bin'));
  // The build is for the Node that its functions are going to run on, so it runs on that.
  const path = [...programs, dirname(process.execPath), options.environment['PATH'] ?? ''].join(delimiter);
  return {
    cwd: dir,
    clock: options.clock,
    output: options.output,
    ...(options.signal === undefined ? {} : { signal: options.signal }),
    environment: {
      ...options.environment,
      // As it is while the hosted platform builds.
      CI: '1',
      VERCEL: '1',
      NOW_BUILDER: '1',
      VERCEL_ENV: 'production',
      VERCEL_TARGET_ENV: 'production',
      ...environment,
      ...step.environment,
      PATH: path,
    },
  };
}

/** Looks whether there is an output, and adds what the project's own file says of it (`vercel build` has done so itself). */
async function complete({ dir, framework, outputDir, settings }: Project, byVercel: boolean): Promise<void> {
  const path = join(outputDir, configFile);
  const config = await readJsonFile(path, limits.outputJsonBytes);
  if (config === null) {
    const adapter = framework?.adapter ?? null;
    const wanted = adapter === null ? 'the project chooses another output' : `the project has to use ${adapter}`;
    throw new UsageError(`${dir}: the build has left no ${outputConfigFile}: ${wanted}`);
  }
  if (!('version' in config) || config.version !== 3) {
    throw new UsageError(
      `${path}: version: expected 3 (Build Output API), got ${JSON.stringify('version' in config ? config.version : null)}`,
    );
  }
  const merged = byVercel || settings === null ? null : withSettings(config as OutputConfig, settings);
  if (merged !== null) await writeFile(path, `${JSON.stringify(merged, null, 2)}\n`);
}
