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

const cacheFunction = `
import { getCache } from '@vercel/functions';
export async function POST(request) {
  const { cache: options, act, key, value, set, holdMs } = await request.json();
  if (holdMs) await new Promise((resolve) => setTimeout(resolve, holdMs));
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
  const found = await Promise.all([1, 2, 3].map(() => act({ act: 'get', key: 'a', holdMs: 300 })));
  assert.ok(new Set(found.map(({ pid }) => pid)).size > 1, 'several instances answered');
  assert.ok(found.some(({ pid }) => pid !== writer));
  for (const { got } of found) assert.deepEqual(got, value);

  assert.equal((await act({ act: 'get', key: 'a', cache: { namespace: 'other' } })).got, null);
  await act({ act: 'set', key: 'a', value: 'other', cache: { namespace: 'other' } });
  assert.equal((await act({ act: 'get', key: 'a', cache: { namespace: 'other' } })).got, 'other');

  await act({ act: 'set', key: 'short', value: 1, set: { ttl: 0.2 } });
  while ((await act({ act: 'get', key: 'short' })).got !== null);

  const before = weir.output().length;
  writeFiles(dir, { 'api/cache.js': `${cacheFunction}\n// another deployment` });
  await weir.printed(/changed|updated|built|deploy/i, before);
  assert.deepEqual((await act({ act: 'get', key: 'a' })).got, value, 'it survives deployments');

  await act({ act: 'expireTag', key: ['t'] });
  const gone = await Promise.all([1, 2].map(() => act({ act: 'get', key: 'a', holdMs: 100 })));
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
