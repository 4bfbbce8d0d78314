import { limits } from '../../../src/base/limits.ts';

/**
 * Invocations of one function that wait, first come, first served. The bounds are ours, for every policy: so many wait for
 * so long, then the answer is an error.
 */
export class Waiting {
  #ring = new Int32Array(64);
  #sinceMs = new Float64Array(64);
  #first = 0;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** False: too many wait already. */
  push(invocation: number, nowMs: number): boolean {
    if (this.#length === limits.queueInvocations) return false;
    if (this.#length === this.#ring.length) this.#grow();
    const at = (this.#first + this.#length) % this.#ring.length;
    this.#ring[at] = invocation;
    this.#sinceMs[at] = nowMs;
    this.#length += 1;
    return true;
  }

  /** The first; −1: nobody waits. */
  shift(): number {
    if (this.#length === 0) return -1;
    const invocation = this.#ring[this.#first]!;
    this.#first = (this.#first + 1) % this.#ring.length;
    this.#length -= 1;
    return invocation;
  }

  /** When the first has waited for too long; Infinity: nobody waits. */
  get deadlineMs(): number {
    return this.#length === 0 ? Infinity : this.#sinceMs[this.#first]! + limits.queueWaitMs;
  }

  #grow(): void {
    const length = this.#ring.length;
    const ring = new Int32Array(length * 2);
    const sinceMs = new Float64Array(length * 2);
    for (let at = 0; at < length; at += 1) {
      ring[at] = this.#ring[(this.#first + at) % length]!;
      sinceMs[at] = this.#sinceMs[(this.#first + at) % length]!;
    }
    this.#ring = ring;
    this.#sinceMs = sinceMs;
    this.#first = 0;
  }
}
