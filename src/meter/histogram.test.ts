import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Histogram } from './histogram.ts';

const histogramOf = (values: readonly number[]): Histogram => {
  const made = new Histogram();
  for (const each of values) made.record(each);
  return made;
};
/** Of all magnitudes alike. */
const durationUs = fc.tuple(fc.nat(40), fc.nat(2 ** 31 - 1)).map(([octave, part]) => {
  return Math.min(2 ** 40, Math.floor(2 ** octave * (1 + part / 2 ** 31)));
});
const durations = fc.array(durationUs, { maxLength: 300, size: 'max' });

test('law: a quantile is off by 1/64 of itself at most; count and sum are exact', () => {
  fc.assert(
    fc.property(durations, fc.double({ min: 0, max: 1, noNaN: true }), (values, share) => {
      const histogram = histogramOf(values);
      assert.equal(histogram.count, values.length);
      assert.equal(
        histogram.sumUs,
        values.reduce((sum, each) => sum + each, 0),
      );
      const ordered = values.toSorted((one, other) => one - other);
      const exact = ordered[Math.max(1, Math.ceil(share * values.length)) - 1] ?? null;
      const found = histogram.quantile(share);
      if (exact === null || found === null) assert.equal(found, exact);
      else assert.ok(Math.abs(found - exact) <= exact / 64, `${found} is not ${exact}`);
    }),
  );
});

test('law: merged, they are the histogram of both; what is encoded comes back', () => {
  fc.assert(
    fc.property(durations, durations, (one, other) => {
      const both = histogramOf([...one, ...other]).encode();
      assert.deepEqual(histogramOf(one).merge(histogramOf(other)).encode(), both);
      const decoded = Histogram.decode(both);
      assert.deepEqual(decoded.encode(), both);
      assert.deepEqual(
        [decoded.count, decoded.sumUs, decoded.quantile(0.9)],
        [one.length + other.length, decoded.sumUs, histogramOf([...one, ...other]).quantile(0.9)],
      );
    }),
  );
});

test('law: bytes that are none are refused, and nothing else is thrown', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      try {
        Histogram.decode(bytes);
      } catch (error) {
        assert.ok(error instanceof RangeError);
      }
    }),
  );
  const whole = histogramOf([5, 5000, 7_000_000]).encode();
  for (let length = 0; length < whole.length; length += 1) {
    const cut = whole.subarray(0, length);
    try {
      assert.notDeepEqual(Histogram.decode(cut).encode(), whole);
    } catch (error) {
      assert.ok(error instanceof RangeError);
    }
  }
  assert.throws(() => Histogram.decode(Uint8Array.of(2, 0)), /format 2/);
  assert.throws(() => Histogram.decode(Uint8Array.of(1, 0, 5, 0)), /buckets that there are not/);
});

test('small: a thousand latencies around 10 ms take some two hundred bytes', () => {
  const values = Array.from({ length: 1000 }, (_, at) => 5000 + at * 20);
  assert.ok(histogramOf(values).encode().length < 200);
});

test('what is longer than twelve days, or less than nothing, is kept within bounds', () => {
  const histogram = histogramOf([Infinity, -5]);
  assert.equal(histogram.quantile(0), 0);
  assert.equal(histogram.sumUs, 2 ** 40);
});
