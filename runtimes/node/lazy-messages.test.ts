// A lazy Request or Response has to be told from a real one by its cost alone.
import assert from 'node:assert/strict';
import * as http from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { installGlobals } from './globals.ts';
import { createRequest, nativeRequest } from './lazy-request.ts';
import { nativeResponse, simpleResponse } from './lazy-response.ts';
import { RequestBody } from './request-body.ts';
import { requestUrl } from './request-url.ts';

const { Request: RealRequest, Response: RealResponse } = globalThis;
installGlobals();

const bodyOf = (...chunks: string[]): RequestBody => {
  const body = new RequestBody(() => undefined);
  for (const chunk of chunks) body.push(Buffer.from(chunk));
  body.end();
  return body;
};
const lazy = (body: RequestBody | null = null): Request =>
  createRequest({
    method: body === null ? 'GET' : 'POST',
    url: 'http://localhost/a?b=c',
    fields: ['Accept', 'x/y', 'Content-Type', 'text/plain'],
    requestBody: body,
    signal: new AbortController().signal,
  });
const real = (body?: string): Request =>
  new RealRequest('http://localhost/a?b=c', {
    method: body === undefined ? 'GET' : 'POST',
    headers: { accept: 'x/y', 'content-type': 'text/plain' },
    ...(body === undefined ? {} : { body, duplex: 'half' }),
  });

const members = (owner: object): string[] => {
  const names = new Set<string>();
  for (
    let from: object | null = owner;
    from !== null && from !== Object.prototype;
    from = Object.getPrototypeOf(from)
  ) {
    for (const name of Object.getOwnPropertyNames(from)) names.add(name);
  }
  return [...names].toSorted();
};

test('every member that a real one has, with the value that it has there', () => {
  const [ours, theirs] = [lazy(), real()];
  assert.deepEqual(members(ours), members(theirs));
  for (const name of members(theirs)) {
    const value: unknown = Reflect.get(theirs, name);
    if (typeof value === 'function' || typeof value === 'object') continue;
    assert.equal(Reflect.get(ours, name), value, name);
  }
  assert.deepEqual([...ours.headers], [...theirs.headers]);
  assert.equal(Object.prototype.toString.call(ours), '[object Request]');
  assert.match(inspect(ours), /^Request \{/);
  assert.ok(ours instanceof Request && ours instanceof RealRequest);
});

test('a lazy Request can be copied, cloned, extended and fetched', async (t) => {
  const request = lazy(bodyOf('one', 'two'));
  const copy = new Request(request, { headers: { 'x-new': '1' } });
  assert.equal(copy.headers.get('x-new'), '1');
  assert.equal(await copy.text(), 'onetwo');
  assert.equal(request.bodyUsed, true);
  const original = lazy(bodyOf('again'));
  const clone = original.clone();
  assert.deepEqual([await original.text(), await clone.text()], ['again', 'again']);
  class MyRequest extends Request {
    readonly mine = true;
  }
  const mine = new MyRequest(lazy(bodyOf('sub')));
  assert.ok(mine.mine && mine instanceof MyRequest && mine instanceof Request);
  assert.equal(await mine.text(), 'sub');
  const server = http.createServer((req, res) => void req.pipe(res.setHeader('x-method', req.method ?? '')));
  t.after(() => server.close());
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  const passed = createRequest({
    method: 'PUT',
    url: `http://127.0.0.1:${port}/`,
    fields: [],
    requestBody: bodyOf('fetched'),
    signal: new AbortController().signal,
  });
  const answer = await fetch(passed);
  assert.ok(answer instanceof Response, 'what fetch answers is an instance of the global Response');
  assert.deepEqual([answer.headers.get('x-method'), await answer.text()], ['PUT', 'fetched']);
});

test('headers are the same object each time, and changes to them are seen by what is made of the request', () => {
  const request = lazy();
  request.headers.set('x-added', 'yes');
  assert.equal(request.headers.get('x-added'), 'yes');
  assert.equal(new Request(request).headers.get('x-added'), 'yes');
  const copied = lazy();
  const native = nativeRequest(copied);
  assert.equal(copied.headers, native.headers);
});

test('a body is read once', async () => {
  const request = lazy(bodyOf('x'));
  assert.equal(request.bodyUsed, false);
  await request.text();
  assert.equal(request.bodyUsed, true);
  await assert.rejects(request.json(), TypeError);
  assert.throws(() => request.body!.getReader(), TypeError);
  assert.equal(await lazy().text(), '');
});

test('a body that was read is a used one to everything that looks at it', async () => {
  for (const make of [() => lazy(bodyOf('x')), () => real('x')]) {
    for (const read of ['text', 'json', 'arrayBuffer', 'bytes', 'blob'] as const) {
      const request = make();
      await request[read]().catch(() => undefined);
      assert.deepEqual([request.body?.locked, request.bodyUsed], [true, true], read);
      assert.throws(() => new Request('http://localhost/other', request), TypeError);
      assert.throws(() => new Request(request), TypeError);
      assert.throws(() => request.clone(), TypeError);
      await assert.rejects(fetch(request), TypeError);
      await assert.rejects(request.text(), TypeError);
    }
    const passed = make();
    const copy = new Request('http://localhost/other', passed);
    assert.deepEqual([copy.url, copy.method, await copy.text()], ['http://localhost/other', 'POST', 'x']);
  }
});

test('a body that is being read is a used one too, and is read to its end', async () => {
  const body = new RequestBody(() => undefined);
  const request = lazy(body);
  const text = request.text();
  assert.deepEqual([request.body?.locked, request.bodyUsed], [true, true]);
  body.push(Buffer.from('late'));
  body.end();
  assert.equal(await text, 'late');
});

test('a byte order mark is dropped, what is not UTF-8 replaced', async () => {
  const body = new RequestBody(() => undefined);
  body.push(Buffer.from([0xef, 0xbb, 0xbf, 0x61, 0xff]));
  body.end();
  assert.equal(await lazy(body).text(), 'a\ufffd');
});

test('a lazy Response has the members and values of a real one', async () => {
  const cases: readonly (readonly [unknown?, ResponseInit?])[] = [
    [],
    [null],
    [null, { status: 204 }],
    ['text'],
    ['text', { status: 404, headers: { 'Content-Type': 'x/y', 'X-A': ' padded ' } }],
    [
      'text',
      {
        statusText: 'Fine',
        headers: [
          ['a', '1'],
          ['a', '2'],
        ],
      },
    ],
    [Buffer.from('bytes'), { headers: new Headers({ b: '2' }) }],
    [new URLSearchParams('a=1')],
    ['text', null as never],
  ];
  for (const [body, init] of cases) {
    const ours = new Response(body as never, init);
    const theirs = new RealResponse(body as never, init);
    assert.deepEqual(members(ours), members(theirs));
    for (const name of ['status', 'statusText', 'ok', 'type', 'url', 'redirected', 'bodyUsed'] as const) {
      assert.equal(ours[name], theirs[name], name);
    }
    assert.equal(ours.body === null, theirs.body === null);
    assert.deepEqual([...ours.headers], [...theirs.headers]);
    assert.equal(await ours.text(), await theirs.text());
  }
  assert.equal(Object.prototype.toString.call(new Response('x')), '[object Response]');
  assert.equal(Response.name, 'Response');
});

test('mistakes are the errors that a real one throws', () => {
  const cases: readonly (readonly [unknown, unknown?])[] = [
    ['x', { status: 199 }],
    ['x', { status: 600 }],
    ['x', { status: 200.5 }],
    ['x', { status: 204 }],
    ['x', { headers: { 'bad name': 'x' } }],
    ['x', { headers: { a: 'line\nbreak' } }],
    ['x', { statusText: 'é\n' }],
    ['x', 'not an init'],
  ];
  const outcome = (make: typeof Response, body: unknown, init: unknown): string => {
    try {
      return String(new make(body as never, init as never).status);
    } catch (error) {
      return `${(error as Error).name}: ${(error as Error).message}`;
    }
  };
  for (const [body, init] of cases) assert.equal(outcome(Response, body, init), outcome(RealResponse, body, init));
  assert.throws(() => Response.json(undefined), TypeError);
  assert.throws(() => (Response as unknown as () => void)(), TypeError);
});

test('only what is known whole is sent without a stream', async () => {
  assert.deepEqual(simpleResponse(Response.json({ a: 1 }, { status: 201, headers: { b: '2' } })), {
    status: 201,
    fields: ['b', '2', 'content-type', 'application/json'],
    body: '{"a":1}',
  });
  assert.equal(simpleResponse(new Response(new ReadableStream())), null);
  assert.equal(simpleResponse(Response.redirect('http://localhost/to')), null);
  assert.equal(Response.redirect('http://localhost/to', 301).headers.get('location'), 'http://localhost/to');
  const touched = new Response('x');
  touched.headers.set('content-type', 'x/y');
  assert.deepEqual(simpleResponse(touched)?.fields, ['content-type', 'x/y']);
  await touched.text();
  assert.equal(simpleResponse(touched), null, 'one whose body was read has to be looked at');
  const bytes = Buffer.from('before');
  const kept = new Response(bytes);
  bytes.fill(0);
  assert.equal(await kept.text(), 'before');
});

test('subclasses, clones and instanceof', async () => {
  class MyResponse extends Response {
    readonly mine = true;
  }
  const mine = new MyResponse('x', { status: 201 });
  assert.ok(mine instanceof MyResponse && mine instanceof Response && mine instanceof RealResponse);
  assert.ok(!(new Response('x') instanceof MyResponse));
  assert.deepEqual([mine.status, await mine.text()], [201, 'x']);
  const plain = new Response('twice');
  const clone = plain.clone();
  assert.deepEqual([await plain.text(), await clone.text()], ['twice', 'twice']);
  assert.ok(new Response() instanceof RealResponse);
  assert.ok(nativeResponse(new Response('x')) instanceof RealResponse);
});

test('request.url is what the URL parser makes of it', () => {
  const targets = [
    '/',
    '/a/b.c?d=e&f=g',
    '/a/../b',
    '/%2e%2E/x',
    '/é?ü=€',
    "/q?'x'",
    '/a|b',
    '//double',
    '/.well-known/x',
  ];
  for (const target of targets) {
    assert.equal(requestUrl(['host', 'Example.COM:80'], target), new URL(`http://example.com${target}`).href, target);
  }
  assert.equal(requestUrl(['host', 'x', 'x-forwarded-proto', 'https'], '/'), 'https://x/');
  assert.equal(requestUrl(['host', 'bad host'], '/a'), 'http://localhost/a');
  assert.equal(requestUrl([], '/a'), 'http://localhost/a');
});
