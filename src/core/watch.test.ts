import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limits } from '../base/limits.ts';
import { LoopWatch } from './watch.ts';

test('an idle loop is looked at when vitals are due, no more often', () => {
  const watch = new LoopWatch(0);
  let [nowMs, looks, reports] = [0, 0, 0];
  while (nowMs < 10_000) {
    const { report, nextMs, doze, turnMs } = watch.look(8, nowMs);
    looks += 1;
    reports += Number(report);
    assert.equal(turnMs, 0);
    if (nowMs > 1_000) assert.ok(doze);
    nowMs += nextMs;
  }
  assert.equal(reports, 10_000 / limits.vitalsPeriodMs);
  assert.ok(looks < reports + 20, `${looks} looks`);
});

test('a stuck loop is reported when it is, every period, and at once when it is over', () => {
  const watch = new LoopWatch(0);
  watch.look(0, 0);
  const told: number[] = [];
  let nowMs = 7;
  for (; nowMs < 1_000; nowMs += 5) {
    const { report, stuckMs, doze } = watch.look(1, nowMs);
    assert.equal(doze, false);
    if (report) told.push(stuckMs);
  }
  assert.ok((told[0] ?? 0) >= limits.loopStuckMs && (told[0] ?? 0) < limits.loopStuckMs + 5);
  assert.equal(told.length, 1 + Math.floor((1_000 - 27) / limits.vitalsPeriodMs));
  assert.deepEqual(
    told,
    told.toSorted((one, other) => one - other),
  );
  const over = watch.look(2, nowMs);
  assert.deepEqual([over.report, over.stuckMs, over.turnMs], [true, 0, 0]);
});

test('a loop that is busy with short turns is not stuck', () => {
  const watch = new LoopWatch(0);
  for (let step = 0; step < 1_000; step += 1) assert.equal(watch.look(1 + 2 * step, step * 5).stuckMs, 0);
});
