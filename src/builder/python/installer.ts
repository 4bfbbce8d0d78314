import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../base/clock.ts';
import { UsageError } from '../../base/errors.ts';
import { limits } from '../../base/limits.ts';
import { runCommand } from '../build/command.ts';
import { deadline } from '../build/deadline.ts';
import type { Declared } from './declared.ts';
import type { Interpreter } from './interpreters.ts';

export interface Installation {
  /** The project: names of folders in requirements are relative to it. */
  readonly dir: string;
  readonly declared: Declared;
  readonly interpreter: Interpreter;
  /** uv's binary; null: pip installs. */
  readonly uv: string | null;
  /** An empty folder for what is made on the way. */
  readonly workDir: string;
  /** Where the packages go, and where they will be found in the end. */
  readonly target: string;
  readonly place: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  /** What is being done: the last line that was printed. */
  readonly doing: (line: string) => void;
}

/** Installs packages and compiles them. Throws UsageError with what pip or uv said. */
export async function installPackages(order: Installation): Promise<void> {
  const list = await requirementsFile(order);
  const { uv, interpreter, target } = order;
  if (uv !== null) {
    await tool(order, uv, ['pip', 'install', '--python', interpreter.binary, '--target', target, '-r', list]);
  } else {
    const quiet = ['--no-input', '--disable-pip-version-check', '--no-warn-script-location', '--progress-bar', 'off'];
    // Whatever the project has called like a module of pip's is none of it (-P).
    const pip = ['-P', '-m', 'pip', 'install', ...quiet, '--no-compile', '--target', target, '-r', list];
    await tool(order, interpreter.binary, pip);
  }
  await compileAll(order);
}

async function requirementsFile(order: Installation): Promise<string> {
  const { dir, declared, workDir, uv, interpreter } = order;
  const { asked, file } = declared;
  if (asked.kind === 'file') return join(dir, file);
  const made = join(workDir, 'requirements.txt');
  if (asked.kind === 'lines') await writeFile(made, `${asked.lines.join('\n')}\n`);
  else {
    const only = ['--frozen', '--no-dev', '--no-emit-project', '--no-editable', '--no-header'];
    const which = ['--python', interpreter.binary, '--format', 'requirements-txt'];
    await tool(order, uv!, ['export', ...only, ...which, '--output-file', made]);
  }
  return made;
}

/** These would have it installed elsewhere, or have it look elsewhere. */
const misleading = ['PYTHONPATH', 'PYTHONHOME', 'PIP_TARGET', 'PIP_PREFIX', 'PIP_ROOT', 'UV_PROJECT', 'VIRTUAL_ENV'];

async function tool(order: Installation, program: string, args: readonly string[]): Promise<void> {
  const { dir, clock, environment, doing } = order;
  const own = Object.fromEntries(misleading.map((name) => [name, undefined]));
  const late = deadline(clock, limits.pythonInstallMs);
  let said = '';
  const ended = await runCommand(program, args, {
    cwd: dir,
    environment: {
      ...environment,
      ...own,
      PIP_USER: '0',
      PIP_REQUIRE_VIRTUALENV: '0',
      UV_PYTHON_DOWNLOADS: 'never',
      NO_COLOR: '1',
    },
    clock,
    signal: late.signal,
    output(text) {
      said = `${said}${text}`.slice(-limits.npmOutputBytes);
      const last = text.trim().split('\n').at(-1)?.trim();
      if (last) doing(last);
    },
  });
  late.clear();
  if (ended.kind === 'done') return;
  if (late.signal.aborted)
    throw new UsageError(`${fileOf(order)}: not installed within ${limits.pythonInstallMs / 60_000} minutes`);
  throw new UsageError(await faultOf(order, said, ended.kind === 'failed' ? ended.how : 'is gone'));
}

const fileOf = ({ dir, declared }: Installation): string => join(dir, declared.file);

async function faultOf(order: Installation, said: string, how: string): Promise<string> {
  const { interpreter, uv } = order;
  if (/No module named pip\b/.test(said)) {
    return (
      `${fileOf(order)}: there is nothing to install packages with: ${interpreter.binary} has no pip, and uv is not in PATH. ` +
      'Install uv (https://docs.astral.sh/uv), or pip (python3-pip)'
    );
  }
  const lines = (uv === null ? linesOfPip(said) : linesOfUv(said)).slice(0, 5);
  const why = lines.length === 0 ? how : lines.join('\n  ');
  const line = await lineOf(order, said);
  return `${fileOf(order)}${line === null ? '' : `:${line}`}: ${uv === null ? 'pip' : 'uv'} cannot install it: ${why}`;
}

const linesOfPip = (said: string): string[] =>
  said
    .split('\n')
    .filter((line) => /^\s*(?:ERROR|error):/.test(line))
    .map((line) =>
      line.replace(/^\s*(?:ERROR|error):\s*/, '').replace(/\(from versions: .{60,}\)/, '(of many versions)'),
    )
    .filter((line) => !line.startsWith('No matching distribution found') || !said.includes('Could not find a version'));

const linesOfUv = (said: string): string[] =>
  said
    .split('\n')
    .filter((line) => /^\s*(?:[×╰├│]|error:|cause:|Caused by:|hint:)/.test(line))
    .map((line) => line.replace(/^[\s×╰├│─▶]+/, '').replace(/^(?:error|cause|Caused by):\s*/, ''))
    .filter((line) => line !== '');

/** The line of the project's own file that it is about. */
async function lineOf(order: Installation, said: string): Promise<number | null> {
  const at = /\(from line (\d+) of (.+?)\)/.exec(said);
  if (at !== null) return at[2] === fileOf(order) ? Number(at[1]) : null;
  const text = await readFile(fileOf(order), 'utf8').catch(() => '');
  const name = aboutWhich.map((pattern) => pattern.exec(said)?.[1]).find((found) => found !== undefined);
  const quoted = new Set(said.split('\n').map((line) => line.trim()));
  const asked = name === undefined ? null : new RegExp(`^[\\s"']*${spellings(name)}(?![\\w.-])`, 'i');
  const lines = text.split('\n');
  const index = lines.findIndex((line) =>
    asked === null ? line.trim() !== '' && quoted.has(line.trim()) : asked.test(line),
  );
  return index === -1 ? null : index + 1;
}

/** How pip, and then uv, say which requirement it is about. */
const aboutWhich = [
  /satisfies the requirement ([\w.-]+)/,
  /[Bb]ecause ([\w.-]+?)(?:==\S+)? (?:was not found|has no)/,
  /no version of ([\w.-]+?)[=<>!~\s]/,
  /[Bb]ecause only ([\w.-]+?)[=<>!~\s]/,
];

/** To both `a-b`, `a_b` and `a.b` are the same package. */
const spellings = (name: string): string => name.replaceAll(/[._-]+/g, '[._-]+');

/** Imports need no compiling then; tracebacks name the files where they will be. What cannot be compiled is no code. */
async function compileAll({ interpreter, target, place, clock, environment, doing }: Installation): Promise<void> {
  doing('compiling');
  const late = deadline(clock, limits.pythonInstallMs);
  const names = ['-s', target, '-p', place];
  await runCommand(interpreter.binary, ['-I', '-m', 'compileall', '-qq', '-j', '2', ...names, target], {
    cwd: target,
    environment,
    clock,
    signal: late.signal,
    output: () => undefined,
  });
  late.clear();
}
