import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { RequestListener } from 'node:http';
import { createServer as createTcpServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { limits } from '../base/limits.ts';
import { ask } from './ask.ts';

async function at(context: TestContext, server: Server): Promise<URL> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  context.after(() => void server.close());
  return new URL(`http://localhost:${(server.address() as AddressInfo).port}`);
}

const serving = (context: TestContext, listener: RequestListener): Promise<URL> => at(context, createServer(listener));
const question = { name: 'api/a b', json: false } as const;

test('the question: a path, a name, what is wanted', async (t) => {
  const seen: unknown[] = [];
  const url = await serving(t, ({ url: target, headers }, res) => {
    seen.push([target, headers.accept, headers.host]);
    res.setHeader('x-weir-explain', 'found').end('text\n');
  });
  assert.deepEqual(await ask({ ...question, url }), { kind: 'told', text: 'text' });
  await ask({ url: new URL(`http://shop.localhost:${url.port}/ignored`), name: null, json: true });
  assert.deepEqual(seen, [
    ['/_weir/explain?function=api%2Fa+b', 'text/plain', url.host],
    ['/_weir/explain', 'application/json', url.host],
  ]);
});

test('an answer is shown, not acted on', async (t) => {
  const url = await serving(t, (_, res) => res.setHeader('x-weir-explain', 'list').end('a\n  b\u001B[2J\r\n'));
  assert.deepEqual(await ask({ ...question, url }), { kind: 'told', text: 'a\n  b\\u001b[2J\\u000d' });
});

test('a name that is a mistake, as text and out of JSON', async (t) => {
  const answers = ['no such\n  one\n', '{"error": "no such\u009B", "functions": []}', '{"erro', 'null'];
  const url = await serving(t, (_, res) => {
    res.writeHead(404, { 'x-weir-explain': 'unknown' }).end(answers.shift());
  });
  assert.deepEqual(await ask({ ...question, url }), { kind: 'mistake', text: 'no such\n  one' });
  const asked = { ...question, url, json: true };
  assert.deepEqual(await ask(asked), { kind: 'mistake', text: 'no such\\u009b' });
  for (let count = 0; count < 2; count += 1)
    assert.deepEqual(await ask(asked), { kind: 'mistake', text: 'there is no such function' });
});

test('whoever else answers is no Weir, or not one that explains', async (t) => {
  const url = await serving(t, (_, res) => res.end('<h1>my app</h1>'));
  const { origin } = url;
  const other = await ask({ ...question, url });
  assert.deepEqual(other, {
    kind: 'nobody',
    text: `${origin}: what answers there is no Weir (HTTP 200): say where one is by --url`,
  });
  const away = await serving(t, (_, res) => res.writeHead(302, { location: 'http://localhost:1' }).end());
  assert.match((await ask({ ...question, url: away })).text, /no Weir \(HTTP 302\)/);
  const silent = await serving(t, (_, res) => res.writeHead(404, { 'x-weir-error': 'NOT_FOUND' }).end());
  assert.match((await ask({ ...question, url: silent })).text, /this Weir does not explain; .* by the name localhost$/);
  const raw = await at(
    t,
    createTcpServer((socket) => socket.on('error', () => undefined).end('SSH-2.0-OpenSSH\r\n')),
  );
  assert.match((await ask({ ...question, url: raw })).text, /what listens there does not speak HTTP: say where/);
});

test('nobody there, nobody who answers, or one who never ends', async (t) => {
  const gone = createTcpServer();
  const url = await at(t, gone);
  gone.close();
  await once(gone, 'close');
  assert.deepEqual(await ask({ ...question, url }), {
    kind: 'nobody',
    text: `${url.origin}: nothing listens there: start it by weir dev or weir start, or say where it is by --url`,
  });
  const mute = await at(
    t,
    createTcpServer((socket) => socket.on('error', () => undefined).resume()),
  );
  const late = await ask({ ...question, url: mute, waitMs: 50 });
  assert.deepEqual(late, { kind: 'nobody', text: `${mute.origin}: there is no answer within 0.05 s` });
  const stop = new AbortController();
  const waiting = ask({ ...question, url: mute, signal: stop.signal });
  stop.abort();
  assert.equal((await waiting).kind, 'nobody');
  const endless = await serving(t, (_, res) => {
    const piece = 'x'.repeat(1024 * 1024);
    const more = (): void => void (res.destroyed || res.write(piece, more));
    res.setHeader('x-weir-explain', 'found');
    more();
  });
  assert.match(
    (await ask({ ...question, url: endless })).text,
    new RegExp(`has more than ${limits.explainBytes} bytes`),
  );
  // Longer than a label may be: no server is asked.
  const nowhere = await ask({ ...question, url: new URL(`http://${'x'.repeat(64)}.invalid`) });
  assert.match(nowhere.text, /\.invalid: there is no such host: say where/);
});
