import assert from 'node:assert/strict';
import { test } from 'node:test';

import { limits } from '../base/limits.ts';
import { functionSpec, Rig } from '../../test/router/rig.ts';
import { nackReasons, noVitals } from '../model/vitals.ts';
import { endsPause, freePermille } from './health.ts';

const mebibyte = 1024 * 1024;

test('free is what the scarcest resource has left', () => {
  assert.equal(freePermille(noVitals, 256), 1000);
  assert.equal(freePermille({ ...noVitals, loopPermille: 400, rssBytes: 64 * mebibyte }, 256), 600);
  assert.equal(freePermille({ ...noVitals, loopPermille: 400, rssBytes: 192 * mebibyte }, 256), 250);
  assert.equal(freePermille({ ...noVitals, rssBytes: 512 * mebibyte }, 256), 0);
  assert.equal(freePermille({ ...noVitals, loopStuckMs: limits.loopStuckMs }, 256), 0);
});

test('a pause ends by newer vitals that say its reason is over', () => {
  const memory = { reason: 'memory', afterSequence: 5, sinceMs: 0 } as const;
  const ailing = { ...noVitals, ailment: 1 };
  assert.equal(endsPause(memory, 5, noVitals, 10), false);
  assert.equal(endsPause(memory, 6, noVitals, 10), true);
  // Whatever the pause was about: the core would refuse the next one for what ails it now.
  for (const reason of ['memory', 'fds', 'cpu', 'limit', 'stuck'] as const) {
    assert.equal(endsPause({ reason, afterSequence: 5, sinceMs: 0 }, 6, ailing, 10), false);
    assert.equal(endsPause({ reason, afterSequence: 5, sinceMs: 0 }, 6, { ...noVitals, loopStuckMs: 500 }, 10), false);
    assert.equal(endsPause({ reason, afterSequence: 5, sinceMs: 0 }, 6, { ...noVitals, loopPermille: 1000 }, 10), true);
  }
  assert.equal(
    endsPause({ reason: 'limit', afterSequence: 5, sinceMs: 0 }, 6, { ...noVitals, inFlight: 10 }, 10),
    false,
  );
  assert.equal(
    endsPause({ reason: 'loop', afterSequence: 5, sinceMs: 0 }, 6, { ...noVitals, loopPermille: 1000 }, 10),
    false,
  );
});

test('an instance that refuses for want of memory with nothing to do is replaced, and the log says why', () => {
  const rig = new Rig();
  const spec = functionSpec();
  const only = rig.warm(spec);
  const full = { rssBytes: 1e9, ailment: 1 + nackReasons.indexOf('memory'), inFlight: 0 };
  rig.invoke(spec);
  rig.settle();
  only.say((writer) => writer.nack(only.last.stream, 'memory'));
  rig.settle();
  for (let elapsedMs = 0; elapsedMs < limits.usedUpMs - 500; elapsedMs += limits.vitalsPeriodMs) {
    rig.clock.advance(limits.vitalsPeriodMs);
    only.vitals({ ...full, cpuUs: elapsedMs });
  }
  assert.deepEqual(only.drains, [], 'it may be given back');
  rig.clock.advance(1000);
  assert.deepEqual(only.drains, ['it refuses (memory) with nothing to do']);
  assert.ok(rig.lines.some(({ level, text }) => level === 'warn' && /a larger "memory" would let it stay/.test(text)));
});
