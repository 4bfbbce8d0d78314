import { limits } from '../base/limits.ts';

export interface Demand {
  /** Invocations in the queue. */
  readonly waiting: number;
  /** How long the first of them has waited. */
  readonly headAgeMs: number;
  /** Invocations that instances on their way to being ready will take. */
  readonly startingCapacity: number;
  /** How long ago the newest of those was started; Infinity when there is none. */
  readonly newestStartAgeMs: number;
  /** How long ago the last instance was started, ready or not; Infinity before the first. */
  readonly sinceStartMs: number;
  /** Invocations one instance takes. */
  readonly limit: number;
  /** Instances that exist, those on their way included. */
  readonly live: number;
  readonly maxInstances: number;
  /** How long none of them has been done with an invocation. */
  readonly stillForMs: number;
  /** Instances whose loop user code holds, now or a moment ago. */
  readonly held: number;
  /** Processors of the machine; Infinity: not known. */
  readonly cores: number;
}

/**
 * How many instances to start now: as many as take what waits, minus what is already on its way. A head that has waited
 * for limits.queueStaleMs gets one more when none is under way, or the newest one seems to hang.
 *
 * Where user code holds as many loops as there are processors, what waits, waits for CPU: more instances would only share
 * it (and the memory). Then one is started at a time, and only when nothing has moved for so long that those loops may never
 * yield. Never more than maxInstances in all.
 */
export function startsNeeded(demand: Demand): number {
  if (demand.waiting === 0) return 0;
  const { headAgeMs, newestStartAgeMs, held, cores } = demand;
  const uncovered = Math.max(0, demand.waiting - demand.startingCapacity);
  const stale = headAgeMs >= limits.queueStaleMs && newestStartAgeMs >= limits.startSlowMs;
  let wanted = Math.max(Math.ceil(uncovered / Math.max(1, demand.limit)), stale ? 1 : 0);
  if (held >= cores) {
    const standing = Math.min(headAgeMs, demand.sinceStartMs, demand.stillForMs) >= limits.heldQueueStaleMs;
    const hopeful = standing && held < cores * limits.heldInstancesPerCore;
    wanted = stale && hopeful ? 1 : 0;
  }
  return Math.max(0, Math.min(wanted, demand.maxInstances - demand.live));
}

/** How long to wait after so many failed starts in a row: none, then limits.startBackoffMs doubling up to its maximum. */
export function startDelayMs(failures: number): number {
  if (failures <= 0) return 0;
  return Math.min(limits.startBackoffMaxMs, limits.startBackoffMs * 2 ** (failures - 1));
}
