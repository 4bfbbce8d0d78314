// Hot path: two inserts and two removes per invocation. Intrusive lists over small integers; nothing is allocated.

/**
 * Members (small integers) in lists by class (0–31) and level (0…): which classes have members, and the lowest level of a
 * class, are found in a few instructions. The member that came last is first in its list.
 */
export class Buckets {
  /** A bit for every class that has members. */
  occupied = 0;
  /** Room for so many levels, a multiple of 32. */
  #levels = 32;
  /** Head of each list, class-major; −1: empty. */
  #heads: Int32Array = new Int32Array(classes * 32).fill(-1);
  /** A bit for every level of a class whose list is not empty. */
  #bits: Int32Array = new Int32Array(classes);
  /** No list of the class below this level has members. */
  readonly #lowest = new Int32Array(classes);
  readonly #sizes = new Int32Array(classes);
  #next: Int32Array = new Int32Array(0);
  #previous: Int32Array = new Int32Array(0);
  /** Where a member is: class × levels + level as they were; −1: nowhere. */
  #classOf: Int8Array = new Int8Array(0);
  #levelOf: Int32Array = new Int32Array(0);

  insert(member: number, inClass: number, level: number): void {
    if (member >= this.#next.length) this.#growMembers(member + 1);
    if (level >= this.#levels) this.#growLevels(level + 1);
    const at = inClass * this.#levels + level;
    const head = this.#heads[at]!;
    this.#next[member] = head;
    this.#previous[member] = -1;
    if (head !== -1) this.#previous[head] = member;
    this.#heads[at] = member;
    this.#bits[at >>> 5]! |= 1 << (level & 31);
    this.#classOf[member] = inClass;
    this.#levelOf[member] = level;
    if (this.#sizes[inClass]!++ === 0) {
      this.occupied |= 1 << inClass;
      this.#lowest[inClass] = level;
    } else if (level < this.#lowest[inClass]!) {
      this.#lowest[inClass] = level;
    }
  }

  /** Does nothing to one that is in no list. */
  remove(member: number): void {
    if (!this.has(member)) return;
    const inClass = this.#classOf[member]!;
    const level = this.#levelOf[member]!;
    const next = this.#next[member]!;
    const previous = this.#previous[member]!;
    if (next !== -1) this.#previous[next] = previous;
    if (previous === -1) {
      const at = inClass * this.#levels + level;
      this.#heads[at] = next;
      if (next === -1) this.#bits[at >>> 5]! &= ~(1 << (level & 31));
    } else {
      this.#next[previous] = next;
    }
    this.#classOf[member] = -1;
    if (--this.#sizes[inClass]! === 0) this.occupied &= ~(1 << inClass);
  }

  has(member: number): boolean {
    return member < this.#classOf.length && this.#classOf[member] !== -1;
  }

  /** The lowest level of a class that has members. The class must be occupied. */
  lowestLevel(inClass: number): number {
    const from = this.#lowest[inClass]!;
    const firstWord = (inClass * this.#levels) >>> 5;
    let word = from >>> 5;
    let bits = this.#bits[firstWord + word]! & (-1 << (from & 31));
    while (bits === 0) bits = this.#bits[firstWord + (word += 1)]!;
    const level = (word << 5) + (31 - Math.clz32(bits & -bits));
    this.#lowest[inClass] = level;
    return level;
  }

  /** The first member of a list; −1 when it is empty. */
  first(inClass: number, level: number): number {
    return this.#heads[inClass * this.#levels + level]!;
  }

  #growMembers(count: number): void {
    const size = Math.max(16, 2 ** Math.ceil(Math.log2(count)));
    const old = this.#classOf;
    this.#next = grown(this.#next, new Int32Array(size));
    this.#previous = grown(this.#previous, new Int32Array(size));
    this.#levelOf = grown(this.#levelOf, new Int32Array(size));
    this.#classOf = new Int8Array(size).fill(-1);
    this.#classOf.set(old);
  }

  #growLevels(count: number): void {
    const levels = 2 ** Math.ceil(Math.log2(count));
    const heads = new Int32Array(classes * levels).fill(-1);
    const bits = new Int32Array((classes * levels) >>> 5);
    for (let each = 0; each < classes; each += 1) {
      heads.set(this.#heads.subarray(each * this.#levels, (each + 1) * this.#levels), each * levels);
      const words = this.#levels >>> 5;
      bits.set(this.#bits.subarray(each * words, (each + 1) * words), each * (levels >>> 5));
    }
    this.#heads = heads;
    this.#bits = bits;
    this.#levels = levels;
  }
}

const classes = 32;

function grown(from: Int32Array, to: Int32Array): Int32Array {
  to.set(from);
  return to;
}
