// Hot path: the hook runs before every callback of the loop.
import { createHook } from 'node:async_hooks';
import { Cell } from './board.ts';
import type { Turns } from './turns.ts';
import type { Charges } from './ward.ts';

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
  readonly cpuUs: () => number;
}

/** The share of CPU in loop time is taken anew when both have passed: the kernel's figure moves in steps of 4 ms. */
const scalePeriodMs = 250;
const scaleActiveMs = 50;

/** CPU ÷ loop time, at most 1, of the last period that was long enough to tell. Pure. */
export class CpuShare {
  value = 1;
  #startMs = 0;
  #activeMs = 0;
  #cpuUs = 0;

  /** The loop was busy for so long until now. `cpuUs` is asked for only at the end of a period. */
  add(nowMs: number, activeMs: number, cpuUs: () => number): void {
    this.#activeMs += activeMs;
    if (nowMs - this.#startMs < scalePeriodMs || this.#activeMs < scaleActiveMs) return;
    const totalUs = cpuUs();
    // The first period began before anybody looked.
    if (this.#cpuUs > 0) this.value = Math.min(1, (totalUs - this.#cpuUs) / (this.#activeMs * 1000));
    this.#startMs = nowMs;
    this.#activeMs = 0;
    this.#cpuUs = totalUs;
  }
}

/**
 * Splits the process's CPU over invocations. Weights are loop time: an async hook says before each callback whose it is,
 * and the time until the next one with another owner is charged to it. Loop time counts what the kernel gave to other
 * processes meanwhile, so reports are scaled by CPU ÷ loop time of the period before, and never exceed in sum what the
 * operating system says (I8). Promises are not tracked: their continuations run within a callback that is, and reading
 * the context costs 0.1–0.4 µs a request in place of four times as much.
 */
export class Attribution implements Charges {
  readonly #source: Source;
  #owner: Measured | null = null;
  #sinceMs = 0;
  readonly #share = new CpuShare();
  #attributedUs = 0;
  /** What may still be attributed before the process's total must be read again. */
  #budgetUs = 0;
  /** What the process had used before it was told its function: nobody's. */
  #bootUs = 0;

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

  /** The function is known: what is used from now on is its own. */
  booted(): void {
    this.#bootUs = this.#source.cpuUs();
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
    let us = Math.floor(measured.activeMs * 1000 * this.#share.value);
    measured.activeMs = 0;
    if (us > this.#budgetUs) {
      this.#budgetUs = this.#source.cpuUs() - this.#bootUs - this.#attributedUs;
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
    this.#share.add(nowMs, nowMs - this.#source.turns.startedMs, this.#source.cpuUs);
  }

  #startTurn(): number {
    const nowMs = this.#source.turns.enter();
    this.#owner = null;
    this.#sinceMs = nowMs;
    return nowMs;
  }
}
