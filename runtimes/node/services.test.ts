// What user code asks of the platform, by way of the unmodified package.
import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { beforeEach, test } from 'node:test';
import {
  addCacheTag,
  attachDatabasePool,
  dangerouslyDeleteBySrcImage,
  dangerouslyDeleteByTag,
  getCache,
  invalidateBySrcImage,
  invalidateByTag,
  metric,
} from '@vercel/functions';
import { limits } from '../../src/base/limits.ts';
import { AskFailed } from '../../src/core/asks.ts';
import { Platform } from '../../test/services/answering.ts';
import { installContext } from './context.ts';
import { FakeCall, FakeHost } from './fake-call.fixture.ts';
import { webInvoker } from './web.ts';

const host = new FakeHost();
installContext(host);
let platform = new Platform();

beforeEach(() => {
  platform = new Platform();
  platform.serve(host);
  host.services = true;
  host.lines.length = 0;
  host.asked.length = 0;
  host.metrics.length = 0;
});

/** Runs it in an invocation. What it throws fails the test. */
async function inInvocation(work: (call: FakeCall) => unknown, respond = new Response('done')): Promise<FakeCall> {
  const call = new FakeCall();
  let error: unknown = null;
  const fetch = async (): Promise<Response> => {
    try {
      await work(call);
    } catch (thrown) {
      error = thrown;
    }
    return respond;
  };
  await call.begin(webInvoker({ self: {}, methods: {}, fetch }, host)).settled();
  if (error !== null) throw error;
  return call;
}

test('getCache: get, set, delete, expireTag; namespaces; names', async () => {
  await inInvocation(async () => {
    const cache = getCache();
    assert.equal(await cache.get('a'), null);
    const value = { text: 'ä', list: [1, null], at: new Date(0) };
    await cache.set('a', value, { tags: ['t'], ttl: 60 });
    assert.deepEqual(await cache.get('a'), { ...value, at: '1970-01-01T00:00:00.000Z' });
    assert.equal(await getCache({ namespace: 'n' }).get('a'), null);
    await cache.set('nothing', undefined);
    assert.equal(await cache.get('nothing'), null);
    await cache.expireTag('t');
    assert.equal(await cache.get('a'), null);
    await cache.set('b', 'x', { name: 'shown' });
    await cache.delete('b');
    assert.equal(await cache.get('b'), null);
    await cache.set('c', 'x', { name: 'shown' });
    await cache.set('d', 'x');
    await cache.set('e', 'x', { name: '' });
  });
  const [scope] = platform.cache.report();
  assert.deepEqual(scope?.lastUsed.map(({ name }) => name).slice(0, 3), [null, 'd', 'shown']);
  assert.deepEqual(host.lines, []);
});

test('getCache: keys and values at their limits', async () => {
  const longKey = 'k'.repeat(limits.cacheKeyBytes + 1);
  const own = { keyHashFunction: (key: string) => key };
  const call = await inInvocation(async () => {
    const cache = getCache(own);
    await cache.set(longKey, 1);
    assert.equal(await cache.get(longKey), 1);
    assert.equal(await cache.get(`${longKey}x`), null);
    const largest = 'x'.repeat(limits.askBodyBytes - 2);
    await cache.set('fits', largest);
    assert.equal(await cache.get('fits'), largest);
    assert.equal(host.lines.length, 0);
    await cache.set('too large', `${largest}x`);
    await cache.set('tags', 1, { tags: Array.from({ length: limits.runtimeCacheTags + 1 }, String) });
    await cache.set('tag', 1, { tags: ['ä'.repeat(limits.cacheTagBytes / 2 + 1)] });
    await cache.set('no tags', 1, { tags: 'text' as unknown as string[] });
    for (const key of ['too large', 'tags', 'tag', 'no tags']) assert.equal(await cache.get(key), null);
    await assert.rejects(cache.expireTag(''), TypeError);
    await assert.rejects(cache.set('cyclic', 1n), TypeError);
  });
  assert.deepEqual(
    host.lines.map(({ text, call: of }) => [text.replace(/^.*?: .*?: /, ''), of === call]),
    [
      ['it has 2097153 bytes as JSON, 2097152 are allowed', true],
      ['it has 65 tags, 64 are allowed', true],
      ['a tag has at most 256 bytes', true],
      ['expected a list of texts as tags', true],
    ],
  );
});

test('getCache: while the platform cannot be asked nothing is found and nothing kept, and the log says so', async () => {
  host.onAsk = () => Promise.reject(new AskFailed('TIMEOUT', 'it took too long'));
  await inInvocation(async () => {
    const cache = getCache();
    await cache.set('a', 1);
    assert.equal(await cache.get('a'), null);
    // What was not expired would go on to be shown.
    await assert.rejects(cache.expireTag('t'), { code: 'TIMEOUT' });
    await assert.rejects(cache.delete('a'), { code: 'TIMEOUT' });
    await assert.rejects(invalidateByTag('t'), { code: 'TIMEOUT' });
  });
  assert.deepEqual(
    host.lines.map(({ text }) => text),
    [
      'runtime cache: a value was not kept (a): it took too long',
      'runtime cache: a value could not be read: it took too long',
    ],
  );
});

test('where the platform has no services packages use what they have in place of them', async () => {
  host.services = false;
  await inInvocation(async () => {
    await getCache().set('a', 1);
    assert.equal(await getCache().get('a'), 1);
    await invalidateByTag('t');
    metric('m', 1, {});
  });
  assert.deepEqual([host.asked, host.metrics], [[], []]);
  assert.equal((globalThis as Record<symbol, unknown>)[Symbol.for('@next/cache-handlers')], undefined);
});

test('purges by tag and by image', async () => {
  await inInvocation(async () => {
    await invalidateByTag('a');
    await invalidateByTag(['a b ', 'ü,x']);
    await dangerouslyDeleteByTag(['a']);
    await dangerouslyDeleteByTag('a', { revalidationDeadlineSeconds: 10 });
    await invalidateBySrcImage('/cat.png');
    await dangerouslyDeleteBySrcImage(['/cat.png'], { revalidationDeadlineSeconds: 1 });
    await assert.rejects(dangerouslyDeleteByTag('a', { revalidationDeadlineSeconds: -1 }), TypeError);
    await assert.rejects(invalidateByTag(5 as unknown as string), TypeError);
    await assert.rejects(invalidateBySrcImage('x'.repeat(limits.purgedBytes + 1)), TypeError);
    await invalidateByTag(Array.from({ length: limits.purgedAtOnce + 1 }, (_, at) => `t${at}`));
  });
  assert.deepEqual(
    platform.purged.map(({ how, what, deadlineS }) => [how, what.length > 2 ? what.length : what, deadlineS]),
    [
      ['invalidateByTag', ['a'], undefined],
      ['invalidateByTag', ['a b', '%C3%BC%2Cx'], undefined],
      ['dangerouslyDeleteByTag', ['a'], 0],
      ['dangerouslyDeleteByTag', ['a'], 10],
      ['invalidateBySrcImage', ['/cat.png'], undefined],
      ['dangerouslyDeleteBySrcImage', ['/cat.png'], 1],
      ['invalidateByTag', limits.purgedAtOnce, undefined],
      ['invalidateByTag', [`t${limits.purgedAtOnce}`], undefined],
    ],
  );
});

test('addCacheTag adds to the answer; once its head has left a warning says that it is too late', async () => {
  const tagged = await inInvocation(async () => {
    await addCacheTag('a');
    await addCacheTag(['b', 'ü,x']);
    await assert.rejects(addCacheTag(' '), TypeError);
    await addCacheTag(Array.from({ length: limits.addedTags }, (_, at) => `t${at}`));
    assert.match(host.lines.at(-1)!.text, /at most 128 tags.*t0, t1/);
  });
  assert.deepEqual(tagged.tags, ['a', 'b', '%C3%BC%2Cx']);
  const { readable, writable } = new TransformStream();
  const late = await inInvocation((call) => {
    const afterHead = async (): Promise<void> => {
      await call.until('head');
      await addCacheTag('late');
      await writable.close();
    };
    void afterHead();
  }, new Response(readable));
  assert.deepEqual(late.tags, []);
  assert.match(host.lines.at(-1)!.text, /head of the answer has left.*late/);
});

test('metric: names and attributes as the hosted platform takes them, and 100 of an invocation', async () => {
  await inInvocation(() => {
    metric('orders/new', 1.5, { plan: 'pro', ok: true as unknown as string });
    metric('größe of it', 2, { 'a key': 'v' });
    metric('x'.repeat(100), 3, {});
    metric('nan', NaN, {});
  });
  assert.deepEqual(host.metrics, [
    { name: 'orders/new', value: 1.5, attributes: { plan: 'pro', ok: 'true' } },
    { name: 'gr__e_of_it', value: 2, attributes: { a_key: 'v' } },
    { name: 'x'.repeat(63), value: 3, attributes: {} },
  ]);
  assert.match(host.lines.at(-1)!.text, /metric: expected a name/);
  host.metrics.length = 0;
  const flood = (): unknown => inInvocation(() => Array.from({ length: 105 }, () => metric('m', 1, {})));
  await Promise.all([flood(), flood()]);
  assert.equal(host.metrics.length, 2 * limits.metricsPerInvocation);
  assert.equal(host.lines.filter(({ text }) => text.includes('only the first 100')).length, 2);
});

test('metric: values are cut by bytes, and what is too long as JSON is dropped with a warning', async () => {
  const keys = Array.from({ length: limits.metricAttributes }, (_, at) => `${at}`.padEnd(limits.metricNameBytes, 'k'));
  const attributes = (value: string): Record<string, string> => Object.fromEntries(keys.map((key) => [key, value]));
  await inInvocation(() => {
    metric('wide', 1, { a: 'ж'.repeat(1000), b: `x${'ж'.repeat(1000)}`, c: '😀'.repeat(1000), d: '\uD800' });
    metric('all', 1, attributes('ж'.repeat(1000)));
    metric('quoted', 1, attributes('\u0001'.repeat(1000)));
  });
  assert.deepEqual(
    host.metrics.map(({ name }) => name),
    ['wide', 'all'],
  );
  const cut = { a: 'ж'.repeat(128), b: `x${'ж'.repeat(127)}`, c: '😀'.repeat(64), d: '\uFFFD' };
  assert.deepEqual(host.metrics[0]?.attributes, cut);
  assert.match(host.lines.at(-1)!.text, /metric: quoted is longer than 32760 bytes; it is not counted/);
});

test('attachDatabasePool keeps the instance awake until idle connections have closed', async () => {
  process.env['VERCEL_URL'] = 'test.localhost';
  process.env['VERCEL_REGION'] = 'dev1';
  const pool = Object.assign(new EventEmitter(), { options: { idleTimeoutMillis: 50 } });
  attachDatabasePool(pool);
  const change = host.backgroundChange();
  await inInvocation(() => pool.emit('release'));
  await change;
  assert.equal(host.outstanding, 1);
  // A later release begins anew, and the earlier one's wait is over.
  await inInvocation(() => pool.emit('release'));
  while (host.outstanding > 0) await host.backgroundChange();
  assert.deepEqual(host.lines, []);
});
