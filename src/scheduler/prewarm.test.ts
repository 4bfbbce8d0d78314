import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { limits } from '../base/limits.ts';
import { seededRandom } from '../base/random.ts';
import type { LearnedArrivals } from '../model/learned.ts';
import { Prewarm } from './prewarm.ts';
import type { PrewarmInput } from './prewarm.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;
/** A midnight (UTC). */
const startMs = 20_000 * dayMs;

const at = (wallMs: number, others: Partial<PrewarmInput> = {}): PrewarmInput => ({
  wallMs,
  limit: 10,
  startMs: 100,
  ...others,
});

/** Nothing is in flight, and somebody looks every minute. */
function idle(prewarm: Prewarm, fromMs: number, toMs: number): void {
  for (let wallMs = fromMs; wallMs < toMs; wallMs += minuteMs) prewarm.observe(0, wallMs);
  prewarm.observe(0, toMs);
}

/** Invoked after each of the idle times (minutes); when the last invocation was. */
function invoked(prewarm: Prewarm, minutes: readonly number[], fromMs = startMs): number {
  let wallMs = fromMs;
  prewarm.observe(0, wallMs);
  prewarm.arrived(wallMs);
  for (const each of minutes) {
    idle(prewarm, wallMs, wallMs + each * minuteMs);
    wallMs += each * minuteMs;
    prewarm.arrived(wallMs);
  }
  return wallMs;
}

const production = (learned: LearnedArrivals | null = null): Prewarm =>
  new Prewarm({ environment: 'production', learned });
const preview = (learned: LearnedArrivals | null = null): Prewarm => new Prewarm({ environment: 'preview', learned });
const kept = (prewarm: Prewarm): LearnedArrivals => JSON.parse(JSON.stringify(prewarm.learned())) as LearnedArrivals;
const often = (minutes: number): number[] => Array.from({ length: 6 }, () => minutes);

test('production scales to one until 14 days after the last invocation', () => {
  const prewarm = production();
  prewarm.observe(0, startMs);
  assert.deepEqual(prewarm.wanted(at(startMs)), {
    instances: 0,
    wished: 0,
    reason: 'nothing kept: not invoked yet',
    chance: 0,
  });
  prewarm.arrived(startMs + 10);
  const reasonAfter = (ms: number): string => {
    const { instances, reason } = prewarm.wanted(at(startMs + 10 + ms));
    return `${instances} ${reason}`;
  };
  assert.equal(reasonAfter(0), '1 kept warm: production, last invocation less than a minute ago');
  assert.equal(reasonAfter(90 * minuteMs), '1 kept warm: production, last invocation 90 min ago');
  assert.equal(reasonAfter(3.5 * hourMs), '1 kept warm: production, last invocation 3 h ago');
  assert.equal(reasonAfter(14 * dayMs - 1), '1 kept warm: production, last invocation 13 d ago');
  assert.equal(reasonAfter(14 * dayMs), '0 nothing kept: last invocation 14 d ago');
});

test('what is in flight or queued is as good as an invocation', () => {
  const prewarm = production();
  prewarm.arrived(startMs);
  prewarm.observe(1, startMs + 20 * dayMs);
  assert.equal(prewarm.wanted(at(startMs + 21 * dayMs)).instances, 1);
  // Idle times begin when the last has ended.
  const long = preview();
  let wallMs = startMs;
  for (let count = 0; count < 6; count += 1) {
    long.arrived(wallMs);
    for (let minute = 0; minute < 20; minute += 1) long.observe(1, (wallMs += minuteMs));
    idle(long, wallMs, wallMs + 30 * minuteMs);
    wallMs += 30 * minuteMs;
  }
  assert.deepEqual(kept(long).idleMinutes.indexOf(5), 30);
});

test('previews scale to zero, and are kept as long as anything of which nothing is known', () => {
  const prewarm = preview();
  prewarm.arrived(startMs);
  const wanted = prewarm.wanted(at(startMs + 7 * minuteMs));
  assert.deepEqual([wanted.instances, wanted.reason], [0, 'nothing kept: last invocation 7 min ago']);
  assert.equal(prewarm.keepAliveMs(startMs), limits.idleKeepAliveMs);
});

test('after a restart the history counts, and so does time in between', () => {
  const before = production();
  before.arrived(startMs);
  const after = production(kept(before));
  after.observe(0, startMs + 2 * dayMs);
  assert.match(after.wanted(at(startMs + 2 * dayMs)).reason, /^kept warm: production, last invocation 2 d ago$/);
  assert.equal(production(kept(before)).wanted(at(startMs + 14 * dayMs)).instances, 0);
  assert.equal(production().learned(), null);
});

test('who cannot keep all keeps those that are used soonest; the rest is treated as rare', () => {
  const chances = [0, 1, 3, 24, 13 * 24].map((hours) => {
    const prewarm = production();
    prewarm.arrived(startMs);
    return Math.round(prewarm.wanted(at(startMs + hours * hourMs)).chance * 1000) / 1000;
  });
  assert.deepEqual(chances, [1, 0.5, 0.25, 0.04, 0.003]);
  const prewarm = production();
  const lastMs = invoked(prewarm, often(40));
  const short = prewarm.wanted(at(lastMs + 20 * minuteMs, { memoryShort: true }));
  assert.deepEqual(
    [short.instances, short.wished, short.reason],
    [0, 1, 'nothing kept: last invocation 20 min ago, the next is due 36 to 45 min after it'],
  );
  assert.equal(prewarm.wanted(at(lastMs + 20 * minuteMs)).instances, 1);
  const due = prewarm.wanted(at(lastMs + 37 * minuteMs, { memoryShort: true }));
  assert.deepEqual([due.instances, due.chance], [1, 1]);
  assert.equal(prewarm.wanted(at(lastMs + 37 * minuteMs)).chance, 1, 'as likely, kept for that or not');
  const unknown = production();
  unknown.arrived(startMs);
  const reasons = [hourMs, 15 * dayMs].map((ms) => unknown.wanted(at(startMs + ms, { memoryShort: true })).reason);
  assert.deepEqual(reasons, [
    'nothing kept: memory is short, last invocation 60 min ago',
    'nothing kept: last invocation 15 d ago',
  ]);
});

test('a rare function is ready when its next invocation is due, and not before nor after', () => {
  const prewarm = preview();
  const lastMs = invoked(prewarm, often(40));
  const wanted = (minutes: number, startMs = 100): string => {
    const { instances, reason } = prewarm.wanted(at(lastMs + minutes * minuteMs, { startMs }));
    return `${instances} ${reason}`;
  };
  const due = 'due 36 to 45 min after it';
  assert.equal(wanted(35), `0 nothing kept: last invocation 35 min ago, the next is ${due}`);
  assert.equal(wanted(35.9, 3000), `0 nothing kept: last invocation 35 min ago, the next is ${due}`);
  assert.equal(
    wanted(35.9, 6000),
    `1 kept ready: last invocation 35 min ago, the next is ${due}`,
    'it takes time to start',
  );
  assert.equal(wanted(36), `1 kept ready: last invocation 36 min ago, the next is ${due}`);
  assert.equal(wanted(45.09), `1 kept ready: last invocation 45 min ago, the next is ${due}`);
  assert.equal(
    wanted(45.11),
    `0 nothing kept: last invocation 45 min ago, none came when it was due, 36 to 45 min after it`,
  );
  assert.equal(prewarm.keepAliveMs(lastMs), minuteMs, 'until then there is none');
  // Production that nobody used for long is a rare function, too; before that, more than one were for more traffic.
  const old = production(kept(prewarm));
  assert.equal(old.keepAliveMs(lastMs), limits.idleKeepAliveMs);
  assert.equal(old.keepAliveMs(lastMs + 15 * dayMs), minuteMs);
});

test('an idle time that nobody watched is none', () => {
  const prewarm = preview();
  let wallMs = invoked(prewarm, often(40));
  const before = kept(prewarm).idleMinutes;
  // The machine was asleep, and the invocation is the first that is heard of it.
  prewarm.arrived((wallMs += 50 * minuteMs));
  // The platform was off.
  const restarted = preview(kept(prewarm));
  restarted.observe(0, (wallMs += 50 * minuteMs));
  restarted.arrived((wallMs += minuteMs));
  assert.deepEqual(kept(restarted).idleMinutes, before);
  // A restart that takes a minute is none of that.
  idle(restarted, wallMs, wallMs + 30 * minuteMs);
  const quick = preview(kept(restarted));
  idle(quick, wallMs + 31 * minuteMs, wallMs + 50 * minuteMs);
  quick.arrived(wallMs + 50 * minuteMs);
  assert.equal(kept(quick).idleMinutes[50], 1);
});

test('a clock that jumps does no harm', () => {
  const prewarm = production();
  const lastMs = invoked(prewarm, often(40));
  const before = kept(prewarm).idleMinutes;
  prewarm.observe(0, lastMs + 400 * dayMs);
  assert.equal(prewarm.wanted(at(lastMs + 400 * dayMs)).instances, 0);
  prewarm.arrived(lastMs + 400 * dayMs);
  prewarm.observe(0, lastMs + minuteMs);
  assert.equal(prewarm.wanted(at(lastMs + 2 * minuteMs)).reason, 'kept warm: production, last invocation 1 min ago');
  assert.equal(prewarm.wanted(at(lastMs + 14.5 * dayMs)).instances, 0, 'it is not kept until that year');
  prewarm.arrived(lastMs + 3 * minuteMs);
  prewarm.arrived(lastMs - 3 * minuteMs);
  prewarm.arrived(lastMs - 2 * minuteMs);
  const after = kept(prewarm).idleMinutes;
  assert.deepEqual(after.slice(30), before.slice(30));
});

test('a surge is met where it was seen on two days: what it takes at 0.7 of the limit, a minute ahead', () => {
  const prewarm = preview();
  const nineMs = startMs + 9 * hourMs;
  for (const day of [0, 1]) {
    const wanted = prewarm.wanted(at(nineMs + day * dayMs - minuteMs));
    assert.equal(wanted.instances, 0);
    prewarm.observe(0, nineMs + day * dayMs - 1);
    for (let count = 0; count < 43; count += 1) prewarm.arrived(nineMs + day * dayMs);
    prewarm.observe(43, nineMs + day * dayMs + 50);
    prewarm.observe(43, nineMs + day * dayMs + 100);
    prewarm.observe(0, nineMs + day * dayMs + minuteMs);
  }
  const wanted = (ms: number, others: Partial<PrewarmInput> = {}): number =>
    prewarm.wanted(at(nineMs + 2 * dayMs + ms, others)).instances;
  assert.equal(wanted(-minuteMs - 101), 0);
  assert.equal(wanted(-minuteMs - 100), 7, '43 ÷ (0.7 × 10)');
  assert.equal(wanted(-minuteMs - 4000, { startMs: 4000 }), 7);
  assert.equal(wanted(minuteMs - 1), 7);
  assert.equal(wanted(minuteMs), 0);
  assert.equal(wanted(0, { limit: 100 }), 1);
  assert.equal(wanted(0, { limit: 1 }), limits.surgeInstances);
  assert.equal(wanted(0, { limit: 0 }), limits.surgeInstances);
  assert.deepEqual(prewarm.wanted(at(nineMs + 2 * dayMs)), {
    instances: 7,
    wished: 7,
    reason: 'kept ready: 43 at once expected at 09:00 UTC',
    chance: 1,
  });
  assert.deepEqual(preview(kept(prewarm)).wanted(at(nineMs + 2 * dayMs)), prewarm.wanted(at(nineMs + 2 * dayMs)));
});

test('nothing is made for an answer that has not changed', () => {
  const prewarm = production();
  prewarm.arrived(startMs);
  const first = prewarm.wanted(at(startMs + hourMs));
  prewarm.observe(0, startMs + hourMs + 100);
  assert.equal(prewarm.wanted(at(startMs + hourMs + 100)), first);
  assert.notEqual(prewarm.wanted(at(startMs + hourMs + minuteMs)), first);
});

test('law: whatever is kept or happens, the answers are in range', () => {
  const odd = fc.oneof(fc.double(), fc.integer(), fc.constant(startMs));
  const learned = fc.record({
    lastWallMs: odd,
    watchedWallMs: odd,
    idleMinutes: fc.array(odd),
    beyond: odd,
    beyondMinutes: fc.array(odd),
    minutePeaks: fc.array(fc.tuple(odd, odd, odd)),
  });
  const steps = fc.array(fc.tuple(fc.integer({ min: -hourMs, max: dayMs }), fc.nat(3)));
  fc.assert(
    fc.property(learned, fc.boolean(), steps, (learned, isProduction, steps) => {
      const prewarm = new Prewarm({ environment: isProduction ? 'production' : 'preview', learned });
      let wallMs = startMs;
      for (const [stepMs, demand] of steps) {
        wallMs += stepMs;
        prewarm.observe(demand, wallMs);
        if (demand === 2) prewarm.arrived(wallMs);
        const { instances, chance } = prewarm.wanted(at(wallMs));
        assert.ok(Number.isInteger(instances) && instances >= 0 && instances <= limits.surgeInstances);
        assert.ok(chance >= 0 && chance <= 1);
        const keepAliveMs = prewarm.keepAliveMs(wallMs);
        assert.ok(keepAliveMs >= minuteMs && keepAliveMs <= limits.idleKeepAliveMs);
        if (demand > 0 && isProduction) assert.ok(instances >= 1);
      }
      const again = new Prewarm({ environment: 'preview', learned: kept(prewarm) }).learned();
      if (steps.some(([, demand]) => demand > 0)) assert.ok(Number.isFinite(again?.lastWallMs));
    }),
  );
});

/** What a week of invocations costs: cold starts, and minutes in which there is an instance. */
function replay(
  invocations: readonly number[],
  policy: Pick<Prewarm, 'arrived' | 'observe' | 'wanted' | 'keepAliveMs'>,
) {
  const stepMs = 5_000;
  let next = 0;
  let coldStarts = 0;
  let warmMs = 0;
  let isThere = false;
  let idleSinceMs = 0;
  for (let wallMs = startMs; wallMs < startMs + 7 * dayMs; wallMs += stepMs) {
    for (; next < invocations.length && invocations[next]! < wallMs + stepMs; next += 1) {
      policy.arrived(invocations[next]!);
      if (!isThere) coldStarts += 1;
      isThere = true;
      idleSinceMs = invocations[next]!;
    }
    policy.observe(0, wallMs + stepMs);
    if (isThere) warmMs += stepMs;
    const isWanted = policy.wanted(at(wallMs + stepMs)).instances > 0;
    if (isWanted && !isThere) [isThere, idleSinceMs] = [true, wallMs + stepMs];
    const keepAliveMs = policy.keepAliveMs(wallMs + stepMs);
    if (!isWanted && wallMs + stepMs - idleSinceMs >= keepAliveMs) isThere = false;
  }
  return { coldStarts, warmMinutes: warmMs / minuteMs };
}

const fixed = {
  arrived: () => {},
  observe: () => {},
  wanted: () => ({ instances: 0, wished: 0, reason: '', chance: 0 }),
  keepAliveMs: () => limits.idleKeepAliveMs,
};

for (const seed of [1, 2, 3]) {
  test(`a week of a function that is polled by day: fewer cold starts, fewer warm minutes (seed ${seed})`, () => {
    const random = seededRandom(seed);
    const invocations: number[] = [];
    for (let day = 0; day < 7; day += 1) {
      let wallMs = startMs + day * dayMs + 8 * hourMs;
      // Every 15 to 17 minutes, some at once.
      while (wallMs < startMs + day * dayMs + 20 * hourMs) {
        for (let count = 0; count <= random.below(5); count += 1) invocations.push(wallMs + count * 1000);
        wallMs += 15 * minuteMs + random.below(2 * minuteMs);
      }
    }
    const before = replay(invocations, fixed);
    const now = replay(invocations, preview());
    const figures = JSON.stringify({ invocations: invocations.length, before, now });
    assert.ok(now.coldStarts * 10 < before.coldStarts, figures);
    assert.ok(now.warmMinutes <= before.warmMinutes, figures);
  });

  test(`a week of a function that is used now and then: an hour for a cold start, at most (seed ${seed})`, () => {
    const random = seededRandom(seed);
    const invocations: number[] = [];
    // Exponential, 45 minutes on average.
    for (let wallMs = startMs; wallMs < startMs + 7 * dayMs;) {
      invocations.push(wallMs);
      wallMs -= 45 * minuteMs * Math.log((1 + random.below(1_000_000)) / 1_000_000);
    }
    const before = replay(invocations, fixed);
    const now = replay(invocations, preview());
    const figures = JSON.stringify({ invocations: invocations.length, before, now });
    const avoided = before.coldStarts - now.coldStarts;
    assert.ok(avoided >= 0, figures);
    assert.ok((now.warmMinutes - before.warmMinutes) * minuteMs <= avoided * limits.prewarmCostMs, figures);
  });
}
