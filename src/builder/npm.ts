import { spawn } from 'node:child_process';
import type { Clock } from '../base/clock.ts';
import { UsageError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';

/** The user's own npm: its registry, its proxy, its cache, and its check of what it fetched. */
export interface Npm {
  /** All versions of a package that are no pre-releases, in no order. Throws UsageError. */
  versions(name: string): Promise<readonly string[]>;
  /** Puts one version of a package without its scripts into `dir`/node_modules/`name`. Throws UsageError. */
  install(name: string, version: string, dir: string): Promise<void>;
}

export interface NpmPlace {
  /** Where npm is (PATH) and what it is told (npm_config_…). */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** An existing directory that is no project. */
  readonly dir: string;
  readonly clock: Clock;
}

export function userNpm(place: NpmPlace): Npm {
  const run = (args: readonly string[], timeoutMs: number): Promise<string> => runNpm(args, place, timeoutMs);
  return {
    async versions(name) {
      const text = await run(['view', name, 'versions', '--json'], limits.npmViewMs);
      // One version alone is no list.
      const found: unknown = [parsed(text)].flat();
      const all = Array.isArray(found) ? (found as unknown[]) : [];
      return all.filter((each): each is string => typeof each === 'string' && /^\d+\.\d+\.\d+$/.test(each));
    },
    async install(name, version, into) {
      const quiet = ['--no-save', '--no-package-lock', '--no-audit', '--no-fund', '--loglevel=error'];
      await run(
        ['install', '--prefix', into, '--ignore-scripts', '--global=false', ...quiet, `${name}@${version}`],
        limits.npmInstallMs,
      );
    },
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new UsageError(`npm answered with something else than JSON: ${text.slice(0, 200)}`);
  }
}

function runNpm(args: readonly string[], { environment, dir, clock }: NpmPlace, timeoutMs: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const refuse = (why: string): void => reject(new UsageError(why));
    const child = spawn('npm', args, { cwd: dir, env: environment, stdio: ['ignore', 'pipe', 'pipe'] });
    const [said, failed] = [gather(child.stdout, limits.npmViewBytes), gather(child.stderr, limits.npmOutputBytes)];
    const timer = clock.after(timeoutMs, () => {
      child.kill();
      refuse(`npm did not end within ${timeoutMs / 1000} s`);
    });
    child.once('error', ({ code, message }: NodeJS.ErrnoException) => {
      timer.cancel();
      refuse(code === 'ENOENT' ? 'there is no npm on the PATH' : `npm cannot be started: ${message}`);
    });
    child.once('close', (code, signal) => {
      timer.cancel();
      if (code === 0) resolve(said());
      else refuse(faultOf(failed() || said(), signal ?? `exit code ${code}`));
    });
  });
}

/** The last of what a stream said, `bytes` at most. */
function gather(stream: NodeJS.ReadableStream, bytes: number): () => string {
  let text = '';
  stream.setEncoding('utf8').on('data', (chunk: string) => (text = (text + chunk).slice(-bytes)));
  return () => text;
}

/** npm says in several lines what went wrong, and then where its log is. */
function faultOf(text: string, end: string): string {
  const lines = text
    .split('\n')
    .map((line) => line.replace(/^npm (?:error|ERR!) ?/, '').trim())
    .filter((line) => line !== '' && !/complete log|^\/.*\.log$|^\{|^\}|^"/.test(line));
  return lines.length === 0 ? `npm ended with ${end}` : `npm says: ${lines.slice(0, 3).join('; ')}`;
}
