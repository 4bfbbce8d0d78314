import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { UsageError } from '../../base/errors.ts';
import type { Interpreter } from './interpreters.ts';
import { digestOfLocal, localOfLines, localOfLock, readRequirements } from './requirements.ts';

/** The packages that a project asks for. */
export interface Declared {
  /** The file that says so, relative to the project. */
  readonly file: string;
  /** Changes with what is asked for. */
  readonly content: string;
  readonly asked:
    /** Whatever is in the file itself. */
    | { readonly kind: 'file' }
    /** These, a line each. */
    | { readonly kind: 'lines'; readonly lines: readonly string[] }
    /** What uv makes of uv.lock. */
    | { readonly kind: 'uv.lock' };
  /** A sentence for whoever reads the terminal. */
  readonly warning: string | null;
}

/** Of uv.lock (with uv), requirements.txt, Pipfile.lock, pyproject.toml the first that is there. Null: it asks for none. Throws UsageError where a file is wrong. */
export async function declaredPackages(
  dir: string,
  interpreter: Interpreter,
  hasUv: boolean,
): Promise<Declared | null> {
  const [lock, pyproject] = await Promise.all([textOf(join(dir, 'uv.lock')), textOf(join(dir, 'pyproject.toml'))]);
  if (lock !== null && pyproject !== null && hasUv) {
    const content = await contentOf([lock, pyproject], localOfLock(lock, pyproject, dir));
    return { file: 'uv.lock', content, asked: { kind: 'uv.lock' }, warning: null };
  }
  const requirements = await readRequirements(join(dir, 'requirements.txt'));
  if (requirements !== null) {
    if (requirements.isEmpty) return null;
    const { files, local } = requirements;
    const content = await contentOf([...files.values()], local);
    return { file: 'requirements.txt', content, asked: { kind: 'file' }, warning: null };
  }
  const pipenv = pyproject === null ? await ofPipfile(dir) : null;
  if (pipenv !== null) return pipenv;
  if (pyproject === null) return null;
  const lines = await dependenciesOf(join(dir, 'pyproject.toml'), interpreter);
  if (lines.length === 0) return null;
  const warning =
    lock === null
      ? null
      : `${join(dir, 'uv.lock')}: there is no uv in PATH, so that the newest versions that pyproject.toml allows are installed, not those of the lock; install uv for these`;
  return {
    file: 'pyproject.toml',
    content: await contentOf(lines, localOfLines(lines, dir)),
    asked: { kind: 'lines', lines },
    warning,
  };
}

/** What is asked for, and what is in those places on this machine that it names. */
const contentOf = async (texts: readonly string[], local: readonly string[]): Promise<string> =>
  [...texts, local.length === 0 ? '' : await digestOfLocal(local)].join('\n');

const run = promisify(execFile);

const question = `
import json, sys, tomllib
try:
    with open(sys.argv[1], "rb") as file:
        value = tomllib.load(file)
except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
    print(json.dumps({"error": str(error)}))
else:
    project, tool = value.get("project", {}), value.get("tool", {})
    print(json.dumps({
        "lines": project.get("dependencies", []),
        "dynamic": "dependencies" in project.get("dynamic", []),
        "poetry": "project" not in value and bool(tool.get("poetry", {}).get("dependencies")),
    }))`;

/** `[project] dependencies`, as an interpreter reads it: TOML has more forms than are worth a reader of our own. */
async function dependenciesOf(file: string, { binary }: Interpreter): Promise<readonly string[]> {
  const { stdout } = await run(binary, ['-I', '-c', question, file], { env: {} });
  const { error, lines, dynamic, poetry } = JSON.parse(stdout) as Record<string, unknown>;
  const export_ = 'name the packages in [project] dependencies, or in requirements.txt';
  if (typeof error === 'string') throw new UsageError(tomlFault(file, error));
  if (dynamic === true) throw new UsageError(`${file}: [project] dependencies are dynamic: ${export_}`);
  if (poetry === true) {
    throw new UsageError(
      `${file}: [tool.poetry.dependencies] is not read: ${export_} (\`poetry export -o requirements.txt\`)`,
    );
  }
  if (Array.isArray(lines) && lines.every((line): line is string => typeof line === 'string')) return lines;
  throw new UsageError(`${file}: [project] dependencies: expected a list of texts as in "fastapi>=0.115"`);
}

function tomlFault(file: string, error: string): string {
  const [, line, column] = /\(at line (\d+), column (\d+)\)/.exec(error) ?? [];
  const reason = error.replace(/ \(at .*\)$/, '');
  return `${file}${line === undefined ? '' : `:${line}:${column}`}: not valid TOML: ${reason}`;
}

interface Locked {
  readonly version?: string;
  readonly extras?: readonly string[];
  readonly markers?: string;
  readonly git?: string;
  readonly ref?: string;
}

async function ofPipfile(dir: string): Promise<Declared | null> {
  const path = join(dir, 'Pipfile.lock');
  const text = await textOf(path);
  if (text === null) return null;
  try {
    const { default: locked = {} } = JSON.parse(text) as { default?: Record<string, Locked> };
    const lines = Object.entries(locked).map(([name, one]) => lineOf(name, one));
    return lines.length === 0
      ? null
      : { file: 'Pipfile.lock', content: lines.join('\n'), asked: { kind: 'lines', lines }, warning: null };
  } catch (error) {
    throw new UsageError(`${path}: not valid JSON: ${(error as Error).message}`);
  }
}

function lineOf(name: string, { version = '', extras = [], markers, git, ref }: Locked): string {
  const named = extras.length === 0 ? name : `${name}[${extras.join(',')}]`;
  const what = git === undefined ? `${named}${version}` : `${named} @ git+${git}${ref === undefined ? '' : `@${ref}`}`;
  return markers === undefined ? what : `${what} ; ${markers}`;
}

/** Null: there is none. */
const textOf = (file: string): Promise<string | null> => readFile(file, 'utf8').catch(() => null);
