import type { Clock } from '../base/clock.ts';
import { limits } from '../base/limits.ts';

/** Where a command is between Ctrl-C and its end. */
type Phase = 'serving' | 'draining' | 'ending';

export const transitions: Readonly<Record<Phase, readonly Phase[]>> = {
  serving: ['draining', 'ending'],
  draining: ['ending'],
  ending: [],
};

export interface StoppingOptions {
  readonly clock: Clock;
  /** Finishes what is there. */
  drain(): Promise<void>;
  /** At once; also while `drain` is under way. */
  close(): Promise<void>;
  /** A person is to read what is going on. */
  say(line: string): void;
  /** What there is to wait for, in words; null: nothing. */
  waitingFor(): string | null;
  exit(code: number): void;
  /** A terminal sends signals to a whole process group, and who started this process may pass its own on. */
  readonly hasTerminal: boolean;
}

export const stopSignals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
export type StopSignal = (typeof stopSignals)[number];

/** Exit codes of a command that was ended, as shells have them: 128 + the signal's number. */
export const endedBy: Readonly<Record<StopSignal, number>> = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 };

/**
 * What signals do: the first SIGINT or SIGTERM drains, a second one ends at once, SIGHUP ends at once. One key press may
 * arrive several times (by the terminal, by npm, by the launcher): with a terminal, what follows a signal within
 * limits.interruptEchoMs is its echo.
 */
export function stopping(options: StoppingOptions): (signal: StopSignal) => void {
  const { clock } = options;
  const echoMs = options.hasTerminal ? limits.interruptEchoMs : 0;
  let phase: Phase = 'serving';
  let latestMs = Number.NEGATIVE_INFINITY;
  const enter = (next: Phase): boolean => {
    if (!transitions[phase].includes(next)) return false;
    phase = next;
    return true;
  };
  const end = async (code: number): Promise<void> => {
    if (!enter('ending')) return;
    await options.close();
    options.exit(code);
  };
  const drain = async (): Promise<void> => {
    if (!enter('draining')) return;
    const what = options.waitingFor();
    if (what === null) options.say('draining');
    else options.say(`draining: waiting for ${what}; Ctrl-C ends at once`);
    await options.drain();
    await end(0);
  };
  return (signal) => {
    const nowMs = clock.nowMs();
    const isEcho = nowMs - latestMs < echoMs;
    latestMs = nowMs;
    if (signal === 'SIGHUP') void end(endedBy.SIGHUP);
    else if (phase === 'serving') void drain();
    else if (!isEcho) void end(endedBy[signal]);
  };
}
