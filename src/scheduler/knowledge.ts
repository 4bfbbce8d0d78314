// Hot path: settled runs once per invocation.
import { limits } from '../base/limits.ts';
import type { LearnedLimit } from '../model/learned.ts';
import { placesAt } from './law.ts';

/** What is known of one lane of a function, from all of its instances. */
export class LaneKnowledge {
  /** Averages that forget: of one invocation, milliseconds. 0: nothing is known. */
  cpuMs = 0;
  wallMs = 0;
  /** Of those that took least: what one takes that waits for nothing but itself. */
  ownMs = 0;
  /** Of the dearest lately. */
  peakCpuMs = 0;
  /** The longest turns of a loop that had one invocation at most: those are its own. */
  turnMs = 0;
  /** In flight ÷ utilisation; null: not known. */
  saturation: number | null;
  unhelpfulAbove: number | null;
  invocations = 0;
  /** When an instance last saw that. */
  learnedMs = -Infinity;
  /** When it last became known in whatever way; −Infinity: it is from before the platform was started. */
  changedMs = -Infinity;
  readonly #ceiling: number;
  readonly #learnedWallMs: number;
  #turnedMs = -Infinity;
  /** An instance had to get fewer for what it lacks besides processors. */
  #isShort = false;
  /** What instances may have by now of which none has ended anything: they stand it. */
  #stood = 0;

  constructor(ceiling: number, learned: LearnedLimit | null) {
    this.#ceiling = ceiling;
    this.#learnedWallMs = learned?.wallMs ?? 0;
    this.saturation = learned?.saturation ?? null;
    this.unhelpfulAbove = learned?.unhelpfulAbove ?? null;
  }

  /** One was answered. `cpuMs` 0: its instance could not say. */
  settled(wallMs: number, cpuMs: number): void {
    this.invocations += 1;
    const weight = Math.max(newest, 1 / this.invocations);
    if (cpuMs > 0) this.cpuMs = this.cpuMs === 0 ? cpuMs : this.cpuMs + (cpuMs - this.cpuMs) * weight;
    this.wallMs += (wallMs - this.wallMs) * weight;
    if (wallMs < this.ownMs || this.invocations === 1) this.ownMs = wallMs;
    else this.ownMs += (wallMs - this.ownMs) * (1 - leastKept);
    if (cpuMs > 0) this.peakCpuMs = Math.max(cpuMs, this.peakCpuMs * peakKept);
  }

  /** So long a turn was seen in a period in which there was hardly more than one in flight. */
  turned(turnMs: number, nowMs: number): void {
    const ageMs = nowMs - this.#turnedMs;
    if (turnMs < this.turnMs && ageMs < limits.demandWindowMs) return;
    // The longest of about a minute: what is older is worth half.
    this.turnMs = Math.max(turnMs, ageMs < limits.demandWindowMs ? 0 : this.turnMs / 2);
    this.#turnedMs = nowMs;
  }

  /** An instance found where it would be full. Of nothing in flight nothing is learned, whatever has ended. */
  learned(saturation: number, nowMs: number): void {
    if (saturation <= 0) return;
    const known = this.saturation;
    const isFar = known === null || saturation > known * 2 || saturation * 2 < known;
    this.saturation = isFar ? saturation : known + (saturation - known) * newest * 2;
    this.learnedMs = nowMs;
    this.changedMs = nowMs;
  }

  /** An instance is full with so many: it cannot be more, unless that was seen a moment ago. */
  full(most: number, nowMs: number): void {
    if (nowMs - this.learnedMs < limits.limitStepMaxMs) return;
    if (this.saturation !== null && most >= this.saturation) return;
    this.saturation = most;
    this.changedMs = nowMs;
  }

  /**
   * An instance may have so many by now, and the law has nothing to say yet: what it has does not end (sockets). What one
   * stands, others stand.
   */
  stands(places: number): void {
    if (this.saturation !== null) return;
    this.#stood = places > this.#stood ? places : this.#stood + (places - this.#stood) * newest;
  }

  /** An instance had to get fewer: it lacks memory or descriptors, or what it had failed. */
  short(): void {
    this.#isShort = true;
  }

  /** How many an instance takes was not seen yet, and it may turn out to be more than is thought. */
  get isUnknown(): boolean {
    return this.saturation === null && this.limit < this.#ceiling && !this.#isShort;
  }

  /** As many as compute for limits.loopBudgetMs together, within reason; 1 when nothing is known. */
  get budget(): number {
    if (this.cpuMs === 0) return 1;
    return Math.min(limits.concurrencyDefault, Math.max(1, Math.ceil(limits.loopBudgetMs / this.cpuMs)));
  }

  /** Part of what it was learned from belongs to another lane now: what is left is not known. */
  forget(): void {
    this.cpuMs = 0;
    this.wallMs = 0;
    this.ownMs = 0;
    this.peakCpuMs = 0;
    this.turnMs = 0;
    this.invocations = 0;
    this.saturation = null;
    this.unhelpfulAbove = null;
    this.#stood = 0;
    this.#isShort = false;
  }

  /**
   * In flight at which the loop would be full, by what one takes alone ÷ the CPU of one: a guess for when it is full
   * already, and the law says nothing. Infinity: nothing is known.
   */
  get guess(): number {
    return this.cpuMs === 0 ? Infinity : this.ownMs / this.cpuMs;
  }

  /** What a new instance gets at once. */
  get limit(): number {
    return Math.max(1, Math.min(this.#ceiling, Math.max(this.#found, this.budget)));
  }

  get #found(): number {
    if (this.saturation !== null) return placesAt(this.saturation);
    // What computes shows after the first few; to begin with as many as may wait would make them wait for each other.
    if (this.cpuMs >= limits.computesCpuMs) return Math.min(limits.concurrencyDefault, placesAt(this.guess));
    return Math.max(limits.concurrencyDefault, Math.floor(this.#stood));
  }

  /** Of its processor that an instance uses for each that it has; 0: nothing is known. */
  get loadOfOne(): number {
    return 1 / (this.saturation ?? this.guess);
  }

  /** The same of one that has all it may have, 0–1. */
  get load(): number {
    return Math.min(1, this.limit * this.loadOfOne);
  }

  /** For the next start of the platform; null: nothing is known. `wallOffsetMs`: wall clock − monotonic clock. */
  kept(wallOffsetMs: number): LearnedLimit | null {
    const { saturation, unhelpfulAbove, changedMs } = this;
    const wallMs = changedMs === -Infinity ? this.#learnedWallMs : Math.round(changedMs + wallOffsetMs);
    return saturation === null ? null : { saturation, unhelpfulAbove, wallMs };
  }
}

/** The lane of which a function has most; before anything has come, the one of which something was learned. */
export function mainOf([waits, computes]: readonly LaneKnowledge[]): LaneKnowledge {
  const more = computes!.invocations - waits!.invocations;
  const isLearned = waits!.saturation === null && computes!.saturation !== null;
  return more > 0 || (more === 0 && isLearned) ? computes! : waits!;
}

const newest = 0.1;
const peakKept = 0.995;
const leastKept = 0.999;
