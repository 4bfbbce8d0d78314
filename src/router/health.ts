import { limits } from '../base/limits.ts';
import type { NackReason, Vitals } from '../model/vitals.ts';
import type { LogFrame } from '../tunnel/payload.ts';

/** Above this share of its loop's time an instance whose loop did not come round in time stays paused. */
const loopFullPermille = 990;

/**
 * How much of its scarcest resource an instance has left, 0–1000: the loop's time or the memory it may have, whichever
 * is less. A stuck loop has none. What `place` prefers among candidates.
 */
export function freePermille(vitals: Vitals, memoryMiB: number): number {
  if (isStuck(vitals)) return 0;
  const loop = 1000 - vitals.loopPermille;
  const memory = 1000 - memoryPermille(vitals, memoryMiB);
  return Math.max(0, Math.min(1000, loop, memory));
}

/** The loop has not come round for so long that what waits behind it is better off elsewhere. */
export const isStuck = (vitals: Vitals): boolean => vitals.loopStuckMs >= limits.loopStuckMs;

/**
 * Why an instance takes nothing new. `sequence` counts the vitals the router had received from the instance: only newer
 * ones end the pause, because older ones are from before the nack.
 */
export interface Pause {
  readonly reason: NackReason | 'stuck';
  readonly afterSequence: number;
  readonly sinceMs: number;
}

interface Work {
  readonly streams: { readonly count: number };
  readonly background: number;
}

/** It refuses for want of what it has used up by itself, for so long that this will not change: it has nothing to do. */
export const isUsedUp = ({ reason, sinceMs }: Pause, { streams, background }: Work, nowMs: number): boolean =>
  (reason === 'memory' || reason === 'fds') && streams.count + background === 0 && nowMs - sinceMs >= limits.usedUpMs;

/** Whether vitals that are newer than the nack say that what it was about is over. */
export function endsPause(pause: Pause, sequence: number, vitals: Vitals, maxConcurrency: number): boolean {
  if (sequence <= pause.afterSequence || isStuck(vitals) || vitals.ailment !== 0) return false;
  // Handlers of cancelled invocations count there and not here.
  if (pause.reason === 'limit') return vitals.inFlight < maxConcurrency;
  return pause.reason === 'loop' ? vitals.loopPermille < loopFullPermille : true;
}

const memoryPermille = (vitals: Vitals, memoryMiB: number): number =>
  Math.round((vitals.rssBytes / (memoryMiB * 1024 * 1024)) * 1000);

/** For its function's log: what an instance is ended for that refuses with nothing to do. */
export function usedUpLine({ reason }: Pause, vitals: Vitals, memoryMiB: number): LogFrame {
  const what =
    reason === 'memory'
      ? `holds ${Math.round(vitals.rssBytes / 1024 / 1024)} of ${memoryMiB} MiB: a larger "memory" would let it stay`
      : `holds ${vitals.fds} descriptors: something is not closed`;
  return { level: 'warn', source: 'platform', text: `the instance is replaced: with nothing to do it ${what}` };
}
