import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { RequestListener, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import type { RequestHead } from '../../model/invoke.ts';
import { RecordedExchange } from './exchange.fixture.ts';
import { invokeExternal } from './external.ts';

async function origin(context: TestContext, listener: RequestListener): Promise<{ url: URL; server: Server }> {
  const server = createServer(listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  context.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/there?a=1`), server };
}

const head = (changes: Partial<RequestHead> = {}): RequestHead => ({
  id: 'i',
  method: 'GET',
  target: '/here',
  headers: ['Host', 'shop.example', 'x-forwarded-host', 'shop.example', 'Keep-Alive', 'x'],
  hasBody: false,
  upgrade: false,
  route: '/here',
  ...changes,
});

test('the request goes there under its name, the answer comes back', async (context) => {
  const { url } = await origin(context, (req, res) => {
    res.setHeader('x-seen', `${req.method} ${req.url} ${req.headers.host} ${String(req.headers['x-forwarded-host'])}`);
    res.writeHead(203, ['Set-Cookie', 'a=1', 'Set-Cookie', 'b=2']);
    res.end('from there');
  });
  const exchange = new RecordedExchange();
  invokeExternal(url, head(), exchange);
  await exchange.until(({ ended }) => ended);
  assert.deepEqual([exchange.status, exchange.text], [203, 'from there']);
  assert.equal(exchange.header('x-seen'), `GET /there?a=1 ${url.host} shop.example`);
  assert.equal(exchange.headers.filter((text) => text === 'Set-Cookie').length, 2);
});

test('a body goes along, and waits where it must', async (context) => {
  const { url } = await origin(context, (req, res) => void req.pipe(res));
  const exchange = new RecordedExchange();
  const invocation = invokeExternal(url, head({ method: 'POST', hasBody: true }), exchange);
  const piece = Buffer.alloc(1024 * 1024, 'x');
  assert.equal(invocation.write(piece), false, 'more than a connection takes at once');
  await exchange.until(({ drains }) => drains > 0);
  invocation.endBody();
  await exchange.until(({ ended }) => ended);
  assert.equal(exchange.text.length, piece.length);
});

test('a client that is slow slows the origin down', async (context) => {
  const { url } = await origin(context, (_, res) => {
    for (let sent = 0; sent < 64; sent += 1) res.write(Buffer.alloc(64 * 1024));
    res.end();
  });
  const exchange = new RecordedExchange();
  exchange.room = false;
  const invocation = invokeExternal(url, head(), exchange);
  await exchange.until(({ chunks }) => chunks.length > 0);
  const before = exchange.chunks.length;
  await new Promise(setImmediate);
  assert.equal(exchange.chunks.length, before);
  exchange.room = true;
  invocation.resume();
  await exchange.until(({ ended }) => ended);
  assert.equal(exchange.text.length, 64 * 64 * 1024);
});

test('nobody there, or one that breaks off: a failure, once', async (context) => {
  const { url, server } = await origin(context, (_, res) => {
    res.writeHead(200, { 'content-length': '10' });
    res.write('half', () => res.destroy());
  });
  const broken = new RecordedExchange();
  invokeExternal(url, head(), broken);
  await broken.until(({ failure }) => failure !== null);
  assert.equal(broken.failure?.code, 'ROUTER_EXTERNAL_TARGET_ERROR');
  assert.equal(broken.ended, false);
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  const nobody = new RecordedExchange();
  invokeExternal(url, head(), nobody);
  await nobody.until(({ failure }) => failure !== null);
  assert.match(nobody.failure!.detail, /ECONNREFUSED/);
});

test('whoever leaves takes the request along', async (context) => {
  const closed = Promise.withResolvers<void>();
  const { url } = await origin(context, (req, res) => {
    res.flushHeaders();
    req.socket.once('close', () => closed.resolve());
  });
  const exchange = new RecordedExchange();
  const invocation = invokeExternal(url, head(), exchange);
  await exchange.until(({ status }) => status === 200);
  invocation.cancel();
  await closed.promise;
  assert.equal(exchange.failure, null);
});

test('an upgrade is passed on, both ways', async (context) => {
  const { url, server } = await origin(context, () => undefined);
  server.on('upgrade', (req, socket) => {
    socket.write(`HTTP/1.1 101 Switching Protocols\r\nUpgrade: ${req.headers.upgrade}\r\nConnection: Upgrade\r\n\r\n`);
    socket.pipe(socket);
  });
  const exchange = new RecordedExchange();
  const headers = ['Connection', 'Upgrade', 'Upgrade', 'echo'];
  const invocation = invokeExternal(url, head({ headers, upgrade: true }), exchange);
  await exchange.until(({ status }) => status === 101);
  assert.equal(exchange.header('upgrade'), 'echo');
  invocation.write(Buffer.from('both ways'));
  await exchange.until(({ text }) => text === 'both ways');
  invocation.endBody();
  await exchange.until(({ ended }) => ended);
});
