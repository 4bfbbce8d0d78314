import type { FunctionSpec } from '../model/function.ts';
import type { Surroundings } from '../scheduler/schedulable.ts';
import type { Permit } from '../scheduler/share.ts';
import { Backoff } from './backoff.ts';
import type { Instance } from './instance.ts';
import type { Home } from './keeper.ts';

/** Where instances come from: Supply. */
export interface InstanceSource {
  /** A stem, or a process that is started; never one that has ended already. */
  obtain(spec: FunctionSpec, home: Home): Instance;
  /** How many of the instances that it wants a function may start now: what the machine can take, and its share of it. */
  room(spec: FunctionSpec, ask: Ask): Permit;
  /** Something is in the function's queue: it wants its share. To be said again while it is (limits.waitLapsesMs). */
  waits(spec: FunctionSpec): void;
  /** Processors that a function's instances may keep busy while others want them too; Infinity: not known. */
  coresFor(spec: FunctionSpec): number;
  /** Processors of the machine; Infinity: not known. */
  readonly cores: number;
  readonly cpuIdle: boolean;
  /** The machine has no memory left for what is only kept in case it is needed. */
  readonly memoryShort: boolean;
}

export interface Ask {
  readonly wanted: number;
  /** Nothing waits for them. */
  readonly ahead: boolean;
}

/** The instances of one function that are on their way to being ready. */
export class Starts {
  readonly backoff = new Backoff();
  readonly #spec: FunctionSpec;
  readonly #source: InstanceSource;
  #underWay = 0;
  #newestMs = -Infinity;
  #isAhead = false;
  #shortReason: string | null = null;

  constructor(spec: FunctionSpec, source: InstanceSource) {
    this.#spec = spec;
    this.#source = source;
  }

  get underWay(): number {
    return this.#underWay;
  }

  /** Why fewer were obtained than wanted, the last time; null: none was missing. */
  get shortReason(): string | null {
    return this.#shortReason;
  }

  /** One of them is ready, or will never be. */
  arrived(): void {
    this.#underWay -= 1;
  }

  /**
   * What the function has on its way, and may have of the machine. `live`: instances that exist, those included. `waiting`:
   * invocations in its queue; without any, what is obtained next is ahead of need.
   */
  around(live: number, waiting: number, nowMs: number): Surroundings {
    this.#isAhead = waiting === 0;
    if (waiting > 0) this.#source.waits(this.#spec);
    const cores = this.#source.coresFor(this.#spec);
    const { cpuIdle } = this.#source;
    return { cores, cpuIdle, starting: this.#underWay, sinceStartMs: nowMs - this.#newestMs, live };
  }

  /** Obtains so many for `home`, or as many as the machine can take. */
  obtain(count: number, home: Home, nowMs: number): Instance[] {
    const permit = this.#source.room(this.#spec, { wanted: count, ahead: this.#isAhead });
    this.#shortReason = permit.reason;
    const started: Instance[] = [];
    for (let left = permit.count; left > 0; left -= 1) {
      this.#underWay += 1;
      this.#newestMs = nowMs;
      started.push(this.#source.obtain(this.#spec, home));
    }
    return started;
  }
}
