import { limits } from '../base/limits.ts';
import { Wake } from './board.ts';

/** A loop that is busy is looked at so often: a turn that was in its first quarter then is stuck at the next look. */
const samplePeriodMs: number = limits.loopStuckMs;
/** In between only for a turn that is older, and no more often: on a starved machine it comes nowhere for long. */
const closerMs = samplePeriodMs / 4;
/** A loop that did nothing for so long is looked at only when vitals are due, and wakes the sentinel itself. */
const dozeAfterMs = 50;

/** What the marks say now. */
export interface Marks {
  /** As on the board: odd while a turn goes on. */
  readonly turn: number;
  /** How long that turn has lasted; 0 outside of one. */
  readonly turnMs: number;
  readonly nowMs: number;
  /** Of the time since the last look, that in which the thread did not wait for a CPU. */
  readonly usedMs: number;
}

export interface Look {
  /** Vitals are due, or a threshold was crossed. */
  readonly report: boolean;
  /** How long the loop has been stuck: without the time in which it waited for a CPU. 0: it is not. */
  readonly stuckMs: number;
  /** Until the next look. */
  readonly nextMs: number;
  /** The next look is far away: what is not to wait for it. */
  readonly wake: (typeof Wake)[keyof typeof Wake];
}

/**
 * Watches the marks of another thread's loop. Pure: time and marks come in, what to do comes out.
 *
 * A turn counts as stuck by the time in which it ran or slept. One that lasts because the thread waits for a CPU is the
 * machine's fault: to give its invocations to others, and to start more of them, would make that worse.
 */
export class LoopWatch {
  #turn = 0;
  /** When the turn, or the rest, was first seen. */
  #sinceMs: number;
  /** Of the turn that goes on. */
  #busyMs = 0;
  #reportAtMs: number;
  #toldStuck = false;

  constructor(nowMs: number) {
    this.#sinceMs = nowMs;
    this.#reportAtMs = nowMs;
  }

  look({ turn, turnMs, nowMs, usedMs }: Marks): Look {
    const same = turn === this.#turn;
    if (!same) {
      this.#turn = turn;
      this.#sinceMs = nowMs;
      this.#busyMs = 0;
    }
    const busy = (turn & 1) === 1;
    // What was used before the turn began is not told apart: it is not more than the turn has lasted.
    this.#busyMs = busy ? Math.min(turnMs, this.#busyMs + usedMs) : 0;
    // Once stuck, a turn is so until it ends.
    const stuck = busy && (this.#busyMs >= limits.loopStuckMs || (same && this.#toldStuck));
    const report = stuck !== this.#toldStuck || nowMs >= this.#reportAtMs;
    if (report) {
      this.#toldStuck = stuck;
      this.#reportAtMs = nowMs + limits.vitalsPeriodMs;
    }
    const dozes = !busy && nowMs - this.#sinceMs >= dozeAfterMs;
    const dueMs = Math.max(1, this.#reportAtMs - nowMs);
    const wake = stuck ? Wake.turnEnd : dozes ? Wake.turnStart : Wake.none;
    return {
      report,
      stuckMs: stuck ? this.#busyMs : 0,
      nextMs: wake === Wake.none ? Math.min(dueMs, this.#sampleMs()) : dueMs,
      wake,
    };
  }

  #sampleMs(): number {
    if (this.#busyMs <= closerMs) return samplePeriodMs;
    return Math.max(closerMs, limits.loopStuckMs - this.#busyMs);
  }
}
