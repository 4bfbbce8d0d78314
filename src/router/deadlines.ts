// Hot path: `added` once per invocation. Swept, not timed: a timer object per invocation would cost more than the invocation.
import { limits } from '../base/limits.ts';
import type { Vitals } from '../model/vitals.ts';
import type { SlotTable } from '../tunnel/slots.ts';
import { isStuck } from './health.ts';
import type { RoutedInvocation } from './invocation.ts';

/** The PING by which a loop is asked whether it comes round. */
export const askBytes = Buffer.from('weirasks');

/** What the sweep wants done with the instance. */
export type Verdict =
  | 'fine'
  /** Ask the loop whether it still comes round. */
  | 'ask'
  /** The loop does not yield: the only way to stop what runs is to kill the instance. */
  | 'kill';

export interface LoopEvidence {
  /** The last that the sentinel said, and when. */
  readonly vitals: Vitals;
  readonly vitalsAtMs: number;
}

/** maxDuration of one instance's invocations, and what becomes of a loop that does not notice. */
export class Deadlines {
  /** No invocation's deadline is before this. */
  #dueMs = Infinity;
  /** When the loop was asked; −1: it was not. */
  #askedMs = -1;
  /** Something was read from the data connection since then. */
  heard = false;
  /** The invocation whose time was up when the loop was asked, if it was the only one there. */
  lateId: string | null = null;

  added(deadlineMs: number): void {
    if (deadlineMs < this.#dueMs) this.#dueMs = deadlineMs;
  }

  /** Times out what is late. Coarse: at the next sweep after its deadline. */
  sweep(nowMs: number, streams: SlotTable<RoutedInvocation>, evidence: LoopEvidence): Verdict {
    if (nowMs >= this.#dueMs && this.#timeOut(nowMs, streams)) {
      if (this.#askedMs < 0) return this.#ask(nowMs);
    }
    if (this.#askedMs < 0 || nowMs < this.#askedMs + limits.killGraceMs) return 'fine';
    const { heard } = this;
    const stuck = evidence.vitalsAtMs > this.#askedMs ? isStuck(evidence.vitals) : null;
    if (!heard && stuck !== false) return 'kill';
    // Heard, and yet stuck: what was heard may have been on its way. Not heard, and not stuck: it will be.
    if (!heard || stuck === true) return this.#ask(nowMs);
    this.#askedMs = -1;
    return 'fine';
  }

  #ask(nowMs: number): Verdict {
    this.#askedMs = nowMs;
    this.heard = false;
    return 'ask';
  }

  #timeOut(nowMs: number, streams: SlotTable<RoutedInvocation>): boolean {
    let late = false;
    const isAlone = streams.count === 1;
    // Those that are placed on this instance meanwhile lower it again.
    this.#dueMs = Infinity;
    streams.each((invocation) => {
      if (invocation.deadlineMs <= nowMs && invocation.expire(nowMs)) {
        late = true;
        this.lateId = isAlone ? invocation.head.id : null;
      } else this.added(invocation.deadlineMs);
    });
    return late;
  }
}
