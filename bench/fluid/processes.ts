// Nothing that a bench started outlives it: not when it fails, and not when it is interrupted.
import { family } from '../cpu.ts';
import type { Target } from '../targets.ts';

/** What a target gets to end by itself, and an interrupted bench to end its targets. */
const stopMs = 5_000;

let interrupted: AbortController | null = null;

/**
 * Aborts on SIGINT or SIGTERM, so that whoever waits ends what it started; what is left of this process's children when
 * it exits is killed. The same signal for all callers. Instances whose platform was killed end by themselves.
 */
export function interruption(): AbortSignal {
  if (interrupted !== null) return interrupted.signal;
  const controller = new AbortController();
  interrupted = controller;
  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const) {
    process.on(signal, () => {
      if (controller.signal.aborted) process.exit(code);
      console.error(`\n${signal}: stopping`);
      process.exitCode = code;
      setTimeout(() => process.exit(code), 2 * stopMs).unref();
      controller.abort(new Error(`interrupted by ${signal}`));
    });
  }
  process.on('exit', killChildren);
  return controller.signal;
}

/** Stops what a bench measured; one that does not end by itself is killed with all that it started. */
export async function ended(target: Target): Promise<void> {
  const timer = setTimeout(() => {
    console.error(`${target.name} did not stop within ${stopMs / 1000} s: it is killed`);
    killAll(target.pids());
  }, stopMs);
  await target.stop();
  clearTimeout(timer);
}

function killChildren(): void {
  // Where there is no /proc, nobody can be named.
  if (process.platform === 'linux') killAll(family(process.pid).slice(1));
}

function killAll(pids: readonly number[]): void {
  for (const pid of pids) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }
}

/** Rejects when the bench is interrupted before. */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const onAbort = (): void => {
      clearTimeout(timer);
      reject(signal?.reason as Error);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    }, ms);
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}
