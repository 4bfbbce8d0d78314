import type { Dirent } from 'node:fs';
import { readdir, readFile, realpath, stat } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { UsageError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import type { Launch } from '../model/function.ts';
import type { Segment } from '../model/route.ts';
import { byPrecedence, patternOf, refuseAmbiguous, segmentsOf } from './pattern.ts';
import { apiEntry, entryStems, pythonEntry } from './python/entry.ts';

/** What a directory holds, before anything is built. Paths are relative to it, with forward slashes. */
export interface Detected {
  readonly functions: readonly DetectedFunction[];
  /** A folder of static files; null without. */
  readonly publicDir: string | null;
}

export interface DetectedFunction {
  /** `api/users/[id]`, `server`. */
  readonly name: string;
  /** `api/users/[id].ts`. */
  readonly file: string;
  readonly launch: Launch;
  /** Python: what in the file is to be served, where that has a name of its own. */
  readonly variable?: string;
  readonly pattern: string;
  readonly segments: readonly Segment[];
}

const extensions = ['ts', 'js', 'mjs', 'cjs', 'mts', 'cts', 'tsx', 'jsx'] as const;
const serverExtensions = ['ts', 'js', 'mjs', 'cjs', 'mts', 'cts'] as const;
const codeFile = new RegExp(`^(.+)\\.(?:${extensions.join('|')})$`);
const apiFile = new RegExp(`^(.+)\\.(?:${extensions.join('|')}|py)$`);
const notAFunction = /\.d\.[mc]?ts$|\.(?:test|spec)\.[a-z]+$|^(?:test_.*|.*_test|conftest)\.py$/;

export const isPython = (file: string): boolean => file.endsWith('.py');

/** The name of what takes all paths that nothing else answers. */
export const serverName = 'server';

/**
 * Functions in order of precedence, `server` last. Throws UsageError when there is nothing to serve. `hasProgram`: the project
 * says itself what its server is.
 */
export async function detect(dir: string, hasProgram = false): Promise<Detected> {
  const api = (await apiFiles(dir, 'api', new Set())).map(apiFunction);
  if (api.length > limits.functionsPerDeployment) {
    throw new UsageError(
      `${dir}: ${api.length} files in api/; at most ${limits.functionsPerDeployment} functions are allowed ` +
        `(a file or folder whose name begins with _ is not a function)`,
    );
  }
  refuseAmbiguous(dir, api);
  const publicDir = (await isDirectory(join(dir, 'public'))) ? join(dir, 'public') : null;
  const hasMore = api.length > 0 || publicDir !== null;
  const server = hasProgram ? null : await theServer(dir, hasMore);
  const found = server === null && !hasProgram && publicDir === null ? await withAllPaths(dir, api) : api;
  const functions = [...found.toSorted(byPrecedence), ...(server === null ? [] : [server])];
  if (functions.length === 0 && publicDir === null && !hasProgram) throw nothingFound(dir);
  return { functions, publicDir };
}

function apiFunction(file: string): DetectedFunction {
  const name = apiFile.exec(file)![1]!;
  const segments = segmentsOf(file, name);
  return { name, file, launch: isPython(file) ? 'python' : 'module', pattern: patternOf(segments), segments };
}

/** All that is answered by nothing else: in JavaScript, in Python, or not at all. */
async function theServer(dir: string, hasMore: boolean): Promise<DetectedFunction | null> {
  const script = await findServer(dir, true);
  const python = await pythonEntry(dir, hasMore || script !== null);
  if (python === null) {
    const file = script ?? (await findServer(dir, hasMore));
    return file === null ? null : serverFunction(file, 'server');
  }
  if (script !== null) {
    throw new UsageError(
      `${dir}: ${script} and ${python.file} are both a server: remove or rename one of them, ` +
        'or let one start the other and say so in weir.json: {"runtime": "executable", "command": […]}',
    );
  }
  const variable = python.variable === null ? {} : { variable: python.variable };
  return { ...serverFunction(python.file, 'python'), ...variable };
}

/** An application whose only file is api/index.py has its own routes; those of other projects say which paths are whose. */
async function withAllPaths(dir: string, api: readonly DetectedFunction[]): Promise<readonly DetectedFunction[]> {
  const [only] = api;
  if (api.length !== 1 || only?.file !== 'api/index.py' || !(await apiEntry(dir, only.file))) return api;
  return [{ ...only, ...allPaths }];
}

export const allPaths = {
  pattern: '/[...path]',
  segments: [{ kind: 'rest', name: 'path' }],
} as const satisfies Partial<DetectedFunction>;

const serverFunction = (file: string, launch: Launch): DetectedFunction => ({
  name: serverName,
  file,
  launch,
  ...allPaths,
});

const notOurs: ReadonlySet<string> = new Set(['node_modules', 'venv']);

async function apiFiles(dir: string, folder: string, above: ReadonlySet<string>): Promise<string[]> {
  // A link back up would make the tree endless.
  const real = await realpath(join(dir, folder)).catch(() => null);
  if (real === null || above.has(real)) return [];
  const files: string[] = [];
  for (const entry of await entriesOf(join(dir, folder))) {
    if (/^[._]/.test(entry.name) || notOurs.has(entry.name)) continue;
    const path = posix.join(folder, entry.name);
    const kind = await kindOf(dir, path, entry);
    if (kind === 'directory') files.push(...(await apiFiles(dir, path, new Set([...above, real]))));
    else if (kind === 'file' && apiFile.test(entry.name) && !notAFunction.test(entry.name)) files.push(path);
  }
  return files;
}

async function entriesOf(folder: string): Promise<Dirent[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOTDIR') return [];
    throw new UsageError(`${folder}: cannot be read: ${(error as Error).message}`);
  }
}

async function kindOf(dir: string, path: string, entry: Dirent): Promise<'file' | 'directory' | 'other'> {
  const found = entry.isSymbolicLink() ? await stat(join(dir, path)).catch(() => null) : entry;
  if (found === null) return 'other';
  return found.isDirectory() ? 'directory' : found.isFile() ? 'file' : 'other';
}

/**
 * A zero-config server: `server.*` by its name alone; `app.*`, `index.*` (also the hosted platform's places for a
 * framework's entry) and `src/main.*` only when they look like a server, since those names say little; then `main` of
 * package.json. `hasMore`: there is something else to serve.
 */
async function findServer(dir: string, hasMore: boolean): Promise<string | null> {
  for (const stem of ['server', 'src/server']) {
    const found = await withExtension(dir, stem);
    if (found.length > 1) {
      throw new UsageError(`${dir}: ${found.join(' and ')} are both the server: keep one, or rename the other`);
    }
    if (found.length === 1) return found[0]!;
  }
  for (const stem of ['app', 'src/app', 'index', 'src/index', 'src/main']) {
    for (const file of await withExtension(dir, stem)) if (await looksLikeServer(join(dir, file))) return file;
  }
  return mainOfPackage(dir, hasMore);
}

async function withExtension(dir: string, stem: string): Promise<string[]> {
  const found: string[] = [];
  for (const extension of serverExtensions) {
    if (await isFile(join(dir, `${stem}.${extension}`))) found.push(`${stem}.${extension}`);
  }
  return found;
}

const serverFrameworks = 'express|fastify|hono|koa|h3|elysia|polka|restify|@nestjs/core|@hapi/hapi|@hono/node-server';
const importsFramework = new RegExp(`(?:from\\s*|require\\(\\s*|import\\s*\\(?\\s*)['"](?:${serverFrameworks})['"/]`);

async function looksLikeServer(path: string): Promise<boolean> {
  const source = await readFile(path, 'utf8');
  return importsFramework.test(source) || /\.listen\s*\(/.test(source);
}

async function mainOfPackage(dir: string, hasMore: boolean): Promise<string | null> {
  const text = await readFile(join(dir, 'package.json'), 'utf8').catch(() => null);
  if (text === null) return null;
  const main = mainField(join(dir, 'package.json'), text);
  if (main === null) return null;
  const file = posix.normalize(main.replace(/^\.\//, ''));
  for (const candidate of [file, ...serverExtensions.map((extension) => `${file}.${extension}`)]) {
    if (candidate.startsWith('..') || !codeFile.test(candidate) || !(await isFile(join(dir, candidate)))) continue;
    // It would have every path that nothing else answers, and `npm init` calls any script the main one.
    return !hasMore || (await looksLikeServer(join(dir, candidate))) ? candidate : null;
  }
  // `npm init` writes a main whether or not there is such a file.
  if (hasMore) return null;
  throw new UsageError(`${join(dir, 'package.json')}: main: there is no file ${JSON.stringify(main)} in ${dir}`);
}

function mainField(path: string, text: string): string | null {
  try {
    const { main } = JSON.parse(text) as { main?: unknown };
    return typeof main === 'string' && main !== '' ? main : null;
  } catch (error) {
    throw new UsageError(`${path}: not valid JSON: ${(error as Error).message}`);
  }
}

const nothingFound = (dir: string): UsageError =>
  new UsageError(`${dir}: nothing to serve. Looked for
  functions:     api/**/*.{${[...extensions, 'py'].join(',')}}
  a server:      server.*, src/server.*; app.*, index.* (also in src/), src/main.* that call listen() or import
                 a framework; "main" of package.json
  in Python:     {${entryStems.join(',')}}.py (also in src/, app/) that define app or handler;
                 [tool.weir] entrypoint = "module:app" of pyproject.toml; Django's manage.py
  a program:     weir.json: {"runtime": "executable", "command": ["./server"]}
  static files:  public/
  a build:       .vercel/output/config.json, which a framework's build leaves`);

const isFile = async (path: string): Promise<boolean> => (await stat(path).catch(() => null))?.isFile() ?? false;
const isDirectory = async (path: string): Promise<boolean> =>
  (await stat(path).catch(() => null))?.isDirectory() ?? false;
