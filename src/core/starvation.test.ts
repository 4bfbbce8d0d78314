import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MainThread, usedMs } from './starvation.ts';

const none = { ranMs: 1_000, waitedMs: 500 };
const after = (ranMs: number, waitedMs: number) => ({ ranMs: none.ranMs + ranMs, waitedMs: none.waitedMs + waitedMs });
const never = (): boolean => assert.fail('not asked: the figures say it');

test('what ran was used, what waited was not', () => {
  assert.equal(usedMs(none, after(20, 0), 20, never), 20);
  assert.equal(usedMs(none, after(3, 17), 20, never), 3);
  // A slice that goes on is counted at the next tick.
  assert.equal(usedMs(none, after(16, 0), 20, never), 20);
});

test('a gap is sleep in a system call, or a wait that is not over', () => {
  assert.equal(
    usedMs(none, after(2, 0), 20, () => false),
    20,
  );
  assert.equal(
    usedMs(none, after(2, 8), 20, () => false),
    12,
  );
  assert.equal(
    usedMs(none, after(2, 0), 20, () => true),
    2,
  );
  // When it is over, all of it counts at once: more than the period.
  assert.equal(usedMs(none, after(3, 60), 20, never), 3);
});

test('this thread runs: what it reads of itself says so, or that all time counts', () => {
  const main = new MainThread(performance.now());
  const fromMs = performance.now();
  while (performance.now() < fromMs + 50);
  const periodMs = performance.now() - fromMs;
  const used = main.usedMs(performance.now());
  assert.ok(used > 0 && used <= periodMs + 5, `${used} of ${periodMs} ms`);
  main.close();
});
