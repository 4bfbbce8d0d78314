import assert from 'node:assert/strict';
import { test } from 'node:test';
import { both } from './serve.ts';

test('React Router answers on Weir as its own server does', async (t) => {
  const { weir, same } = await both(t, 'react-router');
  for (const [path, text] of [
    ['/', 'Weir and React Router'],
    ['/form', 'Hello, '],
    ['/stream', 'This came later.'],
    ['/users/7?tab=posts', 'User '],
    ['/hello.txt', 'A file of its own, from public/.'],
    ['/words', 'water over a weir'],
  ] as const) {
    assert.ok((await same(path)).text.includes(text), path);
  }
  // What its own client asks for when somebody follows a link.
  assert.match((await same('/users/7.data')).text, /profile/);
  const hello = await same('/api/hello/Ada?tab=1', { headers: ['x-hello'] });
  assert.deepEqual([hello.json(), hello.headers['x-hello']], [{ message: 'Hello, Ada!', tab: '1' }, 'Ada']);
  const posted = { method: 'POST', path: '/api/hello/Ada', headers: { 'content-type': 'application/json' } };
  assert.deepEqual((await same({ ...posted, body: '{"a":1}' })).json(), { received: { a: 1 } });
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  const signed = await same({ method: 'POST', path: '/form', headers, body: 'name=Ada' });
  assert.ok(signed.text.includes('Signed by '));
  assert.match(String(signed.headers['set-cookie']), /^name=Ada;/);
  const old = await same('/old');
  assert.deepEqual([old.status, old.headers.location], [301, '/']);
  assert.deepEqual((await same({ path: '/visits', headers: { cookie: 'visits=4' } })).json(), { visits: 5 });
  assert.equal((await same('/nowhere')).status, 404);
  const script = /"(\/assets\/[^"]+\.js)"/.exec((await weir.get('/')).text)![1]!;
  const asset = await weir.get(script);
  assert.equal(asset.status, 200);
  assert.match(String(asset.headers['cache-control']), /immutable/);
  assert.equal(await weir.stop(), 0);
});
