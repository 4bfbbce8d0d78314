import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { limits } from '../base/limits.ts';
import { chooseKept, type Keepable, type KeepRoom } from './keep.ts';

const { keptLeaveFreeMiB, keptStartFreeMiB, keptStartsAtOnce } = limits;

const absent = (chance: number, others: Partial<Keepable> = {}): Keepable => ({
  chance,
  wished: 1,
  live: 0,
  starting: 0,
  eachMiB: 64,
  before: 'not',
  ...others,
});
const present = (chance: number, others: Partial<Keepable> = {}): Keepable =>
  absent(chance, { live: 1, before: 'kept', ...others });
/** Memory for so many to be kept, when nothing else is. */
const roomOf = (freeMiB: number, others: Partial<KeepRoom> = {}): KeepRoom => ({
  freeMiB: keptLeaveFreeMiB + freeMiB,
  leavingMiB: 0,
  places: 100,
  ...others,
});
const plenty = roomOf(100_000);

const shown = { kept: 'k', awaited: 'a', not: '-' };
const said = (all: readonly Keepable[], room: KeepRoom): string =>
  chooseKept(all, room)
    .map((each) => shown[each])
    .join('');

test('the likeliest are started first, a few at a time', () => {
  const all = [0.1, 0.9, 0.3, 0.5, 0.7, 0.2].map((chance) => absent(chance));
  assert.equal(keptStartsAtOnce, 4);
  assert.equal(said(all, plenty), 'akkkka');
  const booting = all.map((each) => (each.chance >= 0.5 ? { ...each, live: 1, starting: 1 } : each));
  assert.equal(said(booting, plenty), 'akkkka');
  assert.equal(said(all, { ...plenty, places: 1 }), 'akaaaa');
});

test('what is there stays until less is free than is left free, and is not started again before more is', () => {
  const two = [present(0.5), present(0.4)];
  assert.equal(said(two, roomOf(0)), 'kk');
  assert.equal(said(two, roomOf(-1)), 'k-');
  assert.equal(said(two, roomOf(-1, { leavingMiB: 1 })), 'kk', 'what goes will be free');
  const one = [present(0.5), absent(0.4)];
  assert.equal(said(one, roomOf(64 + keptStartFreeMiB - 1)), 'k-');
  assert.equal(said(one, roomOf(64 + keptStartFreeMiB)), 'kk');
});

test('one that is clearly likelier takes the place of another, once there is memory for it', () => {
  const held = [present(0.5), present(0.4), present(0.3)];
  assert.equal(said([...held, absent(0.37)], roomOf(0)), 'kkk-', 'not clearly');
  assert.equal(said([...held, absent(0.38)], roomOf(0)), 'kk-a');
  const going = [present(0.5), present(0.4), absent(0.3), absent(0.38, { before: 'awaited' })];
  assert.equal(said(going, roomOf(0, { leavingMiB: 64 })), 'kk-a');
  assert.equal(said(going, roomOf(64)), 'kk-k');
});

test('one that is too large for what there is keeps no others out', () => {
  assert.equal(said([absent(1, { eachMiB: 10_000 }), absent(0.1)], roomOf(1000)), '-k');
});

/** A machine of so much memory beyond what is left free, on which what is said is done. */
class Stand {
  all: Keepable[];
  starts = 0;
  readonly #totalMiB: number;

  constructor(all: readonly Keepable[], totalMiB: number) {
    this.all = [...all];
    this.#totalMiB = totalMiB;
  }

  get usedMiB(): number {
    return this.all.reduce((sum, { live, eachMiB }) => sum + live * eachMiB, 0);
  }

  turn(): void {
    const kept = chooseKept(this.all, roomOf(this.#totalMiB - this.usedMiB));
    this.all = this.all.map((each, at) => {
      const live = kept[at] === 'kept' ? each.wished : 0;
      this.starts += Math.max(0, live - each.live);
      return { ...each, live, before: kept[at]! };
    });
  }
}

test('law: it comes to rest, with the likeliest that fit, and memory is left free', () => {
  const chances = fc.uniqueArray(fc.double({ min: 0.001, max: 1, noNaN: true }), { minLength: 1, maxLength: 40 });
  fc.assert(
    fc.property(chances, fc.integer({ min: 0, max: 3000 }), fc.array(fc.boolean()), (chances, totalMiB, there) => {
      const all = chances.map((chance, at) => absent(chance, { live: there[at] === true ? 1 : 0 }));
      const stand = new Stand(all, totalMiB);
      for (let turn = 0; turn < 100; turn += 1) stand.turn();
      const { starts } = stand;
      for (let turn = 0; turn < 20; turn += 1) stand.turn();
      assert.equal(stand.starts, starts);
      assert.ok(stand.usedMiB <= totalMiB);
      const kept = stand.all.filter(({ live }) => live > 0).map(({ chance }) => chance);
      const others = stand.all.filter(({ live }) => live === 0).map(({ chance }) => chance);
      if (others.length === 0) return;
      assert.ok(totalMiB - stand.usedMiB < 64 + keptStartFreeMiB, 'what fits is there');
      if (kept.length > 0) assert.ok(Math.min(...kept) * 1.2501 >= Math.max(...others));
    }),
  );
});

test('law: as the chances of idle functions fall with time, nothing is started anew', () => {
  const ages = fc.array(fc.nat(20_000), { minLength: 1, maxLength: 40 });
  fc.assert(
    fc.property(ages, fc.integer({ min: 0, max: 3000 }), (ages, totalMiB) => {
      const chanceAt = (minute: number, age: number): number => 60 / (60 + age + minute);
      const stand = new Stand(
        ages.map((age) => absent(chanceAt(0, age))),
        totalMiB,
      );
      for (let turn = 0; turn < 60; turn += 1) stand.turn();
      const { starts } = stand;
      for (let minute = 1; minute < 600; minute += 1) {
        stand.all = stand.all.map((each, at) => ({ ...each, chance: chanceAt(minute, ages[at]!) }));
        stand.turn();
      }
      assert.equal(stand.starts, starts);
    }),
    { numRuns: 30 },
  );
});
