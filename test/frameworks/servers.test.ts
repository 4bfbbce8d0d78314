// Frameworks whose servers run as they are: no build, no port.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ApplicationName } from './application.ts';
import { both } from './serve.ts';

const json = { 'content-type': 'application/json' };
const form = { 'content-type': 'application/x-www-form-urlencoded' };

for (const name of ['hono', 'express', 'fastify', 'nest'] as const satisfies readonly ApplicationName[]) {
  test(`${name} answers on Weir as it does by itself`, async (t) => {
    const { weir, same } = await both(t, name);
    assert.match((await same('/')).text, /^<h1>Weir and /);
    assert.deepEqual((await same('/api/hello/Ada%20L?tab=a%26b')).json(), { message: 'Hello, Ada L!', tab: 'a&b' });
    const sum = { method: 'POST', path: '/api/sum', headers: json };
    assert.deepEqual((await same({ ...sum, body: '{"numbers":[1,2,3]}' })).json(), { sum: 6 });
    assert.equal((await same({ ...sum, body: '{"other":3}' })).status, 400);
    const signed = await same({ method: 'POST', path: '/form', headers: form, body: 'name=Ada+L' });
    assert.deepEqual([signed.status, signed.text], [201, 'Signed by Ada L']);
    assert.equal((await same('/stream')).text, 'water over a weir\n');
    const old = await same('/old');
    assert.deepEqual([old.status, old.headers.location], [301, '/']);
    const visit = await same({ path: '/visits', headers: { cookie: 'visits=4' } });
    assert.deepEqual(visit.json(), { visits: 5 });
    assert.match(String(visit.headers['set-cookie']), /^visits=5;/);
    assert.equal((await same('/nowhere')).status, 404);
    assert.equal((await same({ method: 'HEAD', path: '/api/hello/Ada' })).text, '');
    // Weir serves public/ by itself.
    assert.equal((await weir.get('/hello.txt')).text, 'A file of its own, from public/.\n');
    assert.equal(await weir.stop(), 0);
  });
}

test('what is streamed comes as it is made', async (t) => {
  const { weir } = await both(t, 'fastify');
  const response = await weir.open('GET', '/stream');
  const chunks: string[] = [];
  for await (const chunk of response) chunks.push(String(chunk));
  assert.ok(chunks.length > 1, `all at once: ${JSON.stringify(chunks)}`);
  assert.equal(await weir.stop(), 0);
});
