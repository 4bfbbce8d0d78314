import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Placement, healthClass } from './place.ts';

test('work in flight and room comes first, an idle instance next, none without room', () => {
  const placement = new Placement();
  assert.equal(placement.place(0, 0), -1);
  placement.add(0, [2, 2]);
  placement.add(1, [2, 2]);
  placement.began(0, 0);
  assert.equal(placement.place(0, 0), 0, 'the busy one');
  placement.began(0, 0);
  assert.equal(placement.place(0, 0), 1, 'the other is full');
  placement.began(1, 0);
  placement.began(1, 0);
  assert.equal(placement.place(0, 0), -1);
  placement.ended(0);
  assert.equal(placement.place(0, 0), 0);
});

test('of idle instances the last that was used: the others grow old', () => {
  const placement = new Placement();
  for (let index = 0; index < 3; index += 1) placement.add(index, [1, 1]);
  placement.began(1, 0);
  placement.ended(1);
  assert.equal(placement.place(0, 0), 1);
});

test('below the 0.84 quantile of in-flight the freest wins, above it nobody', () => {
  const placement = new Placement();
  for (let index = 0; index < 10; index += 1) {
    placement.add(index, [100, 100]);
    for (let count = 0; count <= index; count += 1) placement.began(index, 0);
    placement.setHealth(index, index * 100, 0);
  }
  // In flight 1…10, the quantile is 9: the freest of those with 1…8.
  assert.equal(placement.place(0, 0), 7);
});

test('vitals older than two periods count for nothing', () => {
  const placement = new Placement();
  for (let index = 0; index < 3; index += 1) {
    placement.add(index, [100, 100]);
    placement.began(index, 0);
  }
  placement.began(0, 0);
  placement.began(0, 0);
  placement.began(1, 0);
  placement.setHealth(1, 900, 0);
  placement.setHealth(2, 100, 0);
  assert.equal(placement.place(0, 400), 1, 'as old as they may be');
  assert.equal(placement.place(0, 401), 2, 'too old: the fewest in flight');
  placement.setHealth(1, 900, 500);
  assert.equal(placement.place(0, 500), 1);
});

test('all alike: the fewest in flight, and of those the freer', () => {
  const placement = new Placement();
  for (let index = 0; index < 3; index += 1) {
    placement.add(index, [100, 100]);
    placement.began(index, 0);
    placement.setHealth(index, index === 1 ? 800 : 200, 0);
  }
  assert.equal(placement.place(0, 0), 1);
  placement.began(1, 0);
  assert.notEqual(placement.place(0, 0), 1);
});

test('late events of an instance that is gone do no harm', () => {
  const placement = new Placement();
  placement.add(4, [3, 3]);
  placement.began(4, 0);
  placement.remove(4);
  placement.ended(4);
  placement.setPaused(4, false);
  placement.setHealth(4, 1000, 0);
  placement.setLimit(4, 0, 9);
  placement.remove(4);
  assert.equal(placement.place(0, 0), -1);
  assert.deepEqual([placement.ready, placement.inFlight(4), placement.laneOf(4)], [0, 0, -1]);
});

test('lanes do not meet in an instance, until it is idle', () => {
  const placement = new Placement();
  placement.add(0, [100, 1]);
  placement.began(0, 0);
  assert.equal(placement.place(1, 0), -1, 'it has what waits');
  placement.add(1, [100, 1]);
  assert.equal(placement.place(1, 0), 1);
  placement.began(1, 1);
  assert.deepEqual([placement.laneOf(0), placement.laneOf(1), placement.active(0), placement.active(1)], [0, 1, 1, 1]);
  assert.equal(placement.place(1, 0), -1, 'one computation at a time');
  assert.equal(placement.place(0, 0), 0, 'not beside what computes, however empty that is');
  placement.ended(1);
  placement.began(1, 0);
  assert.equal(placement.laneOf(1), 0);
});

test('one that rests gets work only when the others are full, and rests no more when it is idle', () => {
  const placement = new Placement();
  for (const index of [0, 1, 2]) placement.add(index, [2, 2]);
  placement.began(0, 0);
  placement.began(1, 0);
  placement.setResting(0, true);
  assert.equal(placement.place(0, 0), 1);
  placement.began(1, 0);
  assert.equal(placement.place(0, 0), 0, 'before an idle one: it costs its time already');
  placement.began(0, 0);
  assert.equal(placement.place(0, 0), 2);
  placement.ended(0);
  placement.ended(0);
  assert.equal(placement.isResting(0), false);
});

interface Known {
  limits: number[];
  lane: number;
  inFlight: number;
  paused: boolean;
  resting: boolean;
  free: number;
  atMs: number;
}

/** The rule as it is written down, by looking at every instance. */
function allowed(instances: ReadonlyMap<number, Known>, lane: number, nowMs: number): Set<number> {
  const unpaused = [...instances].filter(([, each]) => !each.paused);
  const mine = unpaused.filter(([, each]) => each.inFlight > 0 && each.lane === lane);
  const open = mine.filter(([, each]) => each.inFlight < each.limits[lane]!);
  const candidates = open.filter(([, each]) => !each.resting);
  if (candidates.length === 0) {
    const most = Math.max(...open.map(([, each]) => Math.min(63, each.inFlight)));
    const resting = new Set(open.filter(([, each]) => Math.min(63, each.inFlight) === most).map(([index]) => index));
    return resting.size > 0 ? resting : new Set(unpaused.filter(([, each]) => each.inFlight === 0).map(([at]) => at));
  }
  const counts = mine.filter(([, each]) => !each.resting).map(([, each]) => each.inFlight);
  const hot = counts.sort((left, right) => left - right)[Math.ceil(0.84 * counts.length) - 1]!;
  const fresh = candidates.filter(([, each]) => each.inFlight < hot && nowMs - each.atMs <= 400);
  if (fresh.length > 0) {
    const freest = Math.max(...fresh.map(([, each]) => healthClass(each.free)));
    return new Set(fresh.filter(([, each]) => healthClass(each.free) === freest).map(([index]) => index));
  }
  return fewestOf(candidates);
}

function fewestOf(instances: readonly (readonly [number, Known])[]): Set<number> {
  const fewest = Math.min(...instances.map(([, each]) => each.inFlight));
  return new Set(instances.filter(([, each]) => each.inFlight === fewest).map(([index]) => index));
}

const step = fc.record({
  kind: fc.constantFrom(
    'add',
    'remove',
    'limit',
    'pause',
    'unpause',
    'rest',
    'unrest',
    'health',
    'place',
    'place',
    'place',
    'ended',
    'wait',
  ),
  index: fc.nat(12),
  value: fc.nat(1000),
});
type Step = { kind: string; index: number; value: number };

function run(steps: readonly Step[]): number[] {
  const placement = new Placement();
  const known = new Map<number, Known>();
  const placed: number[] = [];
  let nowMs = 1000;
  for (const { kind, index, value } of steps) {
    const instance = known.get(index);
    if (kind === 'add') {
      const limits = [1 + (value % 70), 1 + (value % 3)];
      placement.add(index, limits);
      known.set(index, { limits, lane: 0, inFlight: 0, paused: false, resting: false, free: 0, atMs: -1000 });
    } else if (kind === 'wait') nowMs += value / 4;
    else if (kind === 'remove') {
      placement.remove(index);
      known.delete(index);
    } else if (kind === 'place') place(value % 2);
    else if (instance !== undefined) apply(kind, index, value, instance);
    check();
  }
  return placed;

  function place(lane: number): void {
    const chosen = placement.place(lane, nowMs);
    const may = allowed(known, lane, nowMs);
    if (chosen === -1) assert.equal(may.size, 0, 'some instance has room');
    else assert.ok(may.has(chosen), `${chosen} is not among ${[...may].join(' ')}`);
    placed.push(chosen);
    if (chosen === -1) return;
    placement.began(chosen, lane);
    const instance = known.get(chosen)!;
    if (instance.inFlight === 0) instance.lane = lane;
    instance.inFlight += 1;
  }

  function apply(kind: string, index: number, value: number, instance: Known): void {
    if (kind === 'limit') {
      instance.limits = instance.limits.with(value % 2, 1 + (value % 70));
      placement.setLimit(index, value % 2, 1 + (value % 70));
    } else if (kind === 'rest') placement.setResting(index, (instance.resting = true));
    else if (kind === 'unrest') placement.setResting(index, (instance.resting = false));
    else if (kind === 'pause') placement.setPaused(index, (instance.paused = true));
    else if (kind === 'unpause') placement.setPaused(index, (instance.paused = false));
    else if (kind === 'health') placement.setHealth(index, (instance.free = value), (instance.atMs = nowMs));
    else if (kind === 'ended' && instance.inFlight > 0) {
      placement.ended(index);
      instance.inFlight -= 1;
      if (instance.inFlight === 0) instance.resting = false;
    }
  }

  function check(): void {
    assert.equal(placement.ready, known.size);
    for (const [index, each] of known) {
      assert.equal(placement.inFlight(index), each.inFlight);
      assert.equal(placement.laneOf(index), each.inFlight === 0 ? -1 : each.lane);
    }
    for (const lane of [0, 1]) {
      const active = [...known.values()].filter(
        (each) => each.inFlight > 0 && each.lane === lane && !each.paused && !each.resting,
      );
      assert.equal(placement.active(lane), active.length);
    }
  }
}

test('law: whatever happens, place chooses as the rule says, never above the limit, never paused or removed', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300, size: 'max' }), (steps) => void run(steps)),
    { numRuns: 300 },
  );
});

test('law: the same history gives the same choices', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200, size: 'max' }), (steps) => assert.deepEqual(run(steps), run(steps))),
    { numRuns: 50 },
  );
});
