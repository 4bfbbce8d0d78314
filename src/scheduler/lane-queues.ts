// Hot path while a function waits for instances.
import { limits } from '../base/limits.ts';
import { lanes } from '../model/learned.ts';
import { Queue } from './queue.ts';
import type { RouteProfile } from './routes.ts';
import type { Schedulable } from './schedulable.ts';

/** What waits for the instances of one function: a queue per lane. */
export class LaneQueues<T extends Schedulable> {
  readonly queues: readonly Queue<T>[] = lanes.map(() => new Queue<T>());

  /** Invocations in the queues. */
  get waiting(): number {
    let sum = 0;
    for (const queue of this.queues) sum += queue.length;
    return sum;
  }

  oldestAgeMs(nowMs: number): number {
    return Math.max(...this.queues.map((queue) => queue.oldestAgeMs(nowMs)));
  }

  /** False: there wait as many as may. What waits in one queue takes room from the other. */
  enqueue(item: T, nowMs: number): boolean {
    const isFull = this.waiting >= limits.queueInvocations;
    item.queueHandle = isFull ? -1 : this.queues[item.lane]!.push(item, nowMs, nowMs + limits.queueWaitMs);
    return item.queueHandle !== -1;
  }

  /** Behind those that came before it. `after`: the handle of one that is known to have come before. */
  putBack(item: T, after = -1): void {
    const queue = this.queues[item.lane]!;
    item.queueHandle = queue.putBack(item, item.receivedMs, item.receivedMs + limits.queueWaitMs, after);
  }

  /** What waits of a kind goes to that lane, to its turn there: one walk over each queue. */
  move(profile: RouteProfile, lane: number): void {
    const moved = this.queues[1 - lane]!.takeOut((item) => item.profile.current === profile);
    let after = -1;
    for (const item of moved.sort((left, right) => left.receivedMs - right.receivedMs)) {
      item.lane = lane;
      this.putBack(item, after);
      after = item.queueHandle;
    }
  }

  /** It waits no longer. */
  leave(item: T): void {
    if (item.queueHandle === -1) return;
    this.queues[item.lane]!.remove(item.queueHandle);
    item.queueHandle = -1;
  }

  /** Takes one out of a queue, in turn. */
  shift(): T | undefined {
    for (const queue of this.queues) {
      const item = queue.shift();
      if (item === undefined) continue;
      item.queueHandle = -1;
      return item;
    }
    return undefined;
  }

  /** Takes out all that have waited for too long. */
  expire(nowMs: number, onExpired: (item: T) => void): void {
    for (const queue of this.queues) {
      queue.expire(nowMs, (item) => {
        item.queueHandle = -1;
        onExpired(item);
      });
    }
  }
}
