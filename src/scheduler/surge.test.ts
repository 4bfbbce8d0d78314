import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { limits } from '../base/limits.ts';
import { Surge } from './surge.ts';

const minuteMs = 60_000;
const dayMs = 1440 * minuteMs;
/** A midnight (UTC). */
const startMs = 20_000 * dayMs;
const nine = 9 * 60;

/** Watches from `fromMs` to `toMs`, with what there is at most in a minute of the day. */
function watch(surge: Surge, fromMs: number, toMs: number, demand: (minute: number, day: number) => number): void {
  for (let wallMs = fromMs; wallMs < toMs; wallMs += minuteMs) {
    const day = Math.floor((wallMs - startMs) / dayMs);
    surge.observe(0, wallMs);
    surge.observe(demand((wallMs / minuteMs) % 1440, day), wallMs + 20_000);
    surge.observe(0, wallMs + 40_000);
  }
  surge.observe(0, toMs);
}

const fresh = (): Surge => new Surge([], -Infinity);
/** What is expected at nine after each day, when each had so much. */
function expectedAfter(peaks: readonly number[]): number[] {
  const surge = fresh();
  return peaks.map((peak, day) => {
    watch(surge, startMs + day * dayMs, startMs + (day + 1) * dayMs, (minute) => (minute === nine ? peak : 0));
    return Math.round(surge.expected(nine) * 10) / 10;
  });
}

test('what came twice is expected in full, what does not come again is not', () => {
  assert.deepEqual(expectedAfter([100, 100, 100]), [0, 100, 100]);
  assert.deepEqual(expectedAfter([100, 0, 0]), [0, 0, 0]);
  // A day with nothing is a 0: 100, 70, 49, …
  assert.deepEqual(expectedAfter([100, 100, 0, 0, 0]), [0, 100, 70, 49, 34.3]);
  // Two days ago explains 0.7 of it.
  assert.deepEqual(expectedAfter([100, 0, 100, 100]), [0, 0, 70, 100]);
});

test('a rise is believed when it came twice, also of what comes every day', () => {
  // The average was 2.77 at first: a peak counts up to 2.77 ÷ 0.3.
  const after = expectedAfter([10, 10, 10, 10, 10, 1000, 1000]);
  assert.deepEqual(after.slice(0, 5), [0, 10, 10, 10, 10]);
  assert.ok(after[5]! > 10 && after[5]! < 30, `${after[5]}`);
  assert.ok(after[6]! > 990, `${after[6]}`);
  // And a single spike is soon forgotten.
  const spike = expectedAfter([10, 10, 10, 10, 10, 1000, 10, 10, 10, 10, 10, 10]);
  assert.ok(spike[6]! < 30 && spike.at(-1) === 10, spike.join(' '));
});

test('one a day is expected; on working days also after a weekend, but not after three days without', () => {
  const week = [1, 1, 1, 1, 1, 0, 0];
  const after = expectedAfter([...week, ...week, 1]);
  assert.deepEqual(after.slice(-4), [1, 0.7, 0.5, 1]);
  assert.deepEqual(expectedAfter([1, 1, 0, 0, 0]), [0, 1, 0.7, 0.5, 0]);
});

test('now and then at any minute is not expected at any', () => {
  const surge = fresh();
  // Every 31 minutes: within ten days, at no minute of the day twice.
  watch(surge, startMs, startMs + 10 * dayMs, (minute, day) => Number((minute + 1440 * day) % 31 === 0));
  let expected = 0;
  for (let minute = 0; minute < 1440; minute += 1) expected += surge.expected(minute);
  assert.equal(expected, 0);
});

test('the busiest minute of some, over midnight, the earliest of equals', () => {
  const surge = new Surge(
    [
      [1439, 1, 5],
      [0, 1, 7],
      [1, 1, 7],
      [nine, 1, 3],
    ],
    startMs,
  );
  assert.equal(surge.busiest(startMs - minuteMs, startMs - minuteMs), 1439);
  assert.equal(surge.busiest(startMs - minuteMs, startMs - 1), 1439);
  assert.equal(surge.busiest(startMs - minuteMs, startMs), 0);
  assert.equal(surge.busiest(startMs - minuteMs, startMs + 90_000), 0);
  assert.equal(surge.busiest(startMs + minuteMs, startMs + 90_000), 1);
  assert.equal(surge.busiest(startMs + 500 * minuteMs, startMs + 560 * minuteMs), nine);
});

test('what comes and goes between two looks counts for the minute it came in', () => {
  const surge = fresh();
  for (const day of [0, 1]) {
    surge.observe(0, startMs + day * dayMs + nine * minuteMs - 10);
    surge.arrived(startMs + day * dayMs + nine * minuteMs);
    surge.observe(0, startMs + day * dayMs + nine * minuteMs + 90);
    surge.observe(0, startMs + day * dayMs + (nine + 1) * minuteMs);
  }
  assert.equal(Math.round(surge.expected(nine)), 1);
  assert.deepEqual([surge.expected(nine - 1), surge.expected(nine + 1)], [0, 0]);
});

test('days on which nobody watched count for nothing', () => {
  const surge = fresh();
  const peak = (minute: number): number => (minute === nine ? 100 : 0);
  watch(surge, startMs, startMs + 2 * dayMs, peak);
  watch(surge, startMs + 30 * dayMs, startMs + 30 * dayMs + nine * minuteMs, peak);
  assert.equal(Math.round(surge.expected(nine)), 100);
  watch(surge, startMs + 30 * dayMs + nine * minuteMs, startMs + 31 * dayMs, () => 0);
  assert.equal(Math.round(surge.expected(nine)), 70);
});

test('a clock that is put back does not make another day of the same minutes', () => {
  const peak = (minute: number): number => (minute === nine ? 100 : 0);
  const surge = fresh();
  const nineMs = startMs + nine * minuteMs;
  for (const _ of [1, 2, 3]) watch(surge, nineMs - 5 * minuteMs, nineMs + 5 * minuteMs, peak);
  assert.equal(surge.expected(nine), 0);
  const restored = new Surge(surge.learned(), nineMs + 5 * minuteMs);
  watch(restored, nineMs - 5 * minuteMs, nineMs + 5 * minuteMs, peak);
  assert.equal(restored.expected(nine), 0);
  watch(restored, nineMs + dayMs - minuteMs, nineMs + dayMs + minuteMs, peak);
  assert.equal(Math.round(restored.expected(nine)), 100);
  // It was a year ahead for a minute: that does not stop it from learning.
  const ahead = fresh();
  watch(ahead, startMs + 365 * dayMs, startMs + 365 * dayMs + 2 * minuteMs, () => 0);
  watch(ahead, startMs, startMs + 2 * dayMs, peak);
  assert.equal(Math.round(ahead.expected(nine)), 100);
});

test('what is kept over a restart is sparse, and expects the same', () => {
  const surge = fresh();
  assert.deepEqual(surge.learned(), []);
  watch(surge, startMs, startMs + dayMs, () => 0);
  assert.deepEqual(surge.learned(), []);
  watch(surge, startMs + dayMs, startMs + 3 * dayMs, (minute) => (minute === nine ? 100 : 0));
  assert.deepEqual(surge.learned(), [[nine, 51, 100]]);
  const restored = new Surge(JSON.parse(JSON.stringify(surge.learned())), startMs + 3 * dayMs);
  assert.equal(restored.expected(nine), surge.expected(nine));
  for (const each of [surge, restored]) {
    watch(each, startMs + 3 * dayMs, startMs + 4 * dayMs, (minute) => (minute === nine ? 500 : 0));
  }
  assert.ok(Math.abs(restored.expected(nine) - surge.expected(nine)) < 1);
  watch(surge, startMs + 4 * dayMs, startMs + 30 * dayMs, () => 0);
  assert.deepEqual(surge.learned(), [], 'what has not come for weeks is forgotten');
});

test('numbers out of range do no harm', () => {
  const odd = fc.oneof(fc.double(), fc.integer(), fc.constant(nine));
  const peaks = fc.array(fc.tuple(odd, odd, odd), { maxLength: 50 });
  fc.assert(
    fc.property(peaks, odd, (learned, watchedWallMs) => {
      const surge = new Surge(learned, watchedWallMs);
      const most = surge.expected(surge.busiest(startMs, startMs + dayMs));
      assert.ok(most >= 0 && most <= 1e6);
      for (const day of Array(60).keys()) {
        const nineMs = startMs + 365 * dayMs + day * dayMs + nine * minuteMs;
        watch(surge, nineMs, nineMs + minuteMs, () => 8);
      }
      assert.ok(Math.abs(surge.expected(nine) - 8) < 0.1, `${surge.expected(nine)}`);
    }),
  );
});

test('of the day the minutes are kept in which most came, in their order', () => {
  const peaks = Array.from({ length: 1440 }, (_, minute): [number, number, number] => [minute, 1 + (minute % 7), 0]);
  const kept = new Surge(peaks, startMs).learned();
  assert.equal(kept.length, limits.learnedMinutes);
  assert.ok(kept.every(([, average]) => average >= 6));
  assert.deepEqual(
    kept,
    kept.toSorted((left, right) => left[0] - right[0]),
  );
  const exact = new Surge([[7, 0.123_456, 12_345.6]], startMs).learned();
  assert.deepEqual(exact, [[7, 0.123, 12_346]]);
});
