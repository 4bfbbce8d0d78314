import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { limits } from '../base/limits.ts';
import { LaneKnowledge } from './knowledge.ts';
import { placesAt } from './law.ts';

const fresh = (ceiling = 1000): LaneKnowledge => new LaneKnowledge(ceiling, null);

function settle(lane: LaneKnowledge, count: number, wallMs: number, cpuMs: number): LaneKnowledge {
  for (let each = 0; each < count; each += 1) lane.settled(wallMs, cpuMs);
  return lane;
}

const near = (seen: number, expected: number, text = ''): void =>
  assert.ok(Math.abs(seen - expected) < 1e-6 * Math.max(1, expected), `${text} ${seen}, not ${expected}`);

test('nothing is known: the default, within the ceiling, and nothing to keep', () => {
  const lane = fresh();
  assert.deepEqual([lane.limit, lane.budget, lane.guess], [limits.concurrencyDefault, 1, Infinity]);
  assert.equal(lane.kept(5), null);
  assert.equal(fresh(7).limit, 7);
  assert.equal(fresh(1).limit, 1);
});

test('how many an instance takes is unknown until the law has spoken, or another instance is what it lacks', () => {
  const lane = fresh();
  assert.ok(lane.isUnknown);
  settle(lane, 10, 1000, 1);
  assert.ok(lane.isUnknown, 'what was answered does not say how many there may be');
  lane.learned(40, 0);
  assert.ok(!lane.isUnknown);
  assert.ok(!fresh(7).isUnknown, 'it may not take more');
  const other = fresh();
  other.short();
  assert.ok(!other.isUnknown);
  other.forget();
  assert.ok(other.isUnknown);
});

test('the first ten count alike, then the newest counts a tenth', () => {
  const lane = fresh();
  const seen = [100, 20, 60, 40, 80, 10, 30, 50, 70, 90];
  for (const [at, each] of seen.entries()) {
    lane.settled(each, each / 2);
    const mean = seen.slice(0, at + 1).reduce((sum, value) => sum + value, 0) / (at + 1);
    near(lane.wallMs, mean);
    near(lane.cpuMs, mean / 2);
  }
  lane.settled(155, 0);
  near(lane.wallMs, 55 + 10);
});

test('what one takes alone is what the fastest took; it is found out when all take longer for good', () => {
  const lane = settle(fresh(), 100, 500, 10);
  lane.settled(100, 10);
  near(lane.ownMs, 100);
  settle(lane, 20, 500, 10);
  assert.ok(lane.ownMs < 110, 'a few slow ones waited for others');
  settle(lane, 5000, 500, 10);
  assert.ok(lane.ownMs > 490, String(lane.ownMs));
});

test('the dearest and the longest turn are forgotten slowly', () => {
  const lane = fresh();
  lane.settled(100, 80);
  lane.turned(90, 0);
  settle(lane, 10, 100, 1);
  lane.turned(5, 1000);
  assert.ok(lane.peakCpuMs > 75 && lane.turnMs > 85);
  settle(lane, 1000, 100, 1);
  for (let minute = 1; minute <= 10; minute += 1) lane.turned(5, minute * 60_000);
  assert.ok(lane.peakCpuMs < 1.5 && lane.turnMs <= 5.1, `${lane.peakCpuMs} ${lane.turnMs}`);
});

test('an instance that cannot say what CPU was used changes nothing of it', () => {
  const lane = settle(fresh(), 20, 100, 40);
  settle(lane, 1000, 100, 0);
  assert.deepEqual([lane.cpuMs, lane.peakCpuMs], [40, 40]);
});

test('law: averages are between the least and the most that came, whatever comes', () => {
  const amount = fc.double({ min: 0, max: 1e6, noNaN: true });
  fc.assert(
    fc.property(
      fc.array(fc.tuple(amount, amount), { minLength: 1, maxLength: 100 }),
      fc.integer({ min: 1, max: 8192 }),
      (all, ceiling) => {
        const lane = fresh(ceiling);
        for (const [wallMs, cpuMs] of all) {
          lane.settled(wallMs, cpuMs);
          assert.ok(Number.isInteger(lane.limit) && lane.limit >= 1 && lane.limit <= ceiling, String(lane.limit));
          assert.ok(lane.budget >= 1 && lane.budget <= limits.concurrencyDefault);
        }
        const slack = 1e-6;
        const walls = all.map(([wallMs]) => wallMs);
        const cpus = all.map(([, cpuMs]) => cpuMs);
        for (const [value, of] of [
          [lane.wallMs, walls],
          [lane.ownMs, walls],
          [lane.cpuMs, cpus],
        ] as const) {
          assert.ok(value >= Math.min(...of) - slack && value <= Math.max(...of) + slack);
        }
        assert.ok(lane.peakCpuMs >= lane.cpuMs - slack);
        assert.equal(lane.invocations, all.length);
      },
    ),
  );
});

test('budget: as many as compute for 10 ms together', () => {
  for (const [cpuMs, budget] of [
    [0.05, 100],
    [0.1, 100],
    [1, 10],
    [4, 3],
    [10, 1],
    [11, 1],
    [1000, 1],
  ] as const) {
    assert.equal(settle(fresh(), 5, 1000, cpuMs).budget, budget, String(cpuMs));
  }
});

test('what computes is told apart before the law has spoken', () => {
  assert.equal(settle(fresh(), 3, 100, 100).limit, 1);
  assert.equal(settle(fresh(), 3, 100, 50).limit, 2);
  assert.equal(settle(fresh(), 3, 100, 1).limit, limits.concurrencyDefault);
});

test('where it is full: far off at once, near by in short steps', () => {
  const lane = fresh();
  lane.learned(40, 0);
  assert.deepEqual([lane.saturation, lane.limit], [40, 30]);
  lane.learned(44, 1000);
  near(lane.saturation!, 40.8);
  lane.learned(100, 2000);
  assert.equal(lane.saturation, 100);
  lane.learned(49, 3000);
  assert.equal(lane.saturation, 49);
});

test('full with fewer: that is the most, unless one that was not full has just said more', () => {
  const lane = fresh();
  lane.full(12, 0);
  assert.equal(lane.saturation, 12);
  lane.full(30, 1);
  assert.equal(lane.saturation, 12, 'to be full with more says nothing');
  lane.learned(200, 1000);
  lane.full(12, 1000 + limits.limitStepMaxMs - 1);
  assert.equal(lane.saturation, 200);
  lane.full(12, 1000 + limits.limitStepMaxMs);
  assert.equal(lane.saturation, 12);
});

test('law: what is kept is above 0, begins the next life where this one ended, and is plain JSON', () => {
  const saturation = fc.oneof(fc.constant(0), fc.double({ min: 0, max: 1e7, noNaN: true }));
  const said = fc.array(fc.tuple(fc.boolean(), saturation, fc.nat(10_000)), { maxLength: 40 });
  fc.assert(
    fc.property(said, fc.integer({ min: 1, max: 1000 }), (all, ceiling) => {
      const lane = fresh(ceiling);
      let nowMs = 0;
      for (const [isFull, value, afterMs] of all) {
        nowMs += afterMs;
        // Full is only what has about one in flight, at least.
        if (isFull) lane.full(value + 0.9, nowMs);
        else lane.learned(value, nowMs);
        const kept = lane.kept(1000);
        if (kept === null) continue;
        assert.ok(kept.wallMs === 0 || (kept.wallMs >= 1000 && kept.wallMs <= 1000 + nowMs));
        assert.ok(kept.saturation > 0, 'the file takes nothing else');
        const next = new LaneKnowledge(ceiling, JSON.parse(JSON.stringify(kept)));
        assert.deepEqual([next.saturation, next.limit], [lane.saturation, lane.limit]);
        assert.equal(next.limit, Math.min(ceiling, placesAt(kept.saturation)));
      }
    }),
  );
});
