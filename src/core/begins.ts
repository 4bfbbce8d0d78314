// Hot path: one call per invocation.
import type { BeginsMode } from '../tunnel/payload.ts';

/** Below it on average, what user code does before it returns to the loop is too short to be worth a write of its own. */
const batchedBelowUs = 50;
const promptAboveUs = 100;
/** An average of fewer says nothing. */
const judgedAfter = 8;
/** Weight of the newest of them. */
const weight = 1 / 8;
/** What one of them counts for at most: a first call that compiles, or a pause of the machine, is soon forgotten. */
const countedUs = 400;

/**
 * Whether BEGUN is written before user code runs (prompt) or may leave with what follows it (batched): by the moving
 * average of the time that user code kept the loop when it was called. Pure.
 */
export class BeginsPolicy {
  #mode: BeginsMode = 'prompt';
  #meanUs = 0;
  #seen = 0;

  get mode(): BeginsMode {
    return this.#mode;
  }

  /** User code kept the loop for so long. True: the mode is another from here on. */
  observe(synchronousUs: number): boolean {
    this.#seen += 1;
    // The plain mean of the first ones; a moving one afterwards.
    const share = this.#seen < judgedAfter ? 1 / this.#seen : weight;
    this.#meanUs += (Math.min(synchronousUs, countedUs) - this.#meanUs) * share;
    const mode = this.#judge();
    if (mode === this.#mode) return false;
    this.#mode = mode;
    return true;
  }

  #judge(): BeginsMode {
    if (this.#mode === 'batched') return this.#meanUs > promptAboveUs ? 'prompt' : 'batched';
    return this.#seen >= judgedAfter && this.#meanUs < batchedBelowUs ? 'batched' : 'prompt';
  }
}
