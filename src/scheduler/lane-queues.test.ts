import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { limits } from '../base/limits.ts';
import { LaneQueues } from './lane-queues.ts';
import { RouteProfile } from './routes.ts';
import type { Schedulable } from './schedulable.ts';

const [some, others] = ['/some', '/others'].map((pattern) => new RouteProfile(pattern));

const itemOf = (profile: RouteProfile, lane: number, receivedMs: number): Schedulable => {
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
  for (let at = 0; at < limits.queueInvocations; at += 1) assert.ok(queues.enqueue(itemOf(some!, at % 2, at), at));
  for (const lane of [0, 1]) {
    const late = itemOf(some!, lane, 1e6);
    assert.equal(queues.enqueue(late, 1e6), false);
    assert.equal(late.queueHandle, -1);
  }
  queues.shift();
  assert.ok(queues.enqueue(itemOf(others!, 1, 1e6), 1e6), 'the room of one lane is that of the other');
  assert.equal(queues.waiting, limits.queueInvocations);
});

test('law: what moves has its turn there, whatever waits on either side, and the rest stays in its', () => {
  const step = fc.record({ isSome: fc.boolean(), lane: fc.nat(1), laterMs: fc.nat(2) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60, size: 'max' }), fc.nat(1), (steps, to) => {
      const queues = new LaneQueues<Schedulable>();
      let nowMs = 0;
      const all = steps.map(({ isSome, lane, laterMs }) => {
        const item = itemOf(isSome ? some! : others!, lane, (nowMs += laterMs));
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
