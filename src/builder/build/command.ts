import { spawn } from 'node:child_process';
import type { ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../../base/clock.ts';
import { limits } from '../../base/limits.ts';

export interface CommandOptions {
  readonly cwd: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  /** Receives what it prints, as it prints it. */
  readonly output: (text: string, stream: 'out' | 'err') => void;
  readonly signal?: AbortSignal;
}

/** How a command ended. */
export type Ended =
  | { readonly kind: 'done' }
  /** `how`: `exited with 1`, `was ended by SIGKILL`; `lastLines`: what it printed last. */
  | { readonly kind: 'failed'; readonly how: string; readonly lastLines: string }
  /** There is no such program. */
  | { readonly kind: 'missing' };

/**
 * Runs a program, or a line of the shell when there are no arguments. When `signal` says so, it is ended with all that it
 * has started, and what is returned then has ended: nobody writes any more.
 */
export async function runCommand(
  program: string,
  args: readonly string[] | null,
  { cwd, environment, clock, output, signal }: CommandOptions,
): Promise<Ended> {
  if (signal?.aborted) return { kind: 'failed', how: interrupted, lastLines: '' };
  // No input: whoever asks a question gets no answer, and says so instead of waiting.
  const child = spawn(program, args ?? [], {
    cwd,
    env: { ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
    shell: args === null,
    // A package manager or a shell does not hand on what it is told: the whole group is told.
    detached: hasGroups,
  });
  let last = '';
  const printed = (stream: 'out' | 'err') => (text: string) => {
    last = `${last}${text}`.slice(-limits.commandTailCharacters);
    output(text, stream);
  };
  child.stdout.setEncoding('utf8').on('data', printed('out'));
  child.stderr.setEncoding('utf8').on('data', printed('err'));
  let ending: Promise<void> | null = null;
  const stop = (): void => void (ending ??= end(child, clock));
  signal?.addEventListener('abort', stop, { once: true });
  try {
    const [code, killer] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
    await (ending as Promise<void> | null);
    if (signal?.aborted) return { kind: 'failed', how: interrupted, lastLines: last.trimEnd() };
    if (code === 0) return { kind: 'done' };
    const how = killer === null ? `exited with ${code}` : `was ended by ${killer}`;
    return { kind: 'failed', how, lastLines: last.trimEnd() };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return { kind: 'missing' };
    return { kind: 'failed', how: message, lastLines: last.trimEnd() };
  } finally {
    signal?.removeEventListener('abort', stop);
  }
}

const interrupted = 'was interrupted';
const hasGroups = process.platform !== 'win32';

type Child = ChildProcessByStdio<null, Readable, Readable>;

/** Asks the group to end, and kills what is still there after `limits.commandGraceMs`. */
async function end(child: Child, clock: Clock): Promise<void> {
  const latestMs = clock.nowMs() + limits.commandGraceMs;
  let isThere = tell(child, 'SIGTERM');
  while (isThere && clock.nowMs() < latestMs) {
    // Unlike one of `clock` it keeps this process, which may have nothing else to do.
    await sleep(groupLookMs);
    isThere = tell(child, 0);
  }
  if (isThere) tell(child, 'SIGKILL');
  // Whoever left the group may hold them open for ever.
  child.stdout.destroy();
  child.stderr.destroy();
}

/** Nobody tells when the last of a group has ended. */
const groupLookMs = 20;

/** False: there is nobody any more. */
function tell(child: Child, signal: NodeJS.Signals | 0): boolean {
  if (child.pid === undefined) return false;
  try {
    return hasGroups ? process.kill(-child.pid, signal) : child.exitCode === null && child.kill(signal);
  } catch {
    return false;
  }
}
