import { limits } from '../base/limits.ts';

export interface Demand {
  /** Invocations in the queue. */
  readonly waiting: number;
  /** How long the first of them has waited. */
  readonly headAgeMs: number;
  /** Invocations that instances on their way to being ready will take. */
  readonly startingCapacity: number;
  /** How many those are. */
  readonly starting: number;
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
  /** They have had time to spare lately: who holds a loop does not compute, but sleeps or waits in it. */
  readonly cpuIdle: boolean;
}

/**
 * How many instances to start now: as many as take what waits, minus what is already on its way. A head that has waited
 * for limits.queueStaleMs gets one when none is under way, or a second one when the first seems to hang.
 *
 * Where user code holds as many loops as there are processors, and these are busy, what waits, waits for CPU: more
 * instances would only share it (and the memory). Then one is started at a time, and only when nothing has moved for so
 * long that those loops may never yield. Never more than maxInstances in all.
 */
export function startsNeeded(demand: Demand): number {
  if (demand.waiting === 0) return 0;
  const uncovered = Math.max(0, demand.waiting - demand.startingCapacity);
  const stale = isStale(demand);
  let wanted = Math.max(Math.ceil(uncovered / Math.max(1, demand.limit)), stale ? 1 : 0);
  if (demand.held >= demand.cores && !isSleep(demand)) wanted = stale && mayNeverYield(demand) ? 1 : 0;
  return Math.max(0, Math.min(wanted, demand.maxInstances - demand.live));
}

function isStale({ headAgeMs, starting, sinceStartMs }: Demand): boolean {
  if (headAgeMs < limits.queueStaleMs) return false;
  return starting === 0 || (starting === 1 && sinceStartMs >= limits.startSlowMs);
}

/** The head has waited for long enough that the processors' time to spare is of while it waited. */
const isSleep = ({ cpuIdle, headAgeMs }: Demand): boolean => cpuIdle && headAgeMs >= limits.heldQueueStaleMs;

function mayNeverYield({ headAgeMs, sinceStartMs, stillForMs, held, cores }: Demand): boolean {
  if (Math.min(headAgeMs, sinceStartMs, stillForMs) < limits.heldQueueStaleMs) return false;
  return held < cores * limits.heldInstancesPerCore || sinceStartMs >= limits.heldStartMs;
}

/** How long to wait after so many failed starts in a row: none, then limits.startBackoffMs doubling up to its maximum. */
export function startDelayMs(failures: number): number {
  if (failures <= 0) return 0;
  return Math.min(limits.startBackoffMaxMs, limits.startBackoffMs * 2 ** (failures - 1));
}
