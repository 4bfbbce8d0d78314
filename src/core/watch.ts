import { limits } from '../base/limits.ts';

/** How often the sentinel looks at a loop that is busy. */
const samplePeriodMs = 5;
/** A loop that did nothing for so long is looked at only when vitals are due, and wakes the sentinel itself. */
const dozeAfterMs = 50;

export interface Look {
  /** Vitals are due, or a threshold was crossed. */
  readonly report: boolean;
  /** How long the turn that goes on was seen to last; 0 outside of one. */
  readonly turnMs: number;
  /** The same, if the loop counts as stuck; else 0. */
  readonly stuckMs: number;
  /** Until the next look. */
  readonly nextMs: number;
  /** The next look is far away: the loop's next turn has to wake the watcher. */
  readonly doze: boolean;
}

/** Watches the marks of another thread's loop. Pure: time and marks come in, what to do comes out. */
export class LoopWatch {
  #turn = 0;
  #sinceMs: number;
  #reportAtMs: number;
  #toldStuck = false;

  constructor(nowMs: number) {
    this.#sinceMs = nowMs;
    this.#reportAtMs = nowMs;
  }

  /** `turn` as on the board: odd while a turn goes on. */
  look(turn: number, nowMs: number): Look {
    if (turn !== this.#turn) {
      this.#turn = turn;
      this.#sinceMs = nowMs;
    }
    const busy = (turn & 1) === 1;
    const seenMs = nowMs - this.#sinceMs;
    const stuck = busy && seenMs >= limits.loopStuckMs;
    const report = stuck !== this.#toldStuck || nowMs >= this.#reportAtMs;
    if (report) {
      this.#toldStuck = stuck;
      this.#reportAtMs = nowMs + limits.vitalsPeriodMs;
    }
    const doze = !busy && seenMs >= dozeAfterMs;
    const dueMs = Math.max(1, this.#reportAtMs - nowMs);
    return {
      report,
      turnMs: busy ? seenMs : 0,
      stuckMs: stuck ? seenMs : 0,
      nextMs: doze ? dueMs : Math.min(dueMs, samplePeriodMs),
      doze,
    };
  }
}
