// What functions in Python ask of the platform, by way of the unmodified package `vercel` from PyPI and of the runtime's own
// modules; and that functions in JavaScript find the same items. The packages come with the first run, and are kept.
import assert from 'node:assert/strict';
import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { dev, project, repository } from './weir.ts';

const python = `
import asyncio, json
import weir_runtime
from vercel.cache import AsyncRuntimeCache, RuntimeCache, dangerously_delete_by_tag, invalidate_by_tag
from vercel.functions import get_deadline, get_headers, ip_address, wait_until
from weir_runtime import aio

done = []

async def later(what):
    await asyncio.sleep(0)
    done.append(what)

async def body_of(receive):
    body = b""
    while True:
        message = await receive()
        body += message["body"]
        if not message["more_body"]:
            return json.loads(body or b"{}")

def sync(order):
    cache = RuntimeCache(**order.get("cache", {}))
    return getattr(cache, order["act"])(*order["given"])

async def run(order):
    by, given = order["by"], order.get("given", [])
    if by == "thread":
        return await asyncio.to_thread(sync, order)
    if by == "async":
        return await getattr(AsyncRuntimeCache(**order.get("cache", {})), order["act"])(*given)
    if by == "own":
        return await getattr(aio.get_cache(**order.get("cache", {})), order["act"])(*given)
    if by == "purge":
        invalidate_by_tag(given)
        await dangerously_delete_by_tag(given)
        return "purged"
    if by == "context":
        weir_runtime.metric("orders", 3, {"plan": "pro"})
        wait_until(later("waited for"))
        return [get_headers()["x-own"], ip_address(get_headers()), get_deadline() is not None]
    if by == "done":
        return done
    return sync(order)

async def app(scope, receive, send):
    if scope["type"] != "http":
        raise RuntimeError("no lifespan")
    told = await run(await body_of(receive))
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
    await send({"type": "http.response.body", "body": json.dumps(told).encode()})
`;

const javascript = `
import { getCache } from '@vercel/functions';
export async function POST(request) {
  const { key, value, cache } = await request.json();
  if (value === undefined) return Response.json(await getCache(cache).get(key));
  return Response.json((await getCache(cache).set(key, value, { tags: ['of-js'] })) ?? null);
}`;

test('the package of the hosted platform, unmodified, and functions in JavaScript beside it', async (t) => {
  const dir = project(t, {
    'api/python.py': python,
    'api/javascript.js': javascript,
    'requirements.txt': 'vercel==0.12.1\n',
  });
  symlinkSync(join(repository, 'node_modules'), join(dir, 'node_modules'));
  const weir = await dev(t, dir);
  const act = async (by: string, what: string, ...given: unknown[]): Promise<any> => {
    const order = { by, act: what, given, ...(what !== '' && { cache: { namespace: 'n' } }) };
    const answer = await weir.send('POST', '/api/python', JSON.stringify(order), { 'x-own': 'a header' });
    assert.equal(answer.status, 200, weir.output());
    return answer.json();
  };
  const script = async (order: object): Promise<any> =>
    (await weir.send('POST', '/api/javascript', JSON.stringify(order))).json();
  const ways = ['sync', 'async', 'thread', 'own'];
  for (const way of ways) {
    const value = { way, text: 'Grüße', list: [1, null] };
    await act(way, 'set', way, value, { ttl: 3600, tags: [`tag-${way}`] });
    for (const other of ways) assert.deepEqual(await act(other, 'get', way), value, `${way}, read by ${other}`);
    assert.deepEqual(await script({ key: way, cache: { namespace: 'n' } }), value, `${way}, read by JavaScript`);
    await act(way, 'expire_tag', `tag-${way}`);
    for (const other of ways) assert.equal(await act(other, 'get', way), null, `${way}, expired, by ${other}`);
  }
  await script({ key: 'js', value: [true], cache: { namespace: 'n' } });
  assert.deepEqual(await act('sync', 'get', 'js'), [true]);
  await act('async', 'delete', 'js');
  assert.equal(await script({ key: 'js', cache: { namespace: 'n' } }), null);

  assert.equal(await act('purge', '', 'a', 'b'), 'purged');
  assert.deepEqual(await act('context', ''), ['a header', '127.0.0.1', true]);
  while ((await act('done', ''))[0] !== 'waited for');
  const { runtimeCache, functions } = await weir.status();
  assert.equal(runtimeCache.length, 1, 'one cache of both languages');
  const { metrics } = functions.find(({ label }: { label: string }) => label.endsWith('api/python'));
  assert.deepEqual(
    metrics.series.map(({ name, attributes, count, last }: any) => ({ name, attributes, count, last })),
    [{ name: 'orders', attributes: { plan: 'pro' }, count: 1, last: 3 }],
  );
  assert.doesNotMatch(weir.output(), /Runtime Cache unavailable/);
  assert.equal(await weir.stop(), 0);
});
