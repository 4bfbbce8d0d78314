// Next's caches, as its code calls them (next/dist/server: incremental-cache, use-cache/handlers, revalidation-utils): two
// instances that share a platform.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, test } from 'node:test';
import { limits } from '../../src/base/limits.ts';
import { AskFailed } from '../../src/core/asks.ts';
import { Platform } from '../../test/services/answering.ts';
import { installContext } from './context.ts';
import { FakeHost } from './fake-call.fixture.ts';
import { type NextCacheHandlers, nextCacheHandlers } from './next-cache.ts';

let platform = new Platform();
let host = new FakeHost();
let here: NextCacheHandlers;
let there: NextCacheHandlers;

beforeEach(() => {
  platform = new Platform();
  host = new FakeHost();
  platform.serve(host);
  here = nextCacheHandlers(host);
  there = nextCacheHandlers(host);
});

const fetched = (text: string, revalidate = 3600) => ({
  kind: 'FETCH' as const,
  data: { headers: { 'content-type': 'x' }, body: Buffer.from(text).toString('base64'), status: 200, url: 'https://x' },
  revalidate,
});
const asked = (tags: string[], softTags: string[] = []) => ({ kind: 'FETCH', tags, softTags, revalidate: 3600 });
const stored = (tags: string[]) => ({ fetchCache: true, tags, fetchUrl: 'https://x' });

/** As Next does: too old, and it is made anew while it is shown. */
const isStale = (kept: { lastModified?: number } | null, revalidateS: number): boolean =>
  Date.now() - (kept?.lastModified ?? 0) > revalidateS * 1000;

test('data: set in one instance, got in the other; a tag revalidated there is gone here, and so are pages that have it', async () => {
  const one = new here.FetchCache({});
  const other = new there.FetchCache({});
  assert.equal(await one.get('key', asked(['t'])), null);
  await one.set('key', fetched('Grüße'), stored(['t']));
  const kept = await other.get('key', asked(['t'], ['_N_T_/page']));
  assert.deepEqual(kept?.value, fetched('Grüße'));
  assert.ok(!isStale(kept, 3600));
  await other.revalidateTag(['t']);
  assert.equal(await one.get('key', asked(['t'])), null);
  await one.set('key', fetched('new'), stored(['t']));
  assert.deepEqual((await other.get('key', asked(['t'])))?.value, fetched('new'));
  // revalidatePath: the tag is the path's, which the value does not have.
  await other.revalidateTag('_N_T_/page');
  assert.equal(await one.get('key', asked(['t'], ['_N_T_/page'])), null);
  assert.notEqual(await one.get('key', asked(['t'], ['_N_T_/other'])), null);
  await one.set('key', null, stored([]));
  assert.equal(await other.get('key', asked([])), null);
  assert.deepEqual(platform.purged, [
    { how: 'dangerouslyDeleteByTag', what: ['t'], deadlineS: 0 },
    { how: 'dangerouslyDeleteByTag', what: ['_N_T_/page'], deadlineS: 0 },
  ]);
});

test('data: revalidated with a profile it is stale, and shown while it is made anew', async () => {
  const one = new here.FetchCache({});
  for (const [durations, purged] of [
    [{ expire: 300 }, { how: 'dangerouslyDeleteByTag', what: ['t'], deadlineS: 300 }],
    [{ expire: undefined }, { how: 'invalidateByTag', what: ['t'], deadlineS: undefined }],
  ] as const) {
    // As long as Next ever keeps anything.
    for (const revalidateS of [3600, 0xffff_fffe]) {
      await one.set('key', fetched('old', revalidateS), stored(['t']));
      assert.ok(!isStale(await one.get('key', asked(['t'])), revalidateS));
      await new there.FetchCache({}).revalidateTag(['t'], durations);
      const kept = await one.get('key', asked(['t']));
      assert.deepEqual(kept?.value, fetched('old', revalidateS));
      assert.ok(isStale(kept, revalidateS));
    }
    assert.deepEqual(platform.purged.at(-1), purged);
  }
  await one.set('gone at once', fetched('x'), stored(['t']));
  await one.revalidateTag(['t'], { expire: 0 });
  assert.equal(await one.get('gone at once', asked(['t'])), null);
});

test('data: tags made of long paths, and more of them than one ask takes', async () => {
  const one = new here.FetchCache({});
  const long = `_N_T_/${'ä'.repeat(1000)}`;
  const many = Array.from({ length: 128 }, (_, at) => `tag-${at}`);
  await one.set('key', fetched('x'), stored(many));
  assert.notEqual(await one.get('key', asked(many, [long])), null);
  await one.revalidateTag([...Array.from({ length: 200 }, (_, at) => `other-${at}`), long]);
  assert.equal(await one.get('key', asked(many, [long])), null);
  assert.notEqual(await one.get('key', asked(many, [`${long}x`])), null);
});

test('data: without an answer there is nothing; what is not revalidated is an error', async () => {
  host.onAsk = () => Promise.reject(new AskFailed('TIMEOUT', 'it took too long'));
  const one = new here.FetchCache({});
  await one.set('key', fetched('x'), stored([]));
  assert.equal(await one.get('key', asked([])), null);
  await assert.rejects(one.revalidateTag(['t']), { code: 'TIMEOUT' });
  assert.equal(host.lines.length, 2);
});

const entry = (bytes: Uint8Array[], more: object = {}) => ({
  value: new ReadableStream<Uint8Array>({
    start(controller) {
      for (const chunk of bytes) controller.enqueue(chunk);
      controller.close();
    },
  }),
  tags: ['t'],
  stale: 30,
  timestamp: performance.timeOrigin + performance.now(),
  expire: 3600,
  revalidate: 60,
  ...more,
});

const bytesOf = async (stream: ReadableStream<Uint8Array> | undefined): Promise<number[]> =>
  stream === undefined ? [] : [...new Uint8Array(await new Response(stream).arrayBuffer())];

test("'use cache': bytes, tags and times are the same in the other instance, for every reader", async (t) => {
  // Next's clock and the wall's are read one after the other: both stand still, apart, as after the wall's was set.
  const nextMs = performance.now();
  const wallMs = Date.now() + 60_000;
  t.mock.method(performance, 'now', () => nextMs);
  t.mock.method(Date, 'now', () => wallMs);
  const made = entry([Uint8Array.of(0, 255, 10), Uint8Array.of(195)], { revalidate: Infinity });
  const { timestamp } = made;
  await here.DefaultCache.set('["build","id",[]]', Promise.resolve(made));
  for (let reader = 0; reader < 2; reader += 1) {
    const got = await there.RemoteCache.get('["build","id",[]]', []);
    assert.deepEqual(await bytesOf(got?.value), [0, 255, 10, 195]);
    assert.deepEqual([got?.tags, got?.stale, got?.expire, got?.revalidate], [['t'], 30, 3600, Infinity]);
    assert.ok(Math.abs(got!.timestamp - timestamp) <= 1, `${got!.timestamp} is not ${timestamp}`);
  }
  assert.equal(await there.DefaultCache.get('another', []), undefined);
  assert.equal(await there.DefaultCache.getExpiration(['t']), Infinity, 'tags of paths are handed to get()');
});

test("'use cache': who asks while an entry is being made waits for it", async () => {
  const { promise, resolve } = Promise.withResolvers<ReturnType<typeof entry>>();
  const set = here.DefaultCache.set('key', promise);
  const got = here.DefaultCache.get('key', []);
  resolve(entry([Uint8Array.of(1)]));
  assert.deepEqual(await bytesOf((await got)?.value), [1]);
  await set;
});

test("'use cache': revalidated tags", async () => {
  const { DefaultCache } = here;
  // What is begun in the same millisecond counts as of the time before.
  const later = () => entry([], { timestamp: performance.timeOrigin + performance.now() + 2 });
  await DefaultCache.set('key', Promise.resolve(entry([])));
  assert.notEqual(await DefaultCache.get('key', []), undefined);
  await there.DefaultCache.updateTags(['t'], { expire: 300 });
  assert.equal((await DefaultCache.get('key', []))?.revalidate, -1);
  await DefaultCache.set('key', Promise.resolve(later()));
  assert.equal((await DefaultCache.get('key', []))?.revalidate, 60);
  // What was begun before a tag was revalidated is of the time before.
  const begun = entry([]);
  await there.DefaultCache.updateTags(['t']);
  await DefaultCache.set('key', Promise.resolve(begun));
  assert.equal(await DefaultCache.get('key', []), undefined);
  await DefaultCache.set('key', Promise.resolve(later()));
  await there.DefaultCache.updateTags(['_N_T_/page']);
  assert.equal(await DefaultCache.get('key', ['_N_T_/page']), undefined);
});

test("'use cache': what fails, is too large or would never be shown is not kept", async () => {
  const { DefaultCache } = here;
  await DefaultCache.set('rejected', Promise.reject(new Error('no entry')));
  const failing = new ReadableStream<Uint8Array>({
    pull(controller) {
      controller.error(new Error('half of it'));
    },
  });
  await DefaultCache.set('failing', Promise.resolve(entry([], { value: failing })));
  let cancelled = false;
  const endless = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.enqueue(new Uint8Array(limits.askBodyBytes / 4)),
    cancel: () => void (cancelled = true),
  });
  await DefaultCache.set('endless', Promise.resolve(entry([], { value: endless })));
  assert.ok(cancelled);
  await DefaultCache.set('dynamic', Promise.resolve(entry([], { expire: 0 })));
  for (const key of ['rejected', 'failing', 'endless', 'dynamic'])
    assert.equal(await DefaultCache.get(key, []), undefined);
  assert.deepEqual(
    host.lines.map(({ text }) => /Error: [^\n]*/.exec(text)?.[0]),
    ['Error: no entry', 'Error: half of it', `Error: it has more than ${limits.askBodyBytes} bytes`],
  );
});

test('one revalidation that Next tells all of its handlers asks the platform once', async () => {
  const fetchCache = new here.FetchCache({});
  const tell = (tags: string[], durations?: { expire: number }): Promise<unknown> =>
    Promise.all([here.DefaultCache.updateTags(tags, durations), fetchCache.revalidateTag(tags, durations)]);
  await tell(['t']);
  assert.equal(platform.purged.length, 1);
  await Promise.all([tell(['t']), tell(['t'], { expire: 5 })]);
  await tell(['t']);
  assert.equal(platform.purged.length, 4);
  await tell([]);
  assert.equal(platform.purged.length, 4);
});

test('pages that Next keeps itself go by its own store, and by tags that were revalidated in any instance', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'weir-next-'));
  const before = process.cwd();
  t.after(() => {
    process.chdir(before);
    rmSync(dir, { recursive: true, force: true });
  });
  // In the place of Next's: where it is, and what it is called with, is what matters here.
  const folder = join(dir, 'node_modules/next/dist/server/lib/incremental-cache');
  mkdirSync(folder, { recursive: true });
  writeFileSync(
    join(folder, 'file-system-cache.js'),
    `const pages = new Map();
exports.default = class {
  constructor(context) { this.context = context; }
  async get(key, context) { return pages.get(key) ?? null; }
  async set(key, value) { pages.set(key, { lastModified: Date.now(), value, dir: this.context.serverDistDir }); }
  async revalidateTag() {}
  resetRequestCache() {}
};`,
  );
  process.chdir(dir);
  const page = { kind: 'APP_PAGE', html: '<p>', headers: { 'x-next-cache-tags': '_N_T_/layout,t' } };
  const one = new here.FetchCache({ serverDistDir: '/dist' });
  const get = (): Promise<{ lastModified?: number } | null> => one.get('/page', { kind: 'APP_PAGE' });
  await one.set('/page', page, {});
  const kept = await get();
  assert.deepEqual({ ...kept, lastModified: 0 }, { lastModified: 0, value: page, dir: '/dist' });
  await new there.FetchCache({}).revalidateTag(['t'], { expire: 300 });
  assert.ok(isStale(await get(), 0xffff_fff));
  await new there.FetchCache({}).revalidateTag(['t']);
  assert.equal(await get(), null);
});

test('only who looks for the handlers has them made, and may have others', () => {
  installContext(host);
  const globals = globalThis as Record<symbol, unknown>;
  const symbol = Symbol.for('@next/cache-handlers');
  const found = globals[symbol] as NextCacheHandlers;
  assert.equal(globals[symbol], found);
  assert.deepEqual(Object.keys(found), ['FetchCache', 'DefaultCache', 'RemoteCache']);
  const own = {};
  globals[symbol] = own;
  assert.equal(globals[symbol], own);
});
