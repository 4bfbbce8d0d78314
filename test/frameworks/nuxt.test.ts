import assert from 'node:assert/strict';
import { test } from 'node:test';
import { both, redirecting } from './serve.ts';

test('Nuxt answers on Weir as its own server does', async (t) => {
  const { weir, same } = await both(t, 'nuxt');
  for (const [path, text] of [
    ['/', 'Weir and Nuxt'],
    ['/about', 'Made by the build'],
    ['/form', 'Hello, stranger!'],
    ['/users/Ada', 'User Ada: Hello, Ada!'],
    ['/hello.txt', 'A file of its own, from public/.'],
  ] as const) {
    assert.ok((await same(path)).text.includes(text), path);
  }
  assert.ok((await same({ path: '/form', headers: { cookie: 'name=Ada' } })).text.includes('Hello, Ada!'));
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  const signed = await same({ method: 'POST', path: '/sign', headers, body: 'name=Ada' });
  assert.deepEqual([signed.status, signed.headers.location], [303, '/form']);
  assert.match(String(signed.headers['set-cookie']), /^name=Ada;/);
  assert.deepEqual((await same('/api/hello/Ada?tab=1')).json(), { message: 'Hello, Ada!', tab: '1' });
  assert.equal((await same('/words')).text, 'water over a weir\n');
  assert.equal((await same('/old', redirecting)).headers.location, '/');
  for (const accept of ['text/html', 'application/json']) {
    assert.equal((await same({ path: '/nowhere', headers: { accept } })).status, 404);
  }
  assert.match((await same('/kept')).text, /Kept for two seconds/);
  assert.match((await same('/kept/_payload.json')).text, /prerenderedAt/);
  const script = /src="(\/_nuxt\/[^"]+\.js)"/.exec((await weir.get('/')).text)![1]!;
  assert.equal((await weir.get(script)).headers['content-type'], 'text/javascript; charset=utf-8');
  assert.equal(await weir.stop(), 0);
});
