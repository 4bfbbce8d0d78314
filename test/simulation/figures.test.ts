import assert from 'node:assert/strict';
import { test } from 'node:test';
import { aims, verdictOf } from '../../bench/simulation/figures.ts';
import type { Figures, RunResult } from '../../bench/simulation/ledger.ts';
import { percentileOf } from '../../bench/simulation/percentile.ts';
import { Timeline } from '../../bench/simulation/timeline.ts';
import { toy } from './toys.ts';

test('a percentile is a value that occurs, by nearest rank', () => {
  const of = (values: number[], share: number): number => percentileOf(Float64Array.from(values), share);
  assert.equal(of([], 0.5), 0);
  assert.equal(of([7], 0.99), 7);
  assert.equal(of([1, 2, 3, 4], 0.5), 2);
  assert.equal(of([1, 2, 3, 4, 5], 0.5), 3);
  const hundred = Array.from({ length: 100 }, (_, index) => index + 1);
  assert.equal(of(hundred, 0.99), 99);
  assert.equal(of(hundred, 0.991), 100);
  assert.equal(of(hundred, 0), 1);
  assert.equal(of(hundred, 1), 100);
  // 0.07 × 100 is more than 7 in binary.
  assert.equal(of(hundred, 0.07), 7);
  assert.equal(of([1, 2, Infinity], 0.99), Infinity);
});

test('a timeline keeps the highest of every span, also where nothing changes', () => {
  const timeline = new Timeline(100, 5);
  timeline.add(1, 5);
  timeline.add(2, 6);
  timeline.add(-2, 7);
  timeline.add(4, 65);
  timeline.add(-5, 79);
  timeline.add(1, 150);
  timeline.end(150);
  assert.deepEqual([...timeline.peaks], [3, 1, 1, 5, 1]);
  assert.equal(timeline.peak, 5);
});

const run = (figures: Partial<Figures>): RunResult => ({
  workload: { ...toy([]), whenItLoses: 'dearer', whenSlower: 'later' },
  policy: '',
  figures: { slowdownP99: 2, gbHours: 10, p99Ms: 100, coldShare: 0, perSecond: 5, ...figures } as Figures,
  latenciesMs: new Float64Array(),
  slowdowns: new Float64Array(),
  instances: new Float64Array(),
  inFlight: new Float64Array(),
  events: 0,
  usedCpuMs: 0,
});

test('where ours is worse at something, that is said, with the reason', () => {
  const of = (slowdownP99: number, gbHours: number): [string, string] => {
    const { text, why } = verdictOf(run({ slowdownP99, gbHours }), run({}));
    return [text, why.join()];
  };
  assert.deepEqual(of(1, 5), ['better at both', '']);
  assert.deepEqual(of(2, 10), ['the same', '']);
  assert.deepEqual(of(2.01, 10.05), ['the same', '']);
  assert.deepEqual(of(1, 10), ['faster, for the same GB-hours', '']);
  assert.deepEqual(of(2, 5), ['as fast, for fewer GB-hours', '']);
  assert.deepEqual(of(1, 11), ['faster, for more GB-hours', 'dearer']);
  assert.deepEqual(of(3, 5), ['slower, for fewer GB-hours', 'later']);
  assert.deepEqual(of(3, 11), ['worse at both', 'later,dearer']);
  // One that gives up more than a hundredth is not measured by the rest.
  assert.deepEqual(of(Infinity, 5), ['slower, for fewer GB-hours', 'later']);
});

test('an aim that is missed is shown as missed', () => {
  const runs = (ours: Partial<Figures>) =>
    new Map([
      ['weir', run(ours)],
      ['one-per-instance', run({})],
    ]);
  const judged = (ours: Partial<Figures>): boolean[] =>
    aims(new Map([['llm-10x', runs(ours)]])).map(({ holds }) => holds);
  assert.deepEqual(judged({ gbHours: 0.5, p99Ms: 105, coldShare: 0.001 }), [true, true, true]);
  assert.deepEqual(judged({ gbHours: 0.51, p99Ms: 105.1, coldShare: 0.0011 }), [false, false, false]);
  const ofCpu = (ours: Partial<Figures>): boolean[] => aims(new Map([['cpu', runs(ours)]])).map(({ holds }) => holds);
  assert.deepEqual(ofCpu({ perSecond: 5 }), [true, true]);
  assert.deepEqual(ofCpu({ perSecond: 4.9, p99Ms: 106 }), [false, false]);
  assert.deepEqual(aims(new Map()), []);
});
