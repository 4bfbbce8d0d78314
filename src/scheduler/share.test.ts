import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { limits } from '../base/limits.ts';
import { type Claim, coresOf, divide, fairLevel, mayStart, type Room, undivided } from './share.ts';
import { claim } from './share.fixture.ts';

const machine = { memoryMiB: 640, freeMiB: 640, cores: 2, places: 4 };
const roomy: Room = { freeMiB: 100_000, places: 4, booting: 0, own: 0, stems: 0 };

test('who is alone may have everything', () => {
  const only = claim('a', { live: 3, wanted: 7, computing: 2, coresUsed: 2, queuedMs: 1 });
  const division = divide(machine, [only]);
  assert.deepEqual(division, { ...undivided, weights: 1, levelCores: 2 });
  assert.deepEqual(mayStart({ ...only, wanted: 3 }, false, division, roomy), { count: 3, reason: null });
  assert.equal(coresOf(1, division.levelCores, 2), 2);
});

test('memory is shared by weight among those who want it; what the others leave is theirs', () => {
  const modest = claim('modest', { live: 1 });
  const heavy = claim('heavy', { weight: 3, live: 5, wanted: 100 });
  const light = claim('light', { live: 4, wanted: 100 });
  const division = divide(machine, [modest, heavy, light]);
  // 640 − 64 = 576, a quarter and three.
  assert.equal(division.levelMiB, 144);
  assert.deepEqual(mayStart(heavy, false, division, { ...roomy, places: 100 }), {
    count: 1,
    reason: 'its share of memory is used: 5 of 6 instances (320 of 432 MiB), weight 3 of 5',
  });
  assert.equal(mayStart(light, false, division, roomy).count, 0, 'above its share while one below waits');
  assert.equal(mayStart({ ...modest, wanted: 1 }, false, division, roomy).count, 1, 'who comes anew has a share too');
});

test('what is left over of shares goes to whoever has least, one at a time', () => {
  const three = ['a', 'b', 'c'].map((id) => claim(id, { live: 3, wanted: 5 }));
  const division = divide(machine, three);
  const counts = three.map((each) => mayStart(each, false, division, roomy).count);
  assert.deepEqual(counts, [1, 0, 0]);
  assert.equal(mayStart({ ...three[0]!, live: 4, usedMiB: 256 }, false, division, roomy).count, 0);
});

test('idle instances of one who wants nothing are no claim', () => {
  const idle = claim('idle', { live: 9, idleMiB: 512 });
  const busy = claim('busy', { live: 1, wanted: 20 });
  assert.equal(divide(machine, [idle, busy]).levelMiB, 576);
});

test('the first instance of a function has a place: beyond its share, of the last place, and of the memory that is left free', () => {
  const flood = claim('flood', { live: 10, wanted: 100 });
  const first = claim('first', { wanted: 5, weight: 1 });
  const division = divide(machine, [flood, first, claim('other', { live: 1, wanted: 3 })]);
  const full = { ...roomy, freeMiB: 0, booting: 3 };
  assert.deepEqual(mayStart(first, false, division, full).count, 1);
  assert.equal(mayStart({ ...flood, live: 0, usedMiB: 0 }, false, undivided, { ...full, booting: 4 }).count, 0);
  assert.equal(mayStart({ ...flood, live: 1, usedMiB: 64 }, false, undivided, { ...roomy, booting: 3 }).count, 0);
  // When nothing at all is free they come one at a time.
  const nothing = { ...roomy, freeMiB: -limits.startsLeaveFreeMiB };
  assert.equal(mayStart(first, false, division, nothing).count, 1);
  assert.equal(mayStart(first, false, division, { ...nothing, booting: 1 }).count, 0);
});

test('places to boot go to whoever has least for its weight, and nobody waits behind a flood', () => {
  const flood = claim('flood', { live: 20, wanted: 1000 });
  const second = claim('second', { live: 1, wanted: 1 });
  const heavy = claim('heavy', { live: 40, wanted: 1000, weight: 2 });
  const { places } = divide({ ...machine, memoryMiB: 1e6 }, [flood, second, heavy]);
  assert.deepEqual(
    [...places!].sort(([left], [right]) => left.localeCompare(right)),
    [
      ['flood', 1],
      ['heavy', 2],
      ['second', 1],
    ],
  );
  const division = divide({ ...machine, memoryMiB: 1e6 }, [flood, second, heavy]);
  assert.deepEqual(mayStart(flood, false, division, { ...roomy, booting: 1, own: 1 }), {
    count: 0,
    reason: '1 processes boot already: no more at once',
  });
  assert.equal(divide({ ...machine, memoryMiB: 1e6 }, [flood]).places, null);
});

test('a stem that fits needs no place and little memory', () => {
  const one = claim('a', { live: 1, wanted: 3 });
  const full = { ...roomy, freeMiB: 0, booting: 4, stems: 2 };
  assert.deepEqual(mayStart(one, false, undivided, full), {
    count: 2,
    reason: '4 processes boot already: no more at once',
  });
  assert.equal(mayStart({ ...one, eachMiB: 128 }, false, undivided, full).count, 1);
});

test('a machine without memory says how much there is', () => {
  assert.deepEqual(mayStart(claim('a', { live: 1, wanted: 1 }), false, undivided, { ...roomy, freeMiB: 40 }), {
    count: 0,
    reason: '296 MiB of memory are free, 256 stay so, and an instance takes 64',
  });
});

test('what is started ahead of need gets what nobody waits for', () => {
  const ahead = claim('ahead', { wanted: 2 });
  assert.equal(mayStart(ahead, true, undivided, roomy).count, 2);
  assert.equal(mayStart(ahead, true, undivided, { ...roomy, freeMiB: 0 }).count, 0);
  const contested = divide(machine, [claim('a', { live: 5, wanted: 9 }), claim('b', { live: 5, wanted: 9 })]);
  assert.deepEqual(mayStart(ahead, true, contested, roomy), {
    count: 0,
    reason: 'others wait for what is left of the machine',
  });
});

test('processors are shared among those who compute, and one each is the least', () => {
  const computes = (id: string, weight: number, coresUsed = 1): Claim =>
    claim(id, { weight, coresUsed, computing: 1, queuedMs: 1 });
  const waits = claim('waits', { coresUsed: 0.2, queuedMs: 9000 });
  const cores = (weight: number, claims: readonly Claim[]): number =>
    coresOf(weight, divide({ ...machine, cores: 8 }, claims).levelCores, 8);
  assert.equal(cores(1, [computes('a', 1), waits]), 8);
  assert.equal(cores(3, [computes('a', 3), computes('b', 1), waits]), 6);
  assert.equal(cores(1, [computes('a', 3), computes('b', 1), waits]), 2);
  assert.equal(cores(1, [computes('a', 1000), computes('b', 1)]), 1);
  assert.equal(cores(1, [claim('a', { coresUsed: 1 })]), 8, 'nobody waits for them');
  assert.equal(coresOf(1, Infinity, Infinity), Infinity);
});

const anyDemands = fc.array(
  fc.record({
    weight: fc.integer({ min: 1, max: 1000 }),
    amount: fc.oneof(fc.constant(Infinity), fc.double({ min: 0, max: 1e5, noNaN: true })),
  }),
  { maxLength: 40 },
);

test('the level uses up the capacity or meets all demands, whatever their order', () => {
  fc.assert(
    fc.property(anyDemands, fc.double({ min: 0, max: 1e6, noNaN: true }), (demands, capacity) => {
      const level = fairLevel(capacity, demands);
      const given = demands.reduce((sum, { weight, amount }) => sum + Math.min(amount, level * weight), 0);
      const all = demands.reduce((sum, { amount }) => sum + amount, 0);
      const expected = level === Infinity ? all : capacity;
      assert.ok(expected <= capacity * (1 + 1e-6) + 1e-6);
      assert.ok(Math.abs(given - expected) <= 1e-6 * Math.max(1, expected), `${given} of ${expected}`);
      const again = fairLevel(capacity, demands.toReversed());
      assert.ok(again === level || Math.abs(again - level) <= 1e-6 * Math.max(1, level));
    }),
  );
});
