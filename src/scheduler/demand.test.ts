import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { limits } from '../base/limits.ts';
import { DemandWindow, instancesFor } from './demand.ts';

const { demandWindowMs, demandPanicMs } = limits;

interface Seen {
  readonly atMs: number;
  readonly demand: number;
}

/** By its definition: every second in which anything was seen counts alike, however often it was looked at. */
function naive(all: readonly Seen[], overMs: number, nowMs: number): number {
  const now = Math.floor(nowMs / 1000);
  const means: number[] = [];
  for (let second = now - overMs / 1000 + 1; second <= now; second += 1) {
    const seen = all.filter(({ atMs }) => Math.floor(atMs / 1000) === second);
    if (seen.length > 0) means.push(seen.reduce((sum, { demand }) => sum + demand, 0) / seen.length);
  }
  return means.length === 0 ? 0 : means.reduce((sum, mean) => sum + mean, 0) / means.length;
}

const near = (seen: number, expected: number, text: string): void =>
  assert.ok(Math.abs(seen - expected) <= 1e-9 * Math.max(1, expected), `${text}: ${seen}, not ${expected}`);

const gap = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 0, max: 150 }) },
  { weight: 3, arbitrary: fc.integer({ min: 900, max: 1100 }) },
  { weight: 2, arbitrary: fc.integer({ min: 5000, max: 70_000 }) },
  { weight: 1, arbitrary: fc.constantFrom(59_999, 60_000, 60_001, 3_600_000, 1e10) },
);

test('law: the averages are those of a list of all that was seen', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 1e9 }),
      fc.array(fc.record({ gapMs: gap, demand: fc.nat(2000) }), { maxLength: 120, size: 'max' }),
      gap,
      (fromMs, steps, laterMs) => {
        const window = new DemandWindow();
        const all: Seen[] = [];
        let atMs = fromMs;
        for (const { gapMs, demand } of steps) {
          atMs += gapMs;
          window.observe(demand, atMs);
          all.push({ atMs, demand });
        }
        for (const nowMs of [atMs, atMs + laterMs]) {
          for (const overMs of [demandWindowMs, demandPanicMs, 1000]) {
            near(window.average(overMs, nowMs), naive(all, overMs, nowMs), `${overMs} ms at ${nowMs}`);
          }
        }
      },
    ),
    { numRuns: 300 },
  );
});

test('nothing was ever seen, or not for long: 0', () => {
  const window = new DemandWindow();
  assert.equal(window.average(demandWindowMs, 0), 0);
  assert.equal(window.average(demandWindowMs, 1e12), 0);
  window.observe(50, 10_500);
  assert.equal(window.average(demandPanicMs, 15_999), 50);
  assert.equal(window.average(demandPanicMs, 16_000), 0);
  assert.equal(window.average(demandWindowMs, 69_999), 50);
  assert.equal(window.average(demandWindowMs, 70_000), 0);
  window.observe(3, 3_610_500);
  assert.equal(window.average(demandWindowMs, 3_610_500), 3, 'an hour later nothing is left of what was');
});

test('a second that was looked at ten times counts as much as one that was looked at once', () => {
  const window = new DemandWindow();
  for (let second = 0; second < 59; second += 1) window.observe(0, second * 1000);
  for (let at = 0; at < 10; at += 1) window.observe(60, 59_000 + at * 100);
  near(window.average(demandWindowMs, 59_900), 1, 'a burst of a second after an idle minute');
  near(window.average(demandPanicMs, 59_900), 10, 'the last six seconds');
});

test('instances: each has three tenths of its limit to spare, by the larger of both windows', () => {
  const instances = (stable: number, panic: number, limit: number): number =>
    instancesFor({ stable, panic }, limit) + 0;
  assert.equal(instances(0, 0, 1), 0);
  assert.equal(instances(0.1, 0, 100), 1);
  assert.equal(instances(70, 0, 100), 1);
  assert.equal(instances(71, 0, 100), 2);
  assert.equal(instances(10, 140, 100), 2);
  assert.equal(instances(140, 10, 100), 2);
  assert.equal(instances(7, 7, 1), 10);
});

test('law: as many as are enough, and not one more', () => {
  const demand = fc.double({ min: 0, max: 1e5, noNaN: true });
  fc.assert(
    fc.property(demand, demand, fc.integer({ min: 1, max: limits.concurrencyMax }), (stable, panic, limit) => {
      const count = instancesFor({ stable, panic }, limit);
      const each = (limit * limits.demandTargetPermille) / 1000;
      const needed = Math.max(stable, panic);
      // A thousandth of an instance is not worth one.
      assert.ok(count * each >= needed - each * 0.0011);
      assert.ok(count === 0 || (count - 1) * each < needed);
    }),
  );
});
