import type { FunctionSpec } from '../model/function.ts';
import { startsNeeded } from '../scheduler/scale.ts';
import { Backoff } from './backoff.ts';
import type { Instance } from './instance.ts';
import type { Home } from './keeper.ts';

/** Where instances come from: Supply. */
export interface InstanceSource {
  /** A stem, or a process that is started; never one that has ended already. */
  obtain(spec: FunctionSpec, home: Home): Instance;
  /**
   * How many of its kind the machine can take now: stems that wait, and processes that may be started. `first`: for a
   * function that has no instance, for which there is always something left.
   */
  room(spec: FunctionSpec, first: boolean): number;
  /** Processors of the machine; Infinity: not known. */
  readonly cores: number;
  readonly cpuIdle: boolean;
}

/** What one function needs at the moment. */
export interface Need {
  readonly waiting: number;
  readonly headAgeMs: number;
  /** Instances that exist, those on their way included. */
  readonly live: number;
  /** How long none of them has been done with an invocation. */
  readonly stillForMs: number;
  /** Instances whose loop user code holds. */
  readonly held: number;
}

/** The instances of one function that are on their way to being ready. */
export class Starts {
  readonly backoff = new Backoff();
  readonly #spec: FunctionSpec;
  readonly #limit: number;
  readonly #maxInstances: number;
  readonly #source: InstanceSource;
  #underWay = 0;
  #newestMs = -Infinity;

  constructor(spec: FunctionSpec, limit: number, maxInstances: number, source: InstanceSource) {
    this.#spec = spec;
    this.#limit = limit;
    this.#maxInstances = maxInstances;
    this.#source = source;
  }

  get underWay(): number {
    return this.#underWay;
  }

  /** One of them is ready, or will never be. */
  arrived(): void {
    this.#underWay -= 1;
  }

  /** Obtains for `home` what `need` calls for and the machine can take. */
  start(need: Need, home: Home, nowMs: number): Instance[] {
    if (this.backoff.blocks(nowMs)) return [];
    const wanted = startsNeeded({
      ...need,
      startingCapacity: this.#underWay * this.#limit,
      starting: this.#underWay,
      sinceStartMs: nowMs - this.#newestMs,
      limit: this.#limit,
      maxInstances: this.#maxInstances,
      cores: this.#source.cores,
      cpuIdle: this.#source.cpuIdle,
    });
    if (wanted === 0) return [];
    const started: Instance[] = [];
    for (let left = Math.min(wanted, this.#source.room(this.#spec, need.live === 0)); left > 0; left -= 1) {
      this.#underWay += 1;
      this.#newestMs = nowMs;
      started.push(this.#source.obtain(this.#spec, home));
    }
    return started;
  }
}
