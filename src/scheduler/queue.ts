// Hot path while a function waits for instances: slots in a linked list, no Map and no array shifting.
import { limits } from '../base/limits.ts';

/**
 * Invocations of one function that wait for an instance: first come, first served, bounded, each with a deadline. A handle
 * is good until its item has left; after that it is known to be old.
 */
export class Queue<T> {
  readonly #capacity: number;
  readonly #items: (T | undefined)[] = [];
  readonly #pushedAtMs: number[] = [];
  readonly #deadlineMs: number[] = [];
  readonly #next: number[] = [];
  readonly #previous: number[] = [];
  readonly #generation: number[] = [];
  readonly #free: number[] = [];
  #head = -1;
  #tail = -1;
  #length = 0;
  /** No deadline is before this. */
  #earliestMs = Infinity;

  constructor(capacity: number = limits.queueInvocations) {
    this.#capacity = capacity;
  }

  get length(): number {
    return this.#length;
  }

  /** A handle (0 or more) for `remove`; −1: the queue is full. */
  push(item: T, nowMs: number, deadlineMs: number): number {
    if (this.#length >= this.#capacity) return -1;
    const slot = this.#take(item, nowMs, deadlineMs);
    const tail = this.#tail;
    this.#next[slot] = -1;
    this.#previous[slot] = tail;
    if (tail === -1) this.#head = slot;
    else this.#next[tail] = slot;
    this.#tail = slot;
    return this.#handle(slot);
  }

  /**
   * Back in turn: behind those that were pushed before `pushedAtMs`. Over capacity, too: it had its place. `after`: the handle of
   * one that it comes behind, where the search may begin: many in order are a merge of two lists.
   */
  putBack(item: T, pushedAtMs: number, deadlineMs: number, after = -1): number {
    const slot = this.#take(item, pushedAtMs, deadlineMs);
    // Those that come back were ahead of the others, and few are passed; or many come at once, in turn.
    const isLast = this.#tail !== -1 && this.#pushedAtMs[this.#tail]! <= pushedAtMs;
    let previous = isLast ? this.#tail : after === -1 ? -1 : after % slots;
    let next = previous === -1 ? this.#head : this.#next[previous]!;
    while (next !== -1 && this.#pushedAtMs[next]! <= pushedAtMs) {
      previous = next;
      next = this.#next[next]!;
    }
    this.#next[slot] = next;
    this.#previous[slot] = previous;
    if (next === -1) this.#tail = slot;
    else this.#previous[next] = slot;
    if (previous === -1) this.#head = slot;
    else this.#next[previous] = slot;
    return this.#handle(slot);
  }

  /** The next in turn; undefined when it is empty. */
  shift(): T | undefined {
    const slot = this.#head;
    if (slot === -1) return undefined;
    const item = this.#items[slot];
    this.#leave(slot);
    return item;
  }

  /** Takes out all that `isOne` says, in order. */
  takeOut(isOne: (item: T) => boolean): T[] {
    const taken: T[] = [];
    for (let slot = this.#head; slot !== -1;) {
      const next = this.#next[slot]!;
      const item = this.#items[slot]!;
      if (isOne(item)) {
        taken.push(item);
        this.#leave(slot);
      }
      slot = next;
    }
    return taken;
  }

  /** Takes one out of turn. False: it had left already. */
  remove(handle: number): boolean {
    const slot = handle % slots;
    if (handle < 0 || this.#items[slot] === undefined || this.#generation[slot] !== Math.floor(handle / slots))
      return false;
    this.#leave(slot);
    return true;
  }

  /** Takes out all whose deadline has come, in order. `onExpired` may push; it sees them out of the queue already. */
  expire(nowMs: number, onExpired: (item: T) => void): void {
    if (this.#length === 0 || nowMs < this.#earliestMs) return;
    const expired: T[] = [];
    let earliestMs = Infinity;
    for (let slot = this.#head; slot !== -1;) {
      const next = this.#next[slot]!;
      if (this.#deadlineMs[slot]! <= nowMs) {
        expired.push(this.#items[slot]!);
        this.#leave(slot);
      } else {
        earliestMs = Math.min(earliestMs, this.#deadlineMs[slot]!);
      }
      slot = next;
    }
    this.#earliestMs = earliestMs;
    for (const item of expired) onExpired(item);
  }

  /** How long the head has waited; 0 when it is empty. */
  oldestAgeMs(nowMs: number): number {
    return this.#head === -1 ? 0 : nowMs - this.#pushedAtMs[this.#head]!;
  }

  #take(item: T, pushedAtMs: number, deadlineMs: number): number {
    const slot = this.#free.pop() ?? this.#items.length;
    this.#items[slot] = item;
    this.#pushedAtMs[slot] = pushedAtMs;
    this.#deadlineMs[slot] = deadlineMs;
    this.#generation[slot] ??= 0;
    this.#earliestMs = this.#length === 0 ? deadlineMs : Math.min(this.#earliestMs, deadlineMs);
    this.#length += 1;
    return slot;
  }

  #handle(slot: number): number {
    return this.#generation[slot]! * slots + slot;
  }

  #leave(slot: number): void {
    const next = this.#next[slot]!;
    const previous = this.#previous[slot]!;
    if (previous === -1) this.#head = next;
    else this.#next[previous] = next;
    if (next === -1) this.#tail = previous;
    else this.#previous[next] = previous;
    this.#items[slot] = undefined;
    this.#generation[slot] = (this.#generation[slot]! + 1) % generations;
    this.#free.push(slot);
    this.#length -= 1;
  }
}

const slots = 0x1_0000;
const generations = 0x1_0000;
