/**
 * What the instance's two threads tell each other: 32-bit cells in shared memory, each with one writer. Totals wrap
 * when they outgrow 32 bits; their reader adds up differences.
 */
export const Cell = {
  /** Odd while the main loop is in a turn; another value for every turn. Main. */
  turn: 0,
  /** What the sentinel wants to be woken by, one of Wake. Both. */
  wake: 1,
  /** 1: the sentinel reports the vitals, main need not. Sentinel. */
  reporting: 2,
  /** From here to activeUs: main. Begun and not yet answered. */
  inFlight: 3,
  waiting: 4,
  background: 5,
  errors: 6,
  /** Wraps. */
  attributedUs: 7,
  /** How long the main loop was in its turns, as of the last one's end. Wraps. */
  activeUs: 8,
  heapKiB: 9,
  /** Limit; 0 before the function is known. */
  memoryMiB: 10,
  /** 0: well. Otherwise 1 + the index in nackReasons of what ails the process. Whoever reports. */
  verdict: 11,
  /** performance.now() of the main thread when its turn began, whole milliseconds. Stored before the mark. Wraps. Main. */
  turnStartMs: 12,
  /** The longest turn that ended in the period `longestIn`, whole milliseconds. Stored before it and before the mark. Main. */
  longestTurnMs: 13,
  /** The period in which it ended, as turnPeriod was then: what is of an earlier one was reported. Main. */
  longestIn: 14,
  /** Counts up with every report of the longest turn. Wraps. Whoever reports. */
  turnPeriod: 15,
} as const;

export const Wake = {
  none: 0,
  /** It looks rarely. */
  turnStart: 1,
  /** It has said that the loop is stuck. */
  turnEnd: 2,
} as const;

/**
 * When performance.now() was 0 in this thread, on the clock that all threads of the process share; milliseconds. The
 * difference between two threads' is that between their performance.now().
 */
export function clockOriginMs(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1000 + nanoseconds / 1e6 - performance.now();
}

export const boardBytes = 64;

/** The board, and behind it room for `extraBytes`. */
export const boardMemory = (extraBytes: number): SharedArrayBuffer => new SharedArrayBuffer(boardBytes + extraBytes);

/** Marks are set and read by Atomics; counters that are only reported may be stored plainly. */
export const boardCells = (memory: SharedArrayBuffer): Int32Array => new Int32Array(memory, 0, boardBytes / 4);
