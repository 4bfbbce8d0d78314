import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { limits } from '../base/limits.ts';
import { kindOf, laneComputes, laneWaits, RouteProfile, Routes } from './routes.ts';

const any = '/[...path]';

/** So many answers. */
function settle(profile: RouteProfile, count: number, wallMs: number, cpuMs: number): number {
  let moves = 0;
  for (let each = 0; each < count; each += 1) moves += Number(profile.settled(wallMs, cpuMs));
  return moves;
}

// — kinds —

test('kinds of paths: two segments, identifiers are one, odd paths do no harm', () => {
  for (const [path, kind] of [
    ['/users/42/posts/7', '/users/[]/…'],
    ['/users/43', '/users/[]'],
    ['/about', '/about'],
    ['/about/', '/about/'],
    ['/a/b', '/a/b'],
    ['/a/b/c', '/a/b/…'],
    ['/a/b/', '/a/b/…'],
    ['/', '/'],
    ['', '/'],
    ['*', '/'],
    ['//', '//'],
    ['///////', '///…'],
    ['/%2f', '/[]'],
    ['/a%2Fb/c', '/[]/c'],
    ['http://host/a/b', '//host/…'],
    ['/__proto__/constructor', '/__proto__/constructor'],
    [`/${'x'.repeat(24)}`, `/${'x'.repeat(24)}`],
    [`/${'x'.repeat(25)}`, '/[]'],
    [`/${'x'.repeat(14_000)}/y`, '/[]/y'],
    ['/'.repeat(14_000), '///…'],
    [`/${'x/'.repeat(7000)}`, '/x/x/…'],
    ['/ü/\u{1F600}', '/ü/\u{1F600}'],
  ] as const) {
    assert.equal(kindOf(path), kind, JSON.stringify(path.slice(0, 40)));
  }
});

test('law: a kind is short, begins with a slash, and says the same of paths that differ in identifiers only', () => {
  const segment = fc.stringMatching(/^[a-z%._~-]{0,24}$/);
  fc.assert(
    fc.property(fc.array(segment, { maxLength: 6 }), fc.nat(5), fc.nat(), fc.nat(), (segments, at, left, right) => {
      const path = (id: number): string => `/${segments.toSpliced(at, 1, `x${id}`).join('/')}`;
      assert.equal(kindOf(path(left)), kindOf(path(right)));
    }),
  );
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 400 }), (text) => {
      const kind = kindOf(text);
      assert.ok(kind.startsWith('/') && kind.length <= 2 * 24 + 4, kind);
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
  assert.equal(seen.size, names.length ** 2);
  assert.deepEqual(routes.all, []);
});

// — bounds —

/** Junk by clients: so many kinds, each so often. */
function junk(routes: Routes, kinds: number, times: number, from = 0): void {
  for (let kind = from; kind < from + kinds; kind += 1) {
    const name = kind.toString(26).replaceAll(/\d/g, (digit) => 'qrstuvwxyz'[Number(digit)]!);
    for (let time = 0; time < times; time += 1) {
      settle(routes.of(any, `M${kind % 50}`, `/junk/${name}?${time}`), 1, 5, 1);
    }
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
    const late = routes.of(any, 'GET', '/late');
    settle(late, times + 10, 100, 100);
    junk(routes, 1000, times, 3000);
    assert.equal(routes.of(any, 'GET', '/late'), late, 'also one that came when all was full');
    assert.equal(late.lane, laneComputes);
    assert.ok(routes.learned().length <= limits.learnedRoutes);
  });
}

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

test('paths are remembered without their queries: junk behind a question mark takes no memory', () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const routes = new Routes();
  const usedMiB = (): number => {
    collect();
    return process.memoryUsage().heapUsed / 1024 / 1024;
  };
  const beforeMiB = usedMiB();
  for (let at = 0; at < limits.learnedPaths; at += 1) {
    // Flat, as what comes from a socket is.
    const target = Buffer.from(`/some/path/${at}?${'x'.repeat(limits.urlBytes - 100)}`).toString('latin1');
    routes.of(any, 'GET', target);
  }
  const grownMiB = usedMiB() - beforeMiB;
  assert.ok(grownMiB < 8, `${grownMiB.toFixed(1)} MiB`);
  assert.equal(routes.of(any, 'GET', '/some/path/1').pattern, 'GET /some/path/…');
});

test('law: the same request finds the same profile, as long as there is room', () => {
  const request = fc.record({
    pattern: fc.constantFrom(any, '/fixed', '/also/[id]'),
    method: fc.constantFrom('GET', 'POST', '__proto__'),
    target: fc.webPath().map((path) => path.slice(0, 40)),
  });
  fc.assert(
    fc.property(fc.array(request, { maxLength: 100 }), (requests) => {
      const routes = new Routes();
      const found = requests.map(({ pattern, method, target }) => routes.of(pattern, method, target));
      for (const [at, { pattern, method, target }] of requests.entries()) {
        assert.equal(routes.of(pattern, method, target), found[at]);
        const expected = pattern === any ? `${method} ${kindOf(target)}` : pattern;
        assert.equal(found[at]!.pattern, expected);
      }
    }),
  );
});

// — lanes —

test('a route computes from 20 ms of CPU that are 15 % of its time, and waits again below half of either', () => {
  const profile = new RouteProfile('/');
  assert.equal(settle(profile, 5, 1000, 19.9), 0);
  assert.equal(settle(profile, 50, 100, 14.9), 0, 'a fifth of a second, but little CPU');
  assert.equal(settle(profile, 100, 200, 31), 1);
  assert.equal(profile.lane, laneComputes);
  assert.equal(settle(profile, 100, 200, 16), 0, 'above half of both: it stays');
  assert.equal(settle(profile, 100, 200, 14.9), 1, 'below 7.5 % of its time');
  assert.equal(settle(profile, 100, 20, 19), 0, 'all CPU, but below 20 ms');
  assert.equal(settle(profile, 100, 30, 21), 1);
  assert.equal(settle(profile, 100, 30, 10.1), 0);
  assert.equal(settle(profile, 100, 30, 9.9), 1);
  assert.equal(profile.lane, laneWaits);
});

test('law: one that is between the thresholds never moves to and fro', () => {
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

test('a route that changes its nature is found out within 25 answers, both ways, and moves once', () => {
  const profile = new RouteProfile('/');
  settle(profile, 10_000, 1000, 1);
  assert.equal(settle(profile, 25, 100, 100), 1);
  assert.equal(profile.lane, laneComputes);
  settle(profile, 10_000, 100, 100);
  assert.equal(settle(profile, 25, 1000, 1), 1);
  assert.equal(profile.lane, laneWaits);
});

test('the first answer counts whole, and one outlier of many changes nothing', () => {
  const profile = new RouteProfile('/');
  assert.equal(profile.settled(100, 80), true);
  assert.deepEqual([profile.cpuMs, profile.wallMs, profile.invocations], [80, 100, 1]);
  const waits = new RouteProfile('/');
  settle(waits, 100, 1000, 1);
  assert.equal(waits.settled(1000, 1000), false);
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
