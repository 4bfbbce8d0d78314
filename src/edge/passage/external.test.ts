import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { RequestListener, Server } from 'node:http';
import { createServer as createTcpServer } from 'node:net';
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

test('a body is framed, whatever the method: none of it is the next request of the connection', async (context) => {
  const asked: string[] = [];
  const { url } = await origin(context, (req, res) => {
    asked.push(`${req.method} ${req.url}`);
    req.setEncoding('utf8');
    let body = '';
    req.on('data', (text: string) => (body += text));
    const { 'content-length': length, 'transfer-encoding': coding } = req.headers;
    req.on('end', () => res.end(JSON.stringify([body, length ?? null, coding ?? null])));
  });
  const smuggled = 'GET /smuggled HTTP/1.1\r\nHost: internal\r\n\r\n';
  const ask = async (method: string, hasBody: boolean, headers: string[]): Promise<unknown> => {
    const exchange = new RecordedExchange();
    const invocation = invokeExternal(url, head({ method, hasBody, headers }), exchange);
    if (hasBody) invocation.write(Buffer.from(smuggled));
    invocation.endBody();
    await exchange.until(({ ended, failure }) => ended || failure !== null);
    return JSON.parse(exchange.text);
  };
  const methods = ['DELETE', 'GET', 'OPTIONS', 'POST', 'PUT'];
  for (const method of methods) {
    assert.deepEqual(await ask(method, true, []), [smuggled, null, 'chunked'], method);
    const length = String(smuggled.length);
    const twice = ['Content-Length', length, 'Transfer-Encoding', 'chunked', 'content-length', length];
    assert.deepEqual(await ask(method, true, twice), [smuggled, length, null], method);
    const none = method === 'POST' || method === 'PUT' ? '0' : null;
    assert.deepEqual(await ask(method, false, ['Content-Length', '7']), ['', none, null], method);
  }
  assert.deepEqual(
    asked,
    methods.flatMap((method) => Array.from({ length: 3 }, () => `${method} /there?a=1`)),
  );
});

test('a kept connection that has been closed meanwhile: what may be repeated is, once', async (context) => {
  let connections = 0;
  const server = createTcpServer((socket) => {
    connections += 1;
    let requests = 0;
    socket.on('error', () => undefined);
    socket.on('data', () => {
      requests += 1;
      // The second on a connection finds it closed.
      if (requests === 2) socket.resetAndDestroy();
      else socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
    });
    context.after(() => socket.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  context.after(() => void server.close());
  const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  const ask = async (method: string): Promise<RecordedExchange> => {
    const exchange = new RecordedExchange();
    invokeExternal(url, head({ method }), exchange);
    return exchange.until(({ ended, failure }) => ended || failure !== null);
  };
  assert.equal((await ask('GET')).text, 'ok');
  await new Promise(setImmediate);
  assert.equal((await ask('GET')).text, 'ok');
  assert.equal(connections, 2);
  assert.equal((await ask('GET')).text, 'ok');
  await new Promise(setImmediate);
  assert.equal((await ask('POST')).failure?.code, 'ROUTER_EXTERNAL_TARGET_ERROR', 'a POST may have been done');
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
    const upgrade = `Upgrade: ${req.headers.upgrade}\r\nConnection: Upgrade`;
    socket.write(`HTTP/1.1 101 Switching Protocols\r\n${upgrade}\r\n\r\nfirst `);
    socket.pipe(socket);
  });
  const exchange = new RecordedExchange();
  const headers = ['Connection', 'Upgrade', 'Upgrade', 'echo'];
  const invocation = invokeExternal(url, head({ headers, upgrade: true }), exchange);
  await exchange.until(({ status }) => status === 101);
  assert.equal(exchange.header('upgrade'), 'echo');
  invocation.write(Buffer.from('both ways'));
  await exchange.until(({ text }) => text === 'first both ways');
  invocation.endBody();
  await exchange.until(({ ended }) => ended);
});

test('an upgrade that nobody asked for is a failure', async (context) => {
  const { url } = await origin(context, (req) => {
    req.socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n');
  });
  const exchange = new RecordedExchange();
  invokeExternal(url, head(), exchange);
  await exchange.until(({ failure }) => failure !== null);
  assert.match(exchange.failure!.detail, /changed the protocol/);
});
