import type { Clock } from '../base/clock.ts';
import { limits } from '../base/limits.ts';
import type { FunctionSpec } from '../model/function.ts';
import type { Learned } from '../model/learned.ts';
import type { Pool } from './pool.ts';

/** Keeps what is learned of functions. */
export interface Memory {
  recall(spec: FunctionSpec): Learned | null;
  /** `wallMs`: when something was learned last, milliseconds since the Unix epoch. */
  remember(spec: FunctionSpec, learned: Learned, wallMs: number): void;
}

/** Hands over what was learned of functions to be kept: of those that had something since, and of a few at a time. */
export class Remembering {
  readonly #memory: Memory | null;
  readonly #clock: Clock;
  /** What was handed over of each: when, and as of when. */
  readonly #done = new WeakMap<Pool, { readonly atMs: number; readonly changedMs: number }>();
  readonly #startedMs: number;

  constructor(memory: Memory | null, clock: Clock) {
    this.#memory = memory;
    this.#clock = clock;
    this.#startedMs = clock.nowMs();
  }

  recall(spec: FunctionSpec): Learned | null {
    return this.#memory?.recall(spec) ?? null;
  }

  /** What the function has learned since it was handed over last, if something. */
  remember(pool: Pool): void {
    const changedMs = changedMsOf(pool);
    // Of one that is retired, or that clients are not led to any more, another version knows more.
    const isOld = pool.isRetired || pool.scheduler.forecast.isStandby;
    if (this.#memory === null || isOld || changedMs === (this.#done.get(pool)?.changedMs ?? -Infinity)) return;
    this.#done.set(pool, { atMs: this.#clock.nowMs(), changedMs });
    const { spec, scheduler } = pool;
    this.#memory.remember(spec, scheduler.learned(), Math.round(changedMs + scheduler.wallOffsetMs));
  }

  /** Every limits.sweepMs: a few of those that have waited for limits.rememberMs. It takes time on the router's loop. */
  sweep(pools: Iterable<Pool>, nowMs: number): void {
    if (this.#memory === null) return;
    let left: number = limits.rememberAtOnce;
    for (const pool of pools) {
      const { atMs, changedMs } = this.#done.get(pool) ?? { atMs: this.#startedMs, changedMs: -Infinity };
      if (nowMs - atMs < limits.rememberMs || pool.isRetired || changedMsOf(pool) === changedMs) continue;
      this.remember(pool);
      left -= 1;
      if (left === 0) return;
    }
  }
}

/** When it last had an invocation, or something was learned of it; −Infinity: not since it is here. */
function changedMsOf({ invokedMs, scheduler }: Pool): number {
  let changedMs = invokedMs;
  for (const { changedMs: learnedMs } of scheduler.known) changedMs = Math.max(changedMs, learnedMs);
  return changedMs;
}
