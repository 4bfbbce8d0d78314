// Kept pages over real sockets: behind the edge as if they were its invoker.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { systemClock } from '../../base/clock.ts';
import { silentLog } from '../../base/log.ts';
import type { Exchange, Invocation, RequestHead } from '../../model/invoke.ts';
import { Chains } from '../chain.ts';
import { client, converse, FakeInvoker as HttpFunction, startEdge } from '../edge.fixture.ts';
import type { Handler } from '../edge.fixture.ts';
import { Pages } from './pages.ts';
import { fakePrerender, fakeSpec, temporaryDirectory } from './prerender.fixture.ts';
import { PageStore } from './store.ts';

async function start(
  context: TestContext,
  handler: Handler,
): Promise<{ port: number; functions: HttpFunction; store: PageStore }> {
  const directory = await temporaryDirectory();
  const store = await PageStore.open({ directory: directory.path, clock: systemClock, log: silentLog });
  context.after(async () => {
    await store.settled();
    await directory.remove();
  });
  const functions = new HttpFunction(handler);
  let ids = 0;
  const pages = new Pages({
    invoker: functions,
    clock: systemClock,
    log: silentLog,
    chains: new Chains('key'),
    nextId: () => `inv_${(ids += 1)}`,
    matches: () => false,
  });
  const page = fakePrerender({ chain: { outputPath: 'shell', headers: { 'next-resume': '1' } } });
  const invoke = (spec: typeof render, head: RequestHead, exchange: Exchange): Invocation => {
    const output = head.target.slice(1);
    return pages.answer(
      { shelf: store.shelf('n', 's'), page, output, spec, chain: render, head, unfit: null, host: null },
      exchange,
    );
  };
  const { port } = await startEdge(context, handler, { edge: { invoker: { invoke } } });
  return { port, functions, store };
}
const render = fakeSpec('render');

const request = (path: string, method = 'GET', more = ''): string =>
  `${method} ${path} HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n${more}\r\n`;

/** The number of bytes after the head. */
const bodyOf = (text: string): string => text.slice(text.indexOf('\r\n\r\n') + 4);

test('missed and kept: the same bytes, with their length when it is known', async (context) => {
  const { port, functions } = await start(context, ({ exchange }) => {
    exchange.head(200, ['Content-Type', 'text/plain', 'Cache-Control', 's-maxage=60']);
    exchange.body(Buffer.from('hello '));
    exchange.body(Buffer.from('world'));
    exchange.end();
  });
  const missed = await converse(context, port, request('/page'));
  assert.match(missed, /^HTTP\/1.1 200 /);
  assert.match(missed, /X-Vercel-Cache: MISS\r\n/);
  assert.match(missed, /Cache-Control: public, max-age=0, must-revalidate\r\n/);
  assert.equal(bodyOf(missed), '6\r\nhello \r\n5\r\nworld\r\n0\r\n\r\n');
  const hit = await converse(context, port, request('/page'));
  assert.match(hit, /X-Vercel-Cache: HIT\r\n/);
  assert.match(hit, /Content-Length: 11\r\n/);
  assert.match(hit, /Age: \d\r\n/);
  assert.equal(bodyOf(hit), 'hello world');
  assert.equal(functions.all.length, 1);

  const head = await converse(context, port, request('/page', 'HEAD'));
  assert.match(head, /Content-Length: 11\r\n/);
  assert.equal(bodyOf(head), '');
  const tag = /ETag: (\S+)/.exec(hit)![1]!;
  const same = await converse(context, port, request('/page', 'GET', `If-None-Match: ${tag}\r\n`));
  assert.match(same, /^HTTP\/1.1 304 /);
  assert.doesNotMatch(same, /Content-(?:Length|Type)/);
  assert.equal(bodyOf(same), '');
});

test('an error page of the edge when the page cannot be made', async (context) => {
  const { port } = await start(context, ({ exchange }) => {
    exchange.reply(500, [], Buffer.from('stack'));
  });
  const text = await converse(context, port, request('/page'));
  assert.match(text, /^HTTP\/1.1 500 /);
  assert.match(text, /X-Vercel-Error: FUNCTION_INVOCATION_FAILED/);
  assert.doesNotMatch(text, /stack/);
});

test('a large page and a client that leaves in the middle: the next one has all of it', async (context) => {
  const body = Buffer.alloc(8 * 1024 * 1024, 'abcdefgh');
  const { port, functions, store } = await start(context, ({ exchange }) => {
    exchange.head(200, ['Content-Length', String(body.length)]);
    exchange.body(body.subarray(0, body.length / 2));
  });
  const leaving = client(context, port).send(request('/page'));
  await leaving.until(({ text }) => text.length > 100_000);
  leaving.close();
  const { exchange } = await functions.nth(1);
  exchange.body(body.subarray(body.length / 2));
  exchange.end();
  await store.settled();
  assert.equal(store.usage.memoryBytes, 0, 'it is on disk alone');
  for (let count = 0; count < 2; count += 1) {
    const text = await converse(context, port, request('/page'));
    assert.match(text, /X-Vercel-Cache: HIT\r\n/);
    assert.ok(bodyOf(text) === body.toString());
  }
});

test('the beginning of a page, and the rest of it, on one connection', async (context) => {
  const type = 'application/x-nextjs-pre-render; state-length=2; origin="text/html"';
  const { port } = await start(context, (seen) => {
    if (seen.head.method === 'GET') seen.exchange.reply(200, ['Content-Type', type], Buffer.from('{}<html>'));
    else void seen.until(({ bodyEnded }) => bodyEnded).then(() => seen.exchange.reply(200, [], Buffer.from(seen.body)));
  });
  for (const word of ['MISS', 'HIT']) {
    const text = await converse(context, port, request('/shell'));
    assert.match(text, new RegExp(`X-Vercel-Cache: ${word}\r\n`));
    assert.match(text, /Content-Type: text\/html\r\n/);
    assert.match(text, /\r\n6\r\n<html>\r\n2\r\n\{\}\r\n0\r\n\r\n$/);
  }
});
