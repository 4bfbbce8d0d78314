// Every example is deployed and called: an example that does not work is a broken promise.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { WebSocket } from 'ws';
import { dev, exampleDir, repository, run } from './weir.ts';

const otherToolchains: ReadonlySet<string> = new Set(['go', 'rust', 'bun', 'deno']);

test('hello: an api folder, a parameter, the helpers, static files', async (t) => {
  const weir = await dev(t, exampleDir('hello'));
  assert.deepEqual((await weir.get('/api/hello?name=Weir')).json(), { message: 'Hello, Weir!' });
  assert.equal((await weir.send('POST', '/api/hello')).status, 405);
  assert.equal((await weir.get('/api')).text, 'Hello from /api\n');
  assert.deepEqual((await weir.get('/api/users/42', { cookie: 'a=1' })).json(), { id: '42', cookies: { a: '1' } });
  assert.equal((await weir.send('POST', '/api/echo', 'there and back')).text, 'there and back');
  assert.match((await weir.get('/')).text, /<h1>Hello from Weir<\/h1>/);
  const missing = await weir.get('/nothing', { accept: 'application/json' });
  assert.equal(missing.status, 404);
  assert.equal(missing.headers['x-weir-error'], 'NOT_FOUND');
  assert.equal(await weir.stop(), 0);
});

test('llm-proxy: tokens stream through two functions, many conversations in one instance', async (t) => {
  const weir = await dev(t, exampleDir('llm-proxy'));
  const host = `127.0.0.1:${weir.port}`;
  const path = '/api/chat?tokens=5&firstMs=50&tokenMs=150';
  const response = await weir.open('POST', path, null, { host });
  const chunks: string[] = [];
  for await (const chunk of response) chunks.push(String(chunk));
  assert.equal(chunks.join(''), 'weir water flows evenly over ');
  assert.ok(chunks.length >= 3, `tokens came in ${chunks.length} chunks`);

  const many = Promise.all(Array.from({ length: 40 }, () => weir.send('POST', path, undefined, { host })));
  const over = many.then(() => 'over' as const);
  let most = 0;
  for (;;) {
    const status = await Promise.race([over, weir.status()]);
    if (status === 'over') break;
    const { functions } = status;
    const chat = functions.find(({ label }: { label: string }) => label.endsWith('api/chat'));
    for (const { inFlight } of chat.instances) most = Math.max(most, inFlight);
  }
  assert.ok((await many).every(({ text }) => text === 'weir water flows evenly over '));
  // On a starved machine a second instance may have been started; still they are shared.
  assert.ok(most >= 20, `at most ${most} conversations in one instance`);
  assert.equal(await weir.stop(), 0);
});

test('express: a real server whose port is never opened', async (t) => {
  const weir = await dev(t, exampleDir('express'));
  assert.equal((await weir.get('/')).text, 'Hello from Express\n');
  assert.deepEqual((await weir.get('/users/7')).json().id, '7');
  const headers = { 'content-type': 'application/json' };
  assert.deepEqual((await weir.send('POST', '/sum', '{"numbers":[1,2,3]}', headers)).json(), { sum: 6 });
  assert.equal((await weir.send('POST', '/sum', '{"numbers":3}', headers)).status, 400);
  assert.equal((await weir.send('POST', '/sum', '{', headers)).status, 400);
  assert.equal((await weir.get('/slow')).text, 'first\nsecond\n');
  assert.equal((await weir.get('/missing')).status, 404);
  assert.equal(await weir.stop(), 0);
});

test('mixed: waiting, computing, crashing and background work side by side', async (t) => {
  const weir = await dev(t, exampleDir('mixed'));
  assert.equal((await weir.get('/api/io?ms=20')).json().waitedMs, 20);
  assert.equal((await weir.get('/api/cpu?ms=20')).json().burntMs, 20);
  const crashed = await weir.get('/api/crash');
  assert.equal(crashed.status, 500);
  assert.equal(crashed.headers['x-weir-error'], 'FUNCTION_INVOCATION_FAILED');
  const ended = await weir.get('/api/crash?how=exit');
  assert.equal(ended.status, 502);
  assert.equal(ended.headers['x-weir-error'], 'NO_RESPONSE_FROM_FUNCTION');
  const from = weir.output().length;
  assert.equal((await weir.send('POST', '/api/background')).status, 202);
  await weir.printed(/background work finished/, from);
  assert.deepEqual((await weir.get('/api/background')).json(), { finished: 1 });
  assert.equal(await weir.stop(), 0);
});

test('websocket-chat: sockets through the tunnel', async (t) => {
  const weir = await dev(t, exampleDir('websocket-chat'));
  const connect = async (): Promise<{ socket: WebSocket; next: () => Promise<string> }> => {
    const socket = new WebSocket(`ws://127.0.0.1:${weir.port}/chat`);
    const lines: string[] = [];
    socket.on('message', (data: Buffer) => lines.push(data.toString()));
    const next = async (): Promise<string> => {
      while (lines.length === 0) await once(socket, 'message');
      return lines.shift()!;
    };
    await once(socket, 'open');
    return { socket, next };
  };
  const first = await connect();
  assert.equal(await first.next(), 'welcome, you are one of 1');
  const second = await connect();
  assert.equal(await second.next(), 'welcome, you are one of 2');
  first.socket.send('hello');
  assert.deepEqual([await first.next(), await second.next()], ['hello', 'hello']);
  second.socket.send('x'.repeat(60_000));
  assert.equal((await first.next()).length, 60_000);
  assert.equal((await weir.get('/anything')).text, '2 connected\n');
  first.socket.close();
  await once(first.socket, 'close');
  second.socket.terminate();
  assert.equal(await weir.stop(), 0);
});

test('weir start serves every example under its own name, and shows what they did', async (t) => {
  const weir = await run(t, ['start', `${repository}/examples`, '--port', '0']);
  for (const name of readdirSync(`${repository}/examples`)) {
    const isServed = weir.output().includes(`http://${name}.localhost:${weir.port}`);
    // A toolchain that a machine lacks is no fault of the others.
    if (!isServed) assert.ok(otherToolchains.has(name), name);
    if (!isServed) assert.match(weir.output(), new RegExp(`${name} is not served: .*there is no \\w+ in `));
  }
  const host = (name: string): { host: string } => ({ host: `${name}.localhost:${weir.port}` });
  assert.equal((await weir.get('/api/hello', host('hello'))).status, 200);
  assert.equal((await weir.get('/', host('express'))).text, 'Hello from Express\n');
  const board = await weir.get('/', { accept: 'application/json', host: `localhost:${weir.port}` });
  const hello = board.json().functions.find(({ label }: { label: string }) => label === 'hello/api/hello');
  assert.equal(hello.invocations, 1);
  assert.equal(hello.instances.length, 1);
  assert.match(
    (await weir.get('/', { accept: 'text/plain', host: `localhost:${weir.port}` })).text,
    /hello\/api\/hello/,
  );
  const unknown = await weir.get('/', host('nobody'));
  assert.equal(unknown.headers['x-weir-error'], 'DEPLOYMENT_NOT_FOUND');
  assert.equal(await weir.stop(), 0);
});

test('weir start on a project itself: under any name', async (t) => {
  const weir = await run(t, ['start', exampleDir('hello'), '--port', '0']);
  assert.match((await weir.get('/api/hello?name=Ada', { host: 'any.example' })).text, /Hello, Ada!/);
  assert.equal(await weir.stop(), 0);
});
