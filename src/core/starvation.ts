import { closeSync, openSync, readSync } from 'node:fs';

/** What the kernel's scheduler says of a thread: since its start, milliseconds. */
export interface Scheduled {
  readonly ranMs: number;
  /** Ready to run, but on no CPU. A wait that goes on counts when it is over. */
  readonly waitedMs: number;
}

/** What neither ran nor waited nor is too little to tell: the kernel counts a slice that goes on at its ticks, 4 ms apart. */
const tellableMs = 5;

/**
 * Of `periodMs` between two readings, the time in which the thread did not wait for a CPU: it ran, or slept in a system
 * call. `isRunnable`: whether it is ready to run, or runs, as of the second; asked only when that decides. Pure.
 */
export function usedMs(before: Scheduled, now: Scheduled, periodMs: number, isRunnable: () => boolean): number {
  const ranMs = now.ranMs - before.ranMs;
  const notWaitedMs = periodMs - (now.waitedMs - before.waitedMs);
  // Time that is in neither figure was slept, unless the thread is ready: then it has waited since.
  const used = notWaitedMs - ranMs > tellableMs && isRunnable() ? ranMs : Math.max(ranMs, notWaitedMs);
  return Math.min(Math.max(0, used), Math.max(0, periodMs));
}

/**
 * The scheduler's figures for the main thread of this process, from any thread of it, or of another one. Where the kernel keeps none (not
 * Linux, or built without them) all time counts as used.
 */
export class MainThread {
  readonly #buffer = Buffer.alloc(512);
  readonly #schedstat: number | null;
  readonly #stat: number | null;
  #last: Scheduled | null = null;
  #lastMs: number;

  constructor(nowMs: number, pid: number = process.pid) {
    // The main thread's id is the process's.
    this.#schedstat = openOrNull(`/proc/${pid}/task/${pid}/schedstat`);
    this.#stat = openOrNull(`/proc/${pid}/task/${pid}/stat`);
    this.#lastMs = nowMs;
    this.#last = this.#read();
  }

  /** Since the last call, as `usedMs`. Costs two microseconds. */
  usedMs(nowMs: number): number {
    const [before, periodMs] = [this.#last, nowMs - this.#lastMs];
    const now = this.#read();
    this.#last = now;
    this.#lastMs = nowMs;
    if (before === null || now === null) return periodMs;
    return usedMs(before, now, periodMs, this.#isRunnable);
  }

  close(): void {
    if (this.#schedstat !== null) closeSync(this.#schedstat);
    if (this.#stat !== null) closeSync(this.#stat);
  }

  #read(): Scheduled | null {
    const [ranNs, waitedNs] = this.#text(this.#schedstat).split(' ', 2).map(Number);
    // All 0: the kernel was built without.
    if (ranNs === undefined || waitedNs === undefined || !(ranNs > 0)) return null;
    return { ranMs: ranNs / 1e6, waitedMs: waitedNs / 1e6 };
  }

  /** proc(5): the state follows the command's name, which is in parentheses and may hold anything. */
  readonly #isRunnable = (): boolean => {
    const text = this.#text(this.#stat);
    return text[text.lastIndexOf(')') + 2] === 'R';
  };

  #text(file: number | null): string {
    if (file === null) return '';
    try {
      return this.#buffer.toString('latin1', 0, readSync(file, this.#buffer, 0, this.#buffer.length, 0));
    } catch {
      // The thread is ending.
      return '';
    }
  }
}

function openOrNull(path: string): number | null {
  try {
    return openSync(path, 'r');
  } catch {
    return null;
  }
}
