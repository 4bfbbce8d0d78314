import type { Clock } from '../../base/clock.ts';

/** Ends a command that takes too long, or that would outlive this process: it is of a group of its own, which Ctrl-C does not reach. */
export interface Deadline {
  readonly signal: AbortSignal;
  /** The command has ended. */
  clear(): void;
}

export function deadline(clock: Clock, ms: number): Deadline {
  const late = new AbortController();
  const abort = (): void => late.abort();
  const timer = clock.after(ms, abort);
  process.once('exit', abort);
  return {
    signal: late.signal,
    clear() {
      timer.cancel();
      process.off('exit', abort);
    },
  };
}
