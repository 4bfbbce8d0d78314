import { limits } from '../base/limits.ts';

const seconds = limits.demandWindowMs / 1000;

/** What a lane of a function had in flight or waiting, second by second, for a minute. */
export class DemandWindow {
  readonly #sums = new Float64Array(seconds);
  readonly #counts = new Float64Array(seconds);
  /** The second that is being filled. */
  #second = -1;

  /** Several times a second. */
  observe(demand: number, nowMs: number): void {
    const second = Math.floor(nowMs / 1000);
    if (second > this.#second) this.#advance(second);
    this.#sums[second % seconds]! += demand;
    this.#counts[second % seconds]! += 1;
  }

  /**
   * Average over the last so many milliseconds, as far as anything was observed then. Seconds count alike, however often they
   * were looked at: idle ones are seldom.
   */
  average(overMs: number, nowMs: number): number {
    const now = Math.floor(nowMs / 1000);
    let sum = 0;
    let observed = 0;
    for (let second = Math.max(0, now - overMs / 1000 + 1); second <= now; second += 1) {
      if (second > this.#second || second <= this.#second - seconds) continue;
      const count = this.#counts[second % seconds]!;
      if (count === 0) continue;
      sum += this.#sums[second % seconds]! / count;
      observed += 1;
    }
    return observed === 0 ? 0 : sum / observed;
  }

  #advance(second: number): void {
    const from = Math.max(this.#second + 1, second - seconds + 1);
    for (let each = from; each <= second; each += 1) {
      this.#sums[each % seconds] = 0;
      this.#counts[each % seconds] = 0;
    }
    this.#second = second;
  }
}

/**
 * Instances that so much demand calls for, so that each has a part of its limit to spare: as Knative's autoscaler, the
 * larger of what a minute and what six seconds say (stable and panic window), at 70 % of the limit.
 */
export function instancesFor(demand: { stable: number; panic: number }, limit: number): number {
  const each = (limit * limits.demandTargetPermille) / 1000;
  return Math.ceil(Math.max(demand.stable, demand.panic) / each - 0.001);
}
