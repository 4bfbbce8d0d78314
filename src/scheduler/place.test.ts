import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Placement, healthClass } from './place.ts';

test('work in flight and room comes first, an idle instance next, none without room', () => {
  const placement = new Placement();
  assert.equal(placement.place(0), -1);
  placement.add(0, 2);
  placement.add(1, 2);
  placement.began(0);
  assert.equal(placement.place(0), 0, 'the busy one');
  placement.began(0);
  assert.equal(placement.place(0), 1, 'the other is full');
  placement.began(1);
  placement.began(1);
  assert.equal(placement.place(0), -1);
  assert.equal(placement.room, 0);
  placement.ended(0);
  assert.equal(placement.place(0), 0);
});

test('of idle instances the last that was used: the others grow old', () => {
  const placement = new Placement();
  for (let index = 0; index < 3; index += 1) placement.add(index, 1);
  placement.began(1);
  placement.ended(1);
  assert.equal(placement.place(0), 1);
});

test('below the 0.84 quantile of in-flight the freest wins, above it nobody', () => {
  const placement = new Placement();
  for (let index = 0; index < 10; index += 1) {
    placement.add(index, 100);
    for (let count = 0; count <= index; count += 1) placement.began(index);
    placement.setHealth(index, index * 100, 0);
  }
  // In flight 1…10, the quantile is 9: the freest of those with 1…8.
  assert.equal(placement.place(0), 7);
});

test('vitals older than two periods count for nothing', () => {
  const placement = new Placement();
  for (let index = 0; index < 3; index += 1) {
    placement.add(index, 100);
    placement.began(index);
  }
  placement.began(0);
  placement.began(0);
  placement.began(1);
  placement.setHealth(1, 900, 0);
  placement.setHealth(2, 100, 0);
  assert.equal(placement.place(400), 1, 'as old as they may be');
  assert.equal(placement.place(401), 2, 'too old: the fewest in flight');
  placement.setHealth(1, 900, 500);
  assert.equal(placement.place(500), 1);
});

test('all alike: the fewest in flight, and of those the freer', () => {
  const placement = new Placement();
  for (let index = 0; index < 3; index += 1) {
    placement.add(index, 100);
    placement.began(index);
    placement.setHealth(index, index === 1 ? 800 : 200, 0);
  }
  assert.equal(placement.place(0), 1);
  placement.began(1);
  assert.notEqual(placement.place(0), 1);
});

test('late events of an instance that is gone do no harm', () => {
  const placement = new Placement();
  placement.add(4, 3);
  placement.began(4);
  placement.remove(4);
  placement.ended(4);
  placement.setPaused(4, false);
  placement.setHealth(4, 1000, 0);
  placement.setLimit(4, 9);
  placement.remove(4);
  assert.equal(placement.place(0), -1);
  assert.deepEqual([placement.room, placement.ready, placement.inFlight(4)], [0, 0, 0]);
});

interface Known {
  limit: number;
  inFlight: number;
  paused: boolean;
  free: number;
  atMs: number;
}

/** The rule as it is written down, by looking at every instance. */
function allowed(instances: ReadonlyMap<number, Known>, nowMs: number): Set<number> {
  const unpaused = [...instances].filter(([, each]) => !each.paused);
  const open = unpaused.filter(([, each]) => each.inFlight < each.limit);
  const candidates = open.filter(([, each]) => each.inFlight > 0);
  if (candidates.length === 0) return new Set(open.map(([index]) => index));
  const counts = unpaused.map(([, each]) => each.inFlight).filter((count) => count > 0);
  const hot = counts.sort((left, right) => left - right)[Math.ceil(0.84 * counts.length) - 1]!;
  const fresh = candidates.filter(([, each]) => each.inFlight < hot && nowMs - each.atMs <= 400);
  if (fresh.length > 0) {
    const freest = Math.max(...fresh.map(([, each]) => healthClass(each.free)));
    return new Set(fresh.filter(([, each]) => healthClass(each.free) === freest).map(([index]) => index));
  }
  const fewest = Math.min(...candidates.map(([, each]) => each.inFlight));
  return new Set(candidates.filter(([, each]) => each.inFlight === fewest).map(([index]) => index));
}

const step = fc.record({
  kind: fc.constantFrom(
    'add',
    'remove',
    'limit',
    'pause',
    'unpause',
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
      placement.add(index, value % 70);
      known.set(index, { limit: value % 70, inFlight: 0, paused: false, free: 0, atMs: -1000 });
    } else if (kind === 'wait') nowMs += value / 4;
    else if (kind === 'remove') {
      placement.remove(index);
      known.delete(index);
    } else if (kind === 'place') place();
    else if (instance !== undefined) apply(kind, index, value, instance);
    check();
  }
  return placed;

  function place(): void {
    const chosen = placement.place(nowMs);
    const may = allowed(known, nowMs);
    if (chosen === -1) assert.equal(may.size, 0, 'some instance has room');
    else assert.ok(may.has(chosen), `${chosen} is not among ${[...may].join(' ')}`);
    placed.push(chosen);
    if (chosen === -1) return;
    placement.began(chosen);
    known.get(chosen)!.inFlight += 1;
  }

  function apply(kind: string, index: number, value: number, instance: Known): void {
    if (kind === 'limit') placement.setLimit(index, (instance.limit = value % 70));
    else if (kind === 'pause') placement.setPaused(index, (instance.paused = true));
    else if (kind === 'unpause') placement.setPaused(index, (instance.paused = false));
    else if (kind === 'health') placement.setHealth(index, (instance.free = value), (instance.atMs = nowMs));
    else if (kind === 'ended' && instance.inFlight > 0) {
      placement.ended(index);
      instance.inFlight -= 1;
    }
  }

  function check(): void {
    const rooms = [...known.values()].map((each) => (each.paused ? 0 : Math.max(0, each.limit - each.inFlight)));
    assert.equal(
      placement.room,
      rooms.reduce((sum, each) => sum + each, 0),
    );
    assert.equal(placement.ready, known.size);
    for (const [index, each] of known) assert.equal(placement.inFlight(index), each.inFlight);
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
