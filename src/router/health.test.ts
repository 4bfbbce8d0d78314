import assert from 'node:assert/strict';
import { test } from 'node:test';

import { limits } from '../base/limits.ts';
import { noVitals } from '../model/vitals.ts';
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
  const memory = { reason: 'memory', afterSequence: 5 } as const;
  const ailing = { ...noVitals, ailment: 1 };
  assert.equal(endsPause(memory, 5, noVitals, 10), false);
  assert.equal(endsPause(memory, 6, noVitals, 10), true);
  // Whatever the pause was about: the core would refuse the next one for what ails it now.
  for (const reason of ['memory', 'fds', 'cpu', 'limit', 'stuck'] as const) {
    assert.equal(endsPause({ reason, afterSequence: 5 }, 6, ailing, 10), false);
    assert.equal(endsPause({ reason, afterSequence: 5 }, 6, { ...noVitals, loopStuckMs: 500 }, 10), false);
    assert.equal(endsPause({ reason, afterSequence: 5 }, 6, { ...noVitals, loopPermille: 1000 }, 10), true);
  }
  assert.equal(endsPause({ reason: 'limit', afterSequence: 5 }, 6, { ...noVitals, inFlight: 10 }, 10), false);
  assert.equal(endsPause({ reason: 'loop', afterSequence: 5 }, 6, { ...noVitals, loopPermille: 1000 }, 10), false);
});
