import assert from 'node:assert/strict';
import { test } from 'node:test';
import { both } from './serve.ts';

test('SvelteKit answers on Weir as its own server does', async (t) => {
  const { weir, same } = await both(t, 'sveltekit');
  for (const [path, text] of [
    ['/', 'Weir and SvelteKit'],
    ['/about', 'Made by the build'],
    ['/form', 'Hello, stranger!'],
    ['/stream', 'This came later.'],
    ['/kept', 'Kept for two seconds'],
    ['/hello.txt', 'A file of its own, from static/.'],
    ['/words', 'water over a weir'],
  ] as const) {
    assert.ok((await same(path)).text.includes(text), path);
  }
  const hello = await same('/api/hello/Ada?tab=1', { headers: ['x-hello'] });
  assert.deepEqual([hello.json(), hello.headers['x-hello']], [{ message: 'Hello, Ada!', tab: '1' }, 'Ada']);
  const posted = { method: 'POST', path: '/api/hello/Ada', headers: { 'content-type': 'application/json' } };
  assert.deepEqual((await same({ ...posted, body: '{"a":1}' })).json(), { received: { a: 1 } });
  const headers = {
    'content-type': 'application/x-www-form-urlencoded',
    accept: 'text/html',
    origin: 'http://localhost:3000',
  };
  const signed = await same({ method: 'POST', path: '/form', headers, body: 'name=Ada' });
  assert.ok(signed.text.includes('Signed by Ada'));
  assert.equal((await same({ method: 'POST', path: '/form', headers, body: 'name=' })).status, 400);
  const foreign = { ...headers, origin: 'http://elsewhere.example' };
  assert.equal((await same({ method: 'POST', path: '/form', headers: foreign, body: 'name=Ada' })).status, 403);
  const old = await same('/old');
  assert.deepEqual([old.status, old.headers.location], [301, '/']);
  assert.deepEqual((await same({ path: '/visits', headers: { cookie: 'visits=4' } })).json(), { visits: 5 });
  assert.equal((await same({ path: '/nowhere', headers: { accept: 'text/html' } })).status, 404);
  const script = /"\.?(\/_app\/immutable\/[^"]+\.js)"/.exec((await weir.get('/')).text)![1]!;
  const asset = await weir.get(script);
  assert.equal(asset.status, 200);
  assert.match(String(asset.headers['cache-control']), /immutable/);
  assert.equal(await weir.stop(), 0);
});
