// Who gives back what others wait for below their share of the machine: by draining, never by killing.
import { limits } from '../base/limits.ts';
import { byUse, type Claim, coresOf, type Division, instancesLeft, rounding, useOf } from './share.ts';

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
  /** As in Machine: for no more instances is room made at a time. */
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
  let left = places;
  for (const claim of claims.filter(({ wanted }) => wanted > 0).sort(firstAndByUse)) {
    const most = Math.min(claim.wanted, entitled(claim, division), left);
    for (let got = 1; got <= most && makeRoom(claim, got, taking); got += 1) left -= 1;
    if (left === 0) break;
  }
  return taking.taken;
}

/** Those that have none before all others. */
const firstAndByUse = (one: Claim, other: Claim): number =>
  Number(one.live > 0) - Number(other.live > 0) || byUse(one, other);

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
  /** What was not found once is not found again by asking for more: with thousands of instances each look counts. */
  #noneIdleMs = Infinity;
  #noneBusyMiB = Infinity;
  readonly #given = new Map<string, { readonly memoryMiB: number; readonly instances: number }>();

  constructor(candidates: readonly Each[], levelMiB: number, freeMiB: number) {
    this.freeMiB = freeMiB;
    this.#levelMiB = levelMiB;
    this.#left = new Set(candidates);
  }

  /** The longest idle, of a function above its share if there is one. */
  takeIdle(leastMs: number): boolean {
    if (leastMs >= this.#noneIdleMs) return false;
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
    if (found === null) this.#noneIdleMs = leastMs;
    return this.#take(found);
  }

  /** `useMiB`: what who gets it has for its weight. Never the only one of a function. */
  takeBusy(useMiB: number): boolean {
    if (useMiB >= this.#noneBusyMiB) return false;
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
    if (found === null) this.#noneBusyMiB = useMiB;
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

/**
 * Which instance is to be drained so that processors are shared as `coresOf` says: one that computes, of whoever has most
 * that do for its weight, beyond its share; as long as more compute than there are processors, and another function that
 * has fewer has waited for limits.reclaimBusyMs. The one with the fewest invocations. Null: none.
 */
export function giveCores<Each extends Computing>(
  { claims, division, cores }: { claims: readonly Claim[]; division: Division; cores: number },
  candidates: () => readonly Each[],
): Each | null {
  const busy = claims.reduce((sum, { computing }) => sum + computing, 0);
  if (busy <= cores || division.levelCores === Infinity) return null;
  const waiting = claims.filter(({ computing, queuedMs }) => computing > 0 && queuedMs >= limits.reclaimBusyMs);
  let found: Each | null = null;
  for (const each of candidates()) {
    const { claim, inFlight } = each;
    const use = computingFor(claim);
    if (claim.computing <= coresOf(claim.weight, division.levelCores, cores)) continue;
    if (!waiting.some((other) => other.id !== claim.id && computingFor(other) < use)) continue;
    const most = found === null ? -1 : computingFor(found.claim);
    if (use > most || (use === most && inFlight < (found?.inFlight ?? 0))) found = each;
  }
  return found;
}

const computingFor = ({ computing, weight }: Claim): number => computing / weight;

/** An instance that computes. */
export type Computing = Pick<Candidate, 'claim' | 'inFlight'>;
