import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limits } from '../base/limits.ts';
import { LaneQueues } from './lane-queues.ts';
import { Routes, laneComputes, laneWaits } from './routes.ts';
import type { Schedulable } from './schedulable.ts';

const routes = new Routes();

function itemOf(receivedMs: number, route = '/'): Schedulable {
  return { profile: routes.of(route, 'GET', route), receivedMs, lane: laneWaits, queueHandle: -1 };
}

/** So many that wait, one a millisecond. */
function waiting(count: number): { queues: LaneQueues<Schedulable>; items: Schedulable[] } {
  const queues = new LaneQueues<Schedulable>();
  const items = Array.from({ length: count }, (_, at) => itemOf(at));
  for (const item of items) assert.ok(queues.enqueue(item, item.receivedMs));
  return { queues, items };
}

test('what has waited too long goes, in turn; who hears of it may ask again, leave, and let others leave', () => {
  const { queues, items } = waiting(6);
  const nowMs = limits.queueWaitMs + 3;
  const heard: Schedulable[] = [];
  const again: Schedulable[] = [];
  queues.expire(nowMs, (item) => {
    heard.push(item);
    assert.equal(item.queueHandle, -1);
    queues.leave(item);
    queues.leave(items[5]!);
    const another = itemOf(nowMs);
    again.push(another);
    queues.enqueue(another, nowMs);
    queues.expire(nowMs, () => assert.fail('heard of twice'));
  });
  assert.deepEqual(heard, items.slice(0, 4));
  assert.deepEqual([queues.shift(), queues.waiting], [items[4], 4]);
  assert.deepEqual(
    again.map(() => queues.shift()),
    again,
  );
  assert.equal(queues.shift(), undefined);
});

test('both lanes expire, and what the first puts into the second too late', () => {
  const { queues, items } = waiting(2);
  const computes = itemOf(5);
  computes.lane = laneComputes;
  queues.enqueue(computes, 5);
  const late = itemOf(0);
  late.lane = laneComputes;
  const heard: Schedulable[] = [];
  queues.expire(limits.queueWaitMs + 5, (item) => {
    heard.push(item);
    if (item === items[0]) queues.putBack(late);
  });
  assert.deepEqual(heard, [...items, late, computes]);
  assert.equal(queues.waiting, 0);
});

test('one that came back too late is not kept: it expires at once', () => {
  const { queues } = waiting(1);
  const old = itemOf(-limits.queueWaitMs);
  queues.putBack(old);
  assert.equal(queues.oldestAgeMs(10), limits.queueWaitMs + 10);
  const heard: Schedulable[] = [];
  queues.expire(10, (item) => heard.push(item));
  assert.deepEqual([heard, queues.waiting], [[old], 1]);
});

test('a queue is full for those that come, not for those that come back', () => {
  const { queues, items } = waiting(limits.queueInvocations);
  const more = itemOf(20_000);
  assert.equal(queues.enqueue(more, 20_000), false);
  assert.equal(more.queueHandle, -1);
  queues.leave(more);
  const back = itemOf(5);
  queues.putBack(back);
  assert.equal(queues.waiting, limits.queueInvocations + 1);
  const inTurn = items.slice(0, 7).map(() => queues.shift());
  assert.deepEqual(inTurn, [...items.slice(0, 6), back], 'behind those that came with it');
});

test('a kind that moves takes its turns along, among those that wait there already', () => {
  const queues = new LaneQueues<Schedulable>();
  const items = [0, 1, 2, 3, 4, 5].map((at) => itemOf(at, at % 2 === 0 ? '/even' : '/odd'));
  for (const item of items) {
    if (item.receivedMs === 3) item.lane = laneComputes;
    queues.enqueue(item, item.receivedMs);
  }
  queues.move(items[0]!.profile, laneComputes);
  const [waits, computes] = queues.queues;
  assert.deepEqual(
    [waits!, computes!].map((queue) => Array.from({ length: queue.length }, () => queue.shift()?.receivedMs)),
    [
      [1, 5],
      [0, 2, 3, 4],
    ],
  );
});
