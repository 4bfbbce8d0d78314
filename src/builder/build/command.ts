import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { limits } from '../../base/limits.ts';

export interface CommandOptions {
  readonly cwd: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
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

/** Runs a program, or a line of the shell when there are no arguments. Ends it when `signal` says so. */
export async function runCommand(
  program: string,
  args: readonly string[] | null,
  { cwd, environment, output, signal }: CommandOptions,
): Promise<Ended> {
  // No input: whoever asks a question gets no answer, and says so instead of waiting.
  const child = spawn(program, args ?? [], {
    cwd,
    env: { ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
    shell: args === null,
    ...(signal === undefined ? {} : { signal, killSignal: 'SIGTERM' }),
  });
  let last = '';
  const printed = (stream: 'out' | 'err') => (text: string) => {
    last = `${last}${text}`.slice(-limits.commandTailCharacters);
    output(text, stream);
  };
  child.stdout.setEncoding('utf8').on('data', printed('out'));
  child.stderr.setEncoding('utf8').on('data', printed('err'));
  try {
    const [code, ending] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
    if (code === 0) return { kind: 'done' };
    const how = ending === null ? `exited with ${code}` : `was ended by ${ending}`;
    return { kind: 'failed', how, lastLines: last.trimEnd() };
  } catch (error) {
    const { code, name, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return { kind: 'missing' };
    return { kind: 'failed', how: name === 'AbortError' ? 'was interrupted' : message, lastLines: last.trimEnd() };
  }
}
