import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { RequestListener, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { systemClock } from '../../base/clock.ts';
import type { Clock } from '../../base/clock.ts';
import { limits } from '../../base/limits.ts';
import { fetchSource } from './fetch-source.ts';
import { SourceExchange } from './source.ts';
import type { Sourced } from './source.ts';

let server: Server;
let answer: RequestListener = () => undefined;
let port = 0;
before(async () => {
  server = createServer((req, res) => answer(req, res));
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  port = (server.address() as AddressInfo).port;
});
after(() => {
  server.closeAllConnections();
  server.close();
});

/** The name leads to the test's server. */
const get = (path: string, host = 'images.test', clock: Clock = systemClock): Promise<Sourced> =>
  fetchSource(new URL(`http://${host}:${port}${path}`), {
    clock,
    privateAllowed: true,
    chain: 'a.chain',
    resolve: () => Promise.resolve([{ address: '127.0.0.1', family: 4 }]),
  });

const codeOf = (sourced: Sourced): string => (sourced.kind === 'failed' ? sourced.failure.code : sourced.kind);

test('an image, with what is said of it; asked for under its own name', async () => {
  answer = (req, res) => {
    res.setHeader('Cache-Control', 'max-age=7');
    res.end(`${req.headers.host} ${req.url} ${String(req.headers.cookie)} ${String(req.headers['x-weir-chain'])}`);
  };
  const found = await get('/a?b');
  assert.equal(found.kind, 'image');
  assert.equal(found.image.bytes.toString(), `images.test:${port} /a?b undefined a.chain`);
  assert.equal(found.image.cacheControl, 'max-age=7');
});

test('redirects are followed, so many of them', async () => {
  let hops = 0;
  answer = (req, res) => {
    hops += 1;
    const left = Number(req.url!.slice(1));
    if (left === 0) res.end('there');
    else res.writeHead(307, { location: `/${left - 1}` }).end('elsewhere');
  };
  assert.equal((await get(`/${limits.imageRedirects}`)).kind, 'image');
  hops = 0;
  assert.equal(codeOf(await get('/100')), 'OPTIMIZED_EXTERNAL_IMAGE_TOO_MANY_REDIRECTS');
  assert.equal(hops, limits.imageRedirects + 1);
  answer = (_, res) => void res.writeHead(302, { location: 'file:///etc/passwd' }).end();
  assert.equal(codeOf(await get('/')), 'OPTIMIZED_EXTERNAL_IMAGE_REQUEST_FAILED');
});

test('what is inside a private network is not asked: by address, by name, by redirect', async () => {
  let asked = 0;
  answer = (_, res) => {
    asked += 1;
    res.writeHead(302, { location: `http://127.0.0.1:${port}/` }).end();
  };
  const closed = { clock: systemClock, privateAllowed: false, chain: '' };
  const url = (host: string): URL => new URL(`http://${host}:${port}/`);
  for (const host of ['127.0.0.1', 'localhost', '[::1]', '2130706433', '0x7f.1']) {
    assert.equal(codeOf(await fetchSource(url(host), closed)), 'DNS_HOSTNAME_RESOLVED_PRIVATE', host);
  }
  const addresses = [
    { address: '8.8.8.8', family: 4 },
    { address: '10.0.0.1', family: 4 },
  ];
  const resolve = (): Promise<typeof addresses> => Promise.resolve(addresses);
  assert.equal(codeOf(await fetchSource(url('mixed.test'), { ...closed, resolve })), 'DNS_HOSTNAME_RESOLVED_PRIVATE');
  assert.equal(asked, 0);
});

test('errors of the origin', async () => {
  for (const [status, code] of [
    [404, 'OPTIMIZED_EXTERNAL_IMAGE_REQUEST_FAILED'],
    [500, 'OPTIMIZED_EXTERNAL_IMAGE_REQUEST_FAILED'],
    [204, 'OPTIMIZED_EXTERNAL_IMAGE_REQUEST_FAILED'],
    [401, 'OPTIMIZED_EXTERNAL_IMAGE_REQUEST_UNAUTHORIZED'],
    [403, 'OPTIMIZED_EXTERNAL_IMAGE_REQUEST_UNAUTHORIZED'],
    [200, 'OPTIMIZED_EXTERNAL_IMAGE_REQUEST_INVALID'],
  ] as const) {
    answer = (_, res) => void res.writeHead(status).end();
    assert.equal(codeOf(await get('/')), code, String(status));
  }
  answer = (_, res) => void res.writeHead(200, { 'content-encoding': 'gzip' }).end('x');
  assert.equal(codeOf(await get('/')), 'OPTIMIZED_EXTERNAL_IMAGE_REQUEST_INVALID');
  answer = (_, res) => res.destroy();
  assert.equal(codeOf(await get('/')), 'OPTIMIZED_EXTERNAL_IMAGE_REQUEST_FAILED');
  const nowhere = {
    chain: '',
    clock: systemClock,
    privateAllowed: false,
    resolve: () => Promise.reject(new Error('no such name')),
  };
  assert.equal(
    codeOf(await fetchSource(new URL('http://x.test/'), nowhere)),
    'OPTIMIZED_EXTERNAL_IMAGE_REQUEST_FAILED',
  );
});

test('an image that is too large is not read to its end', async () => {
  const piece = Buffer.alloc(1024 * 1024);
  const closed = Promise.withResolvers<void>();
  answer = (_, res) => {
    const more = (): void => {
      while (!res.destroyed && res.write(piece));
    };
    res.on('drain', more).on('close', closed.resolve);
    more();
  };
  assert.equal(codeOf(await get('/')), 'OPTIMIZED_EXTERNAL_IMAGE_REQUEST_INVALID');
  await closed.promise;
});

test('an origin that takes its time is given up', async () => {
  let late = (): void => undefined;
  const clock: Clock = {
    ...systemClock,
    after: (delayMs, fire) => {
      assert.equal(delayMs, limits.imageFetchMs);
      late = fire;
      return { cancel: () => undefined };
    },
  };
  const asked = Promise.withResolvers<void>();
  answer = (_, res) => {
    res.write('x');
    asked.resolve();
  };
  const found = get('/', 'images.test', clock);
  await asked.promise;
  late();
  const sourced = await found;
  assert.ok(sourced.kind === 'failed' && sourced.failure.detail.includes('in time'));
});

test('an origin that goes over to another protocol, or answers nothing, is left at once', async () => {
  const left = Promise.withResolvers<void>();
  server.once('connection', (socket) => socket.once('close', () => left.resolve()));
  answer = (_, res) => void res.socket!.write('HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n');
  assert.equal(codeOf(await get('/')), 'OPTIMIZED_EXTERNAL_IMAGE_REQUEST_FAILED');
  await left.promise;
  answer = (_, res) => void res.socket!.end();
  assert.equal(codeOf(await get('/')), 'OPTIMIZED_EXTERNAL_IMAGE_REQUEST_FAILED');
});

test('the deployment’s own answer, collected', async () => {
  const piece = Buffer.from('one');
  const exchange = new SourceExchange();
  exchange.head(200, ['cache-control', 'max-age=1']);
  exchange.body(piece);
  piece.fill(0);
  exchange.body(Buffer.from('two'));
  exchange.end();
  const found = await exchange.sourced;
  assert.ok(found.kind === 'image');
  assert.deepEqual([found.image.bytes.toString(), found.image.cacheControl], ['onetwo', 'max-age=1']);
  const large = new SourceExchange();
  large.head(200, []);
  for (let bytes = 0; bytes <= limits.imageBytes; bytes += 1024 * 1024) large.body(Buffer.alloc(1024 * 1024));
  large.end();
  assert.equal(codeOf(await large.sourced), 'OPTIMIZED_EXTERNAL_IMAGE_REQUEST_INVALID');
  const none = new SourceExchange();
  none.reply(404, [], null);
  assert.equal(codeOf(await none.sourced), 'OPTIMIZED_EXTERNAL_IMAGE_REQUEST_FAILED');
  const failed = new SourceExchange();
  failed.fail({ code: 'FUNCTION_THROTTLED', detail: 'x' });
  assert.equal(codeOf(await failed.sourced), 'OPTIMIZED_EXTERNAL_IMAGE_REQUEST_FAILED');
});
