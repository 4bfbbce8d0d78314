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

  /** False: the queue is full. */
  enqueue(item: T, nowMs: number): boolean {
    item.queueHandle = this.queues[item.lane]!.push(item, nowMs, nowMs + limits.queueWaitMs);
    return item.queueHandle !== -1;
  }

  /** Behind those that came before it. */
  putBack(item: T): void {
    const queue = this.queues[item.lane]!;
    item.queueHandle = queue.putBack(item, item.receivedMs, item.receivedMs + limits.queueWaitMs);
  }

  /** What waits of a kind goes to that lane, to its turn there. */
  move(profile: RouteProfile, lane: number): void {
    const from = this.queues[1 - lane]!;
    const all: T[] = [];
    for (let item = from.shift(); item !== undefined; item = from.shift()) all.push(item);
    for (const item of all) {
      if (item.profile === profile) item.lane = lane;
      this.putBack(item);
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
