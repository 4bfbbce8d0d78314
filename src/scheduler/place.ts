// Hot path: one place, one began and one ended per invocation. Bucket queue over small integers: O(1), nothing allocated.
import { limits } from '../base/limits.ts';
import { lanes } from '../model/learned.ts';
import { Buckets } from './buckets.ts';
import { Quantile } from './quantile.ts';

/** Prequal's hot-cold rule (NSDI 2024): hot is what has more in flight than this quantile of the pool; 2^-0.25. */
const hotShare = 0.84;
const staleMs = limits.vitalsPeriodMs * limits.vitalsStalePeriods;
/** Health that is unknown or too old; 1–31 are health, best last. */
const unknown = 0;

/** Free resources are compared in 31 steps: finer than vitals are exact. */
export function healthClass(freePermille: number): number {
  return 1 + Math.floor((Math.min(999, Math.max(0, freePermille)) * 31) / 1000);
}

/** Busy instances of one lane that are not paused. */
class Tier {
  /** With room: by health and in-flight. */
  readonly open = new Buckets();
  /** In-flight of all of them, full ones too. */
  readonly busy = new Quantile(hotShare);
  /** With room, and resting: in class `unknown`, those with the most in flight lowest. */
  readonly resting = new Buckets();
}

/**
 * Which instance of one function takes the next invocation. A pure data structure: no clock, no randomness, no I/O.
 * Instances are small integers (the router's slots). Unknown ones are ignored, so that a late event does no harm.
 *
 * Work of different lanes does not meet in an instance: it belongs to the lane of the first that it got, until it is idle.
 */
export class Placement {
  readonly #tiers = lanes.map(() => new Tier());
  /** Nothing in flight, not paused: one list. */
  readonly #idle = new Buckets();
  readonly #instances: (Instance | undefined)[] = [];
  #ready = 0;

  /** Instances, paused ones included. */
  get ready(): number {
    return this.#ready;
  }

  /** An instance is ready; `limits`: of each lane, how many invocations it may have at once. */
  add(index: number, limits: readonly number[]): void {
    this.remove(index);
    const made: Instance = {
      limits: [...limits],
      lane: 0,
      inFlight: 0,
      paused: false,
      resting: false,
      health: unknown,
      healthAtMs: 0,
    };
    this.#instances[index] = made;
    this.#ready += 1;
    this.#enter(index, made);
  }

  remove(index: number): void {
    const instance = this.#instances[index];
    if (instance === undefined) return;
    this.#leave(index, instance);
    this.#instances[index] = undefined;
    this.#ready -= 1;
  }

  /** How many invocations of a lane it may have at once. Below what it has: it gets no more until they have ended. */
  setLimit(index: number, lane: number, limit: number): void {
    const instance = this.#instances[index];
    if (instance === undefined || instance.limits[lane] === limit) return;
    this.#leave(index, instance);
    instance.limits[lane] = limit;
    this.#enter(index, instance);
  }

  /** Paused: it refused, and gets nothing until newer healthy vitals. */
  setPaused(index: number, paused: boolean): void {
    const instance = this.#instances[index];
    if (instance === undefined || instance.paused === paused) return;
    this.#leave(index, instance);
    instance.paused = paused;
    this.#enter(index, instance);
  }

  /** Resting: others come first, so that its work runs out. Over when it has, or by itself when the others are full. */
  setResting(index: number, resting: boolean): void {
    const instance = this.#instances[index];
    if (instance === undefined || instance.resting === resting) return;
    this.#leave(index, instance);
    instance.resting = resting;
    this.#enter(index, instance);
  }

  /** Its vitals as of `atMs`: how much of its scarcest resource is free, 0–1000. */
  setHealth(index: number, freePermille: number, atMs: number): void {
    const instance = this.#instances[index];
    if (instance === undefined) return;
    instance.healthAtMs = atMs;
    this.#reclass(index, instance, healthClass(freePermille));
  }

  /** An invocation of `lane` was sent to it. */
  began(index: number, lane: number): void {
    const instance = this.#instances[index];
    if (instance === undefined) return;
    this.#leave(index, instance);
    if (instance.inFlight === 0) instance.lane = lane;
    instance.inFlight += 1;
    this.#enter(index, instance);
  }

  /** One that began is no longer in flight. */
  ended(index: number): void {
    const instance = this.#instances[index];
    if (instance === undefined || instance.inFlight === 0) return;
    this.#leave(index, instance);
    instance.inFlight -= 1;
    if (instance.inFlight === 0) instance.resting = false;
    this.#enter(index, instance);
  }

  /** All work is of this lane from now on, whatever it was when it began. */
  adopt(lane: number): void {
    for (const [index, instance] of this.#instances.entries()) {
      if (instance === undefined || instance.lane === lane) continue;
      this.#leave(index, instance);
      instance.lane = lane;
      this.#enter(index, instance);
    }
  }

  /** 0 for one that is not there. */
  inFlight(index: number): number {
    return this.#instances[index]?.inFlight ?? 0;
  }

  /** What it belongs to while it has work; −1: nothing in flight, or not there. */
  laneOf(index: number): number {
    const instance = this.#instances[index];
    return instance === undefined || instance.inFlight === 0 ? -1 : instance.lane;
  }

  isResting(index: number): boolean {
    return this.#instances[index]?.resting ?? false;
  }

  /** Counted by `active`. */
  isActive(index: number, lane: number): boolean {
    const instance = this.#instances[index];
    if (instance === undefined || instance.paused || instance.resting) return false;
    return instance.inFlight > 0 && instance.lane === lane;
  }

  /** Busy instances of a lane, neither paused nor resting. */
  active(lane: number): number {
    return this.#tiers[lane]!.busy.size;
  }

  /**
   * The instance for the next invocation of a lane, or −1 when none has room. Those with work in flight come first: of
   * them, among the ones strictly below the 0.84 quantile of in-flight, one with the most free resources; when there is
   * none with vitals young enough, one with the fewest in flight (equal: the freer). Then, of those that rest, one with the
   * most in flight, so that the others run out. Then an idle one: the last that was used, so that the others stay idle and
   * can be reaped. `mayWiden`: whether another instance may be put to work.
   */
  place(lane: number, nowMs: number, mayWiden = true): number {
    const tier = this.#tiers[lane]!;
    if (tier.open.occupied !== 0) {
      const freest = this.#freestBelow(tier, nowMs);
      return freest === -1 ? this.#fewest(tier, nowMs) : freest;
    }
    if (!mayWiden) return -1;
    const { resting } = tier;
    if (resting.occupied !== 0) return resting.first(unknown, resting.lowestLevel(unknown));
    return this.#idle.occupied === 0 ? -1 : this.#idle.first(unknown, 0);
  }

  #freestBelow({ open, busy }: Tier, nowMs: number): number {
    const level = busy.value;
    let left = open.occupied & ~(1 << unknown);
    while (left !== 0) {
      const best = 31 - Math.clz32(left);
      const lowest = open.lowestLevel(best);
      const index = lowest < level ? open.first(best, lowest) : -1;
      if (index !== -1 && this.#fresh(index, nowMs)) return index;
      // A stale one was moved aside: its class may have others, or be empty now.
      left = index === -1 ? left & ~(1 << best) : left & (open.occupied | ~(1 << best));
    }
    return -1;
  }

  #fewest({ open }: Tier, nowMs: number): number {
    for (;;) {
      let best = -1;
      let level = Infinity;
      for (let left = open.occupied; left !== 0;) {
        const next = 31 - Math.clz32(left);
        left &= ~(1 << next);
        const lowest = open.lowestLevel(next);
        if (lowest < level) {
          level = lowest;
          best = next;
        }
      }
      const index = open.first(best, level);
      if (best === unknown || this.#fresh(index, nowMs)) return index;
    }
  }

  /** False: its vitals are too old, and it was moved to where they count for nothing. Paid for by the vitals that came. */
  #fresh(index: number, nowMs: number): boolean {
    const instance = this.#instances[index]!;
    if (nowMs - instance.healthAtMs <= staleMs) return true;
    this.#reclass(index, instance, unknown);
    return false;
  }

  #reclass(index: number, instance: Instance, health: number): void {
    if (instance.health === health) return;
    instance.health = health;
    const { open } = this.#tiers[instance.lane]!;
    if (!open.has(index)) return;
    open.remove(index);
    open.insert(index, health, instance.inFlight);
  }

  #enter(index: number, instance: Instance): void {
    if (instance.paused) return;
    const { inFlight, lane, resting } = instance;
    if (inFlight === 0) {
      this.#idle.insert(index, unknown, 0);
      return;
    }
    const tier = this.#tiers[lane]!;
    if (!resting) tier.busy.add(inFlight);
    if (inFlight >= instance.limits[lane]!) return;
    if (resting) tier.resting.insert(index, unknown, restingLevels - Math.min(inFlight, restingLevels));
    else tier.open.insert(index, instance.health, inFlight);
  }

  #leave(index: number, instance: Instance): void {
    if (instance.paused) return;
    const { inFlight, lane, resting } = instance;
    if (inFlight === 0) {
      this.#idle.remove(index);
      return;
    }
    const tier = this.#tiers[lane]!;
    if (!resting) tier.busy.remove(inFlight);
    if (inFlight >= instance.limits[lane]!) return;
    if (resting) tier.resting.remove(index);
    else tier.open.remove(index);
  }
}

/** Of those that rest, more in flight than this are alike. */
const restingLevels = 63;

interface Instance {
  readonly limits: number[];
  /** Of its work. */
  lane: number;
  inFlight: number;
  paused: boolean;
  resting: boolean;
  health: number;
  healthAtMs: number;
}
