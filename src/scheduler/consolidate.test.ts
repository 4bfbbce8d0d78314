import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { restful, surplus } from './consolidate.ts';
import { LaneKnowledge } from './knowledge.ts';
import { Member } from './member.ts';
import { Placement } from './place.ts';

interface Shape {
  readonly lane: number;
  readonly inFlight: number;
  readonly background: number;
  readonly paused: boolean;
  readonly resting: boolean;
  readonly idleSinceMs: number;
}

const idle: Shape = { lane: 0, inFlight: 0, background: 0, paused: false, resting: false, idleSinceMs: 0 };

/** Instances as they are told; null: an index that is free. */
function poolOf(shapes: readonly (Shape | null)[]): { members: (Member | undefined)[]; placement: Placement } {
  const known = [new LaneKnowledge(100, null), new LaneKnowledge(100, null)];
  const placement = new Placement();
  const members = shapes.map((shape, index) => {
    if (shape === null) return undefined;
    const member = new Member({ id: null, index, memoryMiB: 128 }, known, 100, shape.idleSinceMs);
    placement.add(index, [100, 100]);
    for (let count = 0; count < shape.inFlight; count += 1) placement.began(index, shape.lane);
    placement.setPaused(index, shape.paused);
    if (shape.inFlight > 0) placement.setResting(index, shape.resting);
    member.works(shape.background, shape.idleSinceMs);
    return member;
  });
  return { members, placement };
}

const shape = fc.option(
  fc.record({
    lane: fc.nat(1),
    inFlight: fc.oneof(fc.constant(0), fc.nat(20)),
    background: fc.oneof(fc.constant(0), fc.nat(2)),
    paused: fc.boolean(),
    resting: fc.boolean(),
    idleSinceMs: fc.nat(1000),
  }),
  { freq: 8 },
);
const shapes = fc.array(shape, { maxLength: 40, size: 'max' });

test('law: drained are idle ones only, idle for longest first, at most half, as long as what is wanted remains', () => {
  fc.assert(
    fc.property(shapes, fc.nat(20), fc.nat(1000), (all, wanted, keepAliveMs) => {
      const nowMs = 1000;
      const { members, placement } = poolOf(all);
      const drained = surplus(members, placement, { wanted, keepAliveMs, nowMs });
      const may = all.flatMap((each, index) => {
        const isIdle = each !== null && each.inFlight === 0 && each.background === 0;
        return isIdle && nowMs - each.idleSinceMs >= keepAliveMs ? [index] : [];
      });
      const { ready } = placement;
      const most = Math.max(0, Math.min(ready - wanted, Math.ceil(ready / 2)));
      assert.equal(drained.length, Math.min(may.length, most));
      const sinceMs = (index: number): number => all[index]!.idleSinceMs;
      const chosen = drained.map(({ index }) => index);
      assert.equal(new Set(chosen).size, chosen.length);
      assert.ok(chosen.every((index) => may.includes(index)));
      const left = may.filter((index) => !chosen.includes(index)).map(sinceMs);
      assert.ok(chosen.every((index) => left.every((other) => sinceMs(index) <= other)));
      assert.deepEqual(
        chosen.map(sinceMs),
        chosen.map(sinceMs).toSorted((a, b) => a - b),
      );
    }),
    { numRuns: 400 },
  );
});

test('in steps of half of what is there, down to what is wanted, and no further', () => {
  const { members, placement } = poolOf(Array.from({ length: 20 }, () => idle));
  const sizes: number[] = [];
  for (let step = 0; step < 10; step += 1) {
    for (const { index } of surplus(members, placement, { wanted: 3, keepAliveMs: 100, nowMs: 1000 })) {
      members[index] = undefined;
      placement.remove(index);
    }
    sizes.push(placement.ready);
  }
  assert.deepEqual(sizes, [10, 5, 3, 3, 3, 3, 3, 3, 3, 3]);
});

test('what was wanted ahead of need is no surplus until it was not wanted for as long as others are kept', () => {
  const { members, placement } = poolOf([idle, idle, { ...idle, idleSinceMs: 50 }, { ...idle, inFlight: 1 }]);
  const at = (nowMs: number, wanted: number): number[] =>
    surplus(members, placement, { wanted, keepAliveMs: 1000, nowMs }).map(({ index }) => index);
  for (let nowMs = 0; nowMs <= 5000; nowMs += 500) {
    assert.deepEqual(at(nowMs, 2), nowMs < 1000 ? [] : [0, 1], 'with the busy one, one that is idle: the last used');
  }
  assert.deepEqual(at(5500, 0), [0, 1]);
  assert.deepEqual(at(5999, 0), [0, 1]);
  assert.deepEqual(at(6000, 0), [0, 1], 'half at most');
  for (const index of [0, 1]) {
    members[index] = undefined;
    placement.remove(index);
  }
  assert.deepEqual(at(6001, 0), [2]);
});

test('the last one goes too when nothing is wanted, not a moment early, and says for how long it was idle', () => {
  const { members, placement } = poolOf([idle]);
  assert.deepEqual(surplus(members, placement, { wanted: 0, keepAliveMs: 60_000, nowMs: 59_999 }), []);
  assert.deepEqual(surplus(members, placement, { wanted: 0, keepAliveMs: 60_000, nowMs: 60_000 }), [
    { index: 0, reason: 'idle for 60 s' },
  ]);
  assert.deepEqual(surplus(members, placement, { wanted: 1, keepAliveMs: 60_000, nowMs: 60_000 }), []);
  assert.deepEqual(surplus([], new Placement(), { wanted: 0, keepAliveMs: 0, nowMs: 0 }), []);
});

test('more are wanted than there are: none goes', () => {
  const { members, placement } = poolOf([idle, idle]);
  assert.deepEqual(surplus(members, placement, { wanted: 5, keepAliveMs: 0, nowMs: 1e9 }), []);
});

test('law: those that rest are the emptiest of their lane, half of what is over at most, and enough remain', () => {
  fc.assert(
    fc.property(
      shapes,
      fc.nat(1),
      fc.double({ min: 0, max: 300, noNaN: true }),
      fc.integer({ min: 1, max: 50 }),
      (all, lane, needed, limit) => {
        const { members, placement } = poolOf(all);
        const rests = restful(members, placement, { lane, needed, limit });
        const active = all.flatMap((each, index) =>
          each !== null && each.inFlight > 0 && each.lane === lane && !each.paused && !each.resting ? [index] : [],
        );
        const over = active.length - Math.max(1, Math.ceil(needed / (limit * 0.9)));
        assert.equal(rests.length, Math.max(0, Math.ceil(over / 2)));
        assert.ok(
          rests.every((index) => active.includes(index)),
          'of those that are active',
        );
        const stay = active.filter((index) => !rests.includes(index));
        for (const index of rests) {
          assert.ok(stay.every((other) => all[index]!.inFlight <= all[other]!.inFlight));
        }
      },
    ),
    { numRuns: 400 },
  );
});

test('nothing to do for a lane: one that has work stays, however little is needed', () => {
  const { members, placement } = poolOf([{ ...idle, inFlight: 1 }]);
  assert.deepEqual(restful(members, placement, { lane: 0, needed: 0, limit: 100 }), []);
  assert.deepEqual(restful([], new Placement(), { lane: 0, needed: 0, limit: 0 }), []);
});

test('what rests comes back when the others are full, and is as before when it was idle', () => {
  const { members, placement } = poolOf([
    { ...idle, inFlight: 99 },
    { ...idle, inFlight: 3 },
  ]);
  assert.deepEqual(restful(members, placement, { lane: 0, needed: 50, limit: 100 }), [1]);
  placement.setResting(1, true);
  assert.deepEqual(
    restful(members, placement, { lane: 0, needed: 0, limit: 100 }),
    [],
    'the last active one never rests',
  );
  assert.equal(placement.place(0, 0), 0);
  placement.began(0, 0);
  assert.equal(placement.place(0, 0), 1, 'the other one is full');
  for (let count = 0; count < 3; count += 1) placement.ended(1);
  assert.equal(placement.isResting(1), false);
  placement.began(1, 0);
  assert.equal(placement.active(0), 2);
});
