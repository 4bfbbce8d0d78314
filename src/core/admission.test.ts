import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Admission, type ProcessHealth, refusal, thresholds, verdict } from './admission.ts';

const healthy: Admission = {
  open: true,
  draining: false,
  failed: false,
  inFlight: 3,
  maxConcurrency: 4,
  turnMs: 0,
  lifetimeLeftMs: Infinity,
  maxDurationMs: 1_000,
  verdict: null,
};

test('every refusal has its name, the lasting ones first', () => {
  assert.equal(refusal(healthy), null);
  const cases: readonly [Partial<Admission>, string][] = [
    [{ failed: true, draining: true }, 'errors'],
    [{ draining: true, open: false }, 'draining'],
    [{ open: false, inFlight: 9 }, 'unloaded'],
    [{ lifetimeLeftMs: 999 }, 'lifetime'],
    [{ inFlight: 4, verdict: 'memory' }, 'limit'],
    [{ verdict: 'memory', turnMs: 1_000 }, 'memory'],
    [{ verdict: 'fds' }, 'fds'],
    [{ verdict: 'cpu' }, 'cpu'],
    [{ turnMs: thresholds.loopMs }, 'loop'],
  ];
  for (const [change, reason] of cases) assert.equal(refusal({ ...healthy, ...change }), reason);
});

test('the process ails at its thresholds and not below; what is unknown is well', () => {
  const well: ProcessHealth = { rssBytes: 899, memoryBytes: 1_000, fds: 89, fdLimit: 100, throttledPermille: 499 };
  assert.equal(verdict(well), null);
  assert.equal(verdict({ ...well, rssBytes: 900 }), 'memory');
  assert.equal(verdict({ ...well, fds: 90 }), 'fds');
  assert.equal(verdict({ ...well, throttledPermille: 500 }), 'cpu');
  assert.equal(verdict({ ...well, rssBytes: 10_000, memoryBytes: 0, fds: 10_000, fdLimit: 0 }), null);
});
