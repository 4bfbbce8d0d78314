import type { FunctionSpec } from '../model/function.ts';
import type { FunctionScheduler } from '../scheduler/function-scheduler.ts';
import type { Starts as Some } from '../scheduler/scale.ts';
import type { Surroundings } from '../scheduler/schedulable.ts';
import type { Permit } from '../scheduler/share.ts';
import { Backoff } from './backoff.ts';
import type { Instance } from './instance.ts';
import type { RoutedInvocation } from './invocation.ts';
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
  readonly cpuFull: boolean;
}

export interface Ask {
  readonly wanted: number;
  /** Nothing waits for them. */
  readonly ahead: boolean;
}

export interface StartsOptions {
  readonly spec: FunctionSpec;
  readonly source: InstanceSource;
  readonly scheduler: FunctionScheduler<RoutedInvocation>;
  /** Whose they are. */
  readonly home: Home;
}

/** The instances of one function that are on their way to being ready. */
export class Starts {
  readonly backoff = new Backoff();
  readonly #options: StartsOptions;
  #underWay = 0;
  #newestMs = -Infinity;
  /** What was missing the last time, of what waits and of what is ahead of need; null: nothing was. */
  readonly #short: [waited: string | null, ahead: string | null] = [null, null];

  constructor(options: StartsOptions) {
    this.#options = options;
  }

  get underWay(): number {
    return this.#underWay;
  }

  /** One of them is ready, or will never be. */
  arrived(): void {
    this.#underWay -= 1;
  }

  /**
   * Starts what is needed and not on its way; and what will be, if it `mayAhead`. As many as the machine can take. `live`:
   * instances that exist, those on their way included.
   */
  scale(live: number, mayAhead: boolean, nowMs: number): Instance[] {
    const { scheduler } = this.#options;
    if (this.backoff.blocks(nowMs)) return [];
    const { waited, ahead } = scheduler.starts(this.#around(live, nowMs), nowMs);
    const started: Instance[] = [];
    if (waited.count > 0) this.#obtain(waited, false, started, nowMs);
    // Where there is no room for what waits, there is none for what may come.
    if (mayAhead && ahead.count > 0 && started.length === waited.count) this.#obtain(ahead, true, started, nowMs);
    return started;
  }

  /** What the function has on its way, and may have of the machine. */
  #around(live: number, nowMs: number): Surroundings {
    const { spec, source, scheduler } = this.#options;
    if (scheduler.waiting > 0) source.waits(spec);
    const { cpuIdle } = source;
    const cores = source.coresFor(spec);
    // Beside others that want their part it needs more instances to get its own.
    const cpuFull = source.cpuFull && cores >= source.cores;
    const sinceStartMs = nowMs - this.#newestMs;
    return { cores, cpuIdle, cpuFull, starting: this.#underWay, sinceStartMs, live };
  }

  #obtain({ count, reason }: Some, ahead: boolean, started: Instance[], nowMs: number): void {
    const { spec, source, home, scheduler } = this.#options;
    const permit = source.room(spec, { wanted: count, ahead });
    for (let left = permit.count; left > 0; left -= 1) {
      this.#underWay += 1;
      this.#newestMs = nowMs;
      started.push(source.obtain(spec, home));
    }
    // What goes on is said once, whatever its figures are by now.
    const short = permit.reason?.replaceAll(/\d+/g, '') ?? null;
    const before = this.#short[ahead ? 1 : 0];
    this.#short[ahead ? 1 : 0] = short;
    if (permit.count === 0 && short === before) return;
    const held = permit.reason === null ? '' : `; no more: ${permit.reason}`;
    const text = `started ${permit.count} of ${count}: ${reason}${held}`;
    scheduler.decisions.add(text, null, nowMs, permit.count === 0 ? 'short' : null);
  }
}
