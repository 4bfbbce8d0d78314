// Hot path of the simulator.
import type { Vitals } from '../../src/model/vitals.ts';
import { limits } from '../../src/base/limits.ts';

export const Phase = { booting: 0, stem: 1, loading: 2, ready: 3, ended: 4 } as const;
export type Phase = (typeof Phase)[keyof typeof Phase];

/** What an instance takes without work, and for each invocation that has begun: an assumption of the model. */
const baseBytes = 64 * 1024 * 1024;
const invocationBytes = 100 * 1024;
const baseFds = 24;

/**
 * One process with one loop. What may run waits in a list, first come, first served, each slice to its end: from `head`
 * to `tail` (Loops).
 */
export class SimInstance {
  readonly id: number;
  phase: Phase = Phase.booting;
  ofFunction = -1;
  memoryMiB: number;
  readonly startedMs: number;
  /** When it was started for its function, or given it. */
  obtainedMs: number;
  fromStem = false;
  /** It gets nothing new, and ends when it has nothing in flight. */
  drains = false;

  /** Sent to it and not settled. */
  inFlight = 0;
  /** Of these, not begun. */
  waiting = 0;
  busySinceMs = 0;

  head = -1;
  tail = -1;
  /** The invocation whose slice is on the loop; −1: it waits for work. */
  running = -1;
  /** The last invocation of this turn. */
  turnLast = -1;
  turnSinceMs = 0;
  /** CPU that this turn has had before the piece that runs now. */
  turnRanMs = 0;
  /** Of the slice, what comes after the piece that runs now. */
  restMs = 0;
  pieceMs = 0;
  /** Of Processors, for the piece that runs now. */
  mark = 0;
  isStuck = false;
  /** A stuck turn has just ended. */
  cameRound = false;

  /** CPU of all pieces that have ended, and of booting. */
  cpuMs = 0;
  attributedMs = 0;
  /** Time in turns that have ended. */
  activeMs = 0;
  longestTurnMs = 0;
  reportedMs = 0;
  reportedActiveMs = 0;
  reportDueMs = 0;
  /** It had nothing to say at its last report, and says nothing until something comes for its function. */
  isQuiet = false;

  constructor(id: number, memoryMiB: number, nowMs: number) {
    this.id = id;
    this.memoryMiB = memoryMiB;
    this.startedMs = nowMs;
    this.obtainedMs = nowMs;
  }

  /** Reports, as an instance of ours does. `leftMs`: of the piece that runs now. */
  report(nowMs: number, leftMs: number): Vitals {
    const inTurn = this.running !== -1;
    const pieceRanMs = inTurn ? this.pieceMs - leftMs : 0;
    const activeMs = this.activeMs + (inTurn ? nowMs - this.turnSinceMs : 0);
    const periodMs = Math.max(0.001, nowMs - this.reportedMs);
    const busy = Math.min(1, Math.max(0, activeMs - this.reportedActiveMs) / periodMs);
    const begun = this.inFlight - this.waiting;
    const delayMs = Math.max(this.longestTurnMs, inTurn ? nowMs - this.turnSinceMs : 0);
    this.longestTurnMs = 0;
    this.reportedMs = nowMs;
    this.reportedActiveMs = activeMs;
    this.reportDueMs = nowMs + limits.vitalsPeriodMs;
    return {
      cpuUs: Math.round((this.cpuMs + pieceRanMs) * 1000),
      throttledUs: 0,
      rssBytes: baseBytes + begun * invocationBytes,
      heapBytes: 0,
      loopPermille: Math.round(busy * 1000),
      loopStuckMs: this.isStuck ? Math.trunc(this.turnRanMs + pieceRanMs) : 0,
      fds: baseFds + begun,
      inFlight: begun,
      waiting: this.waiting,
      background: 0,
      errors: 0,
      attributedUs: Math.round(this.attributedMs * 1000),
      ailment: 0,
      loopDelayMs: Math.trunc(delayMs),
    };
  }
}
