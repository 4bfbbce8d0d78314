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
  const full = { ...noVitals, rssBytes: 240 * mebibyte };
  assert.equal(endsPause(memory, 5, noVitals, 256), false);
  assert.equal(endsPause(memory, 6, noVitals, 256), true);
  assert.equal(endsPause(memory, 6, full, 256), false);
  // Memory is not what a loop's pause is about.
  const loop = { reason: 'loop', afterSequence: 5 } as const;
  assert.equal(endsPause(loop, 6, full, 256), true);
  assert.equal(endsPause(loop, 6, { ...noVitals, loopPermille: 1000 }, 256), false);
  assert.equal(endsPause({ reason: 'limit', afterSequence: 5 }, 6, { ...noVitals, loopPermille: 1000 }, 256), true);
  assert.equal(endsPause({ reason: 'stuck', afterSequence: 5 }, 6, { ...noVitals, loopStuckMs: 500 }, 256), false);
});
