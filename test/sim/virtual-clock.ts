import type { Clock, Timer } from '../../src/base/clock.ts';

const mostTurns = 100_000;

/**
 * A clock that moves only when it is told to. What is due at one instant runs in the order it was asked for; `soon` runs
 * after what was due in this turn and before time moves, as setImmediate does after the sockets that were ready.
 */
export class VirtualClock implements Clock {
  #nowMs = 0;
  #sequence = 0;
  /** Binary heap by (atMs, sequence). */
  #heap: Entry[] = [];
  #cancelled = 0;
  #soon: (() => void)[] = [];
  #nextSoon: (() => void)[] = [];
  readonly #wallStartMs: number;

  constructor(wallStartMs = 1_700_000_000_000) {
    this.#wallStartMs = wallStartMs;
  }

  nowMs(): number {
    return this.#nowMs;
  }

  wallMs(): number {
    return this.#wallStartMs + this.#nowMs;
  }

  after(delayMs: number, fire: () => void): Timer {
    const entry = new Entry(this, this.#nowMs + Math.max(0, delayMs), (this.#sequence += 1), fire);
    this.#heap.push(entry);
    this.#siftUp(this.#heap.length - 1);
    return entry;
  }

  soon(fire: () => void): void {
    this.#nextSoon.push(fire);
  }

  /** Timers that have not fired and were not cancelled. */
  get pending(): number {
    return this.#heap.length - this.#cancelled + this.#nextSoon.length;
  }

  /** Everything that is due now, and what that asks for at the same instant, until nothing more is due. */
  settle(): void {
    for (let turns = 0; this.#turn(); turns += 1) {
      if (turns === mostTurns)
        throw new Error(`livelock: ${mostTurns} turns at ${this.#nowMs} ms, and time does not move`);
    }
  }

  /** Moves time by `ms`, running everything that falls due on the way. */
  advance(ms: number): void {
    const untilMs = this.#nowMs + ms;
    this.runUntil(() => false, ms);
    this.#nowMs = Math.max(this.#nowMs, untilMs);
  }

  /** Runs until no timer is left, at most `withinMs` of virtual time. True: it became idle. */
  runUntilIdle(withinMs: number): boolean {
    return this.runUntil(() => this.pending === 0, withinMs);
  }

  /** Runs until `done` holds (asked between instants), at most `withinMs` of virtual time. True: it holds. */
  runUntil(done: () => boolean, withinMs: number): boolean {
    const untilMs = this.#nowMs + withinMs;
    for (;;) {
      this.settle();
      if (done()) return true;
      const next = this.#peek();
      if (next === undefined || next.atMs > untilMs) return false;
      this.#nowMs = next.atMs;
    }
  }

  /** One turn of the loop: what is due, then what wanted to run soon. False: there was nothing. */
  #turn(): boolean {
    // What is asked for during this turn belongs to the next one, even at the same instant.
    const last = this.#sequence;
    let ran = false;
    for (let next = this.#peek(); next !== undefined; next = this.#peek()) {
      if (next.atMs > this.#nowMs || next.sequence > last) break;
      this.#pop();
      next.state = 'fired';
      ran = true;
      next.fire();
    }
    if (this.#nextSoon.length === 0) return ran;
    const batch = this.#nextSoon;
    this.#nextSoon = this.#soon;
    this.#soon = batch;
    for (let index = 0; index < batch.length; index += 1) batch[index]?.();
    batch.length = 0;
    return true;
  }

  #peek(): Entry | undefined {
    for (;;) {
      const top = this.#heap[0];
      if (top === undefined || top.state !== 'cancelled') return top;
      this.#pop();
      this.#cancelled -= 1;
    }
  }

  #pop(): void {
    const last = this.#heap.pop();
    if (last === undefined || this.#heap.length === 0) return;
    this.#heap[0] = last;
    this.#siftDown(0);
  }

  /** Long timeouts that are nearly always cancelled would fill the heap: it is rebuilt once half of it is dead. */
  dropped(): void {
    this.#cancelled += 1;
    if (this.#cancelled < 1024 || this.#cancelled * 2 < this.#heap.length) return;
    this.#heap = this.#heap.filter((entry) => entry.state === 'waiting');
    this.#cancelled = 0;
    for (let index = this.#heap.length >> 1; index >= 0; index -= 1) this.#siftDown(index);
  }

  #siftUp(from: number): void {
    const heap = this.#heap;
    const entry = heap[from]!;
    let index = from;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!entry.before(heap[parent]!)) break;
      heap[index] = heap[parent]!;
      index = parent;
    }
    heap[index] = entry;
  }

  #siftDown(from: number): void {
    const heap = this.#heap;
    const entry = heap[from];
    if (entry === undefined) return;
    let index = from;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && heap[child + 1]!.before(heap[child]!)) child += 1;
      if (!heap[child]!.before(entry)) break;
      heap[index] = heap[child]!;
      index = child;
    }
    heap[index] = entry;
  }
}

class Entry implements Timer {
  readonly clock: VirtualClock;
  readonly atMs: number;
  readonly sequence: number;
  readonly fire: () => void;
  state: 'waiting' | 'fired' | 'cancelled' = 'waiting';

  constructor(clock: VirtualClock, atMs: number, sequence: number, fire: () => void) {
    this.clock = clock;
    this.atMs = atMs;
    this.sequence = sequence;
    this.fire = fire;
  }

  before(other: Entry): boolean {
    return this.atMs < other.atMs || (this.atMs === other.atMs && this.sequence < other.sequence);
  }

  cancel(): void {
    if (this.state !== 'waiting') return;
    this.state = 'cancelled';
    this.clock.dropped();
  }
}
