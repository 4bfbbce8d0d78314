import { limits } from '../base/limits.ts';
import type { NackReason, Vitals } from '../model/vitals.ts';

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
}

/** Whether vitals that are newer than the nack say that what it was about is over. */
export function endsPause(pause: Pause, sequence: number, vitals: Vitals, maxConcurrency: number): boolean {
  if (sequence <= pause.afterSequence || isStuck(vitals) || vitals.ailment !== 0) return false;
  // Handlers of cancelled invocations count there and not here.
  if (pause.reason === 'limit') return vitals.inFlight < maxConcurrency;
  return pause.reason === 'loop' ? vitals.loopPermille < loopFullPermille : true;
}

const memoryPermille = (vitals: Vitals, memoryMiB: number): number =>
  Math.round((vitals.rssBytes / (memoryMiB * 1024 * 1024)) * 1000);
