import { limits } from '../base/limits.ts';
import type { FunctionSpec } from '../model/function.ts';
import { giveBack, giveCores, isShort } from '../scheduler/give-back.ts';
import { type Claim, type Division, divide, type Machine, undivided } from '../scheduler/share.ts';
import type { Instance } from './instance.ts';

const mebibyte = 1024 * 1024;
/** A loop that is busy for more of the time computes. */
const computingPermille = 800;

/** What one function has of the machine, and waits for. */
class Holding {
  readonly spec: FunctionSpec;
  /** Whose process is there. */
  readonly instances = new Set<Instance>();
  live = 0;
  usedMiB = 0;
  idleMiB = 0;
  /** What one of its instances takes, as far as that was seen. */
  eachMiB: number = limits.stemRssMiB;
  leavingMiB = 0;
  coresUsed = 0;
  computing = 0;
  /** Instances that it would have started at its last try, and could not. */
  wanted = 0;
  askedMs = -Infinity;
  /** Since when there have been such. */
  shortSinceMs = 0;
  /** When it last had something in its queue, and since when without a break. */
  waitingMs = -Infinity;
  queuedSinceMs = 0;

  constructor(spec: FunctionSpec) {
    this.spec = spec;
  }

  /** Counts anew. */
  measure(nowMs: number): void {
    this.live = 0;
    this.usedMiB = 0;
    this.idleMiB = 0;
    this.leavingMiB = 0;
    this.coresUsed = 0;
    this.computing = 0;
    this.measureEach();
    for (const instance of this.instances) {
      const takesMiB = this.takesMiB(instance);
      if (!isStaying(instance)) {
        this.leavingMiB += takesMiB;
        continue;
      }
      this.live += 1;
      this.usedMiB += takesMiB;
      if (idleForMs(instance, nowMs) >= limits.reclaimIdleMs) this.idleMiB += takesMiB;
      const busyPermille = loopPermilleOf(instance);
      this.coresUsed += busyPermille / 1000;
      if (busyPermille >= computingPermille) this.computing += 1;
    }
  }

  /** One that is not ready has not taken all of its memory yet. */
  takesMiB(instance: Instance): number {
    const { kind } = instance.state;
    const isComing = kind === 'starting' || kind === 'stem' || kind === 'loading';
    return isComing ? Math.max(this.eachMiB, takenMiB(instance)) : takenMiB(instance);
  }

  /** The mean of those that have loaded the function; without any, what it was before. */
  measureEach(): void {
    let sumMiB = 0;
    let count = 0;
    for (const instance of this.instances) {
      if (instance.state.kind !== 'ready' || instance.vitals.rssBytes === 0) continue;
      sumMiB += rssMiB(instance);
      count += 1;
    }
    if (count > 0) this.eachMiB = Math.max(limits.stemRssMiB, sumMiB / count);
  }

  hasStaying(): boolean {
    for (const instance of this.instances) if (isStaying(instance)) return true;
    return false;
  }

  isAsking(nowMs: number): boolean {
    return this.wanted > 0 && nowMs - this.askedMs <= limits.waitLapsesMs;
  }

  isWaiting(nowMs: number): boolean {
    return nowMs - this.waitingMs <= limits.waitLapsesMs;
  }

  claim(wanted: number, nowMs: number): Claim {
    const { spec, live, usedMiB, idleMiB, eachMiB, coresUsed, computing } = this;
    const waitedMs = this.isAsking(nowMs) ? nowMs - this.shortSinceMs : 0;
    const queuedMs = this.isWaiting(nowMs) ? Math.max(1, nowMs - this.queuedSinceMs) : 0;
    const { weight } = spec.config;
    return { id: spec.id, weight, live, usedMiB, idleMiB, eachMiB, wanted, waitedMs, coresUsed, computing, queuedMs };
  }
}

/**
 * Who has what of the machine. Looked over at sweeps, and only while something waits: then it says how much each function
 * may have until the next sweep, and whose instances are to go.
 */
export class Holdings {
  division: Division = undivided;
  readonly #holdings = new Map<string, Holding>();
  readonly #owners = new Map<Instance, Holding>();
  #published: ReadonlySet<string> | null = null;
  #askedMs = -Infinity;
  #owesUntilMs = -Infinity;

  /** What is known of others is forgotten when they have no instance any more. */
  publish(specs: readonly FunctionSpec[]): void {
    this.#published = new Set(specs.map(({ id }) => id));
    for (const holding of this.#holdings.values()) this.#forget(holding);
  }

  /** It waits for the machine, or its queue for it: there is something to share. */
  isAsked(nowMs: number): boolean {
    return nowMs - this.#askedMs <= limits.waitLapsesMs || nowMs < this.#owesUntilMs;
  }

  /** Whether nobody gets more memory without another having less. */
  get isMemoryShort(): boolean {
    return this.division.levelMiB !== Infinity;
  }

  /** Of instances on their way out, to the moment. */
  get leavingMiB(): number {
    let leavingMiB = 0;
    for (const [instance, holding] of this.#owners) {
      if (!isStaying(instance)) leavingMiB += holding.takesMiB(instance);
    }
    return leavingMiB;
  }

  /** What one instance of it takes, as far as that was seen, to the moment. */
  eachMiB(spec: FunctionSpec): number {
    const holding = this.#holdings.get(spec.id);
    holding?.measureEach();
    return holding?.eachMiB ?? limits.stemRssMiB;
  }

  /** Whether somebody has to wait for others. */
  isContested(nowMs: number): boolean {
    if (!this.isAsked(nowMs)) return false;
    for (const holding of this.#holdings.values()) if (holding.isAsking(nowMs)) return true;
    return false;
  }

  /** Something is in its queue. To be said again while it is. */
  waits(spec: FunctionSpec, nowMs: number): void {
    const holding = this.#of(spec);
    if (!holding.isWaiting(nowMs)) holding.queuedSinceMs = nowMs;
    holding.waitingMs = nowMs;
    this.#askedMs = nowMs;
  }

  /** It could not start so many of those that it wanted. */
  refused(spec: FunctionSpec, count: number, nowMs: number): void {
    const holding = this.#of(spec);
    if (count > 0 && !holding.isAsking(nowMs)) holding.shortSinceMs = nowMs;
    holding.wanted = count;
    holding.askedMs = nowMs;
    if (count > 0) this.#askedMs = nowMs;
  }

  /** A first instance was started although there is no memory for it: others are to make that good. */
  owe(nowMs: number): void {
    // Whoever is about to have nothing to do is given the time for it.
    this.#owesUntilMs = nowMs + 2 * limits.reclaimIdleMs;
  }

  took(spec: FunctionSpec, instance: Instance): number {
    const holding = this.#of(spec);
    holding.instances.add(instance);
    holding.live += 1;
    holding.usedMiB += holding.eachMiB;
    this.#owners.set(instance, holding);
    return holding.eachMiB;
  }

  /** Its process has ended. */
  gone(instance: Instance): void {
    const holding = this.#owners.get(instance);
    if (holding === undefined) return;
    this.#owners.delete(instance);
    holding.instances.delete(instance);
    this.#forget(holding);
  }

  ownerOf(instance: Instance): string | null {
    return this.#owners.get(instance)?.spec.id ?? null;
  }

  /** What it has and would have. `live` 0: no instance that stays, to the moment. */
  claim(spec: FunctionSpec, wanted: number, nowMs: number): Claim {
    const holding = this.#holdings.get(spec.id) ?? new Holding(spec);
    const claim = holding.claim(wanted, nowMs);
    return { ...claim, live: holding.hasStaying() ? Math.max(1, claim.live) : 0 };
  }

  /**
   * Shares the machine out anew. `spareMiB`: free beyond what is left free, without what those on their way have yet to
   * take. `stockMiB`: of stems, and of such on their way out.
   */
  review(spareMiB: number, stockMiB: number, machine: Pick<Machine, 'cores' | 'places'>, nowMs: number): void {
    let memoryMiB = spareMiB + stockMiB;
    for (const holding of this.#holdings.values()) {
      holding.measure(nowMs);
      memoryMiB += holding.usedMiB + holding.leavingMiB;
    }
    this.division = divide({ ...machine, memoryMiB, freeMiB: spareMiB }, this.#claims(nowMs));
  }

  /** Nobody waits any more. */
  rest(): void {
    this.division = undivided;
  }

  /** Whether instances have to go so that others get their share. As of the last review. */
  isShort(spareMiB: number, leavingMiB: number, places: number, nowMs: number): boolean {
    if (spareMiB + leavingMiB >= 0) this.#owesUntilMs = -Infinity;
    return isShort(this.#shortage(spareMiB, leavingMiB, places, nowMs));
  }

  /** Those that are to be drained for it. */
  surplus(spareMiB: number, leavingMiB: number, places: number, nowMs: number): Instance[] {
    const taken = giveBack(this.#shortage(spareMiB, leavingMiB, places, nowMs), () => this.#candidates(nowMs));
    return taken.map(({ instance }) => instance);
  }

  /** One that is to be drained so that processors are shared; null: none. As of the last review. */
  surplusOfCores(cores: number, nowMs: number): Instance | null {
    const { division } = this;
    const shared = { claims: this.#claims(nowMs), division, cores };
    return giveCores(shared, () => this.#computing(nowMs))?.instance ?? null;
  }

  /** Who allows one invocation at a time asked for an instance each: those are bounded by memory. */
  #computing(nowMs: number) {
    return this.#candidates(nowMs).filter(
      ({ instance, isSingle }) => !isSingle && loopPermilleOf(instance) >= computingPermille,
    );
  }

  #shortage(spareMiB: number, stemsLeavingMiB: number, places: number, nowMs: number) {
    let leavingMiB = stemsLeavingMiB;
    for (const holding of this.#holdings.values()) leavingMiB += holding.leavingMiB;
    const { division } = this;
    return {
      claims: this.#claims(nowMs),
      division,
      freeMiB: spareMiB + leavingMiB,
      places,
      owes: nowMs < this.#owesUntilMs,
    };
  }

  #claims(nowMs: number): Claim[] {
    const claims: Claim[] = [];
    for (const holding of this.#holdings.values()) {
      const wanted = holding.isAsking(nowMs) ? holding.wanted : 0;
      if (wanted > 0 || holding.live > 0) claims.push(holding.claim(wanted, nowMs));
    }
    return claims;
  }

  #candidates(nowMs: number) {
    const found = [];
    for (const holding of this.#holdings.values()) {
      const isSingle = holding.spec.config.maxConcurrency === 1;
      const claim = holding.claim(holding.isAsking(nowMs) ? holding.wanted : 0, nowMs);
      for (const instance of holding.instances) {
        if (instance.state.kind !== 'ready') continue;
        const takesMiB = holding.takesMiB(instance);
        const inFlight = instance.streams.count;
        found.push({ instance, claim, takesMiB, idleForMs: idleForMs(instance, nowMs), inFlight, isSingle });
      }
    }
    return found;
  }

  #forget({ spec, instances }: Holding): void {
    if (instances.size === 0 && this.#published?.has(spec.id) === false) this.#holdings.delete(spec.id);
  }

  #of(spec: FunctionSpec): Holding {
    const known = this.#holdings.get(spec.id);
    if (known !== undefined) return known;
    const made = new Holding(spec);
    this.#holdings.set(spec.id, made);
    return made;
  }
}

/** A loop that does not come round is busy, whatever was counted before. */
function loopPermilleOf({ vitals: { loopPermille, loopStuckMs } }: Instance): number {
  return loopStuckMs > 0 ? 1000 : loopPermille;
}

/** It is not on its way out. */
function isStaying({ state: { kind } }: Instance): boolean {
  return kind === 'starting' || kind === 'stem' || kind === 'loading' || kind === 'ready';
}

/** 0: it has something to do, or cannot have yet. */
function idleForMs({ state, streams, background, vitals, meter, readyMs }: Instance, nowMs: number): number {
  if (state.kind !== 'ready' || streams.count > 0 || background > 0 || vitals.background > 0) return 0;
  return Math.max(0, nowMs - Math.max(readyMs, meter?.busyUntilMs ?? nowMs));
}

/** 0: it has not said yet. */
function rssMiB({ vitals }: Instance): number {
  return vitals.rssBytes / mebibyte;
}

/** What it has taken by now. */
export function takenMiB(instance: Instance): number {
  return instance.state.kind === 'starting' ? 0 : Math.max(limits.stemRssMiB, rssMiB(instance));
}
