// A FunctionScheduler under load: a small platform on a virtual clock does what it says.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limits } from '../base/limits.ts';
import { seededRandom } from '../base/random.ts';
import type { Learned } from '../model/learned.ts';
import { type Item, Platform, type PlatformOptions, type Work } from './platform.fixture.ts';
import { laneComputes, laneWaits } from './routes.ts';

const waits: Work = { cpuMs: 1, waitMs: 1000 };
const burns: Work = { cpuMs: 100, waitMs: 0 };
const both: Work = { cpuMs: 10, waitMs: 190 };
const minuteMs = 60_000;
const tenMinutesMs = 10 * minuteMs;

/** What was known of two routes, `/wait` and `/burn`. */
const learned: Learned = {
  limits: [
    { saturation: 100, unhelpfulAbove: null, wallMs: 0 },
    { saturation: 1, unhelpfulAbove: null, wallMs: 0 },
  ],
  routes: [
    { pattern: '/wait', cpuMs: 1, wallMs: 1000, invocations: 1000 },
    { pattern: '/burn', cpuMs: 100, wallMs: 100, invocations: 1000 },
  ],
  arrivals: null,
};

/** So many a second of each route, evenly. */
class Arrivals {
  readonly #platform: Platform;
  readonly #owed = new Map<string, number>();

  constructor(platform: Platform) {
    this.#platform = platform;
  }

  come(route: string, perSecond: number, work: Work): void {
    let owed = (this.#owed.get(route) ?? 0) + perSecond / 1000;
    for (; owed >= 1; owed -= 1) this.#platform.arrive(route, work);
    this.#owed.set(route, owed);
  }
}

function load(options: PlatformOptions, forMs: number, tick: (arrivals: Arrivals, nowMs: number) => void): Platform {
  const platform = new Platform(options);
  const arrivals = new Arrivals(platform);
  platform.run(forMs, (nowMs) => tick(arrivals, nowMs));
  return platform;
}

/** The latency that so large a share of a route's answers had at most, of those that came in from `fromMs` on. */
function quantile(platform: Platform, route: string, share: number): number {
  const all = (platform.latencies.get(route) ?? []).toSorted((left, right) => left - right);
  return all[Math.ceil(all.length * share) - 1] ?? Infinity;
}

const told = ({ starts, drains }: Platform): string =>
  `started ${starts.map(({ atMs, count, reason }) => `${count} at ${atMs} (${reason})`).join(', ')}; drained at ${drains.map(({ atMs }) => atMs).join(', ')}`;

const startedAfter = ({ starts }: Platform, ms: number): number =>
  starts.filter(({ atMs }) => atMs >= ms).reduce((sum, { count }) => sum + count, 0);

// — no flapping —

for (const [name, work, perSecond, most] of [
  ['waits', waits, 200, 4],
  ['waits and computes a little', both, 100, 4],
  ['computes', burns, 50, 18],
] as const) {
  test(`square wave of what ${name}: after the first period nothing is started any more`, () => {
    const platform = load({ cores: 16 }, tenMinutesMs, (arrivals, nowMs) => {
      if (nowMs % 40_000 < 20_000) arrivals.come('/', perSecond, work);
    });
    assert.ok(platform.started <= most, told(platform));
    assert.equal(startedAfter(platform, 40_000), 0, told(platform));
    assert.ok(quantile(platform, '/', 0.99) <= work.cpuMs + work.waitMs + 10);
    assert.deepEqual([platform.expired.length, platform.refused.length, platform.mixed.length], [0, 0, 0]);
  });
}

for (const [name, work, perSecond, most] of [
  ['waits and computes a little', both, 150, 4],
  ['computes', burns, 50, 9],
] as const) {
  test(`sawtooth of what ${name}: the first tooth starts what all others use`, () => {
    const platform = load({ cores: 16 }, tenMinutesMs, (arrivals, nowMs) => {
      arrivals.come('/', ((nowMs % 30_000) / 30_000) * perSecond, work);
    });
    assert.ok(platform.started <= most, told(platform));
    assert.equal(startedAfter(platform, 30_000), 0, told(platform));
    assert.ok(quantile(platform, '/', 0.99) <= work.cpuMs + work.waitMs + 20);
  });
}

test('on and off at random, of both kinds at once: all is started at the beginning', () => {
  const random = seededRandom(11);
  let isOn = false;
  let untilMs = 0;
  const platform = load({ cores: 16 }, tenMinutesMs, (arrivals, nowMs) => {
    if (nowMs >= untilMs) {
      isOn = !isOn;
      untilMs = nowMs + 1000 + random.below(40_000);
    }
    if (!isOn) return;
    arrivals.come('/wait', 200, waits);
    arrivals.come('/burn', 20, burns);
  });
  assert.ok(platform.started <= 20, told(platform));
  assert.equal(startedAfter(platform, 30_000), 0, told(platform));
  assert.ok(quantile(platform, '/wait', 0.99) <= 1300, String(quantile(platform, '/wait', 0.99)));
});

test('also where instances are kept for five seconds only, it does not follow every wave', () => {
  const platform = load({ environment: 'preview', keepAliveMs: 5000 }, tenMinutesMs, (arrivals, nowMs) => {
    if (nowMs % 40_000 < 20_000) arrivals.come('/', 200, waits);
  });
  assert.ok(startedAfter(platform, 20_000) <= 2, told(platform));
});

// — scale in —

test('what a peak needed goes when it is not needed: idle ones only, half in a step at most, the last one of a preview too', () => {
  const platform = load(
    { environment: 'preview', keepAliveMs: 10_000, maxConcurrency: 10 },
    3 * minuteMs,
    (arrivals, nowMs) => {
      if (nowMs < 10_000) arrivals.come('/', 200, waits);
      else if (nowMs < 90_000) arrivals.come('/', 5, waits);
    },
  );
  const { drains, started } = platform;
  assert.ok(started >= 20, told(platform));
  let left = started;
  for (const atMs of new Set(drains.map((drain) => drain.atMs))) {
    const count = drains.filter((drain) => drain.atMs === atMs).length;
    assert.ok(count <= Math.ceil(left / 2), `${count} of ${left} at ${atMs}`);
    left -= count;
  }
  const during = drains.filter(({ atMs }) => atMs < 90_000).length;
  assert.ok(started - during >= 1 && started - during <= 3, told(platform));
  assert.equal(platform.instances.size, 0);
  assert.ok(drains.every(({ reason }) => /^idle for \d+ s$/.test(reason)));
});

test('production keeps one', () => {
  const platform = load({ keepAliveMs: 1000 }, 3 * minuteMs, (arrivals, nowMs) => {
    if (nowMs < 5000) arrivals.come('/', 500, waits);
  });
  assert.equal(platform.instances.size, 1);
});

// — two kinds —

test('one route waits and one computes: once that is known they never meet, and each has its limit', () => {
  const platform = new Platform({ cores: 16 });
  const arrivals = new Arrivals(platform);
  const run = (ms: number): void =>
    platform.run(ms, () => {
      arrivals.come('/wait', 100, waits);
      arrivals.come('/burn', 10, burns);
    });
  run(3000);
  const [waiting, computing] = ['/wait', '/burn'].map((route) => platform.scheduler.routes.of(route, 'GET', route));
  assert.deepEqual([waiting!.lane, computing!.lane], [laneWaits, laneComputes]);
  run(5000);
  platform.mixed.length = 0;
  platform.latencies.clear();
  let most = 0;
  platform.onSend = (item, { items }) => {
    for (const other of items) assert.equal(other.route, item.route);
    if (item.route === '/burn') most = Math.max(most, items.size + 1);
  };
  run(minuteMs);
  assert.equal(platform.mixed.length, 0);
  assert.equal(most, 1, 'one computation at a time');
  const [ofWaits, ofComputes] = platform.scheduler.known;
  assert.ok(ofWaits!.limit >= 100, String(ofWaits!.limit));
  assert.equal(ofComputes!.limit, 1);
  assert.ok(quantile(platform, '/wait', 0.99) <= 1010);
  assert.ok(quantile(platform, '/burn', 0.99) <= 200);
  assert.ok(platform.started <= 12, told(platform));
});

test('a route that changes its nature takes its work along, both ways', () => {
  const platform = new Platform({ cores: 16 });
  const arrivals = new Arrivals(platform);
  const run = (ms: number, work: Work): void => platform.run(ms, () => arrivals.come('/', 20, work));
  const profile = platform.scheduler.routes.of('/', 'GET', '/');
  run(10_000, waits);
  assert.equal(profile.lane, laneWaits);
  run(10_000, burns);
  assert.equal(profile.lane, laneComputes);
  platform.latencies.clear();
  run(20_000, burns);
  assert.equal(platform.scheduler.known[laneComputes]!.limit, 1);
  assert.ok(quantile(platform, '/', 0.99) <= 200, String(quantile(platform, '/', 0.99)));
  run(10_000, waits);
  assert.equal(profile.lane, laneWaits);
  platform.latencies.clear();
  run(20_000, waits);
  assert.ok(quantile(platform, '/', 0.99) <= 1010, String(quantile(platform, '/', 0.99)));
  assert.ok(platform.scheduler.known[laneWaits]!.limit >= 50);
  assert.equal(platform.expired.length, 0);
});

// — bursts, and a full machine —

test('a burst of 500 waits starts what the limit says, at once and no more', () => {
  for (const [options, starts] of [
    [{}, 5],
    [{ maxConcurrency: 50 }, 10],
    [{ learned: { ...learned, limits: [{ saturation: 1000, unhelpfulAbove: null, wallMs: 0 }, null] } }, 1],
  ] as const) {
    const platform = new Platform(options);
    platform.run(1000);
    for (let count = 0; count < 500; count += 1) platform.arrive('/wait', waits);
    assert.equal(platform.started, starts, told(platform));
    platform.run(5000);
    assert.equal(platform.started, starts, told(platform));
    assert.equal(platform.latencies.get('/wait')!.length, 500);
  }
});

test('a burst of computations starts no more than there are processors', () => {
  const platform = new Platform({ cores: 4, learned });
  for (let count = 0; count < 200; count += 1) platform.arrive('/burn', burns);
  platform.run(20_000);
  assert.ok(platform.started <= 5, told(platform));
  assert.equal(platform.latencies.get('/burn')!.length, 200);
  assert.ok(quantile(platform, '/burn', 1) <= (200 * 100) / 4 + 1500, String(quantile(platform, '/burn', 1)));
});

test('a full machine: what comes waits, in turn; then the queue is full, and nothing is started', () => {
  const platform = load({ room: 2, maxConcurrency: 100 }, 60_000, (arrivals, nowMs) => {
    if (nowMs < 40_000) arrivals.come('/', 600, waits);
  });
  assert.equal(platform.started, 2, told(platform));
  assert.ok(platform.refused.length > 0, 'the queue was full');
  assert.ok(platform.expired.length > 0, 'and some waited for too long');
  const answered = platform.latencies.get('/')!;
  assert.ok(answered.length >= 55 * 200 && Math.max(...answered) <= limits.queueWaitMs + 1100);
  const left = [...platform.instances].reduce((sum, { items }) => sum + items.size, platform.scheduler.waiting);
  const all = answered.length + platform.refused.length + platform.expired.length + left;
  assert.equal(all, platform.arrived, 'each is answered, refused, expired or still there');
});

test('500 at once that compute a little and wait for a second: an instance on each processor, in later bursts one more', () => {
  const platform = new Platform({ cores: 2 });
  for (let burst = 1; burst <= 3; burst += 1) {
    for (let each = 0; each < 500; each += 1) platform.arrive('/', { cpuMs: 7, waitMs: 1000 });
    platform.run(20_000);
    assert.equal(platform.latencies.get('/')!.length, 500 * burst);
    assert.ok(platform.started <= 3, told(platform));
  }
});

test('64 clients whose pages compute for 6 ms: no more instances than processors, and those busy all the time', () => {
  for (const cores of [2, 4]) {
    const platform = new Platform({ cores });
    let asked: Item[] = [];
    platform.run(20_000, () => {
      asked = asked.filter((item) => item.instance !== null || item.leftMs > 0);
      while (asked.length < 64) asked.push(platform.arrive('/', { cpuMs: 6, waitMs: 0 }));
    });
    assert.ok(platform.started <= cores, told(platform));
    const most = (20_000 * cores) / 6;
    const answered = platform.latencies.get('/')!.length;
    assert.ok(answered >= 0.85 * most, `${answered} of ${most} with ${cores} processors`);
  }
});

// — nobody starves —

test('a machine full of what waits: what computes gets its part all the same', () => {
  for (const room of [1, 2, 3]) {
    const platform = load({ room, cores: 2, learned, maxConcurrency: 50 }, minuteMs, (arrivals) => {
      arrivals.come('/wait', 300, waits);
      arrivals.come('/burn', 1, burns);
    });
    const answered = platform.latencies.get('/burn')?.length ?? 0;
    assert.ok(answered >= 45, `${answered} of 60 with ${room} instances`);
  }
});

test('a machine full of what computes: what waits hardly feels it', () => {
  for (const room of [1, 2, 3]) {
    const platform = load({ room, cores: room, learned }, minuteMs, (arrivals) => {
      arrivals.come('/burn', 30, burns);
      arrivals.come('/wait', 10, waits);
    });
    assert.ok(quantile(platform, '/wait', 0.99) <= 1500, `${quantile(platform, '/wait', 0.99)} ms with ${room}`);
    assert.equal(platform.expired.filter(({ route }) => route === '/wait').length, 0);
    const answered = platform.latencies.get('/burn')!.length;
    // The kinds are kept apart: of three instances one is for what waits.
    assert.ok(answered >= 500 * Math.min(room, 2), `${answered} computations with ${room} instances`);
  }
});

test('instances that die with all they have take nothing along: others are started, and the counters go on', () => {
  const platform = new Platform({ cores: 16, learned });
  const arrivals = new Arrivals(platform);
  platform.run(2 * minuteMs, (nowMs) => {
    if (nowMs < 100_000) {
      arrivals.come('/wait', 100, waits);
      arrivals.come('/burn', 10, burns);
    }
    if (nowMs % 7000 === 6999) for (const instance of [...platform.instances].slice(0, 2)) platform.crash(instance);
  });
  const { scheduler } = platform;
  assert.deepEqual([scheduler.waiting, platform.expired.length], [0, 0]);
  for (const lane of [laneWaits, laneComputes]) {
    assert.equal(scheduler.forecast.windows[lane]!.average(limits.demandPanicMs, platform.nowMs), 0, `lane ${lane}`);
  }
  assert.ok(Math.abs(scheduler.processors.cores) < 0.05, String(scheduler.processors.cores));
});
