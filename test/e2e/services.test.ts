// What functions ask of the platform, by way of the unmodified @vercel/functions package: the runtime cache, purges, tags of
// answers, metrics, pools of database connections; from several instances, over deployments.
import assert from 'node:assert/strict';
import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { dev, project, repository, writeFiles } from './weir.ts';

/** A project that finds the real packages. */
function withPackages(t: TestContext, files: Readonly<Record<string, string>>): string {
  const dir = project(t, files);
  symlinkSync(join(repository, 'node_modules'), join(dir, 'node_modules'));
  return dir;
}

/** One invocation in each instance: those that come at the same time are in different ones. */
const oneEach = '{ "functions": { "api/*.js": { "maxConcurrency": 1 } } }';

/** `meet`: it goes on when so many instances have come to the place of that name. */
const cacheFunction = `
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { getCache } from '@vercel/functions';
async function meeting({ place, count }) {
  mkdirSync('.meet/' + place, { recursive: true });
  writeFileSync('.meet/' + place + '/' + process.pid, '');
  while (readdirSync('.meet/' + place).length < count) await new Promise((resolve) => setTimeout(resolve, 5));
}
export async function POST(request) {
  const { cache: options, act, key, value, set, meet } = await request.json();
  if (meet) await meeting(meet);
  const cache = getCache(options);
  let got = null;
  if (act === 'set') await cache.set(key, value, set);
  else if (act === 'get') got = await cache.get(key);
  else if (act === 'delete') await cache.delete(key);
  else if (act === 'expireTag') await cache.expireTag(key);
  return Response.json({ got, pid: process.pid });
}`;

test('getCache: shared by all instances, with namespace, ttl and tags, over deployments', async (t) => {
  const dir = withPackages(t, { 'weir.json': oneEach, 'api/cache.js': cacheFunction });
  const weir = await dev(t, dir);
  const act = async (order: object): Promise<{ got: any; pid: number }> =>
    (await weir.send('POST', '/api/cache', JSON.stringify(order))).json();
  const value = { text: 'Grüße', list: [1, null, { deep: true }] };
  const { pid: writer } = await act({ act: 'set', key: 'a', value, set: { tags: ['t'], ttl: 3600 } });
  // As many at once as there are to be instances.
  const [all, both] = [
    { place: 'first', count: 3 },
    { place: 'second', count: 2 },
  ];
  const found = await Promise.all([1, 2, 3].map(() => act({ act: 'get', key: 'a', meet: all })));
  assert.equal(new Set(found.map(({ pid }) => pid)).size, 3);
  assert.ok(found.some(({ pid }) => pid !== writer));
  for (const { got } of found) assert.deepEqual(got, value);

  assert.equal((await act({ act: 'get', key: 'a', cache: { namespace: 'other' } })).got, null);
  await act({ act: 'set', key: 'a', value: 'other', cache: { namespace: 'other' } });
  assert.equal((await act({ act: 'get', key: 'a', cache: { namespace: 'other' } })).got, 'other');

  await act({ act: 'set', key: 'short', value: 1, set: { ttl: 0.2 } });
  while ((await act({ act: 'get', key: 'short' })).got !== null);

  const before = weir.output().length;
  writeFiles(dir, { 'api/cache.js': `${cacheFunction}\n// another deployment` });
  await weir.printed(/: api\/cache\.js changed: new version/, before);
  assert.deepEqual((await act({ act: 'get', key: 'a' })).got, value, 'it survives deployments');

  await act({ act: 'expireTag', key: ['t'] });
  const gone = await Promise.all([1, 2].map(() => act({ act: 'get', key: 'a', meet: both })));
  assert.deepEqual(
    gone.map(({ got }) => got),
    [null, null],
  );
  await act({ act: 'delete', key: 'a', cache: { namespace: 'other' } });
  assert.equal((await act({ act: 'get', key: 'a', cache: { namespace: 'other' } })).got, null);
  const { runtimeCache } = await weir.status();
  assert.equal(runtimeCache.length, 1);
  assert.equal(runtimeCache[0].environment, 'preview');
  assert.ok(runtimeCache[0].hits >= 5 && runtimeCache[0].misses >= 3);
  assert.equal(await weir.stop(), 0);
});

test('getCache: many at once, and values as large as they may be', async (t) => {
  const dir = withPackages(t, {
    'api/many.js': `
import { getCache } from '@vercel/functions';
export async function GET() {
  const cache = getCache({ keyHashFunction: (key) => key });
  const keys = Array.from({ length: 200 }, (_, at) => 'k' + at);
  await Promise.all(keys.map((key) => cache.set(key, { key })));
  const small = await Promise.all(keys.map((key) => cache.get(key)));
  const largest = 'x'.repeat(2 * 1024 * 1024 - 2);
  await Promise.all(keys.slice(0, 10).map((key) => cache.set('large ' + key, largest)));
  const large = await Promise.all(keys.slice(0, 10).map((key) => cache.get('large ' + key)));
  await cache.set('too large', largest + 'x');
  return Response.json({
    small: small.every((value, at) => value.key === keys[at]),
    large: large.every((value) => value === largest),
    tooLarge: await cache.get('too large'),
  });
}`,
  });
  const weir = await dev(t, dir);
  assert.deepEqual((await weir.get('/api/many')).json(), { small: true, large: true, tooLarge: null });
  await weir.printed(/inv_\w+.*runtime cache: a value was not kept \(too large\): it has 2097153 bytes/);
  assert.equal(await weir.stop(), 0);
});

test('addCacheTag, purges and metrics', async (t) => {
  const dir = withPackages(t, {
    'api/tags.js': `
import { addCacheTag, dangerouslyDeleteBySrcImage, dangerouslyDeleteByTag, invalidateBySrcImage, invalidateByTag, metric } from '@vercel/functions';
export async function GET() {
  await addCacheTag(['product', 'größe']);
  await addCacheTag('shop');
  await addCacheTag(Array.from({ length: 60 }, (_, at) => at + 'x'.repeat(200)));
  await invalidateByTag('product');
  await dangerouslyDeleteByTag(['product'], { revalidationDeadlineSeconds: 5 });
  await invalidateBySrcImage('/cat.png');
  await dangerouslyDeleteBySrcImage('/cat.png');
  metric('orders', 3, { plan: 'pro' });
  metric('orders', 5, { plan: 'pro' });
  return new Response('tagged', { headers: { 'vercel-cache-tag': 'own' } });
}`,
    'api/server.js': `
import { addCacheTag } from '@vercel/functions';
export default async function (req, res) {
  await addCacheTag('streamed');
  res.write('one');
  await addCacheTag('late');
  res.end();
}`,
  });
  const weir = await dev(t, dir);
  const tagged = await weir.get('/api/tags');
  assert.equal(tagged.text, 'tagged');
  assert.equal(tagged.headers['vercel-cache-tag'], undefined, 'it is for the platform');
  await weir.printed(/addCacheTag: an answer has at most 128 tags, of 8192 bytes together/);
  assert.equal((await weir.get('/api/server')).text, 'one');
  await weir.printed(/inv_\w+.*addCacheTag: the head of the answer has left.*late/);
  const { functions } = await weir.status();
  const { metrics } = functions.find(({ label }: { label: string }) => label.endsWith('api/tags'));
  const [series] = metrics.series;
  assert.deepEqual(series, { name: 'orders', attributes: { plan: 'pro' }, count: 2, sum: 8, min: 3, max: 5, last: 5 });
  assert.equal(metrics.dropped, 0);
  assert.equal(await weir.stop(), 0);
});

test('attachDatabasePool: a drained instance stays until its idle connections have closed', async (t) => {
  const dir = withPackages(t, {
    'api/query.js': `
import { EventEmitter } from 'node:events';
import { attachDatabasePool } from '@vercel/functions';
class Pool extends EventEmitter {
  options = { idleTimeoutMillis: 1000 };
  async query() {
    setTimeout(() => console.log('the idle connection was closed'), this.options.idleTimeoutMillis).unref();
    this.emit('release', null, {});
    return 'row';
  }
}
const pool = new Pool();
attachDatabasePool(pool);
export const GET = async () => new Response(await pool.query());`,
  });
  const weir = await dev(t, dir);
  assert.equal((await weir.get('/api/query')).text, 'row');
  assert.equal(await weir.stop(), 0);
  assert.match(weir.output(), /the idle connection was closed/);
  assert.doesNotMatch(weir.output(), /outside of request scope/);
});
