import { readFile, stat } from 'node:fs/promises';
import { join, matchesGlob } from 'node:path';
import { parseEnv } from 'node:util';
import type * as z from 'zod';
import { UsageError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import type { FunctionConfig, Runtime } from '../model/function.ts';
import type { Routing } from '../model/routing.ts';
import type { Cron } from '../model/snapshot.ts';
import { faultLines, syntaxFaultAt } from './faults.ts';
import type { ownCronsSchema } from './output/config-file.ts';
import type { Program } from './program.ts';
import { routingFaults, routingOf } from './routing.ts';
import { discontinuedRuntimes, runtimeDefault, runtimeFor } from './runtimes.ts';
import { vercelSchema, vercelSettingsWithoutEffect, vercelWithoutEffect, weirSchema } from './schema.ts';
import type { Settings } from './schema.ts';

export interface ProjectConfig {
  /** The path of `weir.json` or `vercel.json`, or null without either. */
  readonly file: string | null;
  readonly name: string | null;
  /** For every function: the file's own, then `.env`, then `.env.local`, the later ones winning. */
  readonly environment: Readonly<Record<string, string>>;
  /** As much of it as the file says: frameworks read `.env` files themselves. */
  readonly declared: Readonly<Record<string, string>>;
  /** In the order of the file: the first that matches a function's file is the function's. */
  readonly rules: readonly Rule[];
  /** For functions that do not say which: what `engines.node` of package.json chooses. */
  readonly runtime: Runtime;
  /** What answers all paths that nothing else does; null: what is found in the project. */
  readonly program: Program | null;
  /** Null: no routing is asked for. */
  readonly routing: Routing | null;
  readonly crons: readonly Cron[];
  /** Sentences for whoever reads the terminal. */
  readonly warnings: readonly string[];
}

/** What one file says. */
type Declared = Omit<ProjectConfig, 'declared'>;

interface Rule {
  readonly glob: string;
  readonly settings: Settings;
}

/** Reads `weir.json` or `vercel.json`, `.env` and `.env.local` of a project. Throws UsageError with every fault found. */
export async function readConfig(dir: string): Promise<ProjectConfig> {
  const [weir, vercel] = await Promise.all([readText(dir, 'weir.json'), readText(dir, 'vercel.json')]);
  if (weir !== null && vercel !== null) {
    throw new UsageError(
      `${dir}: has both weir.json and vercel.json; one must go, so that no setting is silently without effect`,
    );
  }
  const config = weir !== null ? fromWeir(dir, weir) : vercel !== null ? fromVercel(dir, vercel) : nothing;
  const engine = await runtimeOfPackage(dir);
  return {
    ...config,
    runtime: engine.runtime,
    environment: { ...config.environment, ...(await dotenv(dir)) },
    declared: config.environment,
    warnings: [...config.warnings, ...engine.warnings],
  };
}

const nothing: Declared = {
  file: null,
  name: null,
  environment: {},
  rules: [],
  runtime: runtimeDefault,
  program: null,
  routing: null,
  crons: [],
  warnings: [],
};

/**
 * Every field defaulted. `path`: the function's file, relative to the project, with forward slashes. What the function's
 * own code says of it (`own`) is the strongest.
 */
export function functionConfig(config: ProjectConfig, path: string, own: Settings = {}): FunctionConfig {
  return withDefaults({ ...settingsFor(config, path), ...own }, config);
}

/** What the file says of a function, by the path that it is matched with. */
export const settingsFor = (config: ProjectConfig, path: string): Settings =>
  config.rules.find(({ glob }) => covers(glob, path))?.settings ?? {};

/** A function's settings, every field defaulted; those of its environment are stronger than the project's. */
export function withDefaults(settings: Settings, config: ProjectConfig): FunctionConfig {
  const { maxDuration, runtime } = settings;
  return {
    memoryMiB: settings.memory ?? limits.memoryDefaultMiB,
    maxDurationMs:
      maxDuration === 'max'
        ? limits.maxDurationMaxMs
        : maxDuration === undefined
          ? limits.maxDurationDefaultMs
          : maxDuration * 1000,
    maxConcurrency: settings.maxConcurrency ?? 'auto',
    ...(settings.maxInstances === undefined ? {} : { maxInstances: settings.maxInstances }),
    weight: settings.weight ?? limits.weightDefault,
    helpers: true,
    runtime: runtime === undefined ? config.runtime : (discontinuedRuntimes[runtime] ?? (runtime as Runtime)),
    environment: { ...config.environment, ...settings.environment },
  };
}

/** A pattern that matches nothing is a mistake in it, and would otherwise only show as a limit that does not hold. */
export function refuseUnmatched(config: ProjectConfig, paths: readonly string[]): void {
  const lines = unmatched(config, paths).map((line) => `${line}: matches no function's file; ${functionsAre(paths)}`);
  if (lines.length > 0) throw new UsageError(lines.join('\n'));
}

/** Of an output. What built it may have heeded a pattern of its sources, so that it is no mistake for certain. */
export const unmatchedWarnings = (config: ProjectConfig, names: readonly string[]): string[] =>
  unmatched(config, names).map(
    (line) =>
      `${line}: matches no function of the output, and is without effect beyond its build; ${functionsAre(names)}`,
  );

const unmatched = ({ file, rules }: ProjectConfig, paths: readonly string[]): string[] =>
  rules
    .filter(({ glob }) => !paths.some((path) => covers(glob, path)))
    .map(({ glob }) => `${file}: functions[${JSON.stringify(glob)}]`);

const functionsAre = (paths: readonly string[]): string =>
  paths.length === 0 ? 'there are no functions' : `the functions are ${listed(paths)}`;

/** A file's own name comes before what its brackets mean in a pattern: `api/[id].ts` is that file. */
function covers(glob: string, path: string): boolean {
  const plain = glob.replace(/^\.?\//, '');
  return plain === path || matchesGlob(path, plain);
}

const listed = (paths: readonly string[]): string =>
  paths.length > 8 ? `${paths.slice(0, 8).join(', ')} and ${paths.length - 8} more` : paths.join(', ');

function fromWeir(dir: string, text: string): Declared {
  const path = join(dir, 'weir.json');
  const value = parseJson(path, text);
  const parsed = weirSchema.safeParse(value);
  refuse(path, [...(parsed.success ? [] : faultLines(parsed.error.issues, value)), ...routingFaults(value)]);
  const { name, environment, functions, crons } = parsed.data!;
  const program = programOf(path, parsed.data!);
  return {
    ...nothing,
    file: path,
    name: name ?? null,
    environment: environment ?? {},
    rules: rulesOf(functions),
    program,
    routing: routed(path, parsed.data!),
    crons: (crons ?? []).map(ownCron),
    warnings: runtimeWarnings(path, Object.values(functions ?? {})),
  };
}

function programOf(
  path: string,
  { runtime, command, build }: Pick<z.infer<typeof weirSchema>, 'runtime' | 'command' | 'build'>,
): Program | null {
  const isOfProgram = 'is of a program, which is said by "runtime": "executable" and "command": […]';
  if (runtime === undefined) {
    refuse(path, [...(command ? [`command: ${isOfProgram}`] : []), ...(build ? [`build: ${isOfProgram}`] : [])]);
    return null;
  }
  if (command === undefined)
    refuse(path, ['runtime: "executable" needs the command that starts it, as in "command": ["./server"]']);
  return { command: command!, build: build ?? null };
}

function fromVercel(dir: string, text: string): Declared {
  const path = join(dir, 'vercel.json');
  const value = parseJson(path, text);
  const parsed = vercelSchema.safeParse(value);
  refuse(path, [...(parsed.success ? [] : faultLines(parsed.error.issues, value)), ...routingFaults(value)]);
  const { name, env, functions, fluid, crons } = parsed.data!;
  const idle: string[] = vercelWithoutEffect.filter((field) => parsed.data![field] !== undefined);
  for (const field of vercelSettingsWithoutEffect) {
    if (Object.values(functions ?? {}).some((settings) => settings[field] !== undefined))
      idle.push(`functions.*.${field}`);
  }
  if (fluid === false) idle.push('fluid: false (set maxConcurrency: 1 for one invocation per instance)');
  const warnings = idle.length === 0 ? [] : [`${path}: without effect in this version of Weir: ${idle.join(', ')}`];
  warnings.push(...runtimeWarnings(path, Object.values(functions ?? {})));
  return {
    ...nothing,
    file: path,
    name: name ?? null,
    environment: env ?? {},
    rules: rulesOf(functions),
    routing: routed(path, parsed.data!),
    crons: crons ?? [],
    warnings,
  };
}

const ownCron = ({ path, schedule, overlap }: z.infer<typeof ownCronsSchema>[number]): Cron =>
  overlap === undefined ? { path, schedule } : { path, schedule, overlap };

function routed(path: string, value: Parameters<typeof routingOf>[0]): Routing | null {
  const { routing, faults } = routingOf(value);
  refuse(path, faults);
  return routing;
}

/** One sentence for a file that asks for runtimes in whose place others run. */
export function runtimeWarnings(path: string, all: readonly Settings[]): string[] {
  return Object.entries(discontinuedRuntimes)
    .filter(([runtime]) => all.some((settings) => settings.runtime === runtime))
    .map(([runtime, instead]) => `${path}: runtime: ${runtime} is discontinued: ${instead} runs in its place`);
}

async function runtimeOfPackage(dir: string): Promise<{ runtime: Runtime; warnings: string[] }> {
  const unsaid = { runtime: runtimeDefault, warnings: [] };
  const asked = enginesOf(await readText(dir, 'package.json'));
  if (asked === null) return unsaid;
  const runtime = runtimeFor(asked);
  if (runtime !== null) return { runtime, warnings: [] };
  const at = `${join(dir, 'package.json')}: engines.node: ${JSON.stringify(asked.slice(0, 60))}`;
  return { ...unsaid, warnings: [`${at} is satisfied by no runtime that there is: ${runtimeDefault} runs`] };
}

/** Null: it says nothing, or cannot be read, which is told where more of it is needed. */
function enginesOf(text: string | null): string | null {
  try {
    const { engines } = JSON.parse(text ?? '{}') as { engines?: { node?: unknown } | null };
    return typeof engines?.node === 'string' ? engines.node : null;
  } catch {
    return null;
  }
}

const rulesOf = (functions: Readonly<Record<string, Settings>> | undefined): Rule[] =>
  Object.entries(functions ?? {}).map(([glob, settings]) => ({ glob, settings }));

function parseJson(path: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    const { line, column, reason } = syntaxFaultAt(text);
    throw new UsageError(`${path}:${line}:${column}: not valid JSON: ${reason}`);
  }
}

function refuse(path: string, lines: readonly string[]): void {
  if (lines.length > 0) throw new UsageError(lines.map((line) => `${path}: ${line}`).join('\n'));
}

async function dotenv(dir: string): Promise<Record<string, string>> {
  const environment: Record<string, string> = {};
  for (const file of ['.env', '.env.local']) {
    const text = await readText(dir, file);
    if (text !== null) Object.assign(environment, parseEnv(text));
  }
  return environment;
}

/** Null without the file. */
async function readText(dir: string, file: string): Promise<string | null> {
  const path = join(dir, file);
  try {
    const { size } = await stat(path);
    if (size > limits.configBytes) {
      throw new UsageError(`${path}: ${size} bytes; at most ${limits.configBytes} are read`);
    }
    return (await readFile(path, 'utf8')).replace(/^\uFEFF/, '');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    if (error instanceof UsageError) throw error;
    throw new UsageError(`${path}: cannot be read: ${(error as Error).message}`);
  }
}
