import { limits } from '../base/limits.ts';

/**
 * How many invocations at once an instance gets whose loop was held: as many as user code had then, and twice as many with
 * every sign of health, until it has what it is allowed again. What is sent behind one that holds the loop only comes back.
 */
export class Window {
  readonly #limit: number;
  #places: number;
  #openedMs = -Infinity;

  constructor(limit: number) {
    this.#limit = limit;
    this.#places = limit;
  }

  get places(): number {
    return this.#places;
  }

  /** It has at most half of what it is allowed: its invocations need the loop more than they wait. */
  get narrow(): boolean {
    return this.#places * 2 <= this.#limit;
  }

  /** The loop was held, with so many begun and not yet answered. */
  close(inFlight: number): void {
    this.#places = Math.max(1, Math.min(inFlight, this.#places));
  }

  /** The loop came round. */
  opened(nowMs: number): void {
    this.#openedMs = nowMs;
  }

  /** Vitals of an instance that takes invocations. True: the window is wider now. */
  widen(loopPermille: number, nowMs: number): boolean {
    // It has to have had the time to be held again.
    const tried = nowMs - this.#openedMs >= 2 * limits.loopStuckMs;
    if (this.#places === this.#limit || !tried || loopPermille >= wideBelowPermille) return false;
    this.#places = Math.min(this.#limit, this.#places * 2);
    return true;
  }
}

/** Above this share of its loop's time an instance gets no more at once than it has. */
const wideBelowPermille = 800;
