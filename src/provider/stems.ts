import { limits } from '../base/limits.ts';

/** Stems are interchangeable within a class: a heap limit is fixed when the process starts, so memory is part of it. */
interface StemClass {
  readonly release: string;
  readonly memoryMiB: number;
}

/** What is known of one class now. */
export interface StemDemand extends StemClass {
  /** Functions of this class in the current snapshot. */
  readonly functions: number;
  /** Instances of this class that were needed in the last minute: stems taken, and cold starts for want of one. */
  readonly recentStarts: number;
}

export interface StemInput {
  readonly demands: readonly StemDemand[];
  /**
   * Memory that would be free for use on this machine if there were no stems: the caller adds limits.stemRssMiB for each
   * that there is. Otherwise those that exist take the memory away that they are reckoned by, fewer are wanted, some are
   * stopped, and their number goes up and down for ever.
   */
  readonly freeMemoryMiB: number;
}

export interface StemCount extends StemClass {
  /** How many there are to be, connected and starting together. */
  readonly count: number;
  /** Instances of this class were needed lately. */
  readonly isNeeded: boolean;
}

/**
 * How many stems each class is to have. Pure. The caller starts what is missing, and stops what is over (a class that
 * is not in the answer is to have none).
 *
 * A class that has functions gets one stem, the commonest a second one. Classes under demand get √(starts in the last
 * minute) more, rounded up: the square-root staffing rule (Halfin and Whitt 1981) for a stock that is refilled in much
 * less than a minute. Memory caps the sum; the classes in most demand are served first, one stem for each before a
 * second for any.
 */
export function stemsWanted(input: StemInput): readonly StemCount[] {
  const ranked = input.demands.filter((demand) => demand.functions > 0).sort(byDemand);
  const wishes = ranked.map((demand, rank) => wish(demand, rank));
  const counts = wishes.map(() => 0);
  let left = affordable(input.freeMemoryMiB);
  for (let round = 1; round <= limits.stemsPerClass && left > 0; round += 1) {
    for (let rank = 0; rank < ranked.length && left > 0; rank += 1) {
      if ((wishes[rank] ?? 0) < round) continue;
      counts[rank] = round;
      left -= 1;
    }
  }
  return ranked.flatMap(({ release, memoryMiB, recentStarts }, rank) => {
    const count = counts[rank] ?? 0;
    return count > 0 ? [{ release, memoryMiB, count, isNeeded: recentStarts > 0 }] : [];
  });
}

/**
 * How many of the missing stems to boot now. Booting takes 30 ms of CPU or more, from instances that are used where the
 * processors have no time to spare: then there is one for a class in demand that has none, and the rest when they have.
 * `has`: connected and starting together. `cpuIdle`: as in Spare.
 */
export function stemsToBoot({ count, has, isNeeded, cpuIdle }: StemBoot): number {
  const missing = Math.max(0, count - has);
  if (cpuIdle !== false) return missing;
  return isNeeded && has === 0 ? Math.min(1, missing) : 0;
}

interface StemBoot extends Pick<StemCount, 'count' | 'isNeeded'> {
  readonly has: number;
  readonly cpuIdle: boolean | null;
}

/** Stems that may exist at all: they take an eighth of the free memory at most. */
function affordable(freeMemoryMiB: number): number {
  const fitting = Math.floor(Math.max(0, freeMemoryMiB) / 8 / limits.stemRssMiB);
  return Math.min(limits.stems, fitting);
}

function wish(demand: StemDemand, rank: number): number {
  const atRest = rank === 0 ? 2 : 1;
  return Math.min(limits.stemsPerClass, atRest + Math.ceil(Math.sqrt(Math.max(0, demand.recentStarts))));
}

/** Most wanted first; the last criteria only make the order total, so that equal inputs give equal answers. */
function byDemand(left: StemDemand, right: StemDemand): number {
  return (
    right.recentStarts - left.recentStarts ||
    right.functions - left.functions ||
    left.memoryMiB - right.memoryMiB ||
    left.release.localeCompare(right.release)
  );
}
