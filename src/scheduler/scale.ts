import { limits } from '../base/limits.ts';

export interface Demand {
  /** Invocations in the queue. */
  readonly waiting: number;
  /** How long the first of them has waited. */
  readonly headAgeMs: number;
  /** Instances on their way to being ready. */
  readonly starting: number;
  /** Invocations that those will take. */
  readonly startingCapacity: number;
  /** Invocations one instance takes. */
  readonly limit: number;
  /** Instances that exist, those on their way included. */
  readonly live: number;
  readonly maxInstances: number;
}

/**
 * How many instances to start now: as many as take what waits, minus what is already on its way. A head that has waited
 * for limits.queueStaleMs always has at least one start under way. Never more than maxInstances in all.
 */
export function startsNeeded(demand: Demand): number {
  if (demand.waiting === 0) return 0;
  const uncovered = demand.waiting - demand.startingCapacity;
  const forPlaces = Math.ceil(Math.max(0, uncovered) / Math.max(1, demand.limit));
  const forAge = demand.headAgeMs >= limits.queueStaleMs && demand.starting === 0 ? 1 : 0;
  return Math.max(0, Math.min(Math.max(forPlaces, forAge), demand.maxInstances - demand.live));
}

/** How long to wait after so many failed starts in a row: none, then limits.startBackoffMs doubling up to its maximum. */
export function startDelayMs(failures: number): number {
  if (failures <= 0) return 0;
  return Math.min(limits.startBackoffMaxMs, limits.startBackoffMs * 2 ** (failures - 1));
}
