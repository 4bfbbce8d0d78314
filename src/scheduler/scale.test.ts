import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { limits } from '../base/limits.ts';
import { reapable } from './reap.ts';
import { startDelayMs, startsNeeded } from './scale.ts';

const calm = { waiting: 0, headAgeMs: 0, starting: 0, startingCapacity: 0, limit: 10, live: 0, maxInstances: 100 };

test('starts for what waits, minus what is on its way', () => {
  assert.equal(startsNeeded(calm), 0);
  assert.equal(startsNeeded({ ...calm, waiting: 1 }), 1);
  assert.equal(startsNeeded({ ...calm, waiting: 25 }), 3);
  assert.equal(startsNeeded({ ...calm, waiting: 25, starting: 2, startingCapacity: 20, live: 2 }), 1);
  assert.equal(startsNeeded({ ...calm, waiting: 25, starting: 3, startingCapacity: 30, live: 3 }), 0);
  assert.equal(startsNeeded({ ...calm, waiting: 25, limit: 1, live: 90 }), 10);
});

test('an old head forces a start, but only one that is not under way', () => {
  const old = { ...calm, waiting: 1, startingCapacity: 5, headAgeMs: limits.queueStaleMs };
  assert.equal(startsNeeded(old), 1);
  assert.equal(startsNeeded({ ...old, starting: 1 }), 0);
  assert.equal(startsNeeded({ ...old, live: 100 }), 0);
});

test('law: never beyond the most, and with what is on its way enough for what waits', () => {
  const demand = fc.record({
    waiting: fc.nat(1000),
    headAgeMs: fc.nat(1000),
    starting: fc.nat(20),
    startingCapacity: fc.nat(500),
    limit: fc.integer({ min: 1, max: 100 }),
    live: fc.nat(120),
    maxInstances: fc.nat(100),
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
