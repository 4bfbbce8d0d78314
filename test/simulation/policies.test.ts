import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Simulation } from '../../bench/simulation/engine.ts';
import { fixedConcurrency } from '../../bench/simulation/policies/fixed.ts';
import { Autoscaler, kpaDefaults, SecondsWindow } from '../../bench/simulation/policies/kpa.ts';
import { knative } from '../../bench/simulation/policies/knative.ts';
import { type Arrival, toy } from './toys.ts';

const minuteMs = 60_000;

test('an average is of the seconds in the window, and of fewer while there have not been as many', () => {
  const window = new SecondsWindow(6000);
  assert.equal(window.average(0), 0);
  window.record(1000, 10);
  assert.equal(window.average(1500), 10);
  window.record(2000, 20);
  assert.equal(window.average(2999), 15);
  // Two stats in one second add up, as those of two reporters do.
  window.record(2500, 6);
  assert.equal(window.average(2999), 18);
  // A second of which nothing was reported is one with nothing.
  window.record(4000, 0);
  assert.equal(window.average(4000), 9);
  // Seconds 1 to 6 are in the window of second 6: of the last two nothing is known.
  assert.equal(window.average(6000), 9);
  // In that of second 8 are 3 to 8, of which only 3 and 4 are known.
  assert.equal(window.average(8000), 0);
  assert.equal(window.average(10_000), 0);
  window.record(60_000, 7);
  assert.equal(window.average(60_000), 7);
});

test('averages are rounded to six digits after the point, as there', () => {
  const window = new SecondsWindow(6000);
  for (const [second, value] of [1, 0, 0].entries()) window.record(second * 1000, value);
  assert.equal(window.average(2000), 0.333333);
});

test('as many instances as the average ÷ 70, rounded up', () => {
  const wanted = (ready: number, stable: number): number => new Autoscaler().desired(ready, stable, 0, 0);
  assert.equal(kpaDefaults.targetPerInstance, 70);
  assert.equal(wanted(1, 0), 0);
  assert.equal(wanted(1, 1), 1);
  assert.equal(wanted(1, 70), 1);
  assert.equal(wanted(1, 70.1), 2);
  assert.equal(wanted(3, 210), 3);
  assert.equal(wanted(3, 211), 4);
  // Nothing is ready, but something waits.
  assert.equal(wanted(0, 1), 1);
});

test('at most a thousand times as many at once, and no fewer than half', () => {
  assert.equal(new Autoscaler().desired(1, 1e6, 0, 0), 1000);
  assert.equal(new Autoscaler().desired(10, 0, 0, 0), 5);
  assert.equal(new Autoscaler().desired(7, 1, 0, 0), 3);
  assert.equal(new Autoscaler().desired(1, 0, 0, 0), 0);
});

test('it panics when the last six seconds call for twice as many, and then never wants fewer for a minute', () => {
  const autoscaler = new Autoscaler();
  // 3 × 70 want 3, of 2: no panic. The average of a minute decides.
  assert.equal(autoscaler.desired(2, 100, 210, 0), 2);
  assert.equal(autoscaler.panics, false);
  // 4 of 2: panic.
  assert.equal(autoscaler.desired(2, 100, 280, 2000), 4);
  assert.equal(autoscaler.panics, true);
  assert.equal(autoscaler.desired(4, 150, 100, 4000), 4);
  // More are added meanwhile. 9 of 4 is over the threshold again: the minute begins anew.
  assert.equal(autoscaler.desired(4, 150, 600, 10_000), 9);
  assert.equal(autoscaler.desired(9, 150, 0, 10_000 + minuteMs), 9);
  assert.equal(autoscaler.panics, true);
  // After it: 3 by the average, but no fewer than half of 9.
  assert.equal(autoscaler.desired(9, 150, 0, 10_001 + minuteMs), 4);
  assert.equal(autoscaler.panics, false);
});

const waiting = (atMs: number, waitMs: number): Arrival => ({ atMs, phasesMs: [0, waitMs] });

test('Knative has one instance at first, none after a window and a grace, and one again when something comes', () => {
  const durationMs = 400_000;
  const run = (arrivals: Arrival[]) => new Simulation(toy(arrivals, { durationMs }), knative, 1).run();
  const quiet = run([waiting(395_000, 100)]);
  // Ready, a minute of activity, half a minute of grace; evaluated every 2 s. And once more at the end.
  const lifeMs = quiet.figures.instanceHours * 3_600_000;
  assert.ok(Math.abs(lifeMs - (90_000 + 5_000)) <= 4_000, String(lifeMs));
  assert.equal(quiet.figures.starts, 2);
  assert.equal(quiet.latenciesMs[0], 400);
  // One a minute keeps it alive.
  const steady = run(Array.from({ length: 6 }, (_, index) => waiting(20_000 + index * minuteMs, 100)));
  assert.equal(steady.figures.starts, 1);
  assert.equal(steady.figures.coldShare, 0);
});

test('Knative scales by what is in flight, within seconds when that is much', () => {
  const arrivals = Array.from({ length: 400 }, (_, index) => waiting(10_000 + index, 30_000));
  const { figures } = new Simulation(toy(arrivals, { durationMs: 60_000 }), knative, 1).run();
  // 400 ÷ 70.
  assert.equal(figures.peakInstances, 6);
  assert.equal(figures.failed, 0);
});

test('one per instance: as many as are in flight, each kept for ten minutes after its last', () => {
  const kind = fixedConcurrency('one', 'One', 1);
  const arrivals = [waiting(1000, 5000), waiting(2000, 5000), waiting(20_000, 1000)];
  const { figures, latenciesMs } = new Simulation(toy(arrivals, { durationMs: 2_000_000 }), kind, 1).run();
  assert.equal(figures.starts, 2);
  assert.deepEqual([...latenciesMs], [1000, 5300, 5300]);
  // The last one went to the one that was used last.
  const lifeMs = figures.instanceHours * 3_600_000;
  assert.equal(Math.round(lifeMs), 5300 + 600_000 + (19_000 + 600_000));
});

test('what waits takes an instance that becomes free before the one that was started for it is there', () => {
  const kind = fixedConcurrency('one', 'One', 1);
  const arrivals = [waiting(1000, 400), waiting(1690, 100), waiting(5000, 100)];
  const { figures, latenciesMs } = new Simulation(toy(arrivals), kind, 1).run();
  assert.deepEqual([...latenciesMs].map(Math.round), [100, 110, 700]);
  assert.equal(figures.starts, 2);
  // Only the first has waited for a start.
  assert.equal(figures.coldShare, 1 / 3);
});

test('fixed 10: the eleventh gets another instance, and fewer are used when there is less', () => {
  const kind = fixedConcurrency('ten', 'Ten', 10);
  const arrivals = Array.from({ length: 11 }, (_, index) => waiting(1000 + index, 5000));
  const { figures } = new Simulation(toy(arrivals), kind, 1).run();
  assert.equal(figures.starts, 2);
  assert.equal(figures.peakInstances, 2);
});
