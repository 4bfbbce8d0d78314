import { readFile, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import type { Clock } from '../base/clock.ts';
import { UsageError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import type { Log } from '../base/log.ts';
import { runCommand } from './build/command.ts';
import { deadline } from './build/deadline.ts';
import { findInPath, isExecutable } from './executables.ts';

/** A project's server in any language: a program that listens on PORT. */
export interface Program {
  /** It and its arguments. */
  readonly command: readonly string[];
  /** What makes it, run in the project's directory before it is looked for; null: nothing has to be made. */
  readonly build: readonly string[] | null;
}

export interface ProgramPlace {
  /** What is told names it. */
  readonly project: string;
  /** The platform's: a build finds its tools and caches by it. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly log: Log;
}

/** Builds it. The command, its program as an absolute path. Throws UsageError. `file`: that says so, for errors. */
export async function readyProgram(
  root: string,
  file: string,
  { command, build }: Program,
  place: ProgramPlace,
): Promise<readonly string[]> {
  if (build !== null) await runBuild(root, file, build, place);
  const [name, ...args] = command as [string, ...string[]];
  const found = await programFile(root, name, place.environment);
  if (found.kind === 'found') return [found.path, ...args];
  const missing = `${file}: command: ${found.why}`;
  throw new UsageError(build === null ? missing : `${missing} (after \`${build.join(' ')}\`)`);
}

type Found = { readonly kind: 'found'; readonly path: string } | { readonly kind: 'missing'; readonly why: string };

/** In the project, in its packages from npm, in PATH. */
export async function programFile(
  root: string,
  name: string,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<Found> {
  const own = resolve(root, name);
  if ((await stat(own).catch(() => null))?.isFile() ?? false) {
    if (await isExecutable(own)) return { kind: 'found', path: own };
    return { kind: 'missing', why: `${own} is not executable: chmod +x ${name}` };
  }
  if (name.includes('/')) return { kind: 'missing', why: `there is no file ${own}` };
  const path = (await inPackages(root, name)) ?? (await findInPath(name, environment));
  if (path !== null) return { kind: 'found', path };
  const why = `there is no ${name} in ${root}, in its node_modules, or in PATH`;
  const next = (await isPackageOf(root, name)) ? `npm install in ${root}` : 'install it, or name it by its path';
  return { kind: 'missing', why: `${why}: ${next}` };
}

/** Its package.json asks for it. */
async function isPackageOf(root: string, name: string): Promise<boolean> {
  const text = await readFile(join(root, 'package.json'), 'utf8').catch(() => '{}');
  try {
    const { dependencies } = JSON.parse(text) as { dependencies?: object };
    return Object.hasOwn(dependencies ?? {}, name);
  } catch {
    return false;
  }
}

/** npm puts the packages of a workspace into a folder above. */
async function inPackages(root: string, name: string): Promise<string | null> {
  for (let dir = root; ; dir = dirname(dir)) {
    const modules = join(dir, 'node_modules');
    // What npm links is put in place by a script of the package, which need not have run.
    const itself = name === 'bun' ? bunPackages.map((each) => join(modules, '@oven', each, 'bin', 'bun')) : [];
    for (const file of [...itself, join(modules, '.bin', name)]) if (await isExecutable(file)) return file;
    if (dir === dirname(dir)) return null;
  }
}

const system = `bun-${process.platform}-${process.arch === 'arm64' ? 'aarch64' : process.arch}`;
const bunPackages = [system, `${system}-baseline`, `${system}-musl`];

async function runBuild(root: string, file: string, build: readonly string[], place: ProgramPlace): Promise<void> {
  const { project, environment, clock, log } = place;
  const [name, ...args] = build as [string, ...string[]];
  const line = build.join(' ');
  const fromMs = clock.nowMs();
  const found = await programFile(root, name, environment);
  if (found.kind === 'missing') throw new UsageError(`${file}: build: ${found.why}`);
  log.info(`${project}: ${line}`);
  const telling = tellFrom(project, basename(name), place);
  const late = deadline(clock, limits.programBuildMs);
  const print = lines((text) => log.info(`${project}: ${text}`));
  const ended = await runCommand(found.path, args, {
    cwd: root,
    environment,
    clock,
    signal: late.signal,
    output: (text) => {
      telling.heard();
      print.add(text);
    },
  }).finally(() => {
    late.clear();
    telling.stop();
    print.end();
  });
  if (ended.kind === 'done') {
    log.info(`${project}: built in ${((clock.nowMs() - fromMs) / 1000).toFixed(1)} s`);
    return;
  }
  const how =
    ended.kind === 'missing'
      ? 'was not found'
      : late.signal.aborted
        ? `took longer than ${limits.programBuildMs / 60_000} minutes`
        : ended.how;
  const last = ended.kind === 'failed' && ended.lastLines !== '' ? `:\n${ended.lastLines}` : '';
  throw new UsageError(`${file}: build: \`${line}\` ${how}${last}`);
}

/** Says that it goes on while nothing is printed, until `stop`. */
function tellFrom(project: string, what: string, { clock, log }: ProgramPlace): { heard(): void; stop(): void } {
  const fromMs = clock.nowMs();
  const tell = (): void => {
    log.info(`${project}: ${what} is at work for ${Math.round((clock.nowMs() - fromMs) / 1000)} s`);
    timer = clock.after(4 * limits.installTellMs, tell);
  };
  let timer = clock.after(4 * limits.installTellMs, tell);
  const stop = (): void => timer.cancel();
  const heard = (): void => {
    stop();
    timer = clock.after(4 * limits.installTellMs, tell);
  };
  return { heard, stop };
}

/** Text in pieces, a line at a time. */
function lines(each: (line: string) => void): { add(text: string): void; end(): void } {
  let rest = '';
  const tell = (line: string): void => void (line.trim() !== '' && each(line.trimEnd()));
  return {
    add(text) {
      const parts = `${rest}${text}`.split('\n');
      rest = parts.pop()!.slice(-limits.commandTailCharacters);
      for (const part of parts) tell(part);
    },
    end: () => tell(rest),
  };
}
