import { limits } from '../base/limits.ts';
import type { LearnedRoute } from '../model/learned.ts';

/** Lanes by their place in `lanes`. */
export const laneWaits = 0;
export const laneComputes = 1;

/** What one invocation of a kind uses, milliseconds. */
export interface Usage {
  readonly cpuMs: number;
  readonly wallMs: number;
}

/**
 * What is known of one kind of request of a function. It is judged by its average: one invocation in ten that computes for
 * 300 ms holds others up as much as ten that compute for 30 ms, so the whole kind is kept apart.
 */
export class RouteProfile implements Usage {
  readonly pattern: string;
  /** Averages that forget: of one invocation, milliseconds. */
  cpuMs = 0;
  wallMs = 0;
  invocations = 0;
  /** Invocations in the averages; what was to begin with counts as one. */
  #wallCount = 0;
  #cpuCount = 0;
  #lane: typeof laneWaits | typeof laneComputes = laneWaits;
  /** Answers in a row, the last ones, that computed. */
  #computed = 0;
  /** Answers since it is in its lane; and how many it has to see before it goes back to those that wait. */
  #stretch = 0;
  #patience = 0;
  /** The kind that it is part of now. */
  #into: RouteProfile | null = null;

  /** `prior`: what others like it use. */
  constructor(pattern: string, prior: Usage | null = null) {
    this.pattern = pattern;
    if (prior === null) return;
    this.cpuMs = prior.cpuMs;
    this.wallMs = prior.wallMs;
    this.#wallCount = 1;
    this.#cpuCount = prior.cpuMs > 0 ? 1 : 0;
    this.#judge();
    // Others say so, not what it did itself.
    this.#patience = 0;
  }

  /** Itself, or the kind that it has become part of. */
  get current(): RouteProfile {
    return this.#into === null ? this : this.#into.current;
  }

  /** Which instances it goes to: 0 those for what waits, 1 those for what computes. */
  get lane(): typeof laneWaits | typeof laneComputes {
    return this.#into === null ? this.#lane : this.current.#lane;
  }

  /** What may be shown to people: a word that came a few times only may be somebody's secret. */
  get shown(): string {
    return this.isShown ? this.pattern : this.pattern.replaceAll(/\/[^/…]+/g, '/[]');
  }

  get isShown(): boolean {
    return this.invocations >= (this.pattern.startsWith('/') ? 1 : limits.learnedTold);
  }

  /** What is kept of it over restarts. */
  get learned(): LearnedRoute {
    const invocations = Math.min(this.invocations, 1000);
    return { pattern: this.pattern, cpuMs: rounded(this.cpuMs), wallMs: rounded(this.wallMs), invocations };
  }

  /** One was answered. `cpuMs` 0: its instance could not say. True: it belongs to another lane now. */
  settled(wallMs: number, cpuMs: number): boolean {
    if (this.#into !== null) return this.current.settled(wallMs, cpuMs);
    this.invocations += 1;
    this.#stretch += 1;
    this.#computed = isComputing(cpuMs, wallMs, 1) ? this.#computed + 1 : 0;
    // Several in a row that compute where none should: it is not what it was.
    const least = this.#lane === laneWaits && this.#computed >= changed ? changedWeight : slowWeight;
    this.#wallCount += 1;
    this.wallMs += (wallMs - this.wallMs) * Math.max(least, 1 / this.#wallCount);
    if (cpuMs > 0) {
      this.#cpuCount += 1;
      this.cpuMs += (cpuMs - this.cpuMs) * Math.max(least, 1 / this.#cpuCount);
    }
    return this.#judge();
  }

  /** What was known as another kind is part of this one from now on, with all that comes of it later. */
  absorb(other: RouteProfile): void {
    const wallCount = this.#wallCount + other.#wallCount;
    const cpuCount = this.#cpuCount + other.#cpuCount;
    if (wallCount > 0) this.wallMs += ((other.wallMs - this.wallMs) * other.#wallCount) / wallCount;
    if (cpuCount > 0) this.cpuMs += ((other.cpuMs - this.cpuMs) * other.#cpuCount) / cpuCount;
    this.#wallCount = wallCount;
    this.#cpuCount = cpuCount;
    this.invocations += other.invocations;
    other.#into = this;
    this.#judge();
  }

  /** As it was kept. */
  restore(learned: LearnedRoute): void {
    const kept = new RouteProfile(this.pattern);
    kept.cpuMs = learned.cpuMs;
    kept.wallMs = learned.wallMs;
    kept.invocations = learned.invocations;
    kept.#wallCount = learned.invocations;
    kept.#cpuCount = learned.cpuMs > 0 ? learned.invocations : 0;
    this.absorb(kept);
  }

  /**
   * True: it moved. There is a gap between the two thresholds, and every time that it goes back to what waits it has to show
   * for longer that it is right there: chance moves a kind a few times, not for ever. To what computes it goes at once.
   */
  #judge(): boolean {
    const isApart = this.#lane === laneComputes;
    if (isComputing(this.cpuMs, this.wallMs, isApart ? 0.5 : 1) === isApart) return false;
    if (isApart && this.#stretch < this.#patience) return false;
    this.#lane = isApart ? laneWaits : laneComputes;
    if (!isApart) this.#patience = Math.min(mostPatience, Math.max(firstPatience, this.#patience * patienceGrowth));
    this.#stretch = 0;
    return true;
  }
}

function isComputing(cpuMs: number, wallMs: number, share: number): boolean {
  return cpuMs >= limits.computesCpuMs * share && cpuMs * 1000 >= wallMs * limits.computesPermille * share;
}

/** The weight of the newest invocation in the averages, at least; and of the latest of several that compute unlike before. */
const slowWeight = 0.01;
const changedWeight = 0.1;
const changed = 4;
const firstPatience = 32;
const patienceGrowth = 8;
const mostPatience = 4096;

const rounded = (value: number): number => Math.round(value * 1000) / 1000;
