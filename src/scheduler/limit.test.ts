import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { limits } from '../base/limits.ts';
import { seededRandom } from '../base/random.ts';
import { LaneKnowledge } from './knowledge.ts';
import { placesAt } from './law.ts';
import { Limit } from './limit.ts';
import { LoopModel, nothingUnusual, type Work } from './loop-model.fixture.ts';

const perSecond = 5;
const always = (cpuMs: number, waitMs: number) => (): Work => ({ cpuMs, waitMs });

function modelOf(cpuMs: number, waitMs: number, options: ConstructorParameters<typeof LoopModel>[1] = {}): LoopModel {
  const model = new LoopModel(always(cpuMs, waitMs), options);
  model.cpuMsOf = cpuMs;
  return model;
}

/** The limits after so many seconds, for so many more. */
function settled(model: LoopModel, afterS: number, forS: number): number[] {
  model.run((afterS + forS) * perSecond);
  return model.history.slice(afterS * perSecond);
}

const near = (seen: readonly number[], least: number, most: number): void => {
  assert.ok(
    seen.every((places) => places >= least && places <= most),
    `${Math.min(...seen)} to ${Math.max(...seen)}, not ${least} to ${most}`,
  );
};

test('three quarters of what would fill it, rounded up', () => {
  for (const [saturation, places] of [
    [0.2, 1],
    [1, 1],
    [1.3, 1],
    [2, 2],
    [2.6, 2],
    [3, 3],
    [20, 15],
    [1e9, limits.concurrencyMax],
  ] as const) {
    assert.equal(placesAt(saturation), places, String(saturation));
  }
});

test('50 ms of CPU and 50 ms of waiting: 2 within 5 seconds (and what is in flight already), and there it stays', () => {
  for (const start of [1, 2, 5, 30, 100]) {
    const model = modelOf(50, 50, { saturation: start });
    near(settled(model, start > 50 ? 12 : 5, 60), 1, 3);
    const last = model.history.slice(-50 * perSecond);
    assert.ok(last.filter((places) => places === 2).length > last.length * 0.9, `from ${start}: ${last.join(' ')}`);
  }
});

test('nothing is known: the prior, until the loop is held', () => {
  const model = modelOf(50, 50);
  assert.deepEqual([model.limit.places, model.limit.binding], [limits.concurrencyDefault, 'prior']);
  const reason = model.limit.stuck(1, 23, true, 0);
  assert.equal(reason, 'limit 100 → 1: event loop held for 23 ms with 1 begun');
  near(settled(model, 5, 30), 1, 3);
});

test('a pure computation: 1', () => {
  for (const start of [1, 3, 20, 100])
    near(settled(modelOf(60, 0, { saturation: start }), start > 50 ? 12 : 5, 60), 1, 1);
});

test('a pure wait of a second: 100 at once within 10 seconds, from one on', () => {
  const model = modelOf(0, 1000);
  model.limit.stuck(1, 20, true, 0);
  model.run(10 * perSecond);
  assert.ok(model.limit.places >= 100, String(model.limit.places));
  model.run(20 * perSecond);
  assert.deepEqual([model.limit.places, model.limit.binding], [1000, 'ceiling']);
});

test('5 ms of CPU in 100: around 15, where three quarters of the loop are used', () => {
  const model = modelOf(5, 95, { saturation: 100 });
  near(settled(model, 8, 60), 12, 20);
});

test('a ceiling is never passed, and is all that a wait finds', () => {
  const model = modelOf(0, 500, { ceiling: 10 });
  model.run(100);
  assert.deepEqual([...new Set(model.history)], [10]);
  assert.equal(model.limit.binding, 'ceiling');
  assert.deepEqual(model.reasons, []);
});

test('it grows only when it is fully used', () => {
  const model = modelOf(1, 199, { saturation: 10, demand: 3 });
  model.run(300);
  assert.deepEqual([...new Set(model.history)], [8]);
});

test('short work may always have what keeps the loop busy for 10 ms', () => {
  near(settled(modelOf(1, 0), 5, 30), 10, 10);
  near(settled(modelOf(4, 0), 8, 30), 3, 3);
});

test('what was learned is where a new instance begins', () => {
  const lane = new LaneKnowledge(1000, { saturation: 2, unhelpfulAbove: null, wallMs: 0 });
  assert.equal(lane.limit, 2);
  assert.equal(new LaneKnowledge(1, { saturation: 200, unhelpfulAbove: null, wallMs: 0 }).limit, 1);
  assert.equal(new LaneKnowledge(50, null).limit, 50);
  const model = modelOf(50, 50, { saturation: 100 });
  model.run(20 * perSecond);
  assert.equal(model.lane.limit, 2);
  const kept = model.lane.kept(5);
  assert.equal(kept?.wallMs, Math.round(model.lane.changedMs + 5), 'when it was seen');
  assert.equal(new LaneKnowledge(1000, kept).kept(1e6)?.wallMs, kept?.wallMs, 'not when it is kept');
});

test('when the work changes the limit follows', () => {
  let work: Work = { cpuMs: 50, waitMs: 0 };
  const model = new LoopModel(() => work);
  model.cpuMsOf = 50;
  near(settled(model, 6, 20), 1, 1);
  work = { cpuMs: 2, waitMs: 998 };
  model.cpuMsOf = 2;
  model.run(40 * perSecond);
  assert.ok(model.limit.places > 200, String(model.limit.places));
  work = { cpuMs: 40, waitMs: 40 };
  model.cpuMsOf = 40;
  // What is in flight takes half a minute by now.
  model.run(120 * perSecond);
  near(model.history.slice(-100), 1, 3);
});

test('more at once that brought nothing is remembered, and tried again after an hour', () => {
  const model = modelOf(50, 0, { saturation: 1 });
  const hour = limits.limitRetestMs;
  model.run(10 * perSecond);
  model.nowMs += hour;
  model.run(20 * perSecond);
  const tried = model.reasons.filter((reason) => /tried again/.test(reason));
  assert.equal(tried.length, 1, model.reasons.join('\n'));
  assert.match(model.reasons.at(-1)!, /^limit 2 → 1: unhelpful: 2 at once brought \d+ % more than 1$/);
  assert.equal(model.lane.unhelpfulAbove, 1);
  model.run(60 * perSecond);
  assert.equal(model.limit.places, 1);
});

for (const [name, extra, pattern] of [
  ['loop', { loopDelayMs: 84 }, /^limit 10 → \d: event loop delay 84 ms > 50 ms$/],
  ['throttled', { throttled: 0.4 }, /^limit 10 → \d: held back for its CPU quota 40 % of the time$/],
  ['errors', { errors: 6, completions: 12 }, /^limit 10 → \d: 6 of 12 ended by errors or timeouts$/],
  ['memory', { memoryUsedMiB: 1800 }, /^limit 10 → \d: memory 1800 of 2048 MiB, [\d.]+ MiB an invocation$/],
] as const) {
  test(`guard ${name}: fewer, with the reason, and no growth for a while`, () => {
    const model = modelOf(8, 96, { saturation: 13 });
    model.run(1);
    model.extra = extra;
    model.run(1);
    assert.equal(model.limit.places, 10, 'one period may have been anything');
    model.run(1);
    assert.match(model.reasons.at(-1)!, pattern);
    assert.ok(model.limit.places < 10);
    assert.equal(model.limit.binding, name);
    const lowest = model.limit.places;
    model.extra = {};
    model.run(perSecond);
    assert.equal(model.limit.places, lowest);
    model.run(20 * perSecond);
    assert.ok(model.limit.places >= 9, 'and then it grows again');
  });
}

test('what one invocation computes in a row is not the fault of others', () => {
  const model = modelOf(50, 50, { saturation: 2 });
  model.extra = { loopDelayMs: 100 };
  model.lane.turned(50, 0);
  model.run(100);
  assert.deepEqual(
    model.reasons.filter((reason) => /delay/.test(reason)),
    [],
  );
});

test('a guard during a trial ends it: nothing goes back up for want of a gain', () => {
  const model = modelOf(50, 0, { saturation: 1 });
  model.run(10 * perSecond);
  model.nowMs += limits.limitRetestMs;
  for (let periods = 0; model.limit.places === 1 && periods < 100; periods += 1) model.run(1);
  assert.equal(model.limit.places, 2, 'tried again');
  model.extra = { throttled: 0.5 };
  model.run(10);
  assert.equal(model.limit.places, 1);
  assert.match(model.reasons.at(-1)!, /^limit 2 → 1: held back/);
  assert.deepEqual(
    model.reasons.filter((reason) => /unhelpful/.test(reason)),
    [],
  );
});

test('what was found unhelpful holds while the loop is nearly full, and no longer', () => {
  const lane = new LaneKnowledge(1000, { saturation: 9, unhelpfulAbove: 4, wallMs: 0 });
  const limit = new Limit(1000, new LaneKnowledge(1000, { saturation: 5, unhelpfulAbove: 4, wallMs: 0 }), 0);
  assert.equal(limit.places, 4);
  const busy = { ...nothingUnusual, inFlight: 4, full: 1, completions: 30, utilisation: 0.8 };
  for (let nowMs = 1000; nowMs < 10_000; nowMs += 1000) assert.equal(limit.step(busy, lane, nowMs), null);
  assert.deepEqual([limit.places, limit.binding], [4, 'unhelpful']);
  const free = { ...busy, utilisation: 0.4 };
  let nowMs = 10_000;
  for (; limit.places === 4 && nowMs < 20_000; nowMs += 1000) limit.step(free, lane, nowMs);
  assert.ok(limit.places > 4);
  assert.equal(lane.unhelpfulAbove, null);
});

test('memory that does not become less with fewer is not theirs', () => {
  const lane = new LaneKnowledge(1000, { saturation: 40, unhelpfulAbove: null, wallMs: 0 });
  const limit = new Limit(1000, lane, 0);
  const full = {
    ...nothingUnusual,
    memoryMiB: 2048,
    memoryUsedMiB: 1800,
    memoryBaseMiB: 100,
    full: 1,
    utilisation: 0.7,
  };
  for (let nowMs = 1000; nowMs < 600_000; nowMs += 1000) {
    limit.step({ ...full, inFlight: limit.places, completions: 30 }, lane, nowMs);
  }
  assert.ok(limit.places >= 10, `${limit.places}`);
});

test('a first turn that compiles for long closes no limit, and hides no loop delay for an hour', () => {
  const lane = new LaneKnowledge(1000, null);
  const limit = new Limit(1000, lane, 0);
  assert.equal(limit.stuck(1, 60, false, 10), null);
  limit.step({ ...nothingUnusual, inFlight: 1, loopDelayMs: 400, isWarm: false }, lane, 200);
  const slow = { ...nothingUnusual, inFlight: 20, loopDelayMs: 300, completions: 30, full: 1, utilisation: 0.7 };
  for (let nowMs = 1000; nowMs < 5000; nowMs += 1000) limit.step(slow, lane, nowMs);
  assert.equal(limit.binding, 'loop');
});

test('a refusal counts once a step', () => {
  const lane = new LaneKnowledge(1000, null);
  const limit = new Limit(1000, new LaneKnowledge(1000, { saturation: 40, unhelpfulAbove: null, wallMs: 0 }), 0);
  assert.equal(limit.refused('memory', 20, lane, 1000), 'limit 30 → 14: it refuses: memory');
  assert.equal(limit.refused('memory', 14, lane, 1010), null);
  assert.match(limit.refused('fds', 14, lane, 1300)!, /^limit 14 → 9: it refuses: fds$/);
});

test('law: between 1 and the ceiling, whatever readings say, and every change has its reason', () => {
  const amount = fc.double({ min: 0, max: 2000, noNaN: true });
  const reading = fc.record({
    periodMs: fc.integer({ min: 100, max: 1000 }),
    utilisation: fc.double({ min: 0, max: 1, noNaN: true }),
    inFlight: amount,
    full: fc.double({ min: 0, max: 1, noNaN: true }),
    completions: fc.nat(1000),
    loopDelayMs: amount,
    throttled: fc.double({ min: 0, max: 1, noNaN: true }),
    memoryUsedMiB: amount,
    memoryBaseMiB: amount,
    memoryMiB: fc.constant(1024),
    errors: fc.nat(10),
    isWarm: fc.boolean(),
  });
  fc.assert(
    fc.property(
      fc.array(reading, { maxLength: 100 }),
      fc.integer({ min: 1, max: 1000 }),
      fc.nat(5000),
      (all, ceiling, wallMs) => {
        const lane = new LaneKnowledge(ceiling, null);
        const limit = new Limit(ceiling, lane, 0);
        let nowMs = 0;
        for (const each of all) {
          const before = limit.places;
          nowMs += each.periodMs;
          lane.settled(wallMs, wallMs / 3);
          const reason = limit.step(each, lane, nowMs);
          assert.ok(Number.isInteger(limit.places) && limit.places >= 1 && limit.places <= ceiling);
          assert.equal(reason === null, before === limit.places);
          if (reason !== null) assert.ok(reason.startsWith(`limit ${before} → ${limit.places}: `), reason);
          assert.ok(lane.limit >= 1 && lane.limit <= ceiling);
        }
      },
    ),
  );
});

test('random work: within the band around what theory says', () => {
  const random = seededRandom(7);
  const exponential = (mean: number): number => Math.max(1, Math.round(-Math.log(1 - random.below(1e6) / 1e6) * mean));
  const model = new LoopModel(() => ({ cpuMs: exponential(10), waitMs: exponential(190) }), { saturation: 100 });
  model.cpuMsOf = 10;
  near(settled(model, 10, 60), 10, 26);
});

test('what does not end is stood by others as well: the lane knows how many, until the law says it', () => {
  const lane = new LaneKnowledge(limits.concurrencyMax, null);
  const limit = new Limit(limits.concurrencyMax, lane, 0);
  let nowMs = 0;
  const period = (changes: Partial<typeof nothingUnusual>): void => {
    nowMs += 200;
    limit.step(
      { ...nothingUnusual, periodMs: 200, utilisation: 0.01, inFlight: limit.places, ...changes },
      lane,
      nowMs,
    );
  };
  assert.equal(lane.limit, limits.concurrencyDefault);
  for (let step = 0; step < 20; step += 1) period({ full: 1 });
  assert.ok(limit.places > 4 * limits.concurrencyDefault, `${limit.places} at once`);
  assert.ok(lane.limit > 2 * limits.concurrencyDefault, `a new one gets ${lane.limit}`);
  lane.forget();
  assert.equal(lane.limit, limits.concurrencyDefault);
});
