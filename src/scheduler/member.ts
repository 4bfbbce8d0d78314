// Hot path: flow runs twice per invocation.
import { limits } from '../base/limits.ts';
import { lanes } from '../model/learned.ts';
import type { Vitals } from '../model/vitals.ts';
import type { LaneKnowledge } from './knowledge.ts';
import type { Reading } from './law.ts';
import { Limit } from './limit.ts';

interface Instance {
  /** What decisions call it. */
  readonly id: string | null;
  readonly index: number;
  readonly memoryMiB: number;
}

/** One ready instance, as the scheduler sees it: its limits, and what went through it since its last vitals. */
export class Member {
  readonly id: string | null;
  readonly index: number;
  readonly memoryMiB: number;
  /** By lane. */
  readonly limits: Limit[];
  /** Of the last period: the busier of its loop and its processors, 0–1. */
  utilisation = 0;
  /** Since when its loop is held; Infinity: it is not. */
  stuckSinceMs = Infinity;
  background = 0;
  /** In the last period its loop was held more than it computed: something sleeps in it. */
  sleeps = false;
  /** What it counts for of the processors that are used, 0–1. */
  load = 0;
  /** By lane. */
  readonly inFlight = lanes.map(() => 0);
  /** The lane of what it has, or had last. */
  lastLane = 0;
  /** Since the last reading it had work of both lanes: what it says holds for neither. */
  isMixed = false;
  /** What it has, it has from when nobody knew that all of it is of the other lane. */
  isAdopted = false;
  /** Invocations that it answered, all told. */
  completions = 0;
  idleSinceMs: number;
  /** When it was wanted last although it had nothing to do. */
  wantedMs = -Infinity;
  /** As of the last vitals. */
  last: Reading | null = null;
  #areaMs = 0;
  #fullMs = 0;
  #inFlight = 0;
  #places = 0;
  #sinceMs: number;
  #periodCompletions = 0;
  /** The last ones that began a period, and when. */
  #vitals: Vitals | null = null;
  #vitalsMs = 0;
  /** When the last ones came; and of all since: time in which the loop was busy, and its longest turn. */
  #heardMs: number;
  #loopMs = 0;
  #turnMs = 0;
  /** CPU of a process that has nothing to do: share of one processor. */
  #idleShare = 0;
  #baseMiB = 0;

  constructor({ id, index, memoryMiB }: Instance, known: readonly LaneKnowledge[], ceiling: number, nowMs: number) {
    this.id = id;
    this.index = index;
    this.memoryMiB = memoryMiB;
    this.limits = known.map((lane) => new Limit(ceiling, lane, nowMs));
    this.idleSinceMs = nowMs;
    this.#sinceMs = nowMs;
    this.#heardMs = nowMs;
  }

  get isStuck(): boolean {
    return this.stuckSinceMs !== Infinity;
  }

  /** It has work, and its loop has not come round for so long, by what it says or by its silence. */
  isHeldFor(ms: number, nowMs: number): boolean {
    return this.#inFlight > 0 && nowMs - Math.min(this.stuckSinceMs, this.#heardMs) >= ms;
  }

  /** Beside what it has there is some of the other lane, which had nowhere else to go. */
  get isBeside(): boolean {
    return this.inFlight[1 - this.lastLane]! > 0 && !this.isAdopted;
  }

  /** What it has is of this lane. */
  enter(lane: number): void {
    if (lane !== this.lastLane) this.isMixed = true;
    this.lastLane = lane;
    if (this.isBeside) this.isMixed = true;
  }

  /** From now on it has so many in flight, of so many that it may have. */
  flow(inFlight: number, places: number, nowMs: number): void {
    const spanMs = nowMs - this.#sinceMs;
    this.#areaMs += this.#inFlight * spanMs;
    if (this.#inFlight >= this.#places && this.#inFlight > 0) this.#fullMs += spanMs;
    this.#sinceMs = nowMs;
    const wasBusy = this.#inFlight > 0;
    this.#inFlight = inFlight;
    this.#places = places;
    if (inFlight === 0) this.isAdopted = false;
    if (inFlight === 0 && wasBusy) this.idleSinceMs = nowMs;
  }

  /** Background work that it has now. */
  works(background: number, nowMs: number): void {
    if (background === 0 && this.background > 0) this.idleSinceMs = nowMs;
    this.background = background;
  }

  completed(): void {
    this.completions += 1;
    this.#periodCompletions += 1;
  }

  /** The period that ends with these vitals; null: there was none before, or it is too short to say anything. */
  reading(vitals: Vitals, cores: number, nowMs: number): Reading | null {
    const before = this.#vitals;
    const periodMs = nowMs - this.#vitalsMs;
    this.#heard(vitals, nowMs);
    if (before !== null && periodMs < shortestMs) return null;
    this.flow(this.#inFlight, this.#places, nowMs);
    const reading = before === null ? null : this.#period(before, vitals, periodMs, cores);
    // As it was loaded, until it is seen without work.
    if (before === null) this.#baseMiB = vitals.rssBytes / 1024 / 1024;
    this.#vitals = vitals;
    this.#vitalsMs = nowMs;
    this.#areaMs = 0;
    this.#fullMs = 0;
    this.#loopMs = 0;
    this.#turnMs = 0;
    this.#periodCompletions = 0;
    this.works(vitals.background, nowMs);
    this.last = reading;
    return reading;
  }

  /** What they say of the time since the ones before them, whether those began a period or not. */
  #heard(vitals: Vitals, nowMs: number): void {
    this.#loopMs += (vitals.loopPermille / 1000) * Math.max(0, nowMs - this.#heardMs);
    this.#turnMs = Math.max(this.#turnMs, vitals.loopDelayMs);
    this.#heardMs = nowMs;
  }

  #period(before: Vitals, vitals: Vitals, periodMs: number, cores: number): Reading {
    const cpuMs = grown(before.cpuUs, vitals.cpuUs) / 1000;
    const isIdle = this.#areaMs === 0;
    const usedMiB = vitals.rssBytes / 1024 / 1024;
    if (isIdle) {
      this.#idleShare += (Math.min(most, cpuMs / periodMs) - this.#idleShare) * 0.2;
      // What is kept after work (a cache, a heap that is not given back) is not the next ones'.
      this.#baseMiB += (usedMiB - this.#baseMiB) * 0.3;
    }
    const [loop, cpu] = [this.#loopMs / periodMs, cpuMs / periodMs];
    this.utilisation = this.#utilisation(loop, cpu, cores);
    this.sleeps = loop >= held && cpu < loop / 2;
    return {
      periodMs,
      utilisation: this.utilisation,
      inFlight: this.#areaMs / periodMs,
      full: this.#fullMs / periodMs,
      completions: this.#periodCompletions,
      // What waited for a processor is not what the loop's turn computed.
      loopDelayMs: Math.min(this.#turnMs, cpuMs),
      throttled: grown(before.throttledUs, vitals.throttledUs) / 1000 / periodMs,
      memoryUsedMiB: usedMiB,
      memoryBaseMiB: Math.min(this.#baseMiB, usedMiB),
      memoryMiB: this.memoryMiB,
      errors: grown(before.errors, vitals.errors),
      isWarm: this.completions > this.#periodCompletions,
    };
  }

  /** Of the loop's time; of all processors, where threads of its own use those; and what is too little for either. */
  #utilisation(loop: number, cpu: number, cores: number): number {
    const own = Math.max(0, cpu - this.#idleShare);
    const fine = loop < telling ? Math.min(own, telling) : loop;
    return Math.min(1, Math.max(fine, own / cores));
  }
}

/** Of a total. One that is less than it was says nothing. */
const grown = (before: number, now: number): number => Math.max(0, now - before);

/** Vitals that were sent at once, because something happened, follow others closely. */
const shortestMs = limits.vitalsPeriodMs / 2;
/** Below this the loop's share says little: it is told in whole permille, with what the platform itself does on it. */
const telling = 0.05;
/** From here on a loop is held most of the time. */
const held = 0.7;
/** What is taken for rest, at most. */
const most = 0.02;
