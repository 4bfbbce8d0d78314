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
  /** It computes, and something waits for it: it would use more of them. */
  readonly wantsCores: boolean;
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
const rounding = 1e-9;

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

const coreDemand = ({ weight, coresUsed, wantsCores }: Claim): Demand => ({
  weight,
  amount: wantsCores ? Infinity : coresUsed,
});

/** What it would have for its weight with `more` instances. */
const useOf = ({ usedMiB, eachMiB, weight }: Claim, more: number): number => (usedMiB + more * eachMiB) / weight;

/** Whoever then has least for its weight gets the next one; names only make the order total. */
const byUse = (left: Claim, right: Claim): number => compare(useOf(left, 1), useOf(right, 1)) || names(left, right);

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
function instancesLeft({ weight, usedMiB, eachMiB }: Claim, levelMiB: number): number {
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

/** An instance that could be drained. */
export interface Candidate {
  /** Of its function. */
  readonly claim: Claim;
  readonly takesMiB: number;
  /** How long it has had nothing to do; 0: it has, or cannot have yet. */
  readonly idleForMs: number;
  readonly inFlight: number;
}

export interface Shortage {
  readonly claims: readonly Claim[];
  readonly division: Division;
  /** As in Room, and what instances on their way out will leave. */
  readonly freeMiB: number;
  /** As in Machine: no more is made room for at a time. */
  readonly places: number;
  /** A first instance has taken what is otherwise left free: that is to be free again. */
  readonly owes: boolean;
}

/**
 * Which instances are to be drained so that those who wait below their share, or for their first instance, get what they
 * want, and no more than that takes. Idle ones first: of functions above their share, the longest idle first, then of
 * others. For who has waited for limits.reclaimBusyMs also one with work, of whoever is above its share and has most for
 * its weight, as long as it keeps as much for it as who gets that has. The instances of those who wait below their share are theirs.
 */
export function giveBack<Each extends Candidate>(shortage: Shortage, candidates: () => readonly Each[]): Each[] {
  if (!isShort(shortage)) return [];
  const { claims, division, places } = shortage;
  const others = candidates().filter(({ claim }) => claim.wanted === 0 || entitled(claim, division) === 0);
  const taking = new Taking(others, division.levelMiB, shortage.freeMiB);
  if (shortage.owes) while (taking.freeMiB < 0 && taking.takeIdle(justIdleMs));
  for (const claim of claims.filter(({ wanted }) => wanted > 0).sort(byUse)) {
    const most = Math.min(claim.wanted, entitled(claim, division), places);
    let got = 1;
    while (got <= most && makeRoom(claim, got, taking)) got += 1;
  }
  return taking.taken;
}

/** Somebody waits below its share, or for its first instance, and there is not the memory for it. */
export function isShort({ claims, division, freeMiB, places, owes }: Shortage): boolean {
  let leftMiB = freeMiB;
  for (const claim of claims) {
    const most = Math.min(claim.wanted, entitled(claim, division), places);
    leftMiB -= most * claim.eachMiB;
    if (most > 0 && leftMiB < 0) return true;
  }
  return owes && freeMiB < 0;
}

/** Instances that its share has room for, or the first one. */
function entitled(claim: Claim, { levelMiB }: Division): number {
  return Math.max(claim.live === 0 ? 1 : 0, instancesLeft(claim, levelMiB));
}

/** For the instance that would be the `got`-th one it gets. */
function makeRoom(claim: Claim, got: number, taking: Taking<Candidate>): boolean {
  const useMiB = useOf(claim, got - 1);
  const leastMs = claim.live === 0 ? justIdleMs : limits.reclaimIdleMs;
  const mayTakeBusy = claim.waitedMs >= limits.reclaimBusyMs;
  while (taking.freeMiB < claim.eachMiB) {
    if (!taking.takeIdle(leastMs) && !(mayTakeBusy && taking.takeBusy(useMiB))) return false;
  }
  taking.freeMiB -= claim.eachMiB;
  return true;
}

/** For a first instance whatever has nothing to do may go. */
const justIdleMs = 1;

/** Takes instances back, the most dispensable first. */
class Taking<Each extends Candidate> {
  readonly taken: Each[] = [];
  freeMiB: number;
  readonly #levelMiB: number;
  readonly #left: Set<Each>;
  readonly #given = new Map<string, { readonly memoryMiB: number; readonly instances: number }>();

  constructor(candidates: readonly Each[], levelMiB: number, freeMiB: number) {
    this.freeMiB = freeMiB;
    this.#levelMiB = levelMiB;
    this.#left = new Set(candidates);
  }

  /** The longest idle, of a function above its share if there is one. */
  takeIdle(leastMs: number): boolean {
    let found: Each | null = null;
    let isAbove = false;
    for (const each of this.#left) {
      if (each.idleForMs < leastMs) continue;
      const above = this.#isAbove(each.claim);
      const isBetter = found === null || (above === isAbove ? each.idleForMs > found.idleForMs : above);
      if (!isBetter) continue;
      found = each;
      isAbove = above;
    }
    return this.#take(found);
  }

  /** `useMiB`: what who gets it has for its weight. Never the only one of a function. */
  takeBusy(useMiB: number): boolean {
    let found: Each | null = null;
    let mostMiB = 0;
    for (const each of this.#left) {
      const { claim, takesMiB, inFlight } = each;
      const hasMiB = this.#usedMiB(claim);
      const isOnly = claim.live - (this.#given.get(claim.id)?.instances ?? 0) < 2;
      if (isOnly || !this.#isAbove(claim) || (hasMiB - takesMiB) / claim.weight < useMiB) continue;
      const useOfIt = hasMiB / claim.weight;
      if (found !== null && (useOfIt === mostMiB ? inFlight >= found.inFlight : useOfIt < mostMiB)) continue;
      found = each;
      mostMiB = useOfIt;
    }
    return this.#take(found);
  }

  /** Others are not made to wait in its place. */
  #isAbove(claim: Claim): boolean {
    return this.#usedMiB(claim) > this.#levelMiB * claim.weight * (1 + rounding);
  }

  #usedMiB({ id, usedMiB }: Claim): number {
    return usedMiB - (this.#given.get(id)?.memoryMiB ?? 0);
  }

  #take(each: Each | null): boolean {
    if (each === null) return false;
    const { id } = each.claim;
    const { memoryMiB, instances } = this.#given.get(id) ?? { memoryMiB: 0, instances: 0 };
    this.#given.set(id, { memoryMiB: memoryMiB + each.takesMiB, instances: instances + 1 });
    this.#left.delete(each);
    this.taken.push(each);
    this.freeMiB += each.takesMiB;
    return true;
  }
}
