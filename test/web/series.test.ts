import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seriesOf } from '../../web/series.ts';
import { sumOf } from './traffic.fixture.ts';

test('steps in which nothing happened are zero, and measured nothing; what is to come is left out', () => {
  const totals = { ...sumOf([]), invocations: 5, latencyMs: { ...sumOf([]).latencyMs, p50: 12 } };
  const usage = { fromMs: 120_000, toMs: 600_000, stepS: 60, totals, groups: [], series: [{ atMs: 180_000, totals }] };
  const { times, amounts, measures } = seriesOf(usage, 301_000);
  assert.deepEqual(times, [120, 180, 240, 300]);
  assert.deepEqual(
    amounts(({ invocations }) => invocations),
    [0, 5, 0, 0],
  );
  assert.deepEqual(
    measures(({ latencyMs }) => latencyMs.p50),
    [null, 12, null, null],
  );
});

test('steps may begin where the span does', () => {
  const totals = sumOf([]);
  const series = [130_000, 190_000].map((atMs) => ({ atMs, totals }));
  const usage = { fromMs: 130_000, toMs: 250_000, stepS: 60, totals, groups: [], series };
  assert.deepEqual(seriesOf(usage, 1e12).times, [130, 190, 240]);
});
