import assert from 'node:assert/strict';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { test } from 'node:test';
import { limits } from '../../src/base/limits.ts';
import { FakeCall, FakeHost } from './fake-call.fixture.ts';
import type { FakeOptions } from './fake-call.fixture.ts';
import { functionInvoker } from './node-invoker.ts';

/** What user code sees: Node's messages and the helpers. */
interface Req extends IncomingMessage {
  body: unknown;
  query: unknown;
  cookies: unknown;
}
interface Res extends ServerResponse {
  status(code: number): this;
  send(body: unknown): this;
  json(value: unknown): this;
  redirect(status: number | string, url?: string): this;
}
type Handle = (req: Req, res: Res) => unknown;

const host = new FakeHost();
const start = (handle: Handle, options?: FakeOptions): FakeCall =>
  new FakeCall(options).begin(functionInvoker(handle as never, host, true));
const run = (handle: Handle, options?: FakeOptions): Promise<FakeCall> => start(handle, options).settled();
const post = (type: string, ...body: string[]): FakeOptions => ({
  method: 'POST',
  headers: ['Content-Type', type],
  body,
});

test('query and cookies', async () => {
  const call = await run((req, res) => res.json([req.query, req.cookies, req.query === req.query]), {
    target: '/api/users/42?tag=a&tag=b&id=42&__proto__=x&empty=',
    headers: ['cookie', 'a=1; b="two"; c=%C3%A9; a=again; d=%zz; nonsense'],
  });
  const [query, cookies, same] = JSON.parse(call.text) as unknown[];
  assert.deepEqual(query, JSON.parse('{"tag":["a","b"],"id":"42","__proto__":"x","empty":""}'));
  assert.deepEqual(cookies, { a: '1', b: 'two', c: 'é', d: '%zz' });
  assert.equal(same, true);
});

test('body by content type', async () => {
  const body = async (options: FakeOptions): Promise<unknown> =>
    JSON.parse((await run((req, res) => res.json([req.body ?? 'undefined']), options)).text)[0];
  assert.deepEqual(await body(post('application/json; charset=utf-8', '{"a":', '[1]}')), { a: [1] });
  assert.deepEqual(await body(post('application/json')), {});
  assert.deepEqual(await body(post('application/x-www-form-urlencoded', 'a=1&b=x+y&b=z')), { a: '1', b: ['x y', 'z'] });
  assert.equal(await body(post('text/plain', 'te', 'xt')), 'text');
  assert.deepEqual(await body(post('application/octet-stream', 'AB')), { type: 'Buffer', data: [65, 66] });
  assert.equal(await body(post('multipart/form-data; boundary=x', '--x')), 'undefined');
  assert.equal(await body({ headers: [] }), 'undefined');
});

test('invalid JSON is a 400 at access, which the function may catch', async () => {
  const options = post('application/json', '{"a":');
  const uncaught = await run((req, res) => res.json(req.body), options);
  assert.deepEqual([uncaught.status, uncaught.code], [400, '']);
  assert.match(uncaught.text, /^Invalid JSON/);
  const caught = await run(async (req, res) => {
    await Promise.resolve();
    try {
      res.json(req.body);
    } catch (error) {
      res.status((error as { statusCode: number }).statusCode).send('mine');
    }
  }, options);
  assert.deepEqual([caught.status, caught.text], [400, 'mine']);
  assert.equal((await run(async (req, res) => res.json(req.body), options)).status, 400);
});

test('a body that was parsed can still be read as a stream', async () => {
  const call = await run(
    async (req, res) => {
      const chunks: Buffer[] = [];
      for await (const chunk of req as AsyncIterable<Buffer>) chunks.push(chunk);
      res.json([req.body, Buffer.concat(chunks).toString()]);
    },
    post('application/json', '{"a"', ':1}'),
  );
  assert.deepEqual(JSON.parse(call.text), [{ a: 1 }, '{"a":1}']);
  assert.equal(call.consumedBytes, 7);
});

test('a body that is not parsed streams: the function does not wait for it', async () => {
  const call = start(
    (req, res) => {
      req.once('data', (chunk: Buffer) => res.end(`got ${chunk.toString()}`));
    },
    { method: 'POST', headers: ['content-type', 'application/x-ndjson'], open: true },
  );
  call.send('first');
  assert.equal((await call.settled()).text, 'got first');
});

test('a body above the limit is there as a stream, and req.body says so', async () => {
  const call = start(
    async (req, res) => {
      let status = 0;
      try {
        void req.body;
      } catch (error) {
        ({ statusCode: status } = error as { statusCode: number });
      }
      let bytes = 0;
      for await (const chunk of req as AsyncIterable<Buffer>) bytes += chunk.length;
      res.json([status, bytes]);
    },
    { method: 'POST', headers: ['content-type', 'text/plain'], open: true },
  );
  const block = 'x'.repeat(1024 * 1024);
  const blocks = limits.parsedBodyBytes / block.length + 2;
  for (let sent = 0; sent < blocks; sent += 1) call.send(block);
  call.sendEnd();
  assert.deepEqual(JSON.parse((await call.settled()).text), [413, blocks * block.length]);
});

test('send, json, status, redirect', async () => {
  const text = await run((_, res) => res.status(201).send('hé'));
  assert.deepEqual(text.trace, ['reply 201']);
  assert.equal(text.header('content-type'), 'text/html; charset=utf-8');
  assert.equal(text.header('content-length'), '3');
  assert.match(text.header('etag') ?? '', /^W\/"3-[\w+/]{27}"$/);
  const typed = await run((_, res) => {
    res.setHeader('Content-Type', 'text/css');
    res.send('a{}');
  });
  assert.equal(typed.header('content-type'), 'text/css; charset=utf-8');
  const bytes = await run((_, res) => res.send(Buffer.from('x')));
  assert.equal(bytes.header('content-type'), 'application/octet-stream');
  for (const value of [{ a: 1 }, [1], 5, true]) {
    const json = await run((_, res) => res.send(value));
    assert.deepEqual([json.header('content-type'), JSON.parse(json.text)], ['application/json; charset=utf-8', value]);
  }
  assert.equal((await run((_, res) => res.send(null))).text, '');
  const none = await run((_, res) => res.status(204).send('dropped'));
  assert.deepEqual([none.text, none.fields], ['', []]);
  const head = await run((_, res) => res.send('four'), { method: 'HEAD' });
  assert.deepEqual([head.text, head.header('content-length')], ['', '4']);
  const to = await run((_, res) => res.redirect('/to'));
  assert.deepEqual([to.status, to.header('location')], [307, '/to']);
  const moved = await run((_, res) => res.redirect(301, 'https://example.com/'));
  assert.deepEqual([moved.status, moved.header('location')], [301, 'https://example.com/']);
  assert.equal((await run((_, res) => res.redirect(301))).code, 'FUNCTION_INVOCATION_FAILED');
});

test('what user code assigns stays', async () => {
  const call = await run(
    (req, res) => {
      req.body = 'mine';
      req.query = { q: 1 };
      req.cookies = [];
      res.json([req.body, req.query, req.cookies]);
    },
    post('application/json', '{}'),
  );
  assert.deepEqual(JSON.parse(call.text), ['mine', { q: 1 }, []]);
});

test('without helpers there are none', async () => {
  const invoke = functionInvoker(
    ((req: Req, res: Res) => res.end(JSON.stringify([typeof req.query, typeof res.json]))) as never,
    host,
    false,
  );
  assert.deepEqual(JSON.parse((await new FakeCall().begin(invoke).settled()).text), ['undefined', 'undefined']);
});
