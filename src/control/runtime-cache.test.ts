import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { VirtualClock } from '../../test/sim/virtual-clock.ts';
import { limits } from '../base/limits.ts';
import type { CacheItem, ServiceScope } from '../model/services.ts';
import { RuntimeCacheStore } from './runtime-cache.ts';

const scope: ServiceScope = { project: 'shop', environment: 'production' };
const item = (key: string, text: string, more: Partial<CacheItem> = {}): CacheItem => ({
  space: 'app',
  key,
  body: Buffer.from(text),
  tags: [],
  ttlS: null,
  name: null,
  note: null,
  madeMs: null,
  ...more,
});

interface Stand {
  readonly clock: VirtualClock;
  readonly store: RuntimeCacheStore;
  readonly text: (key: string, tags?: readonly string[]) => Promise<string | null>;
}

function stand(options: { maxBytes?: number; scopeMaxBytes?: number } = {}): Stand {
  const clock = new VirtualClock();
  const store = new RuntimeCacheStore({ clock, ...options });
  const text = async (key: string, tags: readonly string[] = []): Promise<string | null> =>
    (await store.get(scope, 'app', key, tags))?.body.toString() ?? null;
  return { clock, store, text };
}

test('what was set is there, with its note, until it is deleted', async () => {
  const { store, text } = stand();
  assert.equal(await text('a'), null);
  await store.set(scope, item('a', 'one', { note: 'beside' }));
  const hit = await store.get(scope, 'app', 'a', []);
  assert.equal(hit?.note, 'beside');
  assert.deepEqual(hit?.tags, []);
  assert.equal(hit?.stale, false);
  await store.set(scope, item('a', 'two'));
  assert.equal(await text('a'), 'two');
  await store.delete(scope, 'app', 'a');
  assert.equal(await text('a'), null);
  assert.equal(store.bytes, 0);
});

test('projects, environments and spaces are apart', async () => {
  const { store } = stand();
  await store.set(scope, item('a', 'one'));
  assert.equal(await store.get({ ...scope, project: 'other' }, 'app', 'a', []), null);
  assert.equal(await store.get({ ...scope, environment: 'preview' }, 'app', 'a', []), null);
  assert.equal(await store.get(scope, 'next-fetch', 'a', []), null);
  await store.expireTags({ ...scope, project: 'other' }, ['t'], 0);
  assert.notEqual(await store.get(scope, 'app', 'a', ['t']), null);
});

test('ttl: there until its end, and not at it', async () => {
  const { clock, store, text } = stand();
  await store.set(scope, item('a', 'one', { ttlS: 2 }));
  clock.advance(1999);
  assert.equal(await text('a'), 'one');
  clock.advance(1);
  assert.equal(await text('a'), null);
  assert.equal(store.bytes, 0, 'its room is free');
});

test('a tag expired at once: what was set before is gone, what is set after it in the same millisecond is not', async () => {
  const { store, text } = stand();
  await store.set(scope, item('a', 'before', { tags: ['t', 'u'] }));
  await store.set(scope, item('b', 'other', { tags: ['u'] }));
  await store.expireTags(scope, ['t'], 0);
  await store.set(scope, item('c', 'after', { tags: ['t'] }));
  assert.equal(await text('a'), null);
  assert.equal(await text('b'), 'other');
  assert.equal(await text('c'), 'after');
  await store.expireTags(scope, ['u', 't'], 0);
  assert.equal(await text('b'), null);
  assert.equal(await text('c'), null);
});

test('what was made before a tag was expired is gone, however late it is set', async () => {
  const { clock, store, text } = stand();
  const madeMs = clock.wallMs() + 0.9;
  await store.expireTags(scope, ['t'], 0);
  clock.advance(10);
  await store.set(scope, item('a', 'late', { tags: ['t'], madeMs }));
  assert.equal(await text('a'), null);
  await store.set(scope, item('a', 'from the future', { tags: ['t'], madeMs: madeMs + 1e9 }));
  await store.expireTags(scope, ['t'], 0);
  assert.equal(await text('a'), null, 'nobody makes anything in the future');
});

test('tags that are asked with count as if the item had them, and leave it there for others', async () => {
  const { store, text } = stand();
  await store.set(scope, item('a', 'one', { tags: ['t'] }));
  await store.expireTags(scope, ['/page'], 0);
  assert.equal(await text('a', ['/page']), null);
  assert.equal(await text('a', ['/other']), 'one');
});

test('stale until a deadline; stale for good; anew afterwards', async () => {
  const { clock, store } = stand();
  const state = async (key: string): Promise<string> => {
    const hit = await store.get(scope, 'app', key, []);
    return hit === null ? 'gone' : hit.stale ? 'stale' : 'fresh';
  };
  await store.set(scope, item('a', 'one', { tags: ['t'] }));
  await store.set(scope, item('b', 'two', { tags: ['good'] }));
  await store.expireTags(scope, ['t'], 5);
  await store.expireTags(scope, ['good'], null);
  assert.equal(await state('a'), 'stale');
  const madeMs = clock.wallMs();
  assert.equal(await store.freshness(scope, ['x', 't'], madeMs), 'stale');
  clock.advance(6000);
  // Expired once more: what was gone by then does not come back as stale.
  await store.expireTags(scope, ['t'], 5);
  assert.equal(await store.freshness(scope, ['t'], madeMs), 'gone');
  assert.equal(await store.freshness(scope, ['x'], madeMs), 'fresh');
  assert.equal(await state('a'), 'gone');
  assert.equal(await state('b'), 'stale');
  await store.set(scope, item('b', 'new', { tags: ['good'] }));
  assert.equal(await state('b'), 'fresh');
});

test('tags beyond those that are known: what was made before they were expired is gone', async () => {
  const { clock, store, text } = stand();
  await store.set(scope, item('a', 'one', { tags: ['first'] }));
  await store.expireTags(scope, ['first'], 0);
  await store.set(scope, item('b', 'two'));
  clock.advance(10);
  const many = Array.from({ length: limits.cacheTagsKnown }, (_, index) => `tag ${index}`);
  for (let at = 0; at < many.length; at += limits.cacheTags) {
    await store.expireTags(scope, many.slice(at, at + limits.cacheTags), 0);
  }
  assert.equal(await text('a'), null);
  assert.equal(await text('b'), 'two', 'it was made after the one that was forgotten');
  await store.expireTags(scope, ['one more'], 0);
  assert.equal(await text('b'), null, 'it was made before the one that is forgotten now');
});

test('what was used longest ago goes first: within a project, and of all', async () => {
  const each = limits.runtimeCacheItemOverheadBytes + 1000 + 'app a'.length;
  const { store, text } = stand({ scopeMaxBytes: 3 * each, maxBytes: 4 * each });
  const body = 'x'.repeat(1000);
  for (const key of ['a', 'b', 'c']) await store.set(scope, item(key, body));
  assert.equal(await text('a'), body);
  await store.set(scope, item('d', body));
  assert.equal(await text('b'), null);
  assert.notEqual(await text('a'), null);
  const other: ServiceScope = { ...scope, project: 'other' };
  await store.set(other, item('a', body));
  await store.set(other, item('b', body));
  assert.equal(await text('c'), null, 'the oldest of all was of the first project');
  assert.notEqual(await store.get(other, 'app', 'a', []), null);
  const [first, second] = store.report();
  assert.deepEqual([first?.evicted, second?.evicted, first?.items, second?.items], [2, 0, 2, 2]);
});

test('whatever is done, bytes are those of the items that are there, and within the limits', async () => {
  const key = fc.constantFrom('a', 'b', 'c', 'd');
  const tag = fc.constantFrom('t', 'u');
  const project = fc.constantFrom('p', 'q');
  const step = fc.oneof(
    fc.record({ do: fc.constant('set' as const), project, key, tag, size: fc.nat(600), ttlS: fc.option(fc.nat(3)) }),
    fc.record({ do: fc.constant('get' as const), project, key }),
    fc.record({ do: fc.constant('delete' as const), project, key }),
    fc.record({ do: fc.constant('expire' as const), project, tag, afterS: fc.constantFrom(0, 1, null) }),
    fc.record({ do: fc.constant('wait' as const), ms: fc.nat(2000) }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const clock = new VirtualClock();
      const store = new RuntimeCacheStore({ clock, maxBytes: 2500, scopeMaxBytes: 1500 });
      for (const one of steps) {
        if (one.do === 'wait') {
          clock.advance(one.ms);
          continue;
        }
        const at: ServiceScope = { project: one.project, environment: 'preview' };
        if (one.do === 'get') await store.get(at, 'app', one.key, []);
        else if (one.do === 'delete') await store.delete(at, 'app', one.key);
        else if (one.do === 'expire') await store.expireTags(at, [one.tag], one.afterS);
        else await store.set(at, item(one.key, 'x'.repeat(one.size), { tags: [one.tag], ttlS: one.ttlS }));
        const report = store.report();
        assert.equal(
          report.reduce((sum, each) => sum + each.bytes, 0),
          store.bytes,
        );
        for (const each of report) {
          assert.ok(each.bytes <= 1500);
          assert.equal(
            each.lastUsed.reduce((sum, shown) => sum + shown.bytes, 0),
            each.bytes,
          );
        }
        assert.ok(store.bytes <= 2500);
      }
    }),
    { numRuns: 200 },
  );
});
