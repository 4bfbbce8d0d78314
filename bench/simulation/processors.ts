// Hot path of the simulator: two calls per slice of CPU.
import { EventHeap } from './heap.ts';

/**
 * The cores of a machine, shared by all that want to run: with k of them on C cores each gets min(1, C/k) of a core
 * (egalitarian processor sharing). All run at the same rate, so one virtual clock serves for all: who wants w ms of CPU is
 * done when that clock has gone w ms further, however many come and go in between. O(log k) per slice.
 */
export class Processors {
  readonly cores: number;
  /** CPU time given out, milliseconds. */
  usedMs = 0;
  readonly #done = new EventHeap();
  #virtualMs = 0;
  #nowMs = 0;

  constructor(cores: number) {
    this.cores = cores;
  }

  /** How many run or wait for a core. */
  get running(): number {
    return this.#done.size;
  }

  /** Of a core, what each of them gets. */
  get rate(): number {
    const k = this.#done.size;
    return k <= this.cores ? 1 : this.cores / k;
  }

  /** `id` wants `workMs` of CPU from now on. Returns a mark for `leftMs`. */
  add(id: number, workMs: number): number {
    const doneAt = this.#virtualMs + workMs;
    this.#done.push(doneAt, id);
    return doneAt;
  }

  /** CPU that the owner of the mark has yet to get. */
  leftMs(mark: number): number {
    return Math.max(0, mark - this.#virtualMs);
  }

  /** When the first of them will be done if nothing changes; Infinity: nobody runs. */
  get nextMs(): number {
    if (this.#done.size === 0) return Infinity;
    return this.#nowMs + Math.max(0, this.#done.firstKey - this.#virtualMs) / this.rate;
  }

  advance(nowMs: number): void {
    const k = this.#done.size;
    const elapsedMs = nowMs - this.#nowMs;
    this.#nowMs = nowMs;
    if (k === 0 || elapsedMs <= 0) return;
    this.usedMs += elapsedMs * Math.min(k, this.cores);
    this.#virtualMs += elapsedMs * this.rate;
  }

  /** Who is done at `nextMs`, to which the time must have been advanced. */
  finish(): number {
    // Exactly, whatever was lost in rounding: those that are done at the same time are.
    this.#virtualMs = Math.max(this.#virtualMs, this.#done.firstKey);
    const id = this.#done.pop();
    if (this.#done.size === 0) this.#virtualMs = 0;
    return id;
  }
}
