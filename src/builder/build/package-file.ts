import { readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import * as z from 'zod';
import { UsageError } from '../../base/errors.ts';
import { limits } from '../../base/limits.ts';
import { syntaxFaultAt } from '../faults.ts';

/** What of a project's package.json matters to its build. */
export interface PackageFile {
  readonly path: string;
  /** Of any kind, by name. */
  readonly dependencies: ReadonlySet<string>;
  readonly scripts: ReadonlySet<string>;
}

const record = z.record(z.string(), z.string()).optional().catch(undefined);
const schema = z.object({ dependencies: record, devDependencies: record, scripts: record });

/** Null: there is none. Throws a UsageError where it cannot be read. */
export async function readPackageFile(dir: string): Promise<PackageFile | null> {
  const path = join(dir, 'package.json');
  const value = await readJsonFile(path);
  if (value === null) return null;
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw new UsageError(`${path}: an object is expected`);
  const { dependencies, devDependencies, scripts } = parsed.data;
  return {
    path,
    dependencies: new Set([...Object.keys(dependencies ?? {}), ...Object.keys(devDependencies ?? {})]),
    scripts: new Set(Object.keys(scripts ?? {})),
  };
}

/** Null: there is no such file. Throws a UsageError that says where it is no JSON, or that it is longer than `mostBytes`. */
export async function readJsonFile(path: string, mostBytes: number = limits.configBytes): Promise<{} | null> {
  const text = await textOf(path, mostBytes);
  if (text === null) return null;
  try {
    const value: unknown = JSON.parse(text);
    return value ?? {};
  } catch (error) {
    // Finding the place takes some twenty attempts to parse it.
    if (text.length > limits.configBytes) throw new UsageError(`${path}: not valid JSON: ${(error as Error).message}`);
    const { line, column, reason } = syntaxFaultAt(text);
    throw new UsageError(`${path}:${line}:${column}: not valid JSON: ${reason}`);
  }
}

async function textOf(path: string, mostBytes: number): Promise<string | null> {
  try {
    const { size } = await stat(path);
    if (size > mostBytes) throw new UsageError(`${path}: ${size} bytes; at most ${mostBytes} are read`);
    return (await readFile(path, 'utf8')).replace(/^\uFEFF/, '');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    if (error instanceof UsageError) throw error;
    throw new UsageError(`${path}: cannot be read: ${(error as Error).message}`);
  }
}

/** The version that is installed for code in `dir`; null: none is. */
export async function installedVersion(dir: string, name: string): Promise<string | null> {
  for (const folder of [dir, ...above(dir)]) {
    const value = await readJsonFile(join(folder, 'node_modules', name, 'package.json'));
    if (value !== null) return 'version' in value && typeof value.version === 'string' ? value.version : '0.0.0';
  }
  return null;
}

export interface PackageManager {
  readonly name: 'npm' | 'pnpm' | 'yarn' | 'bun';
  /** What installs exactly what is locked. */
  readonly install: string;
}

/** By lock file. */
const managers: readonly (readonly [string, PackageManager])[] = [
  ['package-lock.json', { name: 'npm', install: 'npm ci' }],
  ['pnpm-lock.yaml', { name: 'pnpm', install: 'pnpm install --frozen-lockfile' }],
  ['yarn.lock', { name: 'yarn', install: 'yarn install --immutable' }],
  ['bun.lock', { name: 'bun', install: 'bun install --frozen-lockfile' }],
  ['bun.lockb', { name: 'bun', install: 'bun install --frozen-lockfile' }],
];

/** The one whose lock file is nearest above; npm without any. */
export async function packageManagerOf(dir: string): Promise<PackageManager> {
  for (const folder of [dir, ...above(dir)]) {
    for (const [file, manager] of managers) if (await isThere(join(folder, file))) return manager;
    // What is above a repository is another matter.
    if (await isThere(join(folder, '.git'))) break;
  }
  return { name: 'npm', install: 'npm install' };
}

/** The folders that `dir` is in, the nearest first. */
export function above(dir: string): string[] {
  const parent = dirname(dir);
  return parent === dir ? [] : [parent, ...above(parent)];
}

const isThere = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );
