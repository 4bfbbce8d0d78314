import assert from 'node:assert/strict';
import { test } from 'node:test';
import { both, redirecting } from './serve.ts';

test('Astro answers on Weir as its own server does', async (t) => {
  const { weir, same } = await both(t, 'astro');
  for (const [path, text] of [
    ['/', 'Weir and Astro'],
    ['/about', 'Made by the build'],
    ['/form', 'Hello, stranger!'],
    ['/stream', 'This came later.'],
    ['/hello.txt', 'A file of its own, from public/.'],
    ['/words', 'water over a weir'],
  ] as const) {
    assert.ok((await same(path)).text.includes(text), path);
  }
  for (const path of ['/nowhere', '/api/nothing']) {
    const missing = await same(path);
    assert.equal(missing.status, 404);
    assert.match(missing.text, /There is no such page/);
  }
  const hello = await same('/api/hello/Ada?tab=1', { headers: ['x-hello'] });
  assert.deepEqual([hello.json(), hello.headers['x-hello']], [{ message: 'Hello, Ada!', tab: '1' }, 'Ada']);
  const posted = { method: 'POST', path: '/api/hello/Ada', headers: { 'content-type': 'application/json' } };
  assert.deepEqual((await same({ ...posted, body: '{"a":1}' })).json(), { received: { a: 1 } });
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  assert.ok((await same({ method: 'POST', path: '/form', headers, body: 'name=Ada' })).text.includes('Signed by Ada'));
  const old = await same('/old', redirecting);
  assert.deepEqual([old.status, old.headers.location], [301, '/']);
  assert.deepEqual((await same({ path: '/visits', headers: { cookie: 'visits=4' } })).json(), { visits: 5 });
  assert.equal(await weir.stop(), 0);
});
