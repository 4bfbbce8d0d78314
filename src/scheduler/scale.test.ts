import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { limits } from '../base/limits.ts';
import { type Demand, type LaneDemand, startDelayMs, startsNeeded } from './scale.ts';

const none: LaneDemand = {
  waiting: 0,
  headAgeMs: 0,
  limit: 10,
  isUnknown: false,
  wallMs: 0,
  load: 0,
  live: 0,
  computes: false,
  isBound: false,
};

const calm: Demand = {
  standing: 0,
  lanes: [none],
  starting: 0,
  sinceStartMs: Infinity,
  ahead: 0,
  aheadReason: '',
  live: 0,
  maxInstances: 100,
  neverYields: true,
  sleeps: true,
  stillForMs: Infinity,
  computing: 0,
  usedCores: 0,
  cores: 2,
  cpuIdle: false,
};

const waits = (waiting: number, lane: Partial<LaneDemand> = {}): Pick<Demand, 'lanes'> => ({
  lanes: [{ ...none, live: 1, waiting, ...lane }],
});
const no = { count: 0, reason: '' };
/** All that are there take work. */
const there = (live: number): Pick<Demand, 'live' | 'standing'> => ({ live, standing: live });
const count = (demand: Demand): number => {
  const { waited, ahead } = startsNeeded(demand);
  return waited.count + ahead.count;
};

test('starts for what waits, minus what is on its way, and says why', () => {
  assert.deepEqual(startsNeeded(calm), { waited: no, ahead: no });
  assert.equal(count({ ...calm, ...waits(1) }), 1);
  assert.deepEqual(startsNeeded({ ...calm, ...waits(25), starting: 2, live: 2 }).waited, {
    count: 1,
    reason: '25 wait, and one instance takes 10; 2 on their way',
  });
  assert.equal(count({ ...calm, ...waits(25), starting: 3, live: 3 }), 0);
  assert.equal(count({ ...calm, ...waits(25, { limit: 1 }), live: 90 }), 10);
  assert.equal(
    count({
      ...calm,
      lanes: [
        { ...none, waiting: 25 },
        { ...none, waiting: 2, limit: 1 },
      ],
    }),
    5,
  );
});

test('an old head forces a start; one that seems to hang gets company, and no more than that', () => {
  const old = { ...calm, ...waits(1, { headAgeMs: limits.queueStaleMs }) };
  const slow = { ...old, starting: 1, live: 1, sinceStartMs: limits.startSlowMs };
  assert.equal(count(old), 1);
  assert.equal(count({ ...slow, sinceStartMs: limits.startSlowMs - 1 }), 0);
  assert.equal(count(slow), 1);
  assert.equal(count({ ...slow, starting: 2, live: 2 }), 0);
  assert.equal(count({ ...slow, ...waits(1, { headAgeMs: limits.queueStaleMs - 1 }) }), 0);
  assert.equal(count({ ...slow, live: 100 }), 0);
});

test('ahead of need: what the last minute or a forecast calls for', () => {
  const ahead = { ...calm, ahead: 3, aheadReason: 'the demand of the last minute' };
  assert.deepEqual(startsNeeded({ ...ahead, ...there(1) }), {
    waited: no,
    ahead: { count: 2, reason: 'ahead of need: the demand of the last minute' },
  });
  assert.equal(count({ ...ahead, ...there(3) }), 0);
  assert.equal(count({ ...ahead, ...waits(50) }), 5, 'what waits counts, if that is more');
  assert.equal(count({ ...ahead, ...there(1), computing: 2, usedCores: 2 }), 0, 'there is no CPU for more');
});

test('what waits is told apart from what is wanted ahead of it', () => {
  const both = { ...calm, ...waits(1), starting: 0, ...there(5), ahead: 15, aheadReason: 'forecast' };
  assert.deepEqual(startsNeeded(both), {
    waited: { count: 1, reason: '1 wait, and one instance takes 10' },
    ahead: { count: 9, reason: 'ahead of need: forecast' },
  });
  const last = startsNeeded({ ...both, maxInstances: 6 });
  assert.deepEqual([last.waited.count, last.ahead.count], [1, 0]);
});

test('what waits for CPU gets no more instances, but for a head that may wait for loops that never yield', () => {
  const full = { ...calm, ...waits(500), live: 2, computing: 2, usedCores: 2 };
  const aged = (headAgeMs: number) => waits(500, { headAgeMs });
  assert.equal(count({ ...full, computing: 1, usedCores: 1.1 }), 50);
  assert.equal(count({ ...full, cores: Infinity }), 50);
  assert.equal(count(full), 0);
  const singly = { ...full, ...waits(500, { limit: 1 }) };
  assert.equal(count(singly), 98, 'between two invocations such an instance has none: one more than processors');
  assert.equal(count({ ...singly, live: 3, computing: 3, usedCores: 3 }), 0);
  // Full of what clients use, too: then half of the processors are as many as it has.
  const amid = { ...full, computing: 0, cores: 2, cpuFull: true };
  assert.equal(count({ ...amid, usedCores: 1.1 }), 0);
  assert.equal(count({ ...amid, usedCores: 0.9 }), 50, 'others fill them');
  assert.equal(count({ ...amid, usedCores: 1.1, cpuFull: false }), 50);
  // Loops that are held by what does not compute.
  assert.equal(count({ ...full, ...aged(limits.heldQueueStaleMs), cpuIdle: true }), 50);
  assert.equal(count({ ...full, cpuIdle: true }), 0, 'they may have been idle before');
  assert.equal(
    count({ ...full, ...aged(limits.heldQueueStaleMs), cpuIdle: true, sleeps: false }),
    1,
    'their loops are free',
  );
  const late = { ...full, ...aged(limits.heldQueueStaleMs) };
  assert.equal(count(late), 1);
  assert.equal(count({ ...late, neverYields: false }), 0, 'they come round');
  assert.equal(count({ ...late, starting: 1, sinceStartMs: limits.heldQueueStaleMs }), 0);
  assert.equal(count({ ...late, sinceStartMs: limits.heldQueueStaleMs - 1 }), 0);
  assert.equal(count({ ...late, stillForMs: limits.heldQueueStaleMs - 1 }), 0);
  const long = { ...late, ...waits(500, { headAgeMs: limits.heldQueueStaleMs, wallMs: limits.heldQueueStaleMs }) };
  assert.equal(count({ ...long, stillForMs: 2 * limits.heldQueueStaleMs - 1 }), 0, 'they take so long anyway');
  assert.equal(count({ ...long, stillForMs: 2 * limits.heldQueueStaleMs }), 1);
  const many = { ...late, computing: 2 * limits.heldInstancesPerCore };
  assert.equal(count({ ...many, sinceStartMs: limits.heldStartMs - 1 }), 0);
  assert.equal(count({ ...many, sinceStartMs: limits.heldStartMs }), 1);
});

test('what computes gets as many instances as there are processors left for', () => {
  const computes = { ...calm, cores: 8, ...waits(100, { limit: 1, load: 1 }) };
  assert.equal(count(computes), 8, 'with the one that is there one more than processors');
  assert.equal(count({ ...computes, usedCores: 3, live: 3 }), 6);
  assert.equal(count({ ...computes, usedCores: 3, starting: 6, live: 9 }), 0);
  assert.equal(count({ ...computes, ...waits(100, { limit: 1, load: 0.1 }) }), 100, 'it waits more than it computes');
});

test('what answers more than one at a time keeps the processors busy with an instance each', () => {
  const renders = { ...calm, cores: 4, ...waits(60, { limit: 3, load: 0.85, wallMs: 6 }) };
  assert.equal(count(renders), 3, 'one on each, with the one that is there');
  assert.equal(count({ ...renders, live: 4, ...waits(60, { limit: 3, load: 0.85, wallMs: 6, live: 4 }) }), 0);
  assert.equal(count({ ...renders, usedCores: 3.5, live: 4 }), 0);
});

test('of what nothing is known, one is started for each processor; more when nothing came of those for a while', () => {
  const unknown = (lane: Partial<LaneDemand>) => waits(500, { limit: 100, isUnknown: true, live: 0, ...lane });
  assert.equal(count({ ...calm, ...unknown({}) }), 2);
  assert.equal(count({ ...calm, ...unknown({ live: 1 }), live: 1, starting: 1 }), 1);
  assert.equal(count({ ...calm, ...unknown({ live: 2 }), live: 2, starting: 2 }), 0);
  assert.equal(count({ ...calm, ...unknown({ live: 2, headAgeMs: limits.queueStaleMs }), live: 2 }), 0);
  assert.equal(count({ ...calm, ...unknown({ live: 2, headAgeMs: limits.unknownMs }), live: 2 }), 5);
  assert.equal(
    count({ ...calm, ...unknown({ live: 2, isUnknown: false }), live: 2 }),
    5,
    'it waits for more than processors',
  );
});

test('what waits for instances that keep the processors busy gets no others', () => {
  const bound = { ...calm, ...waits(50, { limit: 1, load: 1, isBound: true }), live: 2, usedCores: 1 };
  assert.equal(count(bound), 0);
  assert.equal(count({ ...bound, lanes: [...bound.lanes, { ...none, waiting: 20 }] }), 2, 'the other lane does');
});

test('what waits is not shut out by instances that compute', () => {
  const lanes = [
    { ...none, waiting: 5 },
    { ...none, waiting: 7, limit: 1, live: 3 },
  ];
  assert.deepEqual(startsNeeded({ ...calm, lanes, live: 3, computing: 3 }).waited, {
    count: 1,
    reason: '5 wait, and all instances have work that is kept apart from theirs',
  });
  assert.equal(count({ ...calm, lanes, live: 4, starting: 1, computing: 3 }), 0);
});

test('law: never beyond the most, and with what is on its way enough for what waits', () => {
  const demand = fc.record({
    lanes: fc.tuple(
      fc.record({
        waiting: fc.nat(1000),
        headAgeMs: fc.nat(1000),
        limit: fc.integer({ min: 1, max: 100 }),
        isUnknown: fc.constant(false),
        wallMs: fc.constant(0),
        load: fc.constant(0),
        live: fc.nat(10),
        computes: fc.constant(false),
        isBound: fc.constant(false),
      }),
    ),
    starting: fc.nat(3),
    sinceStartMs: fc.nat(5000),
    ahead: fc.nat(10),
    aheadReason: fc.constant('forecast'),
    neverYields: fc.boolean(),
    sleeps: fc.boolean(),
    stillForMs: fc.nat(5000),
    live: fc.nat(120),
    standing: fc.nat(120),
    maxInstances: fc.nat(100),
    computing: fc.nat(3),
    usedCores: fc.nat(3),
    cores: fc.constant(4),
    cpuIdle: fc.boolean(),
  });
  fc.assert(
    fc.property(demand, (asked) => {
      const { waited, ahead } = startsNeeded(asked);
      const [{ waiting, limit }] = asked.lanes;
      for (const { count: some, reason } of [waited, ahead]) {
        assert.ok(Number.isInteger(some) && some >= 0);
        assert.equal(some > 0, reason !== '');
      }
      if (waiting === 0) assert.equal(waited.count, 0);
      const starts = waited.count + ahead.count;
      if (starts > 0) assert.ok(asked.live + starts <= asked.maxInstances);
      if (asked.live + starts < asked.maxInstances) assert.ok((starts + asked.starting) * limit >= waiting);
    }),
  );
});

test('failed starts wait longer and longer, up to a limit', () => {
  assert.equal(startDelayMs(0), 0);
  assert.equal(startDelayMs(1), limits.startBackoffMs);
  assert.equal(startDelayMs(3), 4 * limits.startBackoffMs);
  assert.equal(startDelayMs(5000), limits.startBackoffMaxMs);
});
