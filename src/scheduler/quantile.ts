// Hot path: one or two changes per invocation, by one level each.

/** A quantile of a bag of small integers, kept while they change: the work per change is the distance it moves. */
export class Quantile {
  readonly #share: number;
  #counts: Int32Array = new Int32Array(64);
  #size = 0;
  #value = 0;
  /** Members below the value. */
  #below = 0;

  /** `share`: of the members at least so large a part is at or below the value. */
  constructor(share: number) {
    this.#share = share;
  }

  get size(): number {
    return this.#size;
  }

  /** The smallest member that has at least `share` of all members at or below it; 0 without members. */
  get value(): number {
    return this.#value;
  }

  add(level: number): void {
    if (level >= this.#counts.length) this.#grow(level + 1);
    this.#counts[level]! += 1;
    this.#size += 1;
    if (level < this.#value) this.#below += 1;
    this.#settle();
  }

  /** One that was added. */
  remove(level: number): void {
    this.#counts[level]! -= 1;
    this.#size -= 1;
    if (level < this.#value) this.#below -= 1;
    this.#settle();
  }

  #settle(): void {
    const counts = this.#counts;
    if (this.#size === 0) {
      this.#value = 0;
      this.#below = 0;
      return;
    }
    const rank = Math.ceil(this.#share * this.#size);
    while (this.#below + counts[this.#value]! < rank) {
      this.#below += counts[this.#value]!;
      this.#value += 1;
    }
    while (this.#below >= rank) {
      this.#value -= 1;
      this.#below -= counts[this.#value]!;
    }
  }

  #grow(count: number): void {
    const counts = new Int32Array(2 ** Math.ceil(Math.log2(count)));
    counts.set(this.#counts);
    this.#counts = counts;
  }
}
