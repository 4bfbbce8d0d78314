import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../../test/sim/virtual-clock.ts';
import type { Learned } from '../model/learned.ts';
import { Bench, key, learned, other, startMs } from './learned.fixture.ts';

test('invalid values are left out one by one, each with a warning that says what is allowed', async (t) => {
  const bench = new Bench(t, new VirtualClock(startMs));
  const limit = { saturation: 3, unhelpfulAbove: 4, wallMs: startMs };
  const route = { pattern: '/', cpuMs: 1, wallMs: 2, invocations: 3 };
  const arrivals = learned(1).arrivals!;
  const whole = { limits: [limit, null], routes: [route], arrivals, savedWallMs: startMs };
  const faults: readonly [object, string, RegExp, Partial<Learned> | null][] = [
    [
      { limits: [{ ...limit, saturation: -3 }, limit] },
      'limits[0].saturation',
      /value="-3" allowed="a number above 0, to/,
      { limits: [null, limit] },
    ],
    [{ limits: [{ ...limit, saturation: 0 }] }, 'limits[0].saturation', /value="0"/, { limits: [null, null] }],
    [
      { limits: [{ ...limit, saturation: 1e300 }] },
      'limits[0].saturation',
      /value="1e\+300" .*to 1000000000"/,
      { limits: [null, null] },
    ],
    [
      { limits: [{ ...limit, saturation: '12' }] },
      'limits[0].saturation',
      /value="\\"12\\""/,
      { limits: [null, null] },
    ],
    [{ limits: [{ ...limit, saturation: null }] }, 'limits[0].saturation', /value="null"/, { limits: [null, null] }],
    [
      { limits: [{ saturation: 3, wallMs: startMs + 2 * 24 * 3_600_000 }] },
      'limits[0].wallMs',
      /value="1700172800000"/,
      { limits: [null, null] },
    ],
    [
      { limits: [{ ...limit, unhelpfulAbove: 1e6 }, null] },
      'limits[0].unhelpfulAbove',
      /to 8192"/,
      { limits: [{ ...limit, unhelpfulAbove: null }, null] },
    ],
    [{ limits: 'many' }, 'limits', /value="\\"many\\"" allowed="a list"/, { limits: [null, null] }],
    [{ limits: [7, null, limit] }, 'limits', /value="\\"3 values\\"" allowed="at most 2"/, { limits: [null, null] }],
    [
      { routes: [{ ...route, cpuMs: -1 }, route] },
      'routes[0].cpuMs',
      /"a number from 0, to 1000000000"/,
      { routes: [route] },
    ],
    [
      { routes: [{ ...route, invocations: 1.5 }] },
      'routes[0].invocations',
      /"a whole number from 0 to/,
      { routes: [] },
    ],
    [{ routes: [{ ...route, pattern: 7 }] }, 'routes[0].pattern', /"text of at most/, { routes: [] }],
    [{ routes: null }, 'routes', /a list/, { routes: [] }],
    [{ arrivals: { ...arrivals, lastWallMs: -1 } }, 'arrivals.lastWallMs', /value="-1"/, { arrivals: null }],
    [
      { arrivals: { ...arrivals, idleMinutes: [1, 'x'] } },
      'arrivals.idleMinutes[1]',
      /value="\\"x\\""/,
      { arrivals: { ...arrivals, idleMinutes: [1, 0] } },
    ],
    [
      { arrivals: { ...arrivals, beyondMinutes: [241, -1, 300] } },
      'arrivals.beyondMinutes[1]',
      /value="-1"/,
      { arrivals: { ...arrivals, beyondMinutes: [241, 300] } },
    ],
    [
      {
        arrivals: {
          ...arrivals,
          minutePeaks: [
            [1440, 1, 1],
            [0, 2],
            [7, 3, 2],
          ],
        },
      },
      'arrivals.minutePeaks[0]',
      /value="\[1440,1,1\]" allowed="a list: minute of the day 0–1439,/,
      { arrivals: { ...arrivals, minutePeaks: [[7, 3, 2]] } },
    ],
    [{ arrivals: { ...arrivals, watchedWallMs: '1' } }, 'arrivals.watchedWallMs', /\\"1\\"/, { arrivals: null }],
    [{ arrivals: [] }, 'arrivals', /an object/, { arrivals: null }],
    [{ savedWallMs: 'now' }, 'savedWallMs', /\\"now\\"/, null],
  ];
  for (const [changes, at, expected, read] of faults) {
    bench.lines.length = 0;
    bench.putFunctions({ [key]: { ...whole, ...changes }, [other]: whole });
    const store = await bench.open();
    assert.ok(bench.lines.length > 0, at);
    assert.ok(
      bench.lines[0]!.startsWith(
        `warn: left out of what was learned file=${JSON.stringify(bench.file)} at="${key} ${at}" `,
      ),
      bench.lines[0],
    );
    assert.match(bench.lines[0]!, expected);
    const { savedWallMs: _, ...rest } = whole;
    assert.deepEqual(store.get(key), read === null ? null : { ...rest, ...read }, at);
    assert.deepEqual(store.get(other), rest);
    await store.close();
  }
});

test('numbers that JSON cannot say, names of prototypes, and keys that are none', async (t) => {
  const bench = new Bench(t, new VirtualClock(startMs));
  const entry = JSON.stringify({ ...learned(1), savedWallMs: startMs });
  const functions = [`"__proto__": ${entry}`, `"constructor": ${entry}`, `"/a//__proto__": ${entry}`];
  const infinite = entry.replace('"saturation":1', '"saturation":1e999');
  bench.put(`{"version": 1, "functions": {${functions.join()}, "/a//b": ${infinite}, "/a//c": [], "/a//d": 7}}`);
  const store = await bench.open();
  assert.equal(bench.lines.length, 5);
  assert.match(bench.lines[0]!, /value="\\"__proto__\\"" allowed="as a key: ROOT\/\/NAME/);
  assert.match(bench.lines[2]!, /at="\/a\/\/b limits\[0\]\.saturation" value="Infinity"/);
  assert.equal(store.get('__proto__'), null);
  assert.equal(store.get('constructor'), null);
  assert.equal(store.get('/a//b')?.limits[0], null);
  assert.deepEqual(store.get('/a//__proto__'), learned(1));
  store.set('/a//d', learned(2), startMs);
  await store.close();
  assert.deepEqual(bench.saturations(), { '/a//d': 2, '/a//b': undefined, '/a//__proto__': 1 });
  assert.equal(({} as { limits?: unknown }).limits, undefined);
});

test('of many invalid values some are told', async (t) => {
  const bench = new Bench(t, new VirtualClock(startMs));
  bench.putFunctions(Object.fromEntries(Array.from({ length: 1000 }, (_, at) => [`/a//${at}`, null])));
  await bench.open();
  assert.equal(bench.lines.length, 11);
  assert.match(bench.lines[10]!, /not told one by one/);
});

test('set keeps what is valid', async (t) => {
  const bench = new Bench(t, new VirtualClock(startMs));
  const store = await bench.open();
  store.set(key, { ...learned(Infinity), arrivals: null }, startMs);
  assert.deepEqual(store.get(key), { ...learned(1), limits: [null, null], arrivals: null });
  assert.deepEqual(bench.lines, []);
});
