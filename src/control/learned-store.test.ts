import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { VirtualClock } from '../../test/sim/virtual-clock.ts';
import { limits } from '../base/limits.ts';
import { learnedKey } from '../model/learned.ts';
import type { Learned } from '../model/learned.ts';
import { Bench, key, learned, other, startMs } from './learned.fixture.ts';

test('what was learned is there again after a restart, as it was', async (t) => {
  const bench = new Bench(t, new VirtualClock(startMs));
  const store = await bench.open();
  assert.equal(store.get(key), null);
  store.set(key, learned(12.5), startMs);
  assert.deepEqual(store.get(key), learned(12.5));
  await store.close();
  const again = await bench.open();
  assert.deepEqual(again.get(key), learned(12.5));
  assert.equal(again.get(other), null);
  for (const name of ['__proto__', 'constructor', 'toString']) assert.equal(again.get(name), null);
  assert.deepEqual(bench.lines, []);
});

test('the file is for this user alone, and nothing is left beside it', async (t) => {
  const bench = new Bench(t, new VirtualClock(startMs));
  const store = await bench.open();
  assert.ok(!existsSync(dirname(bench.file)), 'nothing to write, nothing made');
  store.set(key, learned(1), startMs);
  await store.close();
  assert.equal(statSync(bench.file).mode & 0o777, 0o600);
  assert.equal(statSync(dirname(bench.file)).mode & 0o777, 0o700);
  assert.deepEqual(readdirSync(dirname(bench.file)), ['learned.json']);
});

test('it is written every 30 s at most, when something has changed, and at the end', async (t) => {
  const bench = new Bench(t, new VirtualClock(startMs));
  const { clock } = bench;
  const store = await bench.open();
  assert.equal(clock.pending, 0);
  store.set(key, learned(1), clock.wallMs());
  clock.advance(limits.learnedSaveMs - 1);
  store.set(key, learned(2), clock.wallMs());
  assert.ok(!existsSync(bench.file));
  clock.advance(1);
  await store.save();
  assert.deepEqual(bench.saturations(), { [key]: 2 });
  const written = statSync(bench.file).ino;
  assert.equal(clock.pending, 0);
  await store.save();
  assert.equal(statSync(bench.file).ino, written, 'nothing has changed');
  store.set(other, learned(3), clock.wallMs());
  await store.close();
  await store.close();
  assert.deepEqual(bench.saturations(), { [key]: 2, [other]: 3 });
  assert.equal(clock.pending, 0);
  store.set(key, learned(9), clock.wallMs());
  assert.equal(store.get(key)?.limits[0]?.saturation, 2, 'closed');
});

test('two platforms of one user: the newest of every function stays', async (t) => {
  const bench = new Bench(t, new VirtualClock(startMs));
  const one = await bench.open();
  const two = await bench.open();
  one.set(key, learned(1), startMs);
  one.set(other, learned(10), startMs + 5);
  two.set(key, learned(2), startMs + 1);
  two.set(other, learned(20), startMs + 4);
  await one.save();
  await two.save();
  assert.deepEqual(bench.saturations(), { [key]: 2, [other]: 10 });
  assert.equal(two.get(other)?.limits[0]?.saturation, 10);
  one.set(learnedKey({ root: '/srv/blog', name: 'server' }), learned(5), startMs + 6);
  await one.save();
  assert.equal(one.get(key)?.limits[0]?.saturation, 2);
  assert.deepEqual(bench.saturations(), { [key]: 2, [other]: 10, '/srv/blog//server': 5 });
});

test('however two platforms write, the file is whole, and each one’s next write has all that it knows', async (t) => {
  const bench = new Bench(t, new VirtualClock(startMs));
  const stores = [await bench.open(), await bench.open()];
  for (let round = 0; round < 20; round += 1) {
    for (const [at, store] of stores.entries()) store.set(`/srv/${at}//${round}`, learned(1), startMs + round);
    await Promise.all(stores.map((store) => store.save()));
    assert.ok(Object.keys(bench.saturations()).length >= round + 1);
  }
  for (const [at, store] of stores.entries()) {
    store.set(`/srv/${at}//last`, learned(1), startMs);
    await store.close();
  }
  assert.equal(Object.keys(bench.saturations()).length, 42);
  assert.deepEqual(bench.lines, []);
});

test('what is too old or too much is dropped, the oldest first', async (t) => {
  const bench = new Bench(t, new VirtualClock(startMs));
  const entry = (savedWallMs: number): object => ({ ...learned(1), savedWallMs });
  bench.putFunctions({
    '/a//old': entry(startMs - limits.learnedKeptMs - 1),
    '/a//kept': entry(startMs - limits.learnedKeptMs),
  });
  const store = await bench.open();
  assert.equal(store.get('/a//old'), null);
  assert.notEqual(store.get('/a//kept'), null);
  for (let count = 0; count < limits.learnedFunctions; count += 1)
    store.set(`/b//${count}`, learned(count + 1), startMs + count);
  assert.equal(store.get('/a//kept'), null);
  store.set('/b//0', learned(1), startMs + 3_600_000);
  store.set('/c//new', learned(1), startMs + 3_600_000);
  assert.equal(store.get('/b//1'), null);
  await store.close();
  const again = await bench.open();
  assert.equal(Object.keys(bench.saturations()).length, limits.learnedFunctions);
  for (const [name, kept] of [
    ['/b//0', true],
    ['/b//1', false],
    ['/b//2', true],
    ['/c//new', true],
  ] as const)
    assert.equal(again.get(name) !== null, kept, name);
});

test('of more than the file may have, the newest is written', async (t) => {
  const bench = new Bench(t, new VirtualClock(startMs));
  const store = await bench.open();
  const route = { pattern: 'x'.repeat(190), cpuMs: 0, wallMs: 0, invocations: 0 };
  const long: Learned = { ...learned(1), routes: Array.from({ length: limits.learnedRoutes }, () => route) };
  const each = JSON.stringify({ '/a//10': long, savedWallMs: startMs }).length;
  assert.ok(each < limits.learnedEntryBytes);
  const fit = Math.floor(limits.learnedFileBytes / each);
  for (let count = 0; count <= fit; count += 1) store.set(`/a//${count}`, long, startMs + count);
  await store.close();
  const kept = Object.keys(bench.saturations());
  assert.ok(kept.length >= fit - 1 && kept.length <= fit, `${kept.length} of ${fit}`);
  assert.deepEqual(
    kept,
    kept.map((_, at) => `/a//${fit - at}`),
  );
  assert.ok(statSync(bench.file).size <= limits.learnedFileBytes);
  assert.notEqual((await bench.open()).get(`/a//${fit}`), null);
});

test('a platform that learns nothing does not overwrite what another one has learned', async (t) => {
  const bench = new Bench(t, new VirtualClock(startMs));
  const [idle, busy] = [await bench.open(), await bench.open()];
  idle.set(key, learned(1), startMs - 60_000);
  await idle.save();
  busy.set(key, learned(200), startMs - 30_000);
  await busy.save();
  idle.set(key, learned(1), startMs - 60_000);
  await idle.close();
  assert.equal(idle.get(key)?.limits[0]?.saturation, 200);
  idle.set(key, learned(1), startMs - 60_000);
  await busy.close();
  assert.deepEqual(bench.saturations(), { [key]: 200 });
  const third = await bench.open();
  third.set(key, learned(1), startMs - 60_000);
  assert.equal(third.get(key)?.limits[0]?.saturation, 200, 'what is newer stays');
});

test('one function does not fill the file: without its routes where they are too much', async (t) => {
  const bench = new Bench(t, new VirtualClock(startMs));
  const store = await bench.open();
  const route = { pattern: 'x'.repeat(limits.urlBytes), cpuMs: 0, wallMs: 0, invocations: 0 };
  store.set(key, { ...learned(3), routes: [route, route, route, route, route] }, startMs);
  await store.close();
  const again = await bench.open();
  assert.deepEqual(again.get(key), { ...learned(3), routes: [] });
});

test('a file that cannot be understood is kept beside the new one', async (t) => {
  const bench = new Bench(t, new VirtualClock(startMs));
  const large = `${' '.repeat(limits.learnedFileBytes)}{}`;
  for (const [content, why] of [
    ['', /it is not JSON/],
    ['{"version": 1, "functions": {"/a//b": {"limits": [', /it is not JSON/],
    ['{"version": 1, "functions": {"/a//b": {"savedWallMs": NaN}}}', /it is not JSON/],
    ['null', /its version is undefined, not 1/],
    ['[]', /its version is undefined, not 1/],
    ['{"version": "1", "functions": {}}', /its version is "1", not 1/],
    ['{"version": 1}', /its "functions" are no object/],
    ['{"version": 1, "functions": []}', /its "functions" are no object/],
    [large, new RegExp(`it has ${large.length} bytes, and ${limits.learnedFileBytes} are the most`)],
  ] as const) {
    bench.lines.length = 0;
    bench.put(content);
    const store = await bench.open();
    assert.equal(bench.lines.length, 1);
    assert.match(bench.lines[0]!, why);
    assert.ok(bench.lines[0]!.includes(`it is kept as ${bench.file}.broken file="${bench.file}"`), bench.lines[0]);
    assert.equal(readFileSync(`${bench.file}.broken`, 'utf8'), content);
    store.set(key, learned(4), startMs);
    await store.close();
    assert.deepEqual(bench.saturations(), { [key]: 4 });
    assert.equal(readFileSync(`${bench.file}.broken`, 'utf8'), content);
  }
});

test('a file that was broken while the platform ran', async (t) => {
  const bench = new Bench(t, new VirtualClock(startMs));
  const store = await bench.open();
  store.set(key, learned(1), startMs);
  await store.save();
  bench.put('{');
  store.set(other, learned(2), startMs);
  await store.close();
  assert.deepEqual(bench.saturations(), { [key]: 1, [other]: 2 });
  assert.equal(readFileSync(`${bench.file}.broken`, 'utf8'), '{');
});

test('a newer version’s file stays as it is, until it is gone', async (t) => {
  const bench = new Bench(t, new VirtualClock(startMs));
  bench.put({ version: 2, functions: 'something else' });
  const store = await bench.open();
  store.set(key, learned(1), startMs);
  await store.save();
  bench.clock.advance(limits.learnedSaveMs);
  await store.save();
  assert.equal(bench.lines.length, 1);
  assert.match(bench.lines[0]!, /of version 2, a newer Weir's; what is learned now is not kept/);
  assert.deepEqual(JSON.parse(readFileSync(bench.file, 'utf8')), { version: 2, functions: 'something else' });
  rmSync(bench.file);
  bench.clock.advance(limits.learnedSaveMs);
  await store.save();
  assert.deepEqual(bench.saturations(), { [key]: 1 });
  await store.close();
});

test('what cannot be written is told once, and written when it can be', async (t) => {
  const bench = new Bench(t, new VirtualClock(startMs));
  const store = await bench.open();
  // A file where the folder is to be: nobody can make it, not even root.
  writeFileSync(join(dirname(bench.file), '..').replace(/\/$/, ''), '');
  store.set(key, learned(1), startMs);
  bench.clock.advance(limits.learnedSaveMs);
  await store.save();
  bench.clock.advance(limits.learnedSaveMs);
  await store.save();
  assert.equal(bench.lines.length, 1);
  assert.match(bench.lines[0]!, /ENOTDIR.*; what is learned now is not kept over restarts/);
  rmSync(join(dirname(bench.file), '..'));
  bench.clock.advance(limits.learnedSaveMs);
  await store.save();
  assert.deepEqual(bench.saturations(), { [key]: 1 });
  await store.close();
});

test('a directory in its place is told, and stays', async (t) => {
  const bench = new Bench(t, new VirtualClock(startMs));
  mkdirSync(bench.file, { recursive: true });
  const store = await bench.open();
  store.set(key, learned(1), startMs);
  await store.close();
  assert.match(bench.lines[0]!, /it cannot be read: .* is no file/);
  assert.ok(statSync(bench.file).isDirectory());
  assert.deepEqual(readdirSync(dirname(bench.file)), ['learned.json']);
});

test('temporary files of platforms that were killed are removed, those of others that write are not', async (t) => {
  const bench = new Bench(t, new VirtualClock(startMs));
  bench.putFunctions({});
  for (const [name, ageMs] of [
    ['learned.json.0123456789ab.tmp', 3_600_000],
    ['learned.json.ba9876543210.tmp', 0],
    ['learned.json.notes.tmp', 3_600_000],
  ] as const) {
    const path = join(dirname(bench.file), name);
    writeFileSync(path, '{');
    utimesSync(path, (startMs - ageMs) / 1000, (startMs - ageMs) / 1000);
  }
  await bench.open();
  assert.deepEqual(readdirSync(dirname(bench.file)).toSorted(), [
    'learned.json',
    'learned.json.ba9876543210.tmp',
    'learned.json.notes.tmp',
  ]);
});

test('keys: one for a function of a project, whatever its deployment', () => {
  assert.equal(key, '/srv/shop//api/hello');
  assert.notEqual(learnedKey({ root: '/srv', name: 'shop/api/hello' }), key);
});
