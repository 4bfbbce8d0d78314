import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { link, mkdir, open as openFile, readdir, readFile, rm, truncate, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import fc from 'fast-check';
import { silentLog } from '../../base/log.ts';
import type { KeptPage } from './kept.ts';
import { HandClock, temporaryDirectory } from './prerender.fixture.ts';
import { PageStore } from './store.ts';
import type { PageStoreOptions } from './store.ts';

let directory: { path: string; remove(): Promise<void> };
const clock = new HandClock();
const open = (most: PageStoreOptions['most'] = {}): Promise<PageStore> =>
  PageStore.open({ directory: directory.path, clock, log: silentLog, most });

beforeEach(async () => {
  directory = await temporaryDirectory();
});
afterEach(() => directory.remove());

const pageOf = (body: string | Buffer, changed: Partial<KeptPage> = {}): KeptPage => ({
  status: 200,
  headers: ['Content-Type', 'text/plain'],
  body: Buffer.from(body),
  stateBytes: -1,
  askedMs: clock.ms,
  freshUntilMs: clock.ms + 1000,
  staleUntilMs: Infinity,
  tags: [],
  group: null,
  built: false,
  entityTag: '"t"',
  ...changed,
});

async function files(): Promise<string[]> {
  const all = await readdir(directory.path, { recursive: true });
  return all.filter((name) => name.includes('/') && !name.endsWith('/lost')).map((name) => join(directory.path, name));
}

test('what is put is there: at once, from disk, after a restart', async () => {
  const store = await open();
  const page = pageOf('body', { tags: ['ä'], freshUntilMs: Infinity, group: '3', entityTag: '"x"' });
  const shelf = store.shelf('n', 's');
  assert.ok(shelf.put('key ü', page));
  assert.equal(shelf.hot('key ü')?.page, page);
  assert.equal((await store.shelf('other', 's').load('key ü'))?.page, undefined);
  await store.settled();
  const again = await open();
  assert.deepEqual(again.usage, { ...store.usage, memoryBytes: 0 });
  assert.equal(again.shelf('n', 's').hot('key ü'), null);
  assert.deepEqual((await again.shelf('n', 's').load('key ü'))?.page, page);
  assert.deepEqual(again.shelf('n', 's').hot('key ü')?.page, page);
});

test('a large body is on disk alone, and shared by all who are given it', async () => {
  const store = await open({ hotBytes: 10 });
  const shelf = store.shelf('n', 's');
  shelf.put('k', pageOf('a body of more than ten'));
  assert.equal(shelf.hot('k'), null);
  assert.equal((await shelf.load('k'))?.page.body.toString(), 'a body of more than ten', 'while it is written');
  await store.settled();
  const [one, other] = await Promise.all([shelf.load('k'), shelf.load('k')]);
  assert.equal(one!.page.body.toString(), 'a body of more than ten');
  assert.equal(one!.page.body, other!.page.body);
  assert.equal((await shelf.load('k'))!.page.body, one!.page.body);
});

test('a file that is read slowly does not bring back what was replaced, or removed, meanwhile', async () => {
  for (const [hotBytes, replaced] of [
    [1000, true],
    [1, true],
    [1000, false],
  ] as const) {
    const first = await open();
    first.shelf('n', 's').put('k', pageOf('OLD'));
    await first.settled();
    const store = await open({ hotBytes });
    const shelf = store.shelf('n', 's');
    const [file] = await files();
    const bytes = await readFile(file!);
    const pipe = join(directory.path, 'pipe');
    await rm(file!);
    execFileSync('mkfifo', [pipe]);
    await link(pipe, file!);
    const loading = shelf.load('k');
    const writer = await openFile(pipe, 'w');
    if (replaced) shelf.put('k', pageOf('NEW'));
    else shelf.delete('k');
    await store.settled();
    const both = shelf.load('k');
    await writer.write(bytes);
    await writer.close();
    const expected = replaced ? 'NEW' : undefined;
    for (const found of [await loading, await both, await shelf.load('k')])
      assert.equal(found?.page.body.toString(), expected);
    await rm(pipe);
  }
});

test('what was not used for longest goes: by bytes, by number; on disk, in memory', async () => {
  const store = await open({ pages: 3 });
  const shelf = store.shelf('n', 's');
  for (const key of ['a', 'b', 'c']) shelf.put(key, pageOf(key));
  shelf.hot('a');
  shelf.put('d', pageOf('d'));
  await store.settled();
  const there = async (of: PageStore): Promise<string> => {
    let found = '';
    for (const key of 'abcde') if ((await of.shelf('n', 's').load(key)) !== null) found += key;
    return found;
  };
  assert.equal(await there(store), 'acd');
  assert.equal(await there(await open()), 'acd');

  const small = await open({ bytes: 5_000 });
  small.shelf('n', 's').put('e', pageOf('x'.repeat(4_500)));
  await small.settled();
  assert.equal(await there(small), 'e');
  assert.equal((await files()).length, 1);

  const memory = await open({ memoryBytes: 3 * 1124, hotBytes: 100 });
  for (const key of ['1', '2', '3', '4']) memory.shelf('m', 's').put(key, pageOf('y'.repeat(100)));
  assert.equal(memory.shelf('m', 's').hot('1'), null);
  assert.ok((await memory.shelf('m', 's').load('1')) !== null);
  assert.equal(memory.usage.memoryBytes, 3 * 1124);
  await memory.settled();
});

test('who keeps ever more leaves others what they have: by bytes, by number; on disk, in memory', async () => {
  for (const most of [{ pages: 10 }, { bytes: 30_000 }, { memoryBytes: 10 * 2048, hotBytes: 1024 }]) {
    const store = await open(most);
    const [few, many] = [store.shelf('few', 's'), store.shelf('many', 's')];
    const body = 'x'.repeat(1024);
    for (const key of ['a', 'b', 'c']) few.put(key, pageOf(body));
    for (let at = 0; at < 50; at += 1) many.put(String(at), pageOf(body));
    for (const key of ['a', 'b', 'c']) {
      assert.ok(few.hot(key) !== null, `${JSON.stringify(most)} ${key}`);
      assert.ok((await few.load(key)) !== null);
    }
    assert.ok(many.hot('49') !== null);
    assert.equal(many.hot('0'), null);
    await store.settled();
    await store.retain([]);
    assert.deepEqual(store.usage, { pages: 0, bytes: 0, memoryBytes: 0 });
  }
});

test('after a restart the oldest go first', async () => {
  const store = await open();
  for (const key of ['a', 'b']) store.shelf('n', 's').put(key, pageOf(key));
  await store.settled();
  const newest = (await files()).find((file) => file.endsWith('.page'))!;
  await utimes(newest, 4_000_000_000, 4_000_000_000);
  const again = await open({ pages: 1 });
  await again.settled();
  assert.equal(again.usage.pages, 1);
  assert.deepEqual(await files(), [newest]);
});

test('too large, or too much to be written: it is not kept, nor is what it should replace', async () => {
  const store = await open({ bodyBytes: 100, unwrittenBytes: 1_000 });
  const shelf = store.shelf('n', 's');
  assert.ok(shelf.put('k', pageOf('small')));
  assert.equal(shelf.put('k', pageOf('x'.repeat(101))), false);
  assert.equal(shelf.hot('k'), null);
  assert.equal(await shelf.load('k'), null);
  const put = Array.from({ length: 10 }, (_, at) => shelf.put(String(at), pageOf('y'.repeat(50))));
  assert.ok(put[0]);
  assert.equal(put.at(-1), false);
  await store.settled();
  assert.ok(shelf.put('9', pageOf('later')));
  await store.settled();
  assert.equal(store.usage.pages, put.filter(Boolean).length + 1);
});

test('the newest of many puts of one key is what stays', async () => {
  const store = await open();
  const shelf = store.shelf('n', 's');
  for (let at = 0; at < 50; at += 1) {
    shelf.put('k', pageOf(`body ${at}`));
    if (at % 7 === 3) shelf.delete('k');
    if (at % 5 === 0) await new Promise((resolve) => void setImmediate(resolve));
  }
  await store.settled();
  const again = await open();
  assert.equal((await again.shelf('n', 's').load('k'))?.page.body.toString(), 'body 49');
  assert.equal(again.usage.pages, 1);
  assert.equal(again.usage.bytes, store.usage.bytes);
  again.shelf('n', 's').delete('k');
  await again.settled();
  assert.equal(await (await open()).shelf('n', 's').load('k'), null);
});

test('a file that is torn, changed or of another key is no answer, and removed', async () => {
  const damages: ((file: string) => Promise<unknown>)[] = [
    (file) => truncate(file, 20),
    (file) => truncate(file, 0),
    async (file) => truncate(file, (await readFile(file)).length - 1),
    async (file) => {
      const bytes = await readFile(file);
      bytes[bytes.length - 1]! ^= 1;
      await writeFile(file, bytes);
    },
    async (file) => {
      const bytes = await readFile(file);
      bytes[60]! ^= 1;
      await writeFile(file, bytes);
    },
    (file) => rm(file),
    (file) => writeFile(file, 'weir-page 1 00000000 99999999\n'),
  ];
  for (const damage of damages) {
    const store = await open();
    store.shelf('n', 's').put('k', pageOf('whole'));
    await store.settled();
    await damage((await files())[0]!);
    const again = await open();
    assert.equal(await again.shelf('n', 's').load('k'), null);
    assert.equal(again.usage.pages, 0);
    again.shelf('n', 's').put('k', pageOf('anew'));
    await again.settled();
    assert.equal((await (await open()).shelf('n', 's').load('k'))?.page.body.toString(), 'anew');
  }
});

test('any bytes in its files: nothing is fatal', async () => {
  const store = await open();
  store.shelf('n', 's').put('k', pageOf('whole'));
  await store.settled();
  const [file] = await files();
  const whole = await readFile(file!);
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(
        fc.uint8Array({ maxLength: 300 }),
        fc.nat(whole.length).map((at) => whole.subarray(0, at)),
        fc
          .nat(whole.length - 1)
          .map((at) => Buffer.from(whole.map((byte, index) => (index === at ? byte ^ 0x20 : byte)))),
      ),
      async (bytes) => {
        await writeFile(file!, bytes);
        const found = await (await open()).shelf('n', 's').load('k');
        assert.ok(found === null || whole.equals(bytes));
      },
    ),
    { numRuns: 60 },
  );
});

test('what a process left that was killed is removed; what is not ours is left alone', async () => {
  const store = await open();
  store.shelf('n', 's').put('k', pageOf('whole'));
  await store.settled();
  const [file] = await files();
  await writeFile(`${file}.7.tmp`, 'half');
  await mkdir(join(directory.path, 'not-ours'));
  await writeFile(join(directory.path, 'not-ours', 'x'), '');
  await open();
  assert.deepEqual(new Set(await files()), new Set([file, join(directory.path, 'not-ours', 'x')]));
});

test('a directory that cannot be written to: pages are in memory as long as they are asked for, or not kept', async () => {
  await writeFile(join(directory.path, 'a file'), '');
  const store = await PageStore.open({ directory: join(directory.path, 'a file'), clock, log: silentLog });
  const shelf = store.shelf('n', 's');
  assert.ok(shelf.put('k', pageOf('x')));
  await store.settled();
  assert.equal(await shelf.load('k'), null);
  await store.invalidateByTags('s', ['t']);
});

test('namespaces that are no longer used are removed', async () => {
  const store = await open();
  for (const name of ['old', 'new']) store.shelf(name, 's').put('k', pageOf(name));
  store.shelf('old', 's').remember('built', pageOf('b'));
  await store.settled();
  await store.retain(['new']);
  assert.equal(await store.shelf('old', 's').load('k'), null);
  assert.equal(store.shelf('old', 's').hot('built'), null);
  assert.equal((await store.shelf('new', 's').load('k'))?.page.body.toString(), 'new');
  assert.equal(store.usage.pages, 1);
  assert.equal((await files()).length, 1);
});

test('what is being written, or comes late, does not bring back a namespace that is no longer used', async () => {
  const store = await open();
  const shelf = store.shelf('old', 's');
  for (let at = 0; at < 20; at += 1) shelf.put(String(at), pageOf('x'.repeat(100_000)));
  // Some are half-way by now.
  await new Promise((resolve) => void setImmediate(resolve));
  await store.retain(['new']);
  shelf.put('late', pageOf('late'));
  shelf.remember('late', pageOf('late'));
  await store.settled();
  assert.deepEqual(await readdir(directory.path), []);
  assert.deepEqual(store.usage, { pages: 0, bytes: 0, memoryBytes: 0 });
  // It may come again.
  store.shelf('old', 's').put('k', pageOf('anew'));
  await store.settled();
  assert.equal((await (await open()).shelf('old', 's').load('k'))?.page.body.toString(), 'anew');
});

test('tags outlive a restart, and a journal that is torn', async () => {
  const store = await open();
  const page = pageOf('x', { tags: ['a', 'b'] });
  store.shelf('n', 's').put('k', page);
  await store.deleteByTags('s', ['b'], 500);
  await store.settled();
  await writeFile(join(directory.path, 'tags.log'), '["s","a",17', { flag: 'a' });
  for (let count = 0; count < 3; count += 1) {
    const again = await open();
    const hot = (await again.shelf('n', 's').load('k'))!;
    assert.equal(again.shelf('n', 's').freshness(hot, clock.ms), 'stale');
    assert.equal(again.shelf('n', 's').freshness(hot, clock.ms + 500), 'deleted');
    const others = again.shelf('n', 'another');
    assert.equal(others.freshness((await others.load('k'))!, clock.ms), 'fresh');
  }
});
