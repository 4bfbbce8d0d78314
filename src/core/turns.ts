// Hot path: a mark at the start and one at the end of every busy turn of the loop.
import { Cell, Wake } from './board.ts';
import { nextTick, setImmediate } from './loop.ts';

/**
 * The turns of the main loop, marked in shared memory for the sentinel. A turn begins with the first callback after the
 * loop has waited, which the async hook reports, and ends by setImmediate: when all that was ready has been called. While a
 * turn goes on the loop never waits, so its duration is time in which the loop was busy.
 */
export class Turns {
  /** Whether a turn goes on: who may start one asks first, it is cheaper than the call. */
  inside = false;
  /** performance.now() at its start. */
  startedMs = 0;
  /** Called last thing in every turn. */
  ending: () => void = () => undefined;
  /** Whether something came up since that call: then the turn goes on. */
  more: () => boolean = () => false;
  /** Wakes the sentinel. */
  wake: () => void = () => undefined;
  readonly #cells: Int32Array;
  #turn = 0;
  #activeMs = 0;
  /** Since the longest turn was last reported. */
  #longestMs = 0;
  #period = 0;

  constructor(cells: Int32Array) {
    this.#cells = cells;
  }

  /** Only while not inside. Returns the time. */
  enter(): number {
    this.inside = true;
    this.startedMs = performance.now();
    this.#cells[Cell.turnStartMs] = this.startedMs;
    this.#mark(Wake.turnStart);
    setImmediate(this.#end);
    return this.startedMs;
  }

  readonly #end = (): void => {
    try {
      this.ending();
    } finally {
      // Writes that were made there leave ticks behind, which would begin a turn of their own.
      nextTick(this.#leave);
    }
  };

  readonly #leave = (): void => {
    if (this.more()) {
      setImmediate(this.#end);
      return;
    }
    this.inside = false;
    const lastedMs = performance.now() - this.startedMs;
    this.#activeMs += lastedMs;
    this.#cells[Cell.activeUs] = this.#activeMs * 1000;
    if (lastedMs > this.#longestMs || this.#cells[Cell.turnPeriod] !== this.#period) this.#longest(lastedMs);
    this.#mark(Wake.turnEnd);
  };

  /**
   * Of this period: it is the longest, or the first. A report in between takes what was there before, and sees by the mark
   * that this turn goes on: it counts as far as it had come.
   */
  #longest(lastedMs: number): void {
    this.#longestMs = lastedMs;
    this.#period = Atomics.load(this.#cells, Cell.turnPeriod);
    this.#cells[Cell.longestTurnMs] = lastedMs;
    Atomics.store(this.#cells, Cell.longestIn, this.#period);
  }

  /** Wakes the sentinel if that is what it waits for. */
  #mark(wake: number): void {
    this.#turn = (this.#turn + 1) | 0;
    Atomics.store(this.#cells, Cell.turn, this.#turn);
    // The mark is set before this look, and the sentinel looks at it after it said what it waits for: no wake is missed.
    if (Atomics.load(this.#cells, Cell.wake) !== wake) return;
    Atomics.store(this.#cells, Cell.wake, Wake.none);
    this.wake();
  }
}
