// For tests: one instance as a queueing network. Its loop takes computations in turn; what waits waits in parallel.
import { LaneKnowledge } from './knowledge.ts';
import type { Reading } from './law.ts';
import { Limit } from './limit.ts';

export interface Work {
  readonly cpuMs: number;
  readonly waitMs: number;
}

/** A period in which nothing is out of the ordinary. */
export const nothingUnusual: Reading = {
  periodMs: 1000,
  utilisation: 0,
  inFlight: 0,
  full: 0,
  completions: 0,
  loopDelayMs: 0,
  throttled: 0,
  memoryUsedMiB: 80,
  memoryBaseMiB: 60,
  memoryMiB: 2048,
  errors: 0,
  isWarm: true,
};

/** What the loop is given: always more than it may have. Time is virtual, 1 ms steps. */
export class LoopModel {
  readonly lane: LaneKnowledge;
  readonly limit: Limit;
  readonly reasons: string[] = [];
  /** Limit at the end of each period. */
  readonly history: number[] = [];
  nowMs = 0;
  completed = 0;
  /** What else a reading says. */
  extra: Partial<Reading> = {};
  readonly #next: () => Work;
  /** In flight at most, whatever the limit. */
  readonly #demand: number;
  #ready: number[] = [];
  #waiting: number[] = [];
  #began = new Map<number, number>();
  #work = new Map<number, Work>();
  #serial = 0;
  #turnMs = 0;

  constructor(next: () => Work, options: { ceiling?: number; saturation?: number | null; demand?: number } = {}) {
    const { ceiling = 1000, saturation = null, demand = Infinity } = options;
    this.lane = new LaneKnowledge(
      ceiling,
      saturation === null ? null : { saturation, unhelpfulAbove: null, wallMs: 0 },
    );
    this.limit = new Limit(ceiling, this.lane, 0);
    this.#next = next;
    this.#demand = demand;
  }

  /** So many vitals periods of 200 ms. */
  run(periods: number): void {
    for (let count = 0; count < periods; count += 1) this.#period(200);
  }

  #period(periodMs: number): void {
    let busyMs = 0;
    let areaMs = 0;
    let fullMs = 0;
    let turnMs = 0;
    const before = this.completed;
    for (let ms = 0; ms < periodMs; ms += 1) {
      this.#arrive();
      if (this.#step()) {
        busyMs += 1;
        this.#turnMs += 1;
        turnMs = Math.max(turnMs, this.#turnMs);
      } else this.#turnMs = 0;
      areaMs += this.#began.size;
      if (this.#began.size >= this.limit.places) fullMs += 1;
    }
    const reading: Reading = {
      ...nothingUnusual,
      periodMs,
      utilisation: busyMs / periodMs,
      inFlight: areaMs / periodMs,
      full: fullMs / periodMs,
      completions: this.completed - before,
      ...this.extra,
    };
    const reason = this.limit.step(reading, this.lane, this.nowMs);
    if (reason !== null) this.reasons.push(reason);
    this.history.push(this.limit.places);
  }

  #arrive(): void {
    while (this.#began.size < Math.min(this.limit.places, this.#demand)) {
      const id = (this.#serial += 1);
      this.#began.set(id, this.nowMs);
      this.#work.set(id, { ...this.#next() });
      this.#ready.push(id);
    }
  }

  /** One millisecond. True: the loop computed. */
  #step(): boolean {
    this.nowMs += 1;
    let busy = false;
    const [id] = this.#ready;
    if (id !== undefined) {
      const { cpuMs, waitMs } = this.#work.get(id)!;
      busy = cpuMs > 0;
      if (cpuMs > 1) this.#work.set(id, { cpuMs: cpuMs - 1, waitMs });
      else {
        this.#ready.shift();
        this.#waiting.push(id);
        this.#work.set(id, { cpuMs: 0, waitMs });
      }
    }
    this.#waiting = this.#waiting.filter((each) => !this.#ends(each));
    return busy;
  }

  #ends(id: number): boolean {
    const { waitMs } = this.#work.get(id)!;
    this.#work.set(id, { cpuMs: 0, waitMs: waitMs - 1 });
    if (waitMs > 1) return false;
    this.completed += 1;
    this.lane.settled(this.nowMs - this.#began.get(id)!, this.cpuMsOf);
    this.#began.delete(id);
    return true;
  }

  /** What the instance says that one has used. */
  cpuMsOf = 0;
}
