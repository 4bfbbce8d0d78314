// Hot path: one place, one began and one ended per invocation. Bucket queue over small integers: O(1), nothing allocated.
import { limits } from '../base/limits.ts';
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

/**
 * Which instance of one function takes the next invocation. A pure data structure: no clock, no randomness, no I/O.
 * Instances are small integers (the router's slots). Unknown ones are ignored, so that a late event does no harm.
 */
export class Placement {
  /** Busy, with room, not paused: by health and in-flight. */
  readonly #open = new Buckets();
  /** Nothing in flight, not paused: one list. */
  readonly #idle = new Buckets();
  /** In-flight of those that are busy and not paused, full ones too. */
  readonly #busy = new Quantile(hotShare);
  readonly #instances: (Instance | undefined)[] = [];
  #room = 0;
  #ready = 0;

  /** Free places of all instances that are not paused. */
  get room(): number {
    return this.#room;
  }

  /** Instances, paused ones included. */
  get ready(): number {
    return this.#ready;
  }

  /** An instance is ready. */
  add(index: number, limit: number): void {
    this.remove(index);
    const made: Instance = { limit, inFlight: 0, paused: false, health: unknown, healthAtMs: 0 };
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

  /** How many invocations it may have at once. Below what it has: it gets no more until they have ended. */
  setLimit(index: number, limit: number): void {
    const instance = this.#instances[index];
    if (instance === undefined || instance.limit === limit) return;
    this.#leave(index, instance);
    instance.limit = limit;
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

  /** Its vitals as of `atMs`: how much of its scarcest resource is free, 0–1000. */
  setHealth(index: number, freePermille: number, atMs: number): void {
    const instance = this.#instances[index];
    if (instance === undefined) return;
    instance.healthAtMs = atMs;
    this.#reclass(index, instance, healthClass(freePermille));
  }

  /** An invocation was sent to it. */
  began(index: number): void {
    const instance = this.#instances[index];
    if (instance === undefined) return;
    this.#leave(index, instance);
    instance.inFlight += 1;
    this.#enter(index, instance);
  }

  /** One that began is no longer in flight. */
  ended(index: number): void {
    const instance = this.#instances[index];
    if (instance === undefined || instance.inFlight === 0) return;
    this.#leave(index, instance);
    instance.inFlight -= 1;
    this.#enter(index, instance);
  }

  /** 0 for one that is not there. */
  inFlight(index: number): number {
    return this.#instances[index]?.inFlight ?? 0;
  }

  /**
   * The instance for the next invocation, or −1 when none has room. Those with work in flight come first: of them, among
   * the ones strictly below the 0.84 quantile of in-flight, one with the most free resources; when there is none with
   * vitals young enough, one with the fewest in flight (equal: the freer). Then an idle one: the last that was used, so
   * that the others stay idle and can be reaped.
   */
  place(nowMs: number): number {
    if (this.#open.occupied !== 0) {
      const freest = this.#freestBelow(this.#busy.value, nowMs);
      return freest === -1 ? this.#fewest(nowMs) : freest;
    }
    return this.#idle.occupied === 0 ? -1 : this.#idle.first(unknown, 0);
  }

  #freestBelow(level: number, nowMs: number): number {
    const open = this.#open;
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

  #fewest(nowMs: number): number {
    const open = this.#open;
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
    if (!this.#open.has(index)) return;
    this.#open.remove(index);
    this.#open.insert(index, health, instance.inFlight);
  }

  #enter(index: number, instance: Instance): void {
    if (instance.paused) return;
    const { inFlight } = instance;
    if (inFlight > 0) this.#busy.add(inFlight);
    if (inFlight >= instance.limit) return;
    this.#room += instance.limit - inFlight;
    if (inFlight > 0) this.#open.insert(index, instance.health, inFlight);
    else this.#idle.insert(index, unknown, 0);
  }

  #leave(index: number, instance: Instance): void {
    if (instance.paused) return;
    const { inFlight } = instance;
    if (inFlight > 0) this.#busy.remove(inFlight);
    if (inFlight >= instance.limit) return;
    this.#room -= instance.limit - inFlight;
    if (inFlight > 0) this.#open.remove(index);
    else this.#idle.remove(index);
  }
}

interface Instance {
  limit: number;
  inFlight: number;
  paused: boolean;
  health: number;
  healthAtMs: number;
}
