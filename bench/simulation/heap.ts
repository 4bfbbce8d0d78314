// Hot path of the simulator: several pushes and pops per invocation. Typed arrays, nothing is allocated.

/** A binary heap of small integers by key. Equal keys leave in the order in which they came, so that runs repeat exactly. */
export class EventHeap {
  #keys = new Float64Array(256);
  #turns = new Float64Array(256);
  #values = new Int32Array(256);
  #size = 0;
  #turn = 0;

  get size(): number {
    return this.#size;
  }

  /** Infinity when it is empty. */
  get firstKey(): number {
    return this.#size === 0 ? Infinity : this.#keys[0]!;
  }

  push(key: number, value: number): void {
    if (this.#size === this.#keys.length) this.#grow();
    const turn = (this.#turn += 1);
    let at = this.#size++;
    const keys = this.#keys;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (keys[parent]! <= key) break;
      this.#move(parent, at);
      at = parent;
    }
    this.#put(at, key, turn, value);
  }

  /** The value of the first key. The heap must not be empty. */
  pop(): number {
    const first = this.#values[0]!;
    const last = (this.#size -= 1);
    if (last > 0) this.#sink(this.#keys[last]!, this.#turns[last]!, this.#values[last]!);
    return first;
  }

  #sink(key: number, turn: number, value: number): void {
    const keys = this.#keys;
    const turns = this.#turns;
    const size = this.#size;
    let at = 0;
    for (let child = 1; child < size; child = at * 2 + 1) {
      const right = child + 1;
      if (right < size && before(keys[right]!, turns[right]!, keys[child]!, turns[child]!)) child = right;
      if (before(key, turn, keys[child]!, turns[child]!)) break;
      this.#move(child, at);
      at = child;
    }
    this.#put(at, key, turn, value);
  }

  #put(at: number, key: number, turn: number, value: number): void {
    this.#keys[at] = key;
    this.#turns[at] = turn;
    this.#values[at] = value;
  }

  #move(from: number, to: number): void {
    this.#keys[to] = this.#keys[from]!;
    this.#turns[to] = this.#turns[from]!;
    this.#values[to] = this.#values[from]!;
  }

  #grow(): void {
    const length = this.#keys.length * 2;
    const { keys, turns, values } = { keys: this.#keys, turns: this.#turns, values: this.#values };
    this.#keys = new Float64Array(length);
    this.#turns = new Float64Array(length);
    this.#values = new Int32Array(length);
    this.#keys.set(keys);
    this.#turns.set(turns);
    this.#values.set(values);
  }
}

const before = (key: number, turn: number, otherKey: number, otherTurn: number): boolean =>
  key < otherKey || (key === otherKey && turn < otherTurn);
