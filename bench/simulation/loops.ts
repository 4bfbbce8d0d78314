// Hot path of the simulator.
import { limits } from '../../src/base/limits.ts';
import type { SimInstance } from './instance.ts';
import type { Processors } from './processors.ts';
import type { Workload } from './workload.ts';

/**
 * The loops of all instances. Slices of CPU run one after the other, each to its end. What is in the list when a turn
 * begins is of that turn, as with the callbacks that Node has ready when it polls; a turn that has had
 * limits.loopStuckMs of CPU is stuck until it ends.
 */
export class Loops {
  /** By invocation: its phase, an index into `phasesMs`. */
  readonly phaseAt: Uint32Array;
  /** By invocation: who comes after it in the list of its instance. */
  readonly #next: Int32Array;
  readonly #workload: Workload;
  readonly #processors: Processors;
  readonly #watches: boolean;

  /** `watches`: whether turns are looked at for being stuck. */
  constructor(workload: Workload, processors: Processors, watches: boolean) {
    const count = workload.arrivalMs.length;
    this.phaseAt = workload.phaseStart.slice(0, count);
    this.#next = new Int32Array(count).fill(-1);
    this.#workload = workload;
    this.#processors = processors;
    this.#watches = watches;
  }

  enqueue(instance: SimInstance, invocation: number, nowMs: number): void {
    this.#next[invocation] = -1;
    if (instance.head === -1) instance.head = invocation;
    else this.#next[instance.tail] = invocation;
    instance.tail = invocation;
    if (instance.running === -1) this.#turn(instance, nowMs);
  }

  /** The piece of CPU that it wanted has been had. The invocation whose slice that ends; −1: the loop is stuck as of now. */
  ran(instance: SimInstance, nowMs: number): number {
    const { running, pieceMs, restMs } = instance;
    instance.cpuMs += pieceMs;
    instance.turnRanMs += pieceMs;
    if (restMs > 0) {
      instance.isStuck = true;
      this.#piece(instance, restMs);
      return -1;
    }
    instance.running = -1;
    if (running === instance.turnLast) this.#turnEnded(instance, nowMs);
    else this.#slice(instance);
    return running;
  }

  /** Takes out of the list what has not begun, in order. */
  recall(instance: SimInstance): number[] {
    const { phaseStart } = this.#workload;
    const taken: number[] = [];
    let kept = -1;
    for (let at = instance.head; at !== -1; at = this.#next[at]!) {
      if (this.phaseAt[at] !== phaseStart[at]) {
        kept = at;
        continue;
      }
      taken.push(at);
      if (kept === -1) instance.head = this.#next[at]!;
      else this.#next[kept] = this.#next[at]!;
      if (instance.turnLast === at) instance.turnLast = kept === -1 ? instance.running : kept;
    }
    instance.tail = kept;
    return taken;
  }

  #turn(instance: SimInstance, nowMs: number): void {
    instance.turnSinceMs = nowMs;
    instance.turnRanMs = 0;
    instance.turnLast = instance.tail;
    this.#slice(instance);
  }

  #slice(instance: SimInstance): void {
    const invocation = instance.head;
    const at = this.phaseAt[invocation]!;
    instance.head = this.#next[invocation]!;
    if (instance.head === -1) instance.tail = -1;
    if (at === this.#workload.phaseStart[invocation]) instance.waiting -= 1;
    instance.running = invocation;
    this.#piece(instance, this.#workload.phasesMs[at]!);
  }

  /** Up to where the turn becomes stuck, if that is watched. */
  #piece(instance: SimInstance, workMs: number): void {
    const { loopStuckMs } = limits;
    const getsStuck = this.#watches && !instance.isStuck && instance.turnRanMs + workMs > loopStuckMs;
    instance.pieceMs = getsStuck ? Math.max(0, loopStuckMs - instance.turnRanMs) : workMs;
    instance.restMs = workMs - instance.pieceMs;
    instance.mark = this.#processors.add(instance.id, instance.pieceMs);
  }

  #turnEnded(instance: SimInstance, nowMs: number): void {
    const lastedMs = nowMs - instance.turnSinceMs;
    instance.activeMs += lastedMs;
    if (lastedMs > instance.longestTurnMs) instance.longestTurnMs = lastedMs;
    instance.cameRound = instance.isStuck;
    instance.isStuck = false;
    if (instance.head !== -1) this.#turn(instance, nowMs);
  }
}
