import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { limits } from '../base/limits.ts';
import { reapable } from './reap.ts';
import { type Demand, startDelayMs, startsNeeded } from './scale.ts';
import { Window } from './window.ts';

const calm: Demand = {
  waiting: 0,
  headAgeMs: 0,
  startingCapacity: 0,
  starting: 0,
  sinceStartMs: Infinity,
  limit: 10,
  live: 0,
  maxInstances: 100,
  stillForMs: Infinity,
  held: 0,
  cores: 2,
  cpuIdle: false,
};

test('starts for what waits, minus what is on its way', () => {
  assert.equal(startsNeeded(calm), 0);
  assert.equal(startsNeeded({ ...calm, waiting: 1 }), 1);
  assert.equal(startsNeeded({ ...calm, waiting: 25 }), 3);
  assert.equal(startsNeeded({ ...calm, waiting: 25, starting: 2, startingCapacity: 20, live: 2 }), 1);
  assert.equal(startsNeeded({ ...calm, waiting: 25, starting: 3, startingCapacity: 30, live: 3 }), 0);
  assert.equal(startsNeeded({ ...calm, waiting: 25, limit: 1, live: 90 }), 10);
});

test('an old head forces a start; one that seems to hang gets company, and no more than that', () => {
  const old = { ...calm, waiting: 1, startingCapacity: 10, headAgeMs: limits.queueStaleMs };
  const slow = { ...old, starting: 1, live: 1, sinceStartMs: limits.startSlowMs };
  assert.equal(startsNeeded({ ...old, startingCapacity: 0 }), 1);
  assert.equal(startsNeeded({ ...slow, sinceStartMs: limits.startSlowMs - 1 }), 0);
  assert.equal(startsNeeded(slow), 1);
  assert.equal(startsNeeded({ ...slow, starting: 2, live: 2 }), 0);
  assert.equal(startsNeeded({ ...slow, headAgeMs: limits.queueStaleMs - 1 }), 0);
  assert.equal(startsNeeded({ ...slow, live: 100 }), 0);
});

test('what waits for CPU gets no more instances, but for a head that may wait for loops that never yield', () => {
  const full = { ...calm, waiting: 500, live: 2, held: 2 };
  assert.equal(startsNeeded({ ...full, held: 1 }), 50);
  assert.equal(startsNeeded({ ...full, cores: Infinity }), 50);
  assert.equal(startsNeeded(full), 0);
  // Loops that are held by what does not compute.
  assert.equal(startsNeeded({ ...full, cpuIdle: true, headAgeMs: limits.heldQueueStaleMs }), 50);
  assert.equal(startsNeeded({ ...full, cpuIdle: true }), 0, 'they may have been idle before');
  const late = { ...full, headAgeMs: limits.heldQueueStaleMs };
  assert.equal(startsNeeded(late), 1);
  assert.equal(startsNeeded({ ...late, starting: 1, sinceStartMs: limits.heldQueueStaleMs }), 0);
  assert.equal(startsNeeded({ ...late, sinceStartMs: limits.heldQueueStaleMs - 1 }), 0);
  assert.equal(startsNeeded({ ...late, stillForMs: limits.heldQueueStaleMs - 1 }), 0);
  const many = { ...late, held: 2 * limits.heldInstancesPerCore };
  assert.equal(startsNeeded({ ...many, sinceStartMs: limits.heldStartMs - 1 }), 0);
  assert.equal(startsNeeded({ ...many, sinceStartMs: limits.heldStartMs }), 1);
});

test('law: never beyond the most, and with what is on its way enough for what waits', () => {
  const demand = fc.record({
    waiting: fc.nat(1000),
    headAgeMs: fc.nat(1000),
    startingCapacity: fc.nat(500),
    starting: fc.nat(3),
    sinceStartMs: fc.nat(5000),
    stillForMs: fc.nat(5000),
    limit: fc.integer({ min: 1, max: 100 }),
    live: fc.nat(120),
    maxInstances: fc.nat(100),
    held: fc.nat(3),
    cores: fc.constant(4),
    cpuIdle: fc.boolean(),
  });
  fc.assert(
    fc.property(demand, (asked) => {
      const starts = startsNeeded(asked);
      assert.ok(Number.isInteger(starts) && starts >= 0);
      if (starts > 0) assert.ok(asked.live + starts <= asked.maxInstances);
      if (asked.live + starts < asked.maxInstances) {
        assert.ok(starts * asked.limit + asked.startingCapacity >= asked.waiting);
      }
    }),
  );
});

test('failed starts wait longer and longer, up to a limit', () => {
  assert.equal(startDelayMs(0), 0);
  assert.equal(startDelayMs(1), limits.startBackoffMs);
  assert.equal(startDelayMs(3), 4 * limits.startBackoffMs);
  assert.equal(startDelayMs(5000), limits.startBackoffMaxMs);
});

test('reapable: idle for long enough, with nothing in flight and no background work', () => {
  const idle = { inFlight: 0, background: 0, idleSinceMs: 100 };
  const policy = { keepAliveMs: 50 };
  assert.equal(reapable(idle, 149, policy), false);
  assert.equal(reapable(idle, 150, policy), true);
  assert.equal(reapable({ ...idle, background: 1 }, 1000, policy), false);
  assert.equal(reapable({ ...idle, inFlight: 1 }, 1000, policy), false);
  assert.equal(reapable(idle, 100 + limits.idleKeepAliveMs), true);
});

test('a window: one after the loop was held, doubling while it is well', () => {
  const window = new Window(10);
  assert.equal(window.places, 10);
  window.close(6);
  assert.deepEqual([window.places, window.narrow], [6, false]);
  window.close(1);
  assert.deepEqual([window.places, window.narrow], [1, true]);
  window.opened(1000);
  assert.equal(window.widen(100, 1010), false, 'it had no time to be held again');
  assert.equal(window.widen(1000, 1200), false, 'its loop has no time left');
  const sizes: number[] = [];
  for (let nowMs = 1200; window.widen(100, nowMs); nowMs += 200) sizes.push(window.places);
  assert.deepEqual(sizes, [2, 4, 8, 10]);
  assert.equal(window.narrow, false);
  const one = new Window(1);
  one.close(1);
  assert.deepEqual([one.places, one.narrow], [1, false]);
});
