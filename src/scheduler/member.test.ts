import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { limits } from '../base/limits.ts';
import { noVitals, type Vitals } from '../model/vitals.ts';
import { LaneKnowledge } from './knowledge.ts';
import type { Reading } from './law.ts';
import { Member } from './member.ts';

const mebibyte = 1024 * 1024;

function memberAt(nowMs: number): Member {
  const known = [new LaneKnowledge(100, null), new LaneKnowledge(100, null)];
  return new Member({ id: 'one', index: 0, memoryMiB: 512 }, known, 100, nowMs);
}

/** Vitals by what has been used in all. */
const vitals = (cpuMs: number, more: Partial<Vitals> = {}): Vitals => ({
  ...noVitals,
  cpuUs: cpuMs * 1000,
  rssBytes: 100 * mebibyte,
  ...more,
});

const near = (seen: number, expected: number, text: string): void =>
  assert.ok(Math.abs(seen - expected) < 1e-6, `${text}: ${seen}, not ${expected}`);

test('a period by hand', () => {
  const member = memberAt(0);
  assert.equal(member.reading(vitals(50, { rssBytes: 80 * mebibyte }), 2, 0), null, 'the first vitals only begin one');
  member.flow(1, 4, 0);
  member.flow(2, 4, 50);
  member.flow(4, 4, 100);
  member.completed();
  member.flow(3, 4, 150);
  const reading = member.reading(
    vitals(110, { loopPermille: 400, loopDelayMs: 30, throttledUs: 20_000, errors: 2 }),
    2,
    200,
  );
  assert.deepEqual(reading, {
    periodMs: 200,
    // 60 ms of CPU in 200 are 0.3 of one processor of two; the loop was busy for longer.
    utilisation: 0.4,
    inFlight: (1 + 2 + 4 + 3) / 4,
    full: 0.25,
    completions: 1,
    loopDelayMs: 30,
    throttled: 0.1,
    memoryUsedMiB: 100,
    memoryBaseMiB: 80,
    memoryMiB: 512,
    errors: 2,
    isWarm: false,
  } satisfies Reading);
  assert.equal(member.last, reading);
  assert.equal(member.utilisation, 0.4);
});

test('a loop that is held and computes little has something asleep in it; one that computes has not', () => {
  const asleep = memberAt(0);
  asleep.reading(vitals(0), 2, 0);
  asleep.reading(vitals(40, { loopPermille: 900 }), 2, 200);
  assert.ok(asleep.sleeps);
  asleep.reading(vitals(200, { loopPermille: 900 }), 2, 400);
  assert.ok(!asleep.sleeps);
});

test('a loop is held for as long as it says so, or says nothing, while there is work', () => {
  const member = memberAt(0);
  member.reading(vitals(0), 2, 0);
  assert.ok(!member.isHeldFor(1000, 1000), 'it has nothing');
  member.flow(1, 4, 100);
  assert.ok(member.isHeldFor(1000, 1000), 'not heard of');
  member.reading(vitals(10), 2, 1000);
  assert.ok(!member.isHeldFor(1000, 1500));
  member.stuckSinceMs = 400;
  assert.ok(member.isStuck && member.isHeldFor(1000, 1400));
});

test('the next period begins where the last one ended', () => {
  const member = memberAt(0);
  member.reading(vitals(0), 1, 0);
  member.flow(2, 2, 0);
  member.completed();
  assert.equal(member.reading(vitals(10), 1, 200)!.completions, 1);
  const next = member.reading(vitals(30, { errors: 1 }), 1, 500)!;
  assert.deepEqual([next.periodMs, next.inFlight, next.full, next.completions, next.errors], [300, 2, 1, 0, 1]);
  assert.equal(member.completions, 1, 'all told');
});

test('what threads of its own compute counts by the processors there are, what is too little for the loop by itself', () => {
  const read = (cpuMs: number, loopPermille: number, cores: number): number => {
    const member = memberAt(0);
    member.reading(vitals(0), cores, 0);
    member.flow(1, 1, 0);
    return member.reading(vitals(cpuMs, { loopPermille }), cores, 200)!.utilisation;
  };
  near(read(400, 100, 4), 0.5, 'two processors of four');
  near(read(400, 100, Infinity), 0.1, 'processors are not known: the loop');
  near(read(2, 4, 4), 0.01, 'the loop says 0.4 %, and that in whole permille');
  near(read(100, 4, 4), 0.125, 'threads');
  near(read(40, 4, 100), 0.05, 'never more than what the loop would tell by itself');
  near(read(800, 1000, 1), 1, 'full is full');
  near(read(0, 1000, 1), 1, 'a loop that is held without computing');
});

test('what a process uses when it has nothing to do is no work', () => {
  const member = memberAt(0);
  let cpuMs = 0;
  member.reading(vitals(0), 1, 0);
  for (let period = 1; period <= 50; period += 1) member.reading(vitals((cpuMs += 2)), 1, period * 200);
  member.flow(1, 100, 10_000);
  // 1 % for itself, and 2 % for what it has.
  near(member.reading(vitals((cpuMs += 6)), 1, 10_200)!.utilisation, 0.02, 'with work');
  member.flow(0, 100, 10_200);
  for (let period = 1; period <= 50; period += 1) member.reading(vitals((cpuMs += 200)), 1, 10_200 + period * 200);
  member.flow(1, 100, 20_200);
  near(member.reading(vitals((cpuMs += 8)), 1, 20_400)!.utilisation, 0.02, 'background work is not taken for rest');
});

test('memory without work follows what is seen without work, up as well as down', () => {
  const member = memberAt(0);
  const rss = (mebibytes: number): Vitals => vitals(0, { rssBytes: mebibytes * mebibyte });
  const baseMiB = (mebibytes: number, nowMs: number): number => member.reading(rss(mebibytes), 1, nowMs)!.memoryBaseMiB;
  member.reading(rss(60), 1, 0);
  member.flow(5, 10, 0);
  assert.equal(baseMiB(300, 200), 60, 'as it was loaded: it was busy ever since');
  member.flow(0, 10, 200);
  assert.equal(baseMiB(160, 400), 90);
  assert.ok(baseMiB(160, 600) > 110);
  member.flow(5, 10, 600);
  assert.ok(baseMiB(300, 800) < 112, 'what is used with work is no base');
  member.flow(0, 10, 800);
  assert.equal(baseMiB(50, 1000), 50, 'never more than it has');
});

test('a turn of the loop is as long as it computed, not as long as it waited for a processor', () => {
  const member = memberAt(0);
  member.reading(vitals(0), 2, 0);
  assert.equal(member.reading(vitals(15, { loopDelayMs: 180 }), 2, 200)!.loopDelayMs, 15);
});

// — short periods —

test('vitals that follow closely are of the next period, with all that they say', () => {
  const member = memberAt(0);
  member.reading(vitals(0), 2, 0);
  member.flow(4, 4, 0);
  member.completed();
  assert.equal(member.reading(vitals(45, { loopPermille: 900, loopDelayMs: 44, errors: 1 }), 2, 50), null);
  member.flow(2, 4, 50);
  member.completed();
  const reading = member.reading(vitals(60, { loopPermille: 100, loopDelayMs: 8, errors: 1 }), 2, 200)!;
  assert.deepEqual([reading.periodMs, reading.completions, reading.errors], [200, 2, 1]);
  near(reading.inFlight, (4 * 50 + 2 * 150) / 200, 'in flight');
  near(reading.full, 0.25, 'full');
  near(reading.utilisation, (0.9 * 50 + 0.1 * 150) / 200, 'the loop was busy for 60 ms');
  assert.equal(reading.loopDelayMs, 44, 'the longest turn');
});

interface Step {
  readonly afterMs: number;
  readonly kind: 'flow' | 'completed' | 'vitals';
  readonly inFlight: number;
  readonly cpuMs: number;
  readonly busy: number;
}

test('law: whenever vitals come, periods together have all the CPU, all completions and all of the area', () => {
  const step = fc.record({
    afterMs: fc.integer({ min: 0, max: 250 }),
    kind: fc.constantFrom('flow', 'flow', 'completed', 'vitals', 'vitals'),
    inFlight: fc.nat(12),
    cpuMs: fc.integer({ min: 0, max: 50 }),
    busy: fc.double({ min: 0.06, max: 1, noNaN: true }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 150, size: 'max' }), (steps) => {
      const { told, happened } = telling(steps);
      for (const name of ['periodMs', 'areaMs', 'fullMs', 'busyMs', 'completions'] as const) {
        near(told[name], happened[name], name);
      }
    }),
    { numRuns: 300 },
  );
});

interface Sums {
  periodMs: number;
  areaMs: number;
  fullMs: number;
  busyMs: number;
  completions: number;
}

const nothing = (): Sums => ({ periodMs: 0, areaMs: 0, fullMs: 0, busyMs: 0, completions: 0 });

/** Sums up what readings say, and beside it what happened until the last of them. */
function telling(steps: readonly Step[]): { told: Sums; happened: Sums } {
  const places = 8;
  const member = memberAt(0);
  member.reading(vitals(0), Infinity, 0);
  member.flow(0, places, 0);
  const told = nothing();
  const now = nothing();
  let happened = nothing();
  let inFlight = 0;
  let heardMs = 0;
  let cpuMs = 0;
  for (const each of steps) {
    now.periodMs += each.afterMs;
    now.areaMs += inFlight * each.afterMs;
    if (inFlight >= places) now.fullMs += each.afterMs;
    const nowMs = now.periodMs;
    if (each.kind === 'completed') {
      member.completed();
      now.completions += 1;
    } else if (each.kind === 'flow') member.flow((inFlight = each.inFlight), places, nowMs);
    else if (nowMs > heardMs) {
      const loopPermille = Math.round(each.busy * 1000);
      cpuMs += each.cpuMs;
      now.busyMs += (loopPermille / 1000) * (nowMs - heardMs);
      heardMs = nowMs;
      const reading = member.reading(vitals(cpuMs, { loopPermille }), Infinity, nowMs);
      if (reading === null) continue;
      assert.ok(reading.periodMs >= limits.vitalsPeriodMs / 2);
      add(told, reading);
      happened = { ...now };
    }
  }
  return { told, happened };
}

function add(told: Sums, { periodMs, inFlight, full, utilisation, completions }: Reading): void {
  told.periodMs += periodMs;
  told.areaMs += inFlight * periodMs;
  told.fullMs += full * periodMs;
  told.busyMs += utilisation * periodMs;
  told.completions += completions;
}

// — odd vitals —

test('vitals at the same moment, or of a clock that was put back, are no period', () => {
  const member = memberAt(1000);
  member.reading(vitals(0), 1, 1000);
  assert.equal(member.reading(vitals(10), 1, 1000), null);
  assert.equal(member.reading(vitals(10), 1, 900), null);
  const reading = member.reading(vitals(20), 1, 1200)!;
  assert.equal(reading.periodMs, 200);
  assert.ok(Number.isFinite(reading.utilisation));
});

test('law: totals that jump, also backwards: every reading is within its bounds', () => {
  const total = fc.oneof(fc.nat(1e6), fc.constantFrom(0, 2 ** 32, Number.MAX_SAFE_INTEGER));
  const odd = fc.record({
    cpuUs: total,
    throttledUs: total,
    rssBytes: total,
    loopPermille: fc.nat(1000),
    loopDelayMs: fc.nat(10_000),
    errors: fc.nat(100),
    background: fc.nat(3),
  });
  const all = fc.array(fc.tuple(odd, fc.nat(400), fc.nat(20)), { maxLength: 60 });
  fc.assert(
    fc.property(all, fc.constantFrom(1, 4, Infinity), (steps, cores) => {
      const member = memberAt(0);
      let nowMs = 0;
      for (const [each, afterMs, inFlight] of steps) {
        nowMs += afterMs;
        member.flow(inFlight, 10, nowMs);
        const reading = member.reading({ ...noVitals, ...each }, cores, nowMs);
        if (reading === null) continue;
        const { utilisation, full, errors, throttled, loopDelayMs } = reading;
        assert.ok(utilisation >= 0 && utilisation <= 1, `utilisation ${utilisation}`);
        assert.ok(full >= 0 && full <= 1, `full ${full}`);
        assert.ok(errors >= 0 && throttled >= 0 && loopDelayMs >= 0, JSON.stringify(reading));
        assert.ok(reading.memoryBaseMiB <= reading.memoryUsedMiB);
      }
    }),
  );
});

test('a total that jumped back once does not change what rest is taken for', () => {
  const member = memberAt(0);
  member.reading(vitals(100_000), 1, 0);
  member.reading(vitals(0), 1, 200);
  member.flow(1, 1, 200);
  near(member.reading(vitals(6), 1, 400)!.utilisation, 0.03, 'as always');
});

// — idleness —

test('idle since it had nothing, neither invocations nor background work; before its first since it is there', () => {
  const member = memberAt(500);
  assert.equal(member.idleSinceMs, 500);
  member.flow(1, 10, 1000);
  member.flow(0, 10, 2000);
  assert.equal(member.idleSinceMs, 2000);
  member.flow(0, 12, 2500);
  assert.equal(member.idleSinceMs, 2000, 'a limit that changes is no work');
  member.works(1, 3000);
  member.works(0, 7000);
  assert.equal(member.idleSinceMs, 7000);
  member.works(0, 8000);
  member.reading(vitals(0), 1, 9000);
  member.reading(vitals(0, { background: 2 }), 1, 9200);
  assert.deepEqual([member.background, member.idleSinceMs], [2, 7000]);
  member.reading(vitals(0), 1, 9400);
  assert.equal(member.idleSinceMs, 9400);
});
