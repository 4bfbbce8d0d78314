import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { limits } from '../base/limits.ts';
import { IdleHistogram } from './idle-histogram.ts';

const minuteMs = 60_000;
const ofMinutes = (minutes: readonly number[]): IdleHistogram => {
  const histogram = new IdleHistogram(null);
  for (const each of minutes) histogram.record(each * minuteMs);
  return histogram;
};
const times = (count: number, minutes: number): number[] => Array.from({ length: count }, () => minutes);
/** From, until, keep-alive, in minutes. */
const due = (histogram: IdleHistogram): readonly number[] | null =>
  histogram.due === null
    ? null
    : [histogram.due.fromMs, histogram.due.untilMs, histogram.due.keepAliveMs].map((ms) => round(ms / minuteMs));
const round = (value: number): number => Math.round(value * 1000) / 1000;
const keepAliveMinutes = limits.idleKeepAliveMs / minuteMs;

test('due from 0.9 × the 5th percentile to 1.1 × the 99th', () => {
  // Of 20, the 5th percentile is the first (30 min, from the start of the minute), the 99th the last (50, to its end).
  assert.deepEqual(due(ofMinutes([30.5, ...times(18, 40), 50.5])), [27, 56.1, 1]);
  // Of 100: the fifth and the 99th.
  assert.deepEqual(due(ofMinutes([...times(4, 20), ...times(95, 30), 200])), [27, 34.1, 1]);
});

test('what would have to start again at once stays; what is sure to come soon is kept for no longer', () => {
  assert.deepEqual(due(ofMinutes([2, 2, 3, 4, 9])), [0, 11, keepAliveMinutes]);
  assert.deepEqual(due(ofMinutes(times(5, 2))), [0, 3.3, 3.3]);
});

test('idle times within a minute tell nothing: bursts do not hide what comes between them', () => {
  assert.deepEqual(due(ofMinutes([...times(10_000, 0.9), ...times(5, 40)])), [36, 45.1, 1]);
});

test('few idle times foretell nothing, nor do those that are spread evenly', () => {
  assert.equal(due(ofMinutes([])), null);
  assert.equal(due(ofMinutes(times(4, 30))), null);
  assert.deepEqual(due(ofMinutes(times(5, 30))), [27, 34.1, 1]);
  const spread = (count: number): number[] => Array.from({ length: count }, (_, index) => 30 + index);
  // n counts of 1 in 240 minutes: the coefficient of variation is √(240 ÷ n − 1). 2.24 for 40, 1.96 for 50.
  assert.deepEqual(due(ofMinutes(spread(40))), [27.9, 77, 1]);
  assert.equal(due(ofMinutes(spread(50))), null);
});

test('long idle times: the median of the last few, with a margin for how regular they were', () => {
  assert.equal(due(ofMinutes(times(2, 1440))), null);
  assert.deepEqual(due(ofMinutes(times(3, 1440))), [1411.2, 1468.8, keepAliveMinutes]);
  // 2 % + 2 × 10 ÷ 300
  assert.deepEqual(due(ofMinutes([300, 310, 290])), [274, 326, keepAliveMinutes]);
  // 15 % at most: from 0.85 of it, for 0.30 of it.
  assert.deepEqual(due(ofMinutes([300, 320, 270])), [255, 345, keepAliveMinutes]);
  // Older than the last five.
  assert.deepEqual(due(ofMinutes([4000, ...times(5, 300)])), [294, 306, keepAliveMinutes]);
});

test('from half of the idle times on, the long ones decide', () => {
  assert.deepEqual(due(ofMinutes([...times(3, 300), ...times(3, 30)])), [294, 306, keepAliveMinutes]);
  assert.equal(due(ofMinutes([...times(3, 300), ...times(4, 30)])), null);
  assert.deepEqual(due(ofMinutes([...times(3, 300), ...times(5, 30)])), [27, 34.1, 1]);
});

test('a cold start that is avoided has a price', () => {
  // Against 5 min: 3.5 + 35.5 + 0.5 min more, for three.
  assert.deepEqual(due(ofMinutes([2, 3, 5, 8, 40])), [0, 45.1, keepAliveMinutes]);
  // 0.5 + 3.5 + 35.5 + 230.5 min more, for four: 67.5 min each.
  assert.equal(due(ofMinutes([2, 3, 5, 8, 40, 235])), null);
  // A day, give or take so much: for two of three, 0.15 × 1440 min and more.
  assert.equal(due(ofMinutes([1440, 1600, 1340])), null);
});

test('old idle times count less and less', () => {
  const histogram = ofMinutes([...times(limits.idleTimes, 30), ...times(5 * (limits.idleTimes / 2) - 1, 60)]);
  // Halved five times and before a sixth: 4 of 127 are left, less than the 5th percentile.
  assert.deepEqual(due(histogram), [54, 67.1, 1]);
  const evenly = ofMinutes(Array.from({ length: limits.idleTimes }, (_, index) => 10 + index));
  const kept = evenly.learned().idleMinutes;
  assert.equal(
    kept.reduce((sum, each) => sum + each, 0),
    limits.idleTimes / 2,
    'halves of one are put together, not lost',
  );
  const both = ofMinutes([...times(limits.idleTimes / 2, 300), ...times(limits.idleTimes / 2, 30)]);
  assert.deepEqual(
    [both.learned().idleMinutes[30], both.learned().beyond],
    [limits.idleTimes / 4, limits.idleTimes / 4],
  );
});

test('what is kept over a restart foretells the same', () => {
  const minutes = fc.array(fc.oneof(fc.integer({ min: 1, max: 239 }), fc.integer({ min: 20, max: 25 }), fc.nat(3000)));
  fc.assert(
    fc.property(minutes, fc.nat(500), (before, next) => {
      const histogram = ofMinutes(before);
      const restored = new IdleHistogram(JSON.parse(JSON.stringify(histogram.learned())));
      assert.deepEqual(restored.due, histogram.due);
      histogram.record(next * minuteMs);
      restored.record(next * minuteMs);
      assert.deepEqual(restored.due, histogram.due);
      assert.deepEqual(restored.learned(), histogram.learned());
    }),
  );
});

test('numbers out of range do no harm', () => {
  const odd = fc.oneof(fc.double(), fc.integer(), fc.constant(1e300));
  fc.assert(
    fc.property(fc.array(odd, { maxLength: 300 }), odd, fc.array(odd), (idleMinutes, beyond, beyondMinutes) => {
      const histogram = new IdleHistogram({ idleMinutes, beyond, beyondMinutes });
      for (const minutes of times(10 * limits.idleTimes, 20)) histogram.record(minutes * minuteMs);
      assert.deepEqual(due(histogram), [18, 23.1, 1], 'and are forgotten');
    }),
  );
  const kept = new IdleHistogram({
    idleMinutes: [50, NaN, 1.5, -1],
    beyond: -1,
    beyondMinutes: [1, Infinity],
  }).learned();
  assert.deepEqual(kept, { idleMinutes: [0, 0, 1], beyond: 0, beyondMinutes: [240, 14 * 1440] });
});

test('law: whatever comes with a period is awaited, but for the first few', () => {
  const jitters = fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: 6, maxLength: 200 });
  fc.assert(
    fc.property(fc.double({ min: 6, max: 220, noNaN: true }), jitters, (period, jitter) => {
      const histogram = new IdleHistogram(null);
      jitter.forEach((each, index) => {
        // The margins are 10 %: whatever was seen within 4.7 % of the period, they cover what comes within 4.7 %.
        const idleMs = period * (1 + 0.047 * each) * minuteMs;
        if (index >= 5) assertAwaited(histogram, idleMs);
        histogram.record(idleMs);
      });
    }),
  );
});

test('law: so is what comes with a long one', () => {
  const jitters = fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: 4, maxLength: 50 });
  fc.assert(
    fc.property(fc.double({ min: 250, max: 1000, noNaN: true }), jitters, (period, jitter) => {
      const histogram = new IdleHistogram(null);
      jitter.forEach((each, index) => {
        // The margin is 2 % and more, of the median; idle times are known to the minute.
        const idleMs = period * (1 + 0.007 * each) * minuteMs;
        if (index >= 3) assertAwaited(histogram, idleMs);
        histogram.record(idleMs);
      });
    }),
  );
});

function assertAwaited(histogram: IdleHistogram, idleMs: number): void {
  const { due } = histogram;
  assert.ok(due !== null, `${idleMs / minuteMs} min: nothing known`);
  const { fromMs, untilMs } = due;
  assert.ok(
    fromMs <= idleMs && idleMs <= untilMs,
    `${idleMs / minuteMs} min: ${fromMs / minuteMs}–${untilMs / minuteMs}`,
  );
}
