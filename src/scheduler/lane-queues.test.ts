import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { limits } from '../base/limits.ts';
import { LaneQueues } from './lane-queues.ts';
import { laneComputes, laneWaits, RouteProfile, Routes } from './routes.ts';
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

// — kinds that move, and the one bound —

const [some, others] = ['/some', '/others'].map((pattern) => new RouteProfile(pattern));

const kindItem = (profile: RouteProfile, lane: number, receivedMs: number): Schedulable => {
  return { profile, receivedMs, lane, queueHandle: -1 };
};

/** All that waits in a lane, in turn. */
function drained(queues: LaneQueues<Schedulable>, lane: number): Schedulable[] {
  const all: Schedulable[] = [];
  for (let item = queues.queues[lane]!.shift(); item !== undefined; item = queues.queues[lane]!.shift()) all.push(item);
  return all;
}

test('one bound for both queues together', () => {
  const queues = new LaneQueues<Schedulable>();
  for (let at = 0; at < limits.queueInvocations; at += 1) assert.ok(queues.enqueue(kindItem(some!, at % 2, at), at));
  for (const lane of [0, 1]) {
    const late = kindItem(some!, lane, 1e6);
    assert.equal(queues.enqueue(late, 1e6), false);
    assert.equal(late.queueHandle, -1);
  }
  queues.shift();
  assert.ok(queues.enqueue(kindItem(others!, 1, 1e6), 1e6), 'the room of one lane is that of the other');
  assert.equal(queues.waiting, limits.queueInvocations);
});

test('law: what moves has its turn there, whatever waits on either side, and the rest stays in its', () => {
  const step = fc.record({ isSome: fc.boolean(), lane: fc.nat(1), laterMs: fc.nat(2) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60, size: 'max' }), fc.nat(1), (steps, to) => {
      const queues = new LaneQueues<Schedulable>();
      let nowMs = 0;
      const all = steps.map(({ isSome, lane, laterMs }) => {
        const item = kindItem(isSome ? some! : others!, lane, (nowMs += laterMs));
        queues.enqueue(item, nowMs);
        return item;
      });
      const stays = all.filter((item) => item.lane !== to && item.profile !== some);
      queues.move(some!, to);
      assert.equal(queues.waiting, all.length);
      for (const item of all) assert.ok(item.queueHandle !== -1 && (item.profile !== some || item.lane === to));
      const there = drained(queues, to);
      assert.deepEqual(
        there.map(({ receivedMs }) => receivedMs),
        there.map(({ receivedMs }) => receivedMs).toSorted((a, b) => a - b),
      );
      assert.equal(there.length, all.length - stays.length);
      assert.deepEqual(drained(queues, 1 - to), stays);
    }),
  );
});

test('a kind moves by one look at each that waits, however many wait in both', () => {
  const queues = new LaneQueues<Schedulable>();
  let looks = 0;
  const counted = (profile: RouteProfile, lane: number, receivedMs: number): Schedulable => ({
    get profile() {
      looks += 1;
      return profile;
    },
    receivedMs,
    lane,
    queueHandle: -1,
  });
  const half = limits.queueInvocations / 2;
  for (let at = 0; at < 2 * half; at += 1) queues.enqueue(counted(at % 2 === 0 ? some! : others!, at % 2, at), at);
  queues.move(some!, 1);
  assert.equal(looks, half);
  assert.equal(queues.queues[1]!.length, 2 * half);
  drained(queues, 1).forEach(({ receivedMs }, at) => assert.equal(receivedMs, at));
});
