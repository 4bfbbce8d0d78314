// Hot path: one take, a few gets and one free per invocation. No Map: insert and delete per request cost 20 % CPU.
import { limits } from '../base/limits.ts';

/** The protocol allows 65,535; up to here an id is a small integer to V8, and needs no heap number. */
const lastGeneration = 0x7fff;

/** The slot of a stream id: the index that both sides' tables use. */
export const slotOf = (id: number): number => id & 0xffff;

/** Streams by id, `generation << 16 | slot`: a freed slot is used again under its next generation. */
export class SlotTable<T> {
  readonly capacity: number;
  /** The current id of each slot that is or was taken. */
  readonly #ids: number[] = [];
  readonly #values: (T | undefined)[] = [];
  /** Freed slots, last freed first: the one that is warm in the cache. */
  readonly #free: number[] = [];
  #count = 0;

  constructor(capacity: number = limits.streamsPerTunnel) {
    this.capacity = Math.min(capacity, limits.streamsPerTunnel);
  }

  /** Slots taken now. */
  get count(): number {
    return this.#count;
  }

  /** The new stream's id; −1 when every slot is taken. */
  take(value: T): number {
    let slot = this.#free.pop();
    if (slot === undefined) {
      slot = this.#ids.length;
      if (slot >= this.capacity) return -1;
      this.#ids.push(0x1_0000 | slot);
      this.#values.push(value);
    } else {
      const generation = (this.#ids[slot] ?? 0) >>> 16;
      this.#ids[slot] = ((generation === lastGeneration ? 1 : generation + 1) << 16) | slot;
      this.#values[slot] = value;
    }
    this.#count += 1;
    return this.#ids[slot] ?? -1;
  }

  /** Undefined: not current, an old frame that crossed its stream's end. */
  get(id: number): T | undefined {
    const slot = id & 0xffff;
    return this.#ids[slot] === id ? this.#values[slot] : undefined;
  }

  /** Whether it was current: a second call does nothing. */
  free(id: number): boolean {
    const slot = id & 0xffff;
    if (this.#ids[slot] !== id || this.#values[slot] === undefined) return false;
    this.#values[slot] = undefined;
    this.#free.push(slot);
    this.#count -= 1;
    return true;
  }

  /** Every stream that is current, by slot. `visit` may free the one it is given. */
  each(visit: (value: T, id: number) => void): void {
    for (let slot = 0; slot < this.#values.length; slot += 1) {
      const value = this.#values[slot];
      if (value !== undefined) visit(value, this.#ids[slot] ?? 0);
    }
  }
}
