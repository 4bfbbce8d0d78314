// The examples in Python are deployed and called. Their packages come from PyPI with the first run, and are kept.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dev, exampleDir, type Weir } from './weir.ts';

/** Until it is so; between two looks the function has its turn. */
async function until(look: () => Promise<boolean>): Promise<void> {
  while (!(await look())) await new Promise((resolve) => setTimeout(resolve, 20));
}

async function chunksOf(weir: Weir, method: string, path: string): Promise<string[]> {
  const chunks: string[] = [];
  for await (const chunk of await weir.open(method, path, null, { host: `127.0.0.1:${weir.port}` })) {
    chunks.push(String(chunk));
  }
  return chunks;
}

test('asgi: without a framework', async (t) => {
  const weir = await dev(t, exampleDir('asgi'));
  assert.equal((await weir.get('/')).text, 'Hello from ASGI\n');
  assert.equal((await weir.send('POST', '/', 'there and back')).text, 'there and back');
  assert.deepEqual(await chunksOf(weir, 'GET', '/stream'), ['0\n', '1\n', '2\n', '3\n', '4\n']);
  assert.equal(await weir.stop(), 0);
});

test('fastapi: pages, validation, a stream, work after the answer', async (t) => {
  const weir = await dev(t, exampleDir('fastapi'));
  const { message, pid } = (await weir.get('/?name=Weir')).json();
  assert.equal(message, 'Hello, Weir!');
  const headers = { 'content-type': 'application/json' };
  assert.deepEqual((await weir.send('POST', '/sum', '{"numbers":[1,2,3.5]}', headers)).json(), { sum: 6.5 });
  assert.equal((await weir.send('POST', '/sum', '{"numbers":["a"]}', headers)).status, 422);
  assert.equal((await weir.get('/missing')).status, 404);
  assert.match((await weir.get('/docs')).text, /swagger/i);
  assert.deepEqual(await chunksOf(weir, 'GET', '/stream?count=3&delay=0.1'), ['0\n', '1\n', '2\n']);

  const noted = await weir.send('POST', '/notes/kept');
  assert.deepEqual([noted.status, noted.json()], [202, { accepted: 'kept' }]);
  await until(async () => (await weir.get('/notes')).json().done.includes('kept'));
  const pids = await Promise.all(Array.from({ length: 20 }, async () => (await weir.get('/')).json().pid));
  assert.deepEqual([...new Set(pids)], [pid], 'many at once in one instance');
  // Also when it is asked to end meanwhile.
  assert.equal((await weir.send('POST', '/notes/last')).status, 202);
  assert.equal(await weir.stop(), 0);
});

test('flask: pages, JSON, a stream', async (t) => {
  const weir = await dev(t, exampleDir('flask'));
  assert.equal((await weir.get('/')).text, 'Hello from Flask\n');
  assert.deepEqual((await weir.get('/users/ada')).json(), { name: 'ada', secure: false, ip: '127.0.0.1' });
  const headers = { 'content-type': 'application/json' };
  assert.deepEqual((await weir.send('POST', '/sum', '{"numbers":[1,2,3]}', headers)).json(), { sum: 6 });
  assert.equal((await weir.send('POST', '/sum', '{', headers)).status, 400);
  assert.deepEqual(await chunksOf(weir, 'GET', '/slow'), ['first\n', 'second\n']);
  assert.equal((await weir.get('/missing')).status, 404);
  assert.equal(await weir.stop(), 0);
});

test('django: pages, JSON, a stream', async (t) => {
  const weir = await dev(t, exampleDir('django'));
  assert.equal((await weir.get('/')).text, 'Hello from Django\n');
  assert.deepEqual((await weir.get('/users/7', { host: 'shop.localhost' })).json(), { id: 7, host: 'shop.localhost' });
  assert.deepEqual(await chunksOf(weir, 'GET', '/slow'), ['first\n', 'second\n']);
  assert.equal((await weir.get('/missing')).status, 404);
  assert.equal(await weir.stop(), 0);
});

test('python-handler: a function a file', async (t) => {
  const weir = await dev(t, exampleDir('python-handler'));
  assert.deepEqual((await weir.get('/api/hello?name=Weir')).json(), { message: 'Hello, Weir!' });
  assert.deepEqual((await weir.send('POST', '/api/hello', '{"a":1}')).json(), { received: { a: 1 } });
  assert.equal((await weir.send('PUT', '/api/hello', '{}')).status, 501);
  assert.equal((await weir.get('/api/users')).text, 'ada\ngrace\nkatherine\n');
  assert.equal(await weir.stop(), 0);
});

test('python-llm-proxy: tokens stream through, many conversations in one instance', async (t) => {
  const weir = await dev(t, exampleDir('python-llm-proxy'));
  const path = '/chat?tokens=5&firstMs=50&tokenMs=100';
  const chunks = await chunksOf(weir, 'POST', path);
  assert.equal(chunks.join(''), 'weir water flows evenly over ');
  assert.ok(chunks.length >= 3, `tokens came in ${chunks.length} chunks`);

  const many = Promise.all(Array.from({ length: 20 }, () => chunksOf(weir, 'POST', path)));
  const over = many.then(() => 'over' as const);
  let most = 0;
  for (;;) {
    const status = await Promise.race([over, weir.status()]);
    if (status === 'over') break;
    for (const { inFlight } of status.functions[0].instances) most = Math.max(most, inFlight);
  }
  assert.ok((await many).every((each) => each.join('') === 'weir water flows evenly over '));
  // Each conversation is two invocations. On a starved machine another instance may have been started; still they are shared.
  assert.ok(most >= 10, `at most ${most} at once in one instance`);
  assert.equal(await weir.stop(), 0);
});
