// How many instances a FunctionScheduler puts to work, and wants.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limits } from '../base/limits.ts';
import { itemOf, learned, schedulerOf, wallMs } from './two-routes.fixture.ts';

test('whatever small part of the processors it may have, one instance may compute', () => {
  const scheduler = schedulerOf();
  const first = scheduler.add(512, 0);
  scheduler.add(512, 0);
  scheduler.starts({ cores: 0.1, cpuIdle: false, starting: 0, sinceStartMs: 1000, live: 2 }, 0);
  for (let nowMs = 0; nowMs < 500; nowMs += 100) {
    const [item, another] = [0, 0].map(() => itemOf(scheduler, '/burn', nowMs));
    const index = scheduler.take(item!, nowMs);
    assert.notEqual(index, -1, 'one computes');
    if (nowMs > 0) assert.equal(scheduler.take(another!, nowMs), -1, 'the other waits for it');
    scheduler.ended(index, item!.lane, nowMs + 100);
    scheduler.settled(item!, first, { wallMs: 100, cpuMs: 100 }, nowMs + 100);
  }
});

test('an instance on its way out is none that what waits could wait for', () => {
  const scheduler = schedulerOf();
  for (let count = 0; count < 3; count += 1) scheduler.add(512, 0);
  const busy = new Set([0, 0, 0, 0].map(() => scheduler.take(itemOf(scheduler, '/wait', 0), 0)));
  assert.equal(busy.size, 2);
  for (const index of busy) scheduler.stuck(index, 1, 20, 0);
  scheduler.remove([0, 1, 2].find((index) => !busy.has(index))!);
  const burn = itemOf(scheduler, '/burn', 0);
  assert.equal(scheduler.take(burn, 0), -1);
  scheduler.enqueue(burn, 0);
  // The third one drains, and exists.
  const around = { cores: 1, cpuIdle: false, starting: 0, sinceStartMs: Infinity, live: 3 };
  assert.deepEqual(scheduler.starts(around, 50).waited, {
    count: 1,
    reason: '1 wait, and all instances have work that is kept apart from theirs',
  });
  assert.equal(scheduler.starts({ ...around, starting: 1, live: 4 }, 50).waited.count, 0, 'it is coming');
});

test('instances that have died keep no processor from others', () => {
  const scheduler = schedulerOf();
  scheduler.starts({ cores: 2, cpuIdle: false, starting: 0, sinceStartMs: 0, live: 1 }, 0);
  for (let nowMs = 0; nowMs < 1000; nowMs += 100) {
    const index = scheduler.add(512, nowMs);
    const item = itemOf(scheduler, '/burn', nowMs);
    assert.equal(scheduler.take(item, nowMs), index);
    scheduler.settled(item, index, { wallMs: 100, cpuMs: 100 }, nowMs);
    scheduler.remove(index);
  }
});

test('after a pause no more compute at once than before it: that nothing moved then is no sign that they never yield', () => {
  const scheduler = schedulerOf();
  for (let count = 0; count < 12; count += 1) scheduler.add(512, 0);
  scheduler.starts({ cores: 2, cpuIdle: false, starting: 0, sinceStartMs: 0, live: 12 }, 0);
  for (const nowMs of [0, 5_000, 60_000]) {
    const burst = Array.from({ length: 12 }, () => itemOf(scheduler, '/burn', nowMs));
    const placed = burst
      .map((item) => ({ item, index: scheduler.take(item, nowMs) }))
      .filter(({ index }) => index !== -1);
    assert.equal(placed.length, 2 + limits.instancesBeyondCores, `at ${nowMs} ms`);
    for (const { item, index } of placed) {
      scheduler.ended(index, item.lane, nowMs + 200);
      scheduler.settled(item, index, { wallMs: 200, cpuMs: 100 }, nowMs + 200);
    }
  }
});

test('instances whose work is adopted by the other lane are none that have work of this one', () => {
  const scheduler = schedulerOf({ learned: null, maxConcurrency: 2 });
  const indices = [scheduler.add(512, 0), scheduler.add(512, 0)];
  const items = [0, 0, 0].map(() => itemOf(scheduler, '/b', 0));
  const placed = items.map((item) => scheduler.take(item, 0));
  assert.deepEqual(new Set(placed), new Set(indices));
  scheduler.ended(placed[0]!, items[0]!.lane, 900);
  scheduler.settled(items[0]!, placed[0]!, { wallMs: 900, cpuMs: 900 }, 900);
  for (const index of indices) scheduler.stuck(index, 1, 20, 900);
  const waits = itemOf(scheduler, '/b', 900);
  while (scheduler.take(itemOf(scheduler, '/b', 900), 900) !== -1);
  scheduler.take(waits, 900);
  scheduler.enqueue(waits, 900);
  const around = { cores: 1, cpuIdle: false, starting: 0, sinceStartMs: Infinity, live: 2 };
  assert.equal(scheduler.starts(around, 950).waited.count, 0, 'both have work like it');
});

test('a surge is awaited by what the function does most, after a restart too, and by no more than there are processors', () => {
  const arrivals = {
    lastWallMs: wallMs - 60_000,
    watchedWallMs: wallMs - 60_000,
    idleMinutes: [],
    beyond: 0,
    beyondMinutes: [],
    minutePeaks: [
      [0, 8, 8],
      [1, 8, 8],
    ] as const,
  };
  const around = { cpuIdle: false, starting: 0, sinceStartMs: Infinity, live: 0 };
  const burns = { ...learned, limits: [null, learned.limits[1]!], arrivals };
  const scheduler = schedulerOf({ learned: burns });
  scheduler.sweep({ nowMs: 0, wallMs, memoryShort: false });
  assert.equal(scheduler.limit, 1);
  assert.equal(scheduler.starts({ ...around, cores: 64 }, 0).ahead.count, 12, '8 at 0.7 of what one takes');
  assert.equal(scheduler.starts({ ...around, cores: 4 }, 0).ahead.count, 4);
  const waits = schedulerOf({ learned: { ...learned, arrivals } });
  waits.sweep({ nowMs: 0, wallMs, memoryShort: false });
  assert.equal(waits.starts({ ...around, cores: 4 }, 0).ahead.count, 4, '3 at once');
});
