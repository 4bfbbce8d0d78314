import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limits } from '../base/limits.ts';
import { Machine } from './machine.ts';

test('this machine has memory and processors', () => {
  const spare = new Machine().spare(0);
  assert.ok(spare.freeMemoryMiB > 0 && spare.cores > 0);
});

test('processors are full when they had nothing to spare, and not when that is not known', () => {
  let times = { idleMs: 0, totalMs: 0 };
  const machine = new Machine(() => times);
  let nowMs = 0;
  const after = (ms: number, idleMs: number): boolean | undefined => {
    nowMs += ms;
    times = { idleMs: times.idleMs + idleMs, totalMs: times.totalMs + 2 * ms };
    return machine.spare(nowMs).cpuFull;
  };
  const window = limits.idleCpuWindowMs;
  assert.equal(after(0, 0), false);
  assert.equal(after(window, 0), true);
  assert.equal(after(window, window * 0.2), false);
  assert.equal(after(window, window * 0.05), true);
  assert.equal(after(window * 60, 0), false, 'that was long ago');
});

test('processors are idle when they had time to spare lately, and not when that is not known', () => {
  let times = { idleMs: 0, totalMs: 0 };
  const machine = new Machine(() => times);
  let nowMs = 0;
  const after = (ms: number, idleMs: number): boolean | null => {
    nowMs += ms;
    times = { idleMs: times.idleMs + idleMs, totalMs: times.totalMs + 2 * ms };
    return machine.spare(nowMs).cpuIdle;
  };
  const window = limits.idleCpuWindowMs;
  assert.equal(after(0, 0), null, 'nothing is known yet');
  assert.equal(after(window, 2 * window), true);
  assert.equal(after(window / 2, 0), true, 'not looked at anew before the window has passed');
  assert.equal(after(window / 2, 0), false);
  assert.equal(after(window, window), true, 'half of the time was to spare');
  assert.equal(after(window * 60, 2 * window * 60), null, 'that was long ago');
});
