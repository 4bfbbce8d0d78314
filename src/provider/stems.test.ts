import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { limits } from '../base/limits.ts';
import { type StemDemand, type StemInput, stemsToBoot, stemsWanted } from './stems.ts';

const demand = (memoryMiB: number, functions: number, recentStarts = 0): StemDemand => ({
  release: 'nodejs24.x',
  memoryMiB,
  functions,
  recentStarts,
});
const roomy = { freeMemoryMiB: 1024 * 1024 };
const counts = (input: StemInput): Record<number, number> =>
  Object.fromEntries(stemsWanted(input).map(({ memoryMiB, count }) => [memoryMiB, count]));

test('at rest: one stem for each class that has functions, a second for the commonest', () => {
  const demands = [demand(128, 1), demand(2048, 5), demand(512, 2), demand(1024, 0)];
  assert.deepEqual(counts({ ...roomy, demands }), { 2048: 2, 512: 1, 128: 1 });
});

test('nothing deployed, nothing started', () => {
  assert.deepEqual(stemsWanted({ ...roomy, demands: [demand(128, 0, 50)] }), []);
});

test('demand adds the square root of the recent starts', () => {
  assert.deepEqual(counts({ ...roomy, demands: [demand(128, 1, 9), demand(2048, 3)] }), { 128: 5, 2048: 1 });
});

test('little memory: first one for each class, the most wanted first, then more', () => {
  const demands = [demand(128, 1), demand(2048, 5), demand(512, 2)];
  const roomFor = (stems: number): number => stems * 8 * limits.stemRssMiB;
  assert.deepEqual(counts({ demands, freeMemoryMiB: roomFor(2) }), { 2048: 1, 512: 1 });
  assert.deepEqual(counts({ demands, freeMemoryMiB: roomFor(4) }), { 2048: 2, 512: 1, 128: 1 });
  assert.deepEqual(counts({ demands, freeMemoryMiB: 0 }), {});
});

test('memory of the stems that exist is the caller’s to add: left out, a small machine would stop one, and start it again', () => {
  const demands = [demand(128, 1), demand(2048, 5), demand(512, 2)];
  const wanted = (freeMemoryMiB: number): number => total({ demands, freeMemoryMiB });
  const machineMiB = 1024;
  const takenMiB = wanted(machineMiB) * limits.stemRssMiB;
  assert.equal(wanted(machineMiB), 2);
  assert.equal(wanted(machineMiB - takenMiB), 1);
  assert.equal(wanted(machineMiB - limits.stemRssMiB), 1, 'nor does it come to rest there');
});

test('while the processors have no time to spare, only a class in demand that has none gets one', () => {
  const boots = (has: number, isNeeded: boolean, cpuIdle: boolean | null): number =>
    stemsToBoot({ count: 4, has, isNeeded, cpuIdle });
  assert.deepEqual([boots(0, true, true), boots(1, false, true), boots(3, true, null)], [4, 3, 1]);
  assert.deepEqual([boots(0, true, false), boots(0, false, false), boots(1, true, false)], [1, 0, 0]);
  assert.equal(boots(5, true, true), 0);
});

const anyDemands = fc.uniqueArray(
  fc
    .record({ memoryMiB: fc.integer({ min: 128, max: 10_240 }), functions: fc.nat(20), recentStarts: fc.nat(10_000) })
    .map(({ memoryMiB, functions, recentStarts }) => demand(memoryMiB, functions, recentStarts)),
  { selector: (one) => one.memoryMiB, maxLength: 60 },
);
const anyInput = fc.record({
  demands: anyDemands,
  freeMemoryMiB: fc.integer({ min: 0, max: 1024 * 1024 }),
});
const total = (input: StemInput): number => stemsWanted(input).reduce((sum, { count }) => sum + count, 0);

test('never more than the limits and an eighth of the free memory, never a class without functions', () => {
  fc.assert(
    fc.property(anyInput, (input) => {
      assert.ok(total(input) <= limits.stems);
      assert.ok(total(input) * limits.stemRssMiB * 8 <= input.freeMemoryMiB);
      for (const wanted of stemsWanted(input)) {
        assert.ok(wanted.count >= 1 && wanted.count <= limits.stemsPerClass);
        assert.ok(input.demands.some((one) => one.memoryMiB === wanted.memoryMiB && one.functions > 0));
      }
    }),
  );
});

test('the order of the demands does not matter, and more memory never means fewer stems', () => {
  fc.assert(
    fc.property(anyInput, fc.nat(100_000), (input, moreMiB) => {
      assert.deepEqual(stemsWanted({ ...input, demands: [...input.demands].reverse() }), stemsWanted(input));
      assert.ok(total({ ...input, freeMemoryMiB: input.freeMemoryMiB + moreMiB }) >= total(input));
    }),
  );
});
