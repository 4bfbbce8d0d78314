import { limits } from '../base/limits.ts';
import { beyondCores } from './law.ts';

/** One lane of a function: what waits for its instances. */
export interface LaneDemand {
  /** Invocations in its queue. */
  readonly waiting: number;
  /** How long the first of them has waited. */
  readonly headAgeMs: number;
  /** Invocations one instance takes. */
  readonly limit: number;
  /** How many an instance takes was not seen yet. */
  readonly isUnknown: boolean;
  /** What an invocation takes; 0: not known. */
  readonly wallMs: number;
  /** Processors that one uses then, 0–1; 0: not known. */
  readonly load: number;
  /** Instances that have work of this lane, or none at all. */
  readonly live: number;
  /** By what its instances attribute it uses the processors: it does not only sleep in loops. */
  readonly computes: boolean;
  /** As many of them have work as keep the processors busy: what waits, waits for those. */
  readonly isBound: boolean;
}

export interface Demand {
  readonly lanes: readonly LaneDemand[];
  /** Instances on their way to being ready. */
  readonly starting: number;
  /** How long ago the last instance was started, ready or not; Infinity before the first. */
  readonly sinceStartMs: number;
  /** Instances that there should be: for the demand of the last minute, or by forecast. */
  readonly ahead: number;
  /** Why. */
  readonly aheadReason: string;
  /** Instances that exist, those on their way in and out included. */
  readonly live: number;
  /** Those that take work, or will. */
  readonly standing: number;
  readonly maxInstances: number;
  /** The loop of one of them has not come round for limits.heldQueueStaleMs. */
  readonly neverYields: boolean;
  /** The loop of one of them is held, and does not compute. */
  readonly sleeps: boolean;
  /** How long they have had work, and none of them has been done with any of it. */
  readonly stillForMs: number;
  /** Instances that use their processor fully, or whose loop user code holds. */
  readonly computing: number;
  /** Processors that all of them use. */
  readonly usedCores: number;
  /** Processors that they may have. Infinity: not known. */
  readonly cores: number;
  /** They have had time to spare lately: who holds a loop does not compute, but sleeps or waits in it. */
  readonly cpuIdle: boolean;
  /** The processors have had no time to spare lately, whoever uses them. Left out: that is not known. */
  readonly cpuFull?: boolean;
}

export interface Starts {
  readonly count: number;
  readonly reason: string;
}

/** Both are asked for apart: only for what waits may others have to go. */
export interface Needed {
  /** For what waits. */
  readonly waited: Starts;
  /** Beyond those: nothing waits for them. */
  readonly ahead: Starts;
}

const none: Starts = { count: 0, reason: '' };
const nothing: Needed = { waited: none, ahead: none };

/**
 * How many instances to start now: as many as take what waits, minus what is already on its way; and what is wanted ahead of
 * need beyond that. A head that has waited for limits.queueStaleMs gets one when none is under way, or a second one when the first
 * seems to hang.
 *
 * Where its instances use the processors that the function may have, what waits, waits for CPU: more instances would only share it
 * (and the memory). Then one is started at a time, and only when a loop has not come round for so long that it may never. What
 * waits only, and has no instance but those that compute, gets one. Never more than maxInstances in all.
 */
export function startsNeeded(demand: Demand): Needed {
  const { starting, live, maxInstances } = demand;
  const waiting = demand.lanes.reduce((sum, lane) => sum + lane.waiting, 0);
  const headAgeMs = Math.max(...demand.lanes.map((lane) => (lane.waiting > 0 ? lane.headAgeMs : 0)));
  const isBound = waiting > 0 && demand.lanes.every((lane) => lane.waiting === 0 || lane.isBound);
  const isFull = (isBound || isCpuFull(demand)) && !isSleep(demand, headAgeMs);
  let wanted = none;
  if (waiting > 0) wanted = isFull ? scarce(demand, headAgeMs) : plenty(demand, waiting, headAgeMs);
  const most = Math.max(0, maxInstances - live);
  const waited = Math.min(wanted.count, most);
  const ahead = isFull ? 0 : Math.min(demand.ahead - demand.standing, most) - waited;
  if (waited === 0 && ahead <= 0) return nothing;
  return {
    waited: startsOf(waited, wanted.reason, starting),
    ahead: startsOf(ahead, `ahead of need: ${demand.aheadReason}`, starting),
  };
}

const startsOf = (count: number, reason: string, starting: number): Starts =>
  count <= 0 ? none : { count, reason: `${reason}${starting === 0 ? '' : `; ${starting} on their way`}` };

/** Its instances use the processors that it may have: one instance more, if each computes for one invocation alone. */
function isCpuFull({ computing, usedCores, cores, cpuFull = false, lanes }: Demand): boolean {
  // What clients and the platform use besides, more instances would not have either.
  if (cpuFull && usedCores >= cores * mainShare) return true;
  const beyond = Math.max(...lanes.map((lane) => (lane.waiting > 0 ? beyondCores(lane.limit) : 0)));
  if (beyond > 0 && computing >= cores) return computing >= cores + beyond;
  return usedCores >= cores * fullShare;
}

function plenty(demand: Demand, waiting: number, headAgeMs: number): Starts {
  const called = demand.lanes.reduce((sum, lane) => sum + useful(demand, lane, headAgeMs), 0);
  const uncovered = called - demand.starting;
  if (uncovered > 0) {
    const each = demand.lanes.filter((lane) => lane.waiting > 0).map((lane) => lane.limit);
    return { count: uncovered, reason: `${waiting} wait, and one instance takes ${each.join(' or ')}` };
  }
  const hasRoom = demand.lanes.some((lane) => lane.waiting > 0 && roomFor(demand, lane, headAgeMs) > 0);
  return hasRoom && isStale(demand, headAgeMs)
    ? { count: 1, reason: `the first has waited for ${ms(headAgeMs)}` }
    : none;
}

/** As many as take what waits, and have processors to compute on when they do. */
function useful(demand: Demand, lane: LaneDemand, headAgeMs: number): number {
  if (lane.waiting === 0) return 0;
  const called = Math.ceil(lane.waiting / Math.max(1, lane.limit));
  return Math.min(called, Math.max(lane.live === 0 ? 1 : 0, roomFor(demand, lane, headAgeMs)));
}

/** Instances of it that would have processors to compute on. */
function roomFor(demand: Demand, lane: LaneDemand, headAgeMs: number): number {
  const mayCompute = lane.computes || !isSleep(demand, headAgeMs);
  if (!mayCompute) return Infinity;
  if (lane.isBound) return 0;
  if (lane.isUnknown && headAgeMs < limits.unknownMs) return unknownRoom(demand, lane);
  return lane.load < limits.tellingLoad ? Infinity : fittingOf(demand, lane);
}

/**
 * While it is not known how many an instance takes: one on each processor. Where its loop is free, any vitals show that it may have
 * twice as many as now; where it is not, processors are used. Starts, too, compute.
 */
const unknownRoom = ({ cores, starting }: Demand, { live }: LaneDemand): number =>
  Math.max(0, Math.ceil(cores) - live) + starting;

/** Of those that are ready all have all that they may have, or nothing would wait: they use so much, or are about to. */
function fittingOf({ cores, usedCores, starting }: Demand, lane: LaneDemand): number {
  const used = Math.max(usedCores, (lane.live - starting) * lane.load);
  return Math.floor((cores + beyondCores(lane.limit) - used) / lane.load + partlyIdle);
}

/** What lacks no more than this of its processor is started all the same. */
const partlyIdle = 0.25;
/** From here on the processors are as good as used: what is left, another instance would spend on starting. */
const fullShare = 0.85;
/** Where the processors are full, whoever uses so much of them is it that fills them. */
const mainShare = 0.5;

function scarce(demand: Demand, headAgeMs: number): Starts {
  const shut = demand.lanes.find((lane) => lane.waiting > 0 && lane.live === 0);
  if (shut !== undefined && demand.starting === 0) {
    return { count: 1, reason: `${shut.waiting} wait, and all instances have work that is kept apart from theirs` };
  }
  if (!isStale(demand, headAgeMs) || !mayNeverYield(demand, headAgeMs)) return none;
  // Of before the first one came there is nothing to say.
  return { count: 1, reason: `nothing has moved for ${ms(Math.min(demand.stillForMs, headAgeMs))}` };
}

function isStale({ starting, sinceStartMs }: Demand, headAgeMs: number): boolean {
  if (headAgeMs < limits.queueStaleMs) return false;
  return starting === 0 || (starting === 1 && sinceStartMs >= limits.startSlowMs);
}

/**
 * Loops are held, and the processors have time to spare: what holds them sleeps in them. The head has waited for long enough that
 * this is of while it waited.
 */
const isSleep = ({ cpuIdle, sleeps, lanes }: Demand, headAgeMs: number): boolean =>
  cpuIdle && sleeps && headAgeMs >= limits.heldQueueStaleMs && lanes.some((lane) => lane.waiting > 0 && !lane.computes);

function mayNeverYield(demand: Demand, headAgeMs: number): boolean {
  const { sinceStartMs, stillForMs, computing, cores, lanes, neverYields } = demand;
  // Loops that come round are done with what they have, sooner or later.
  if (!neverYields || Math.min(headAgeMs, sinceStartMs) < limits.heldQueueStaleMs) return false;
  // What takes long by itself is not done sooner.
  const usualMs = Math.max(...lanes.map(({ waiting, wallMs }) => (waiting > 0 ? wallMs : 0)));
  if (stillForMs < Math.max(limits.heldQueueStaleMs, 2 * usualMs)) return false;
  return computing < cores * limits.heldInstancesPerCore || sinceStartMs >= limits.heldStartMs;
}

const ms = (time: number): string => `${Math.round(time)} ms`;

/** How long to wait after so many failed starts in a row: none, then limits.startBackoffMs doubling up to its maximum. */
export function startDelayMs(failures: number): number {
  if (failures <= 0) return 0;
  return Math.min(limits.startBackoffMaxMs, limits.startBackoffMs * 2 ** (failures - 1));
}
