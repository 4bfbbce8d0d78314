// How functions that want the same machine share it: weighted max-min fairness. What somebody leaves of its share goes to
// those who want more; whoever is alone may have everything.
import { limits } from '../base/limits.ts';

/** What one function has of the machine, and wants of it. */
export interface Claim {
  readonly id: string;
  readonly weight: number;
  /** Instances, those on their way to being ready included, those on their way out not. */
  readonly live: number;
  /** Memory of these. */
  readonly usedMiB: number;
  /** The part of it that has had nothing to do for limits.reclaimIdleMs: others may have it. */
  readonly idleMiB: number;
  /** What one more instance is reckoned to take. Above 0. */
  readonly eachMiB: number;
  /** Instances that it would start if there were room, beyond those it has. */
  readonly wanted: number;
  /** For how long it has not got them. */
  readonly waitedMs: number;
  /** Processors' worth of loops that are busy. */
  readonly coresUsed: number;
  /** Instances whose loop is busy all the time, or nearly. */
  readonly computing: number;
  /** For how long something has been in its queue without a break; 0: nothing is. */
  readonly queuedMs: number;
}

/** What there is to share. */
export interface Machine {
  /** Memory for instances: what they have, and what is free beyond limits.startsLeaveFreeMiB. */
  readonly memoryMiB: number;
  /** The part of it that nobody has. Below 0: more is used than should be. */
  readonly freeMiB: number;
  readonly cores: number;
  /** Processes that may boot at once. */
  readonly places: number;
}

/** Who may have how much until the next look. */
export interface Division {
  /** Memory per unit of weight; Infinity: there is enough for all. */
  readonly levelMiB: number;
  /** Processors per unit of weight; Infinity: there are enough for all. */
  readonly levelCores: number;
  /** Of all functions that have instances or want some. */
  readonly weights: number;
  /** Nobody below its share waits: who gets what is left over, and how many instances it may have for that. */
  readonly turn: { readonly id: string; readonly live: number } | null;
  /** Processes that each of those who wait may have booting at once; null: there are places for all. */
  readonly places: ReadonlyMap<string, number> | null;
}

export const undivided: Division = {
  levelMiB: Infinity,
  levelCores: Infinity,
  weights: 0,
  turn: null,
  places: null,
};

interface Demand {
  readonly weight: number;
  /** Infinity: all it can get. */
  readonly amount: number;
}

/**
 * How much of `capacity` each unit of weight gets. All rise together; whoever has what it demands stops, and the others
 * rise on what it leaves (progressive filling: Bertsekas and Gallager, Data Networks, 1992, 6.5.2). Infinity: all
 * demands are met. In the unit of the capacity.
 */
export function fairLevel(capacity: number, demands: readonly Demand[]): number {
  const modestFirst = demands.toSorted((left, right) =>
    compare(left.amount / left.weight, right.amount / right.weight),
  );
  let left = Math.max(0, capacity);
  let weights = modestFirst.reduce((sum, { weight }) => sum + weight, 0);
  for (const { amount, weight } of modestFirst) {
    if (amount * weights > left * weight * (1 + rounding)) return left / weights;
    left = Math.max(0, left - amount);
    weights -= weight;
  }
  return Infinity;
}

/** Sums of fractions do not come out to the last bit. */
export const rounding = 1e-9;

/** Infinity minus Infinity is no order. */
const compare = (left: number, right: number): number => (left === right ? 0 : left < right ? -1 : 1);

/**
 * Shares out the machine. Those who want nothing count by what they use, idle instances left out; those who want more by
 * that and what they want. So a share is what is left for a function when the others have theirs, and no less than its
 * weight among all would give.
 */
export function divide(machine: Machine, claims: readonly Claim[]): Division {
  const waiting = claims.filter(({ wanted }) => wanted > 0).sort(byUse);
  const levelMiB = fairLevel(machine.memoryMiB, claims.map(memoryDemand));
  const below = waiting.some((claim) => instancesLeft(claim, levelMiB) > 0);
  const next = below ? undefined : waiting.find(({ eachMiB }) => eachMiB <= machine.freeMiB);
  const able = waiting.filter((claim) => claim === next || isAble(claim, levelMiB, machine.freeMiB));
  return {
    levelMiB,
    levelCores: fairLevel(machine.cores, claims.map(coreDemand)),
    weights: claims.reduce((sum, { weight }) => sum + weight, 0),
    turn: next === undefined ? null : { id: next.id, live: next.live + 1 },
    places: waiting.length > 1 ? deal(machine.places, able) : null,
  };
}

/** It would use a place to boot if it had one. */
const isAble = (claim: Claim, levelMiB: number, freeMiB: number): boolean =>
  claim.live === 0 || (claim.eachMiB <= freeMiB && instancesLeft(claim, levelMiB) > 0);

function memoryDemand({ weight, usedMiB, idleMiB, eachMiB, wanted }: Claim): Demand {
  return { weight, amount: wanted > 0 ? usedMiB + wanted * eachMiB : Math.max(0, usedMiB - idleMiB) };
}

/** Who computes, and has something waiting, would use more. */
const coreDemand = ({ weight, coresUsed, computing, queuedMs }: Claim): Demand => ({
  weight,
  amount: computing > 0 && queuedMs > 0 ? Infinity : coresUsed,
});

/** What it would have for its weight with `more` instances. */
export const useOf = ({ usedMiB, eachMiB, weight }: Claim, more: number): number => (usedMiB + more * eachMiB) / weight;

/** Whoever then has least for its weight gets the next one; names only make the order total. */
export const byUse = (left: Claim, right: Claim): number =>
  compare(useOf(left, 1), useOf(right, 1)) || names(left, right);

const names = (left: Claim, right: Claim): number => (left.id < right.id ? -1 : 1);

/** Places to boot, one after the other to whoever would then have least for its weight. */
function deal(places: number, waiting: readonly Claim[]): ReadonlyMap<string, number> {
  const dealt = new Map(waiting.map(({ id }) => [id, 0]));
  // Each gets at most as many places as there are: nobody further back in the order can be reached.
  const reachable = waiting.slice(0, places);
  for (let left = places; left > 0; left -= 1) {
    let next: Claim | null = null;
    let least = Infinity;
    for (const claim of reachable) {
      const has = dealt.get(claim.id) ?? 0;
      const use = useOf(claim, has + 1);
      if (has >= claim.wanted || use >= least) continue;
      next = claim;
      least = use;
    }
    if (next === null) break;
    dealt.set(next.id, (dealt.get(next.id) ?? 0) + 1);
  }
  return dealt;
}

/** How many more instances fit into its share; Infinity: there is enough for all. */
export function instancesLeft({ weight, usedMiB, eachMiB }: Claim, levelMiB: number): number {
  if (levelMiB === Infinity) return Infinity;
  return Math.max(0, Math.floor((levelMiB * weight * (1 + rounding) - usedMiB) / eachMiB));
}

/** The processors that the loops of a function may keep busy while all are: its share, rounded, and one at least. */
export function coresOf(weight: number, levelCores: number, cores: number): number {
  return Math.min(cores, Math.max(1, Math.round(weight * levelCores)));
}

/** What the machine can take at this moment. */
export interface Room {
  /** Memory beyond limits.startsLeaveFreeMiB, without what those on their way have yet to take. Below 0: that is touched. */
  readonly freeMiB: number;
  /** Processes that may boot at once, and that do: all, and those of this function. */
  readonly places: number;
  readonly booting: number;
  readonly own: number;
  /** Stems that fit the function. */
  readonly stems: number;
}

export interface Permit {
  readonly count: number;
  /** Why it is fewer than wanted; null: it is not. */
  readonly reason: string | null;
}

/**
 * How many of the instances that it wants a function may start now. `ahead`: nothing waits for them; they get what nobody
 * else wants. The first instance of a function has the last place, and memory that is otherwise left free: nobody is
 * kept from being there by those who are. When even that is gone, such instances come one at a time.
 */
export function mayStart(claim: Claim, ahead: boolean, division: Division, room: Room): Permit {
  const { wanted, live } = claim;
  const first = live === 0 && !ahead;
  const byShare = ahead && isContested(division) ? 0 : shareLeft(claim, division);
  const byMemory = fitting(claim, room);
  const byPlaces = room.stems + placesLeft(claim, first, division, room);
  const lastResort = first && (room.booting === 0 || room.freeMiB + limits.startsLeaveFreeMiB >= claim.eachMiB);
  const allowed = Math.max(lastResort ? 1 : 0, Math.min(byShare, byMemory));
  const count = Math.max(0, Math.min(wanted, allowed, byPlaces));
  if (count >= wanted) return { count, reason: null };
  if (count >= byPlaces) return { count, reason: `${room.booting} processes boot already: no more at once` };
  if (count >= byMemory) return { count, reason: memoryReason(claim, room) };
  return { count, reason: ahead ? 'others wait for what is left of the machine' : shareReason(claim, division) };
}

/** Somebody may have to wait for others. */
const isContested = ({ levelMiB, places }: Division): boolean => levelMiB !== Infinity || places !== null;

function shareLeft(claim: Claim, { levelMiB, turn }: Division): number {
  const left = instancesLeft(claim, levelMiB);
  return left === 0 && turn?.id === claim.id ? Math.max(0, turn.live - claim.live) : left;
}

/** A stem has taken most of its memory already. */
function fitting({ eachMiB }: Claim, { freeMiB, stems }: Room): number {
  return Math.floor((Math.max(0, freeMiB) + stems * limits.stemRssMiB) / eachMiB);
}

function placesLeft({ id }: Claim, first: boolean, division: Division, { places, booting, own }: Room): number {
  const left = Math.max(0, places - booting - (first ? 0 : 1));
  if (first || division.places === null) return left;
  // Who did not wait for one when the places were dealt may have one of those that are free.
  return Math.min(left, Math.max(0, (division.places.get(id) ?? 1) - own));
}

function shareReason({ live, weight, usedMiB, eachMiB }: Claim, { levelMiB, weights }: Division): string {
  const most = Math.max(live, Math.floor((levelMiB * weight) / eachMiB));
  const share = `${Math.round(usedMiB)} of ${Math.round(levelMiB * weight)} MiB`;
  return `its share of memory is used: ${live} of ${most} instances (${share}), weight ${weight} of ${weights}`;
}

function memoryReason({ eachMiB }: Claim, { freeMiB }: Room): string {
  const freeInAllMiB = Math.max(0, Math.round(freeMiB + limits.startsLeaveFreeMiB));
  return `${freeInAllMiB} MiB of memory are free, ${limits.startsLeaveFreeMiB} stay so, and an instance takes ${Math.round(eachMiB)}`;
}
