import { limits } from '../base/limits.ts';
import { lanes } from '../model/learned.ts';
import type { LaneKnowledge } from './knowledge.ts';
import { beyondCores } from './law.ts';
import type { Member } from './member.ts';
import { laneComputes } from './routes.ts';

/** What is in the way of their loops. */
interface Holds {
  readonly neverYields: boolean;
  readonly sleeps: boolean;
}

/** What the instances of one function use of the processors together, and may use. */
export class ProcessorUse {
  /** Instances that use theirs fully, or whose loop is held. */
  computing = 0;
  /** Processors that all of them use. */
  cores = 0;
  /** Those that they may use when others want them too. Infinity: not known. */
  allowedCores = Infinity;
  /**
   * By lane: when one of them was last done with an invocation, or had the first after there was none: before, nothing could
   * move, and that is no sign of loops that never yield.
   */
  readonly movedMs = lanes.map(() => -Infinity);

  #holds: Holds = { neverYields: false, sleeps: false };
  #heldAtMs = -Infinity;

  /** Whether the loop of one of them has not come round for so long that it may never; and whether something sleeps in one. */
  holds(members: readonly (Member | undefined)[], nowMs: number): Holds {
    if (nowMs - this.#heldAtMs < limits.sweepMs) return this.#holds;
    this.#heldAtMs = nowMs;
    const neverYields = members.some((member) => member?.isHeldFor(limits.heldQueueStaleMs, nowMs) === true);
    const sleeps = neverYields || members.some((member) => member?.sleeps === true);
    this.#holds = { neverYields, sleeps };
    return this.#holds;
  }

  /** What one uses of a processor from now on, 0–1. */
  set(member: Member, load: number): void {
    this.computing += Number(load >= computingLoad) - Number(member.load >= computingLoad);
    this.cores += load - member.load;
    member.load = load;
  }

  /**
   * Whether so many instances of a lane, each of which uses `load` of a processor with `limit` at once, keep all busy that they
   * may use: side by side with more of them all would take longer, and none be done sooner. Unless these seem never to yield.
   * None keeps nothing busy, however little that is.
   */
  areBusy(instances: number, { load, limit }: LaneKnowledge, nowMs: number): boolean {
    if (instances === 0) return false;
    return (
      instances * load >= this.allowedCores + beyondCores(limit) - spareCores &&
      nowMs - this.movedMs[laneComputes]! < limits.heldQueueStaleMs
    );
  }
}

/** An instance that uses so much of a processor computes. */
const computingLoad = 0.7;
/** So much of a processor is not worth another instance. */
const spareCores = 0.25;
