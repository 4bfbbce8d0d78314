import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readdirSync, rmSync, statSync, writeFileSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { VirtualClock } from '../../../test/sim/virtual-clock.ts';
import { channels } from '../../base/channels.ts';
import { limits } from '../../base/limits.ts';
import { cutNote } from './line.ts';
import type { LogStore } from './log-store.ts';
import { crash, functionOf, LogBench, startMs, textsOf } from './logs.fixture.ts';

test('what is published is kept, whole, with its invocation, and is there after a restart', async (t) => {
  const bench = new LogBench(t);
  const store = await bench.open();
  const odd = 'colour \u001b[31mred\u0000 after NUL, größe, 👋';
  bench.log(odd, { invocationId: 'inv_7', level: 'warn', source: 'stderr', atMs: startMs + 5 });
  await store.close();
  const again = await bench.open();
  const { items, next } = await again.ask({ kind: 'lines', query: { limit: 10 } });
  assert.equal(next, null);
  assert.deepEqual(items, [
    {
      id: items[0]!.id,
      atMs: startMs + 5,
      project: 'shop',
      deployment: 'dep_aaaaaaaa',
      function: 'shop/api/pay',
      instance: 'ins_0000000000000001',
      invocation: 'inv_7',
      level: 'warn',
      source: 'stderr',
      text: odd,
    },
  ]);
  assert.equal(again.lastId, Number(items[0]!.id));
  assert.equal(statSync(bench.file).mode & 0o777, 0o600);
  assert.equal(statSync(dirname(bench.file)).mode & 0o777, 0o700);
  assert.deepEqual(bench.told, []);
});

test('a line of 256 KiB is kept whole, a longer one is cut with a note, between characters', async (t) => {
  const bench = new LogBench(t);
  const store = await bench.open();
  const longest = 'x'.repeat(limits.logLineBytes);
  bench.log(longest);
  bench.log(`${longest}y`);
  bench.log(`é${'→'.repeat(limits.logLineBytes)}`);
  const [arrows, cut, whole] = await textsOf(store);
  assert.equal(whole, longest);
  assert.ok(cut!.endsWith(cutNote) && Buffer.byteLength(cut!) <= limits.logLineBytes);
  assert.ok(Buffer.byteLength(arrows!) > limits.logLineBytes - 8 && Buffer.byteLength(arrows!) <= limits.logLineBytes);
  assert.match(arrows!, /^é→+ … \(cut\)$/);
});

test('what was handed over before a kill -9 is there, and the log opens', async (t) => {
  const bench = new LogBench(t);
  const child = spawn(process.execPath, [fileURLToPath(new URL('killed.fixture.ts', import.meta.url)), bench.file], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => child.kill('SIGKILL'));
  let written = '';
  for await (const chunk of child.stdout) {
    written += String(chunk);
    if (written.split('\n').length > 5) child.kill('SIGKILL');
  }
  const told = Number(written.trim().split('\n').at(-1));
  const store = await bench.open();
  const { items } = await store.ask({ kind: 'lines', query: { limit: 1, text: `line ${told} end` } });
  assert.equal(items.length, 1);
  assert.equal((await textsOf(store, { after: 0, limit: 1_000 }))[0], 'line 1 end');
  bench.log('and on');
  assert.deepEqual(await textsOf(store, { limit: 1 }), ['and on']);
  assert.deepEqual(bench.told, []);
});

test('a file that is no log is kept beside, and another log begun; so is one that turns out to be damaged', async (t) => {
  const bench = new LogBench(t);
  mkdirSync(dirname(bench.file), { recursive: true });
  writeFileSync(bench.file, 'not a database, '.repeat(1_000));
  const store = await bench.open();
  assert.match(
    bench.told.join('\n'),
    /^warn: the log was damaged: it is kept as it is, and another one was begun why="/,
  );
  bench.log('first');
  assert.deepEqual(await textsOf(store), ['first']);
  const id = store.lastId;
  for (let at = 0; at < 2_000; at += 1) bench.log(`line ${at} ${'x'.repeat(200)}`);
  await store.close();

  // Its first page is as it was; what follows is not.
  const { size } = statSync(bench.file);
  const bytes = Buffer.alloc(size - 4096, 0xa5);
  const handle = openSync(bench.file, 'r+');
  writeSync(handle, bytes, 0, bytes.length, 4096);
  closeSync(handle);
  bench.told.length = 0;
  const again = await bench.open({ clock: new VirtualClock(startMs + 60_000) });
  bench.log('after');
  await again.flush();
  assert.deepEqual(await textsOf(again), ['after']);
  assert.match(bench.told.join('\n'), /^warn: the log was damaged/);
  assert.ok(readdirSync(dirname(bench.file)).includes('logs.db.damaged'));
  assert.ok(again.lastId > id, 'an id is never given twice');
});

test('a flood is bounded in memory; what is dropped is counted, and told as a line of its own', async (t) => {
  const bench = new LogBench(t);
  const store = await bench.open();
  // All in one turn of the loop: the other thread can take none of it.
  const flood = limits.logUnwrittenLines + 1_234;
  for (let at = 0; at < flood; at += 1) bench.log(`line ${at}`, at % 2 === 0 ? {} : functionOf('shop/api/other'));
  bench.invocation('inv_1');
  await store.flush();
  await store.flush();
  const lost = await textsOf(store, { level: 'warn' });
  assert.deepEqual(lost.toSorted(), [
    '1 invocation of shop/api/pay were not kept: too many at once',
    '617 lines of shop/api/other were not kept: too many at once',
    '617 lines of shop/api/pay were not kept: too many at once',
  ]);
  const { items } = await store.ask({ kind: 'lines', query: { limit: 1, text: 'line ' } });
  assert.equal(items[0]!.text, `line ${limits.logUnwrittenLines - 1}`);
  const [own] = (await store.ask({ kind: 'lines', query: { limit: 1, level: 'warn', function: 'api/other' } })).items;
  assert.deepEqual([own!.source, own!.instance, own!.project], ['platform', null, 'shop']);
});

test('the oldest go first when there is too much, however the bound is set while it runs', async (t) => {
  const bench = new LogBench(t);
  const logBytes = 4 * 1024 * 1024;
  const store = await bench.open({ retention: { logBytes } });
  const fill = async (from: number, until: number): Promise<void> => {
    for (let at = from; at < until; at += 1) {
      bench.log(`line ${at} ${'x'.repeat(1_000)}`, { invocationId: `inv_${at}`, atMs: startMs + at });
      bench.invocation(`inv_${at}`, { receivedMs: startMs + at });
      if (at % 500 === 0) await store.flush();
    }
    await store.flush();
  };
  await fill(0, 6_000);
  const settle = async (bytes: number): Promise<void> => {
    // Each batch is followed by a little tidying; the next one's report says how much there is left.
    do {
      bench.log('more', { atMs: startMs + 10_000 });
      await store.flush();
    } while (store.usedBytes > bytes);
  };
  await settle(logBytes);
  const lines = await textsOf(store, { text: 'line ', after: 0, limit: 1 });
  const first = Number(lines[0]!.split(' ')[1]);
  assert.ok(first > 1_000, `the first is ${first}`);
  assert.match((await textsOf(store, { text: 'line 5999' }))[0]!, /^line 5999/);
  assert.equal(await store.ask({ kind: 'invocation', id: 'inv_0' }), null);
  assert.equal((await store.ask({ kind: 'invocation', id: 'inv_5999' }))?.lines.length, 1);

  const lessBytes = 1024 * 1024;
  store.retain({ logBytes: lessBytes, logDays: 30 });
  await settle(lessBytes);
  const later = await textsOf(store, { text: 'line ', after: 0, limit: 1 });
  assert.ok(Number(later[0]!.split(' ')[1]) > first);
  // What was freed is given back.
  while (statSync(bench.file).size > lessBytes) await settle(lessBytes);
});

test('what is too old goes: lines, invocations, crashes', async (t) => {
  const bench = new LogBench(t);
  const clock = new VirtualClock(startMs);
  const store = await bench.open({ clock, retention: { logDays: 2 } });
  bench.log('old', functionOf('shop/gone', 'dep_bbbbbbbb'));
  bench.invocation('inv_old');
  channels.crash.publish(crash());
  await store.flush();
  clock.advance(3 * 24 * 3_600_000);
  bench.log('new');
  bench.invocation('inv_new', { receivedMs: clock.wallMs() });
  for (;;) {
    await store.flush();
    if ((await textsOf(store)).length === 1) break;
    bench.log('new', { level: 'debug' });
    clock.advance(limits.logTidyMs);
    if ((await textsOf(store, { text: 'old' })).length === 0) break;
  }
  assert.deepEqual(await textsOf(store, { text: 'old' }), []);
  assert.equal(await store.ask({ kind: 'invocation', id: 'inv_old' }), null);
  assert.notEqual(await store.ask({ kind: 'invocation', id: 'inv_new' }), null);
  assert.deepEqual((await store.ask({ kind: 'crashes', query: { limit: 10 } })).items, []);
});

test('crashes name all that is known of the end', async (t) => {
  const bench = new LogBench(t);
  const store = await bench.open();
  channels.crash.publish(crash());
  channels.crash.publish(
    crash({ ...functionOf('blog/x'), project: 'blog', exitCode: null, signal: 'SIGKILL', stack: null }),
  );
  const { items } = await store.ask({ kind: 'crashes', query: { limit: 10, project: 'shop' } });
  assert.deepEqual(items, [
    {
      id: '1',
      atMs: startMs,
      instance: 'ins_0000000000000001',
      project: 'shop',
      deployment: 'dep_aaaaaaaa',
      function: 'shop/api/pay',
      reason: 'an error that nobody caught',
      exitCode: 1,
      signal: null,
      invocation: 'inv_1',
      lost: ['inv_1', 'inv_2'],
      stack: 'Error: no\n    at pay (pay.js:3:9)',
      memoryBytes: 50_000_000,
      cpuMs: 812.5,
      ageMs: 60_000,
    },
  ]);
  const all = await store.ask({ kind: 'crashes', query: { limit: 10 } });
  assert.deepEqual(
    all.items.map(({ signal }) => signal),
    ['SIGKILL', null],
  );
});

test('a log that cannot be opened is told of, and what comes is not in anybody’s way', async (t) => {
  const bench = new LogBench(t);
  writeFileSync(dirname(bench.file), 'a file where the folder is to be');
  const clock = new VirtualClock(startMs);
  const store = await bench.open({ clock });
  assert.match(bench.told[0]!, /^error: the log has failed, and is opened again why=".*EEXIST/);
  for (let at = 0; at < limits.logUnwrittenLines + 10; at += 1) bench.log('x');
  await assert.rejects(store.ask({ kind: 'lines', query: { limit: 1 } }), /cannot be read at the moment/);

  rmSync(dirname(bench.file));
  clock.advance(limits.logRestartMs);
  while (!(await canBeRead(store))) await new Promise((resolve) => setImmediate(resolve));
  assert.equal((await textsOf(store, { limit: 1 })).length, 1);
});

const canBeRead = (store: LogStore): Promise<boolean> =>
  textsOf(store, { limit: 1 }).then(
    () => true,
    () => false,
  );
