import { readFile, stat } from 'node:fs/promises';
import { join, matchesGlob } from 'node:path';
import { parseEnv } from 'node:util';
import { UsageError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import type { FunctionConfig } from '../model/function.ts';
import { faultLines, syntaxFaultAt } from './faults.ts';
import { olderRuntimes, vercelSchema, vercelSettingsWithoutEffect, vercelWithoutEffect, weirSchema } from './schema.ts';
import type { Settings } from './schema.ts';

export interface ProjectConfig {
  /** The path of `weir.json` or `vercel.json`, or null without either. */
  readonly file: string | null;
  readonly name: string | null;
  /** For every function: the file's own, then `.env`, then `.env.local`, the later ones winning. */
  readonly environment: Readonly<Record<string, string>>;
  /** In the order of the file: the first that matches a function's file is the function's. */
  readonly rules: readonly Rule[];
  /** Sentences for whoever reads the terminal. */
  readonly warnings: readonly string[];
}

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
  return { ...config, environment: { ...config.environment, ...(await dotenv(dir)) } };
}

const nothing: ProjectConfig = { file: null, name: null, environment: {}, rules: [], warnings: [] };

/**
 * Every field defaulted. `path`: the function's file, relative to the project, with forward slashes. What the function's
 * own code says of it (`own`) is the strongest.
 */
export function functionConfig(config: ProjectConfig, path: string, own: Settings = {}): FunctionConfig {
  const settings = { ...config.rules.find(({ glob }) => covers(glob, path))?.settings, ...own };
  const { maxDuration } = settings;
  return {
    memoryMiB: settings.memory ?? limits.memoryDefaultMiB,
    maxDurationMs:
      maxDuration === 'max'
        ? limits.maxDurationMaxMs
        : maxDuration === undefined
          ? limits.maxDurationDefaultMs
          : maxDuration * 1000,
    maxConcurrency: settings.maxConcurrency ?? 'auto',
    weight: settings.weight ?? limits.weightDefault,
    helpers: true,
    // Whichever of those that are accepted was asked for.
    runtime: 'nodejs24.x',
    environment: { ...config.environment, ...settings.environment },
  };
}

/** A pattern that matches nothing is a mistake in it, and would otherwise only show as a limit that does not hold. */
export function refuseUnmatched(config: ProjectConfig, paths: readonly string[]): void {
  const lost = config.rules.filter(({ glob }) => !paths.some((path) => covers(glob, path)));
  if (lost.length === 0) return;
  const found = paths.length === 0 ? 'there are no functions' : `the functions are ${listed(paths)}`;
  throw new UsageError(
    lost
      .map(({ glob }) => `${config.file}: functions[${JSON.stringify(glob)}]: matches no function's file; ${found}`)
      .join('\n'),
  );
}

/** A file's own name comes before what its brackets mean in a pattern: `api/[id].ts` is that file. */
function covers(glob: string, path: string): boolean {
  const plain = glob.replace(/^\.?\//, '');
  return plain === path || matchesGlob(path, plain);
}

const listed = (paths: readonly string[]): string =>
  paths.length > 8 ? `${paths.slice(0, 8).join(', ')} and ${paths.length - 8} more` : paths.join(', ');

function fromWeir(dir: string, text: string): ProjectConfig {
  const file = 'weir.json';
  const value = parseJson(dir, file, text);
  const parsed = weirSchema.safeParse(value);
  if (!parsed.success) throw refusal(dir, file, faultLines(parsed.error.issues, value));
  const { name, environment, functions } = parsed.data;
  return {
    file: join(dir, file),
    name: name ?? null,
    environment: environment ?? {},
    rules: rulesOf(functions),
    warnings: runtimeWarnings(join(dir, file), Object.values(functions ?? {})),
  };
}

function fromVercel(dir: string, text: string): ProjectConfig {
  const file = 'vercel.json';
  const value = parseJson(dir, file, text);
  const parsed = vercelSchema.safeParse(value);
  if (!parsed.success) throw refusal(dir, file, faultLines(parsed.error.issues, value));
  const { name, env, functions, fluid } = parsed.data;
  const idle: string[] = vercelWithoutEffect.filter((field) => parsed.data[field] !== undefined);
  for (const field of vercelSettingsWithoutEffect) {
    if (Object.values(functions ?? {}).some((settings) => settings[field] !== undefined))
      idle.push(`functions.*.${field}`);
  }
  if (fluid === false) idle.push('fluid: false (set maxConcurrency: 1 for one invocation per instance)');
  const warnings =
    idle.length === 0 ? [] : [`${join(dir, file)}: without effect in this version of Weir: ${idle.join(', ')}`];
  warnings.push(...runtimeWarnings(join(dir, file), Object.values(functions ?? {})));
  return { file: join(dir, file), name: name ?? null, environment: env ?? {}, rules: rulesOf(functions), warnings };
}

/** One sentence for a file that asks for runtimes in whose place Node 24 runs. */
export function runtimeWarnings(path: string, all: readonly Settings[]): string[] {
  const older = olderRuntimes.filter((runtime) => all.some((settings) => settings.runtime === runtime));
  return older.length === 0
    ? []
    : [`${path}: runtime: ${older.join(' and ')} ${older.length > 1 ? 'run' : 'runs'} on Node 24`];
}

const rulesOf = (functions: Readonly<Record<string, Settings>> | undefined): Rule[] =>
  Object.entries(functions ?? {}).map(([glob, settings]) => ({ glob, settings }));

function parseJson(dir: string, file: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    const { line, column, reason } = syntaxFaultAt(text);
    throw new UsageError(`${join(dir, file)}:${line}:${column}: not valid JSON: ${reason}`);
  }
}

const refusal = (dir: string, file: string, lines: readonly string[]): UsageError =>
  new UsageError(lines.map((line) => `${join(dir, file)}: ${line}`).join('\n'));

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
