// Hot path: one compare-and-swap per invocation.
/**
 * The claim table: one 32-bit word per stream slot in shared memory, which makes begin (by the thread that runs user
 * code) and recall (by the sentinel) exclusive, so that what was recalled never ran (I2).
 *
 * A word is a stream's generation and who claimed it, 0 before the first. It only ever goes on to a later generation;
 * within one it is never changed. So a recall that arrives late, when its slot was used again, does nothing.
 */
const begun = 1 << 16;
const revoked = 1 << 17;
const generationMask = 0xffff;
/** Two uses of a slot that still meet are close together; farther apart, the numbers have wrapped in between. */
const meetingGenerations = 0x3fff;

export type Recalled =
  /** It will never run. */
  | 'revoked'
  /** It was handed to user code. */
  | 'begun'
  /** A later stream has the slot: the recall crossed the end of its own. */
  | 'stale';

export class Claims {
  readonly #words: Int32Array;

  constructor(memory: SharedArrayBuffer, byteOffset: number, slots: number) {
    this.#words = new Int32Array(memory, byteOffset, slots);
  }

  static bytes(slots: number): number {
    return slots * Int32Array.BYTES_PER_ELEMENT;
  }

  /** True: the invocation is user code's now. False: it was revoked; it must not run, and has been answered. */
  begin(stream: number): boolean {
    return this.#claim(stream, begun) === 0;
  }

  /** True: revoked now, and not yet answered. False: somebody was faster. */
  refuse(stream: number): boolean {
    return this.#claim(stream, revoked) === 0;
  }

  /** What a RECALL is answered by. */
  recall(stream: number): Recalled {
    const found = this.#claim(stream, revoked);
    if (found === -1) return 'stale';
    return found === begun ? 'begun' : 'revoked';
  }

  /** 0: claimed by `mark`. −1: a later stream has the slot. Otherwise who has it already. */
  #claim(stream: number, mark: number): number {
    const slot = stream & 0xffff;
    const generation = stream >>> 16;
    let word = Atomics.load(this.#words, slot);
    for (;;) {
      const held = word & generationMask;
      if (held === generation) return word & ~generationMask;
      if (held !== 0 && isLater(held, generation)) return -1;
      const found = Atomics.compareExchange(this.#words, slot, word, generation | mark);
      if (found === word) return 0;
      word = found;
    }
  }
}

/** Holds wherever the router's generations wrap, as long as the two are within `meetingGenerations`. */
function isLater(held: number, generation: number): boolean {
  const ahead = held - generation;
  return Math.abs(ahead) <= meetingGenerations ? ahead > 0 : ahead < 0;
}
