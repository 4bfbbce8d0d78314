import { readFile, stat } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { UsageError } from '../../base/errors.ts';
import { limits } from '../../base/limits.ts';
import { looksLikeWeb, servedBy } from './source.ts';
import { tomlText } from './toml-text.ts';

/** What a project serves all paths with. */
export interface PythonEntry {
  /** Relative to the project, with forward slashes. */
  readonly file: string;
  /** What pyproject.toml calls it; null: the runtime looks for `app` and `handler`. */
  readonly variable: string | null;
}

/** In this order. */
export const entryStems = ['app', 'main', 'index', 'server', 'wsgi', 'asgi'] as const;
const entryFolders = ['', 'src/', 'app/'] as const;

/**
 * What pyproject.toml says, or Django's manage.py, or the first folder in which a file has something to serve. `hasMore`: there
 * is something else to serve; then it has to look like the web's. Throws UsageError where it cannot be told which one is meant.
 */
export async function pythonEntry(dir: string, hasMore: boolean): Promise<PythonEntry | null> {
  const said = (await ofPyproject(dir)) ?? (await ofDjango(dir));
  if (said !== null) return said;
  for (const folder of entryFolders) {
    const file = await foundIn(dir, folder, hasMore);
    if (file !== null) return { file, variable: null };
  }
  return null;
}

/** `api/index.py` of a project that has nothing else. */
export async function apiEntry(dir: string, file: string): Promise<boolean> {
  const source = await readIfThere(dir, file);
  return source !== null && servedBy(source) !== null && !/^class\s+[hH]andler\b/m.test(source);
}

/** These are made for a server's use, and lead to one application. */
const doors: ReadonlySet<string> = new Set(['wsgi', 'asgi']);

async function foundIn(dir: string, folder: string, hasMore: boolean): Promise<string | null> {
  const candidates: { file: string; stem: string; origin: string }[] = [];
  for (const stem of entryStems) {
    const file = `${folder}${stem}.py`;
    const source = await readIfThere(dir, file);
    const origin = source === null ? null : servedBy(source);
    if (origin !== null && (!hasMore || doors.has(stem) || looksLikeWeb(source!))) {
      candidates.push({ file, stem, origin });
    }
  }
  const defining = candidates.filter(({ origin, stem }) => origin === 'defined' && !doors.has(stem));
  if (defining.length > 1) {
    const named = defining.map(({ file }) => file);
    throw new UsageError(
      `${dir}: ${named.join(' and ')} both have an application to serve: rename one of them, or say which in pyproject.toml: ` +
        `[tool.weir] entrypoint = "${moduleOf(named[0]!)}:app"`,
    );
  }
  return (defining[0] ?? candidates.find(({ origin }) => origin === 'defined') ?? candidates[0])?.file ?? null;
}

const moduleOf = (file: string): string => file.replace(/\.py$/, '').replaceAll('/', '.');

const places = [
  { table: 'tool.weir', key: 'entrypoint', isSure: true },
  { table: 'tool.vercel', key: 'entrypoint', isSure: true },
  // Often a command line's.
  { table: 'project.scripts', key: 'app', isSure: false },
] as const;

async function ofPyproject(dir: string): Promise<PythonEntry | null> {
  const text = await readIfThere(dir, 'pyproject.toml');
  if (text === null) return null;
  for (const { table, key, isSure } of places) {
    const value = tomlText(text, table, key);
    const found = value === null ? null : await fileOf(dir, value);
    if (found !== null) return found;
    if (value !== null && isSure) {
      throw new UsageError(
        `${join(dir, 'pyproject.toml')}: [${table}] ${key}: expected "package.module:variable" of a file in the project or its src/, ` +
          `got ${JSON.stringify(value)}`,
      );
    }
  }
  return null;
}

/** Names that the runtime looks for itself. */
const known: ReadonlySet<string> = new Set(['app', 'application', 'handler', 'Handler']);

async function fileOf(dir: string, value: string): Promise<PythonEntry | null> {
  const [, module, variable] = /^([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)(?::([A-Za-z_]\w*))?$/.exec(value) ?? [];
  if (module === undefined) return null;
  const file = await moduleFile(dir, module);
  const isKnown = variable === undefined || known.has(variable);
  return file === null ? null : { file, variable: isKnown ? null : variable };
}

async function moduleFile(dir: string, module: string): Promise<string | null> {
  const path = module.replaceAll('.', '/');
  for (const file of [`${path}.py`, `${path}/__init__.py`, `src/${path}.py`, `src/${path}/__init__.py`]) {
    if (await isFile(join(dir, file))) return file;
  }
  return null;
}

/** manage.py names the settings, and those name the application. */
async function ofDjango(dir: string): Promise<PythonEntry | null> {
  const manage = await readIfThere(dir, 'manage.py');
  const settings = /DJANGO_SETTINGS_MODULE['"]\s*[,\]]?\s*[,=]\s*['"]([\w.]+)['"]/.exec(manage ?? '')?.[1];
  if (settings === undefined) return null;
  const file = await moduleFile(dir, settings);
  const source = file === null ? null : await readIfThere(dir, file);
  for (const name of ['ASGI_APPLICATION', 'WSGI_APPLICATION']) {
    const [, module, variable] =
      new RegExp(`^${name}\\s*=\\s*['"]([\\w.]+)\\.(\\w+)['"]`, 'm').exec(source ?? '') ?? [];
    const found = module === undefined ? null : await fileOf(dir, `${module}:${variable}`);
    if (found !== null) return found;
  }
  const folder = posix.dirname(settings.replaceAll('.', '/'));
  for (const stem of ['wsgi', 'asgi']) {
    const beside = posix.join(folder, `${stem}.py`);
    if (await isFile(join(dir, beside))) return { file: beside, variable: null };
  }
  return null;
}

/** Null: there is none, or it is too large to be a project's own. */
async function readIfThere(dir: string, file: string): Promise<string | null> {
  const path = join(dir, file);
  const found = await stat(path).catch(() => null);
  if (found === null || !found.isFile() || found.size > limits.configBytes) return null;
  return readFile(path, 'utf8').catch(() => null);
}

const isFile = async (path: string): Promise<boolean> => (await stat(path).catch(() => null))?.isFile() ?? false;
