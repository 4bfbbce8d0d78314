import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { limits } from '../base/limits.ts';
import { laneComputes, laneWaits, RouteProfile, Routes } from './routes.ts';

const any = '/[...path]';

/** So many answers. */
function settle(profile: RouteProfile, count: number, wallMs: number, cpuMs: number): number {
  let moves = 0;
  for (let each = 0; each < count; each += 1) moves += Number(profile.settled(wallMs, cpuMs));
  return moves;
}

// — kinds —

const kindOf = (path: string): string => new Routes().of(any, 'GET', path).pattern.replace('GET ', '');

test('kinds of paths: two segments, all but plain words are one, odd paths do no harm', () => {
  for (const [path, kind] of [
    ['/users/42/posts/7', '/users/[]/…'],
    ['/users/43', '/users/[]'],
    ['/about', '/about'],
    ['/about/', '/about/'],
    ['/a/b', '/a/b'],
    ['/a/b/c', '/a/b/…'],
    ['/a/b/', '/a/b/…'],
    ['/a/b?c/d/e', '/a/b'],
    ['/', '/'],
    ['', '/'],
    ['*', '/'],
    ['?a=/x', '/'],
    ['//', '//'],
    ['///////', '///…'],
    ['/%2f', '/[]'],
    ['/a%2Fb/c', '/[]/c'],
    ['http://host/a/b', '//host/…'],
    ['/__proto__/constructor', '/__proto__/constructor'],
    [`/${'x'.repeat(16)}`, `/${'x'.repeat(16)}`],
    [`/${'x'.repeat(17)}`, '/[]'],
    [`/${'x'.repeat(14_000)}/y`, '/[]/y'],
    [`/${'x'.repeat(14_000)}?/y`, '/[]'],
    ['/'.repeat(14_000), '///…'],
    [`/${'x/'.repeat(7000)}`, '/x/x/…'],
    ['/ü/\u{1F600}', '/[]/[]'],
  ] as const) {
    assert.equal(kindOf(path), kind, JSON.stringify(path.slice(0, 40)));
  }
});

test('tokens, addresses and file names are not told, and no word that came less than five times', () => {
  assert.equal(kindOf('/reset/QmFzZWxldHRlcnNPbmx5'), '/reset/[]');
  assert.equal(kindOf('/invite/kqZtVbXwLmNpRsTu'), '/invite/[]');
  assert.equal(kindOf('/users/alice@example.com'), '/users/[]');
  assert.equal(kindOf('/u/jane.doe%40corp.com'), '/u/[]');
  assert.equal(kindOf('/getUser/index.html'), '/[]/[]');
  const routes = new Routes();
  const secret = routes.of(any, 'GET', '/login/hunter-secret');
  assert.equal(settle(secret, 4, 100, 100), 1);
  assert.equal(secret.shown, 'GET /[]/[]', 'it may move, and nothing is told');
  assert.deepEqual([routes.all, routes.learned()], [[], []]);
  settle(secret, 1, 100, 100);
  assert.deepEqual([secret.shown, routes.all], ['GET /login/hunter-secret', [secret]]);
  const kept = { pattern: 'GET /invite/kqZtVbXwLmNpRsTu', cpuMs: 1, wallMs: 1, invocations: 9 };
  assert.deepEqual(
    new Routes([kept]).learned(),
    [{ ...kept, pattern: 'GET /invite/[]' }],
    'nor what an older one kept',
  );
});

test('law: a kind is short, begins with a slash, and is as split and matched', () => {
  const isWord = /^[a-z_-]{0,16}$/;
  const segment = fc.oneof(fc.stringMatching(/^[a-z_-]{0,20}$/), fc.stringMatching(/^[a-zA-Z0-9%._~-]{0,40}$/));
  fc.assert(
    fc.property(fc.array(segment, { minLength: 1, maxLength: 5 }), fc.constantFrom('', '?', '?a/b'), (all, query) => {
      const told = all.slice(0, 2).map((each) => (isWord.test(each) ? each : '[]'));
      assert.equal(kindOf(`/${all.join('/')}${query}`), `/${told.join('/')}${all.length > 2 ? '/…' : ''}`);
    }),
  );
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 400 }), (text) => {
      const kind = kindOf(text);
      assert.ok(kind.startsWith('/') && kind.length <= 2 * 16 + 4, kind);
    }),
  );
});

// — which profile —

test('a route that names its path is one kind, whatever method, path and query', () => {
  const routes = new Routes();
  const profile = routes.of('/api/users/[id]', 'GET', '/api/users/1');
  assert.equal(profile, routes.of('/api/users/[id]', 'POST', '/api/users/2?x'));
  assert.notEqual(profile, routes.of('/api/users', 'GET', '/api/users'));
  assert.equal(profile.pattern, '/api/users/[id]');
});

test('a route that takes any path is told apart by method and kind; the query never counts', () => {
  const routes = new Routes();
  for (const pattern of [any, '/[[...path]]']) {
    const profile = routes.of(pattern, 'GET', '/users/42?page=1');
    assert.equal(profile, routes.of(pattern, 'GET', '/users/42'));
    assert.equal(profile, routes.of(pattern, 'GET', '/users/43?'));
    assert.notEqual(profile, routes.of(pattern, 'POST', '/users/42'));
    assert.notEqual(profile, routes.of(pattern, 'GET', '/users'));
    assert.equal(profile.pattern, 'GET /users/[]');
  }
  assert.equal(routes.of(any, 'GET', '?a=/x').pattern, 'GET /');
});

test('names of the prototype are names like others', () => {
  const routes = new Routes();
  const names = ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'valueOf', ''];
  const seen = new Set<RouteProfile>();
  for (const method of names) {
    for (const name of names) {
      const profile = routes.of(any, method, `/${name}`);
      assert.ok(profile instanceof RouteProfile);
      assert.equal(profile, routes.of(any, method, `/${name}`));
      assert.deepEqual([profile.invocations, profile.lane], [0, laneWaits]);
      seen.add(profile);
    }
    assert.ok(routes.of(method, 'GET', '/') instanceof RouteProfile);
  }
  assert.equal(seen.size, 3 + 1, 'names of methods are told of the known ones only; and toString is no plain word');
  assert.deepEqual(routes.all, []);
});

// — bounds —

/** A word for each number. */
const word = (at: number): string => `w${at.toString(26).replaceAll(/\d/g, (digit) => 'qrstuvwxyz'[Number(digit)]!)}`;

/** Junk by clients: so many kinds, each so often. */
function junk(routes: Routes, kinds: number, times: number, from = 0): void {
  for (let kind = from; kind < from + kinds; kind += 1) {
    const method = ['GET', 'POST', 'JUNK'][kind % 3]!;
    const path = kind % 2 === 0 ? `/junk/${word(kind)}` : `/${word(kind)}/${word(kind)}/x`;
    for (let time = 0; time < times; time += 1) settle(routes.of(any, method, `${path}?${time}`), 1, 5, 1);
  }
}

for (const times of [0, 1, 2, 20]) {
  test(`a flood of kinds that come ${times} times: bounded, and real ones stay and come in`, () => {
    const routes = new Routes();
    const burns = routes.of(any, 'GET', '/burn');
    settle(burns, 50, 100, 100);
    junk(routes, 3000, times);
    assert.ok(routes.all.length <= limits.learnedRoutes, String(routes.all.length));
    assert.equal(routes.of(any, 'GET', '/burn'), burns, 'what came more often is kept');
    assert.equal(burns.lane, laneComputes);
    for (let time = 0; time < times + 20; time += 1) settle(routes.of(any, 'GET', '/late'), 1, 100, 100);
    junk(routes, 1000, times, 3000);
    const late = routes.of(any, 'GET', '/late');
    assert.equal(late.pattern, 'GET /late', 'also one that came when all was full');
    assert.equal(late.lane, laneComputes);
    assert.ok(routes.learned().length <= limits.learnedRoutes);
  });
}

test('pages of a blog become one kind, and a page that many read is one of its own', () => {
  const routes = new Routes();
  let moves = 0;
  for (let at = 0; at < 300; at += 1) {
    moves += settle(routes.of(any, 'GET', `/blog/${word(at)}`), 1, 60, 60);
    settle(routes.of(any, 'GET', '/blog/news'), 1, 60, 60);
    settle(routes.of(any, 'GET', '/api/wait'), 5, 500, 1);
  }
  assert.equal(moves, 1, 'the first one; the others are what their siblings are');
  const told = routes.learned().map(({ pattern, invocations }) => [pattern, invocations]);
  assert.deepEqual(told.slice(0, 1), [['GET /api/wait', 1000]]);
  assert.deepEqual(told.slice(-1), [['GET /blog/news', 300]]);
  assert.equal(routes.of(any, 'GET', `/blog/${word(999)}`).lane, laneComputes);
});

test('what became one: it counts for all, and what comes of the old ones later, too', () => {
  const routes = new Routes();
  const pages = Array.from({ length: 17 }, (_, at) => routes.of(any, 'GET', `/blog/${word(at)}`));
  for (const page of pages.slice(0, 16)) settle(page, 1, 100, 40);
  const rest = routes.of(any, 'GET', '/blog/1');
  assert.deepEqual([rest.pattern, rest.lane, rest.cpuMs], ['GET /blog/[]', laneComputes, 40]);
  assert.equal(pages[0]!.current, rest);
  const { invocations } = rest;
  settle(pages[0]!, 10_000, 1000, 1);
  assert.deepEqual([rest.invocations, pages[0]!.lane], [invocations + 10_000, laneWaits]);
});

test('a new kind is what its siblings are until it shows that it is not', () => {
  const routes = new Routes();
  settle(routes.of(any, 'GET', '/api/burn'), 50, 500, 500);
  const waits = routes.of(any, 'GET', '/api/wait');
  assert.deepEqual([waits.lane, waits.invocations], [laneComputes, 0]);
  assert.equal(routes.of(any, 'POST', '/api/wait').lane, laneWaits, 'of another method');
  assert.equal(routes.of(any, 'GET', '/other').lane, laneWaits);
  assert.equal(settle(waits, 20, 1000, 1), 1);
  assert.equal(waits.lane, laneWaits);
  settle(routes.of(any, 'GET', '/api/wait'), 5000, 500, 1);
  const burns = routes.of(any, 'GET', '/api/hash');
  assert.equal(burns.lane, laneWaits);
  assert.equal(settle(burns, 1, 500, 500), 1, 'by its first answer');
});

test('more routes than are learned apart: each request finds a profile, those that come most find theirs', () => {
  const routes = new Routes();
  const often = Array.from({ length: 100 }, (_, at) => routes.of(`/often/${at}`, 'GET', '/'));
  for (const profile of often) settle(profile, 2, 1, 1);
  for (let round = 0; round < 20; round += 1) {
    for (const [at, profile] of often.entries()) {
      settle(profile, 1, 1, 1);
      assert.equal(routes.of(`/often/${at}`, 'GET', '/'), profile);
    }
    for (let at = 0; at < 300; at += 1) settle(routes.of(`/seldom/${round}/${at}`, 'GET', '/'), 1, 1, 1);
  }
  assert.ok(routes.all.length <= limits.learnedRoutes);
});

test('names of kinds are kept without the rest of what came: long queries take no memory', () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const routes = new Routes();
  const usedMiB = (): number => {
    collect();
    return process.memoryUsage().heapUsed / 1024 / 1024;
  };
  const beforeMiB = usedMiB();
  for (let at = 0; at < 4000; at += 1) {
    // Flat, as what comes from a socket is. Few first segments, each with few second ones: all are kinds.
    const path = `/first-name-is-${word(at % 12)}/second-name-${word(at % 15)}`;
    routes.of(any, 'GET', Buffer.from(`${path}?${'x'.repeat(limits.urlBytes - 100)}`).toString('latin1'));
  }
  const grownMiB = usedMiB() - beforeMiB;
  assert.ok(grownMiB < 0.5, `${grownMiB.toFixed(1)} MiB`);
  assert.equal(routes.of(any, 'GET', '/some/path/1').pattern, 'GET /some/path/…');
});

test('law: the same request finds the same profile, as long as there is room', () => {
  const request = fc.record({
    pattern: fc.constantFrom(any, '/fixed', '/also/[id]'),
    method: fc.constantFrom('GET', 'POST', '__proto__'),
    target: fc.constantFrom('/a', '/a/b', '/a/b/c', '/b/42', '/42/c', '/', '/x/Y?z', '/x/'),
  });
  fc.assert(
    fc.property(fc.array(request, { maxLength: 100 }), (requests) => {
      const routes = new Routes();
      const found = requests.map(({ pattern, method, target }) => routes.of(pattern, method, target));
      for (const [at, { pattern, method, target }] of requests.entries()) {
        assert.equal(routes.of(pattern, method, target), found[at]);
        const shownMethod = method === '__proto__' ? '[]' : method;
        const expected = pattern === any ? `${shownMethod} ${kindOf(target)}` : pattern;
        assert.equal(found[at]!.pattern, expected);
      }
    }),
  );
});

// — lanes —

test('a route computes from 20 ms of CPU that are 15 % of its time, and waits again below half of either', () => {
  const after = (...steps: [count: number, wallMs: number, cpuMs: number][]): [number, number] => {
    const profile = new RouteProfile('/');
    const moves = steps.reduce((sum, [count, wallMs, cpuMs]) => sum + settle(profile, count, wallMs, cpuMs), 0);
    return [moves, profile.lane];
  };
  assert.deepEqual(after([50, 100, 19.9]), [0, laneWaits]);
  assert.deepEqual(after([50, 200, 29]), [0, laneWaits], 'little of its time');
  assert.deepEqual(after([1, 200, 31]), [1, laneComputes]);
  assert.deepEqual(after([10, 200, 31], [3000, 200, 16]), [1, laneComputes], 'above half of both: it stays');
  assert.deepEqual(after([10, 200, 31], [3000, 200, 14]), [2, laneWaits], 'below 7.5 % of its time');
  assert.deepEqual(after([10, 30, 21], [3000, 30, 10.1]), [1, laneComputes]);
  assert.deepEqual(after([10, 30, 21], [3000, 30, 9.9]), [2, laneWaits]);
});

test('law: one that is between the thresholds never moves', () => {
  const between = fc.double({ min: 10.1, max: 19.9, noNaN: true });
  fc.assert(
    fc.property(fc.array(between, { minLength: 1, maxLength: 200, size: 'max' }), fc.boolean(), (all, began) => {
      const profile = new RouteProfile('/');
      if (began) settle(profile, 20, 25, 25);
      const { lane } = profile;
      for (const cpuMs of all) assert.equal(profile.settled(25, cpuMs), false);
      assert.equal(profile.lane, lane);
    }),
  );
});

/** Moves of a kind of which so many in a thousand use more than the others; and for how many answers it was kept apart. */
function mixture(permille: number, often: number, seldom: number, seed: number): { moves: number; apart: number } {
  const profile = new RouteProfile('/');
  let [random, moves, apart] = [seed, 0, 0];
  for (let each = 0; each < 10_000; each += 1) {
    random = (Math.imul(random, 1_664_525) + 1_013_904_223) >>> 0;
    const cpuMs = (random >>> 8) % 1000 < permille ? seldom : often;
    moves += Number(profile.settled(cpuMs + 1, cpuMs));
    apart += profile.lane;
  }
  return { moves, apart };
}

test('law: no mixture moves more than a few times in 10,000', () => {
  const wide = fc.integer({ min: 1, max: 5000 });
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 1000 }), fc.integer({ min: 1, max: 40 }), wide, fc.nat(), (...drawn) => {
      const { moves } = mixture(...drawn);
      assert.ok(moves <= 9, `${moves} moves`);
    }),
    // Those that average what is between the thresholds.
    {
      examples: [
        [5, 1, 3000, 1],
        [50, 1, 300, 2],
        [100, 1, 150, 3],
        [10, 5, 1000, 4],
        [2, 12, 1500, 5],
      ],
      numRuns: 200,
    },
  );
});

test('hits and misses of a cache: one in ten that computes for 300 ms keeps the route apart', () => {
  for (const seed of [1, 2, 3, 4, 5]) {
    const { moves, apart } = mixture(100, 1, 300, seed);
    assert.ok(moves <= 5 && apart > 9000, `${moves} moves, ${apart} apart`);
  }
});

test('a route that changes its nature is found out, soon where it computes, and moves once', () => {
  for (const cpuMs of [30, 100, 500]) {
    const profile = new RouteProfile('/');
    settle(profile, 10_000, 1000, 1);
    assert.equal(settle(profile, 60, cpuMs, cpuMs), 1, `${cpuMs} ms`);
    settle(profile, 10_000, cpuMs, cpuMs);
    assert.equal(settle(profile, 500, 1000, 1), 1);
    assert.equal(profile.lane, laneWaits);
  }
});

test('the first answer counts whole, and one outlier of many changes nothing', () => {
  const profile = new RouteProfile('/');
  assert.equal(profile.settled(100, 80), true);
  assert.deepEqual([profile.cpuMs, profile.wallMs, profile.invocations], [80, 100, 1]);
  const waits = new RouteProfile('/');
  settle(waits, 100, 10, 1);
  assert.equal(waits.settled(1000, 1000), false);
});

test('an instance that cannot say what CPU was used changes no average of it', () => {
  const profile = new RouteProfile('/');
  settle(profile, 100, 100, 50);
  assert.equal(settle(profile, 1000, 100, 0), 0);
  assert.deepEqual([profile.cpuMs, profile.invocations, profile.lane], [50, 1100, laneComputes]);
  const late = new RouteProfile('/');
  settle(late, 1000, 100, 0);
  assert.equal(settle(late, 1, 100, 50), 1, 'the first that says so counts whole');
});

// — what is kept —

test('what was learned is there again after a restart, and its lanes with it', () => {
  const routes = new Routes();
  settle(routes.of('/burn', 'GET', '/burn'), 20, 100.00049, 90.12345);
  settle(routes.of(any, 'GET', '/users/1'), 5000, 300, 2);
  routes.of('/never', 'GET', '/never');
  const learned = routes.learned();
  assert.deepEqual(
    learned.map(({ pattern, invocations }) => [pattern, invocations]),
    [
      ['/burn', 20],
      ['GET /users/[]', 1000],
    ],
  );
  const again = new Routes(JSON.parse(JSON.stringify(learned)));
  assert.deepEqual(again.learned(), learned);
  assert.equal(again.of('/burn', 'GET', '/burn').lane, laneComputes);
  assert.equal(again.of(any, 'GET', '/users/2').lane, laneWaits);
});

test('a file with more routes than are kept is cut, and what comes is learned all the same', () => {
  const learned = Array.from({ length: 2 * limits.learnedRoutes }, (_, at) => {
    return { pattern: `GET /old/${at}`, cpuMs: 1, wallMs: 1, invocations: 1000 };
  });
  const routes = new Routes(learned);
  const profile = routes.of('/new', 'GET', '/new');
  settle(profile, 3, 50, 50);
  assert.equal(routes.of('/new', 'GET', '/new'), profile);
  assert.ok(routes.all.length <= limits.learnedRoutes);
});

test('all of one lane: what has not been answered yet may be of the other', () => {
  const routes = new Routes();
  assert.equal(routes.areAll(laneComputes), true);
  settle(routes.of('/burn', 'GET', '/burn'), 5, 100, 100);
  assert.deepEqual([routes.areAll(laneComputes), routes.areAll(laneWaits)], [true, false]);
  routes.of('/wait', 'GET', '/wait');
  assert.deepEqual([routes.areAll(laneComputes), routes.areAll(laneWaits)], [false, false]);
});
