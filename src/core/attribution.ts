// Hot path: the hook runs before every callback of the loop.
import { createHook } from 'node:async_hooks';
import { Cell } from './board.ts';
import type { Turns } from './turns.ts';

/** What is measured: an invocation. */
export interface Measured {
  /** Time of the loop spent on it and not yet reported, milliseconds. */
  activeMs: number;
}

interface Source {
  readonly turns: Turns;
  readonly cells: Int32Array;
  /** The invocation of the callback that is about to run. */
  current(): Measured | undefined;
  /** CPU of the process since its start, microseconds. */
  cpuUs(): number;
}

/** The share of CPU in loop time is taken anew when both have passed: the kernel's figure moves in steps of 4 ms. */
const scalePeriodMs = 250;
const scaleActiveMs = 50;

/**
 * Splits the process's CPU over invocations. Weights are loop time: an async hook says before each callback whose it is,
 * and the time until the next one with another owner is charged to it. Loop time counts what the kernel gave to other
 * processes meanwhile, so reports are scaled by CPU ÷ loop time of the period before, and never exceed in sum what the
 * operating system says (I8). Promises are not tracked: their continuations run within a callback that is, and reading
 * the context costs 0.1–0.4 µs a request in place of four times as much.
 */
export class Attribution {
  readonly #source: Source;
  #owner: Measured | null = null;
  #sinceMs = 0;
  #scale = 1;
  #attributedUs = 0;
  /** What may still be attributed before the process's total must be read again. */
  #budgetUs = 0;
  #periodStartMs = 0;
  #periodActiveMs = 0;
  #periodCpuUs = 0;

  constructor(source: Source) {
    this.#source = source;
  }

  /** Sum of all that was reported, microseconds. */
  get attributedUs(): number {
    return this.#attributedUs;
  }

  /** Starts to listen. Idempotent calls are not needed: once per process. */
  enable(): { disable(): void } {
    const { turns } = this.#source;
    const before = (): void => {
      if (!turns.inside) this.#startTurn();
      const next = this.#source.current() ?? null;
      if (next !== this.#owner) this.enter(next);
    };
    // Where Node does not know trackPromises it tracks them: dearer on await-heavy code, and as exact.
    const options: Parameters<typeof createHook>[0] & { trackPromises: boolean } = { before, trackPromises: false };
    return createHook(options).enable();
  }

  /** From now on the loop works for `owner`. Returns the time, milliseconds. */
  enter(owner: Measured | null): number {
    const nowMs = this.#source.turns.inside ? performance.now() : this.#startTurn();
    if (this.#owner !== null) this.#owner.activeMs += nowMs - this.#sinceMs;
    this.#owner = owner;
    this.#sinceMs = nowMs;
    return nowMs;
  }

  /** Whose time it is, as far as known. */
  get owner(): Measured | null {
    return this.#owner;
  }

  /** Microseconds of CPU that `measured` used and that were not reported yet: they are, by this call. */
  take(measured: Measured): number {
    if (measured === this.#owner) this.enter(measured);
    let us = Math.floor(measured.activeMs * 1000 * this.#scale);
    measured.activeMs = 0;
    if (us > this.#budgetUs) {
      this.#budgetUs = this.#source.cpuUs() - this.#attributedUs;
      us = Math.max(0, Math.min(us, Math.floor(this.#budgetUs)));
    }
    this.#budgetUs -= us;
    this.#attributedUs += us;
    this.#source.cells[Cell.attributedUs] = this.#attributedUs;
    return us;
  }

  /** At the end of a turn: what comes now is nobody's. */
  settle(): void {
    const nowMs = this.enter(null);
    this.#periodActiveMs += nowMs - this.#source.turns.startedMs;
    if (nowMs - this.#periodStartMs < scalePeriodMs || this.#periodActiveMs < scaleActiveMs) return;
    const cpuUs = this.#source.cpuUs();
    if (this.#periodCpuUs > 0) {
      this.#scale = Math.min(1, (cpuUs - this.#periodCpuUs) / (this.#periodActiveMs * 1000));
    }
    this.#periodStartMs = nowMs;
    this.#periodActiveMs = 0;
    this.#periodCpuUs = cpuUs;
  }

  #startTurn(): number {
    const nowMs = this.#source.turns.enter();
    this.#owner = null;
    this.#sinceMs = nowMs;
    return nowMs;
  }
}
