import type { FunctionSpec } from '../model/function.ts';
import type { Surroundings } from '../scheduler/function-scheduler.ts';
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
  /** The machine has no memory left for what is only kept in case it is needed. */
  readonly memoryShort: boolean;
}

/** The instances of one function that are on their way to being ready. */
export class Starts {
  readonly backoff = new Backoff();
  readonly #spec: FunctionSpec;
  readonly #source: InstanceSource;
  #underWay = 0;
  #newestMs = -Infinity;

  constructor(spec: FunctionSpec, source: InstanceSource) {
    this.#spec = spec;
    this.#source = source;
  }

  get underWay(): number {
    return this.#underWay;
  }

  /** One of them is ready, or will never be. */
  arrived(): void {
    this.#underWay -= 1;
  }

  /** What the function has on its way, and may have of the machine. `live`: instances that exist, those included. */
  around(live: number, nowMs: number): Surroundings {
    const { cores, cpuIdle } = this.#source;
    return { cores, cpuIdle, starting: this.#underWay, sinceStartMs: nowMs - this.#newestMs, live };
  }

  /** Obtains so many for `home`, or as many as the machine can take. */
  obtain(count: number, live: number, home: Home, nowMs: number): Instance[] {
    const started: Instance[] = [];
    for (let left = Math.min(count, this.#source.room(this.#spec, live === 0)); left > 0; left -= 1) {
      this.#underWay += 1;
      this.#newestMs = nowMs;
      started.push(this.#source.obtain(this.#spec, home));
    }
    return started;
  }
}
