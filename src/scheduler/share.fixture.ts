import type { Claim } from './share.ts';

/** A function that has what `changes` say, and else nothing. */
export function claim(id: string, changes: Partial<Claim> = {}): Claim {
  const { live = 0, eachMiB = 64 } = changes;
  const usedMiB = live * eachMiB;
  const rest = { idleMiB: 0, wanted: 0, waitedMs: 0, coresUsed: 0, computing: 0, queuedMs: 0 };
  return { id, weight: 1, live, usedMiB, eachMiB, ...rest, ...changes };
}
