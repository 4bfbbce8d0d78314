import assert from 'node:assert/strict';
import { test } from 'node:test';
import { both, redirecting } from './serve.ts';

test('Nitro answers on Weir as its own server does', async (t) => {
  const { weir, same } = await both(t, 'nitro');
  assert.match((await same('/')).text, /^<h1>Weir and Nitro/);
  assert.deepEqual((await same('/api/hello/Ada?tab=1')).json(), { message: 'Hello, Ada!', tab: '1' });
  const sum = { method: 'POST', path: '/api/sum', headers: { 'content-type': 'application/json' } };
  assert.deepEqual((await same({ ...sum, body: '{"numbers":[1,2,3]}' })).json(), { sum: 6 });
  assert.equal((await same({ ...sum, body: '{"numbers":3}' })).status, 400);
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  assert.equal((await same({ method: 'POST', path: '/form', headers, body: 'name=Ada' })).text, 'Signed by Ada');
  assert.equal((await same('/stream')).text, 'water over a weir\n');
  assert.equal((await same('/old', redirecting)).headers.location, '/');
  assert.deepEqual((await same({ path: '/visits', headers: { cookie: 'visits=4' } })).json(), { visits: 5 });
  assert.equal((await same('/hello.txt')).text, 'A file of its own, from public/.\n');
  assert.match((await same('/kept')).text, /madeAt/);
  assert.equal((await same('/nowhere')).status, 404);
  assert.equal(await weir.stop(), 0);
});
