import { limits } from '../base/limits.ts';

/** Whether a function's instances are kept without work; awaited: they will be, as soon as there is room to start them. */
export type Kept = 'kept' | 'awaited' | 'not';

/** A function that has instances kept without work, or would have. */
export interface Keepable {
  /** How likely it is to be invoked within the hour, 0–1. */
  readonly chance: number;
  /** Instances that it would have kept, above 0; and those that it has, ready or on their way. */
  readonly wished: number;
  readonly live: number;
  /** Those of them that are on their way. */
  readonly starting: number;
  /** What one takes, MiB. Above 0. */
  readonly eachMiB: number;
  /** What was said last. */
  readonly before: Kept;
}

/** What there is for them. */
export interface KeepRoom {
  /** Memory that is free, without what instances on their way have yet to take. */
  readonly freeMiB: number;
  /** That will be when those on their way out have ended. */
  readonly leavingMiB: number;
  /** Processes that may boot now; 0 as well while somebody waits for the machine. */
  readonly places: number;
}

/**
 * Which functions have their instances kept: those with the largest chance of being invoked, as far as memory goes, whoever
 * has the instances now. What is there stays as long as limits.keptLeaveFreeMiB are free. What is not is started in the
 * order of chance, limits.keptStartsAtOnce at a time, when limits.keptStartFreeMiB more are free, or in the place of another
 * one of which the chance is smaller by a fifth at least: or some would be started and drained for ever.
 */
export function chooseKept(all: readonly Keepable[], room: KeepRoom): Kept[] {
  const said: Kept[] = all.map(() => 'not');
  const order = likeliestFirst(all);
  const lastThere = order.findLastIndex((at) => all[at]!.live > 0);
  const heldMiB = all.reduce((sum, { live, wished, eachMiB }) => sum + Math.min(live, wished) * eachMiB, 0);
  let budgetMiB = room.freeMiB + room.leavingMiB + heldMiB - limits.keptLeaveFreeMiB;
  let startableMiB = room.freeMiB - limits.keptLeaveFreeMiB;
  const starting = all.reduce((sum, each) => sum + each.starting, 0);
  let places = Math.min(room.places, limits.keptStartsAtOnce - starting);
  for (const [position, at] of order.entries()) {
    const { wished, live, eachMiB, before } = all[at]!;
    const missing = Math.max(0, wished - live);
    const isNew = missing > 0 && before === 'not' && position > lastThere;
    if (wished * eachMiB + (isNew ? limits.keptStartFreeMiB : 0) > budgetMiB) continue;
    // What is missing gets what is free before those behind it: they are not to use up what it waits for.
    budgetMiB -= wished * eachMiB;
    startableMiB -= missing * eachMiB;
    places -= missing;
    said[at] = missing === 0 || live > 0 || (startableMiB >= 0 && places >= 0) ? 'kept' : 'awaited';
  }
  return said;
}

/** What is there counts for so much more. */
const clearly = 1.25;

function likeliestFirst(all: readonly Keepable[]): number[] {
  const weights = all.map(({ chance, live }) => (live > 0 ? chance * clearly : chance));
  return weights.map((_, at) => at).sort((left, right) => weights[right]! - weights[left]! || left - right);
}
