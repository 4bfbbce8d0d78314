import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeCall, FakeHost } from './fake-call.fixture.ts';
import type { FakeOptions } from './fake-call.fixture.ts';
import { webInvoker } from './web.ts';
import type { WebHandler } from './web.ts';

const host = new FakeHost();
const of = (methods: Record<string, WebHandler>, fetch: WebHandler | null = null): ReturnType<typeof webInvoker> =>
  webInvoker({ self: { name: 'self' }, methods: Object.assign(Object.create(null) as object, methods), fetch }, host);
const start = (handler: WebHandler, options?: FakeOptions): FakeCall => new FakeCall(options).begin(of({}, handler));
const run = (handler: WebHandler, options?: FakeOptions): Promise<FakeCall> => start(handler, options).settled();
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('a method export goes before fetch; HEAD falls back to GET; OPTIONS and 405 answer by themselves', async () => {
  const call = async (
    methods: Record<string, WebHandler>,
    fetch: WebHandler | null,
    method: string,
  ): Promise<FakeCall> => new FakeCall({ method }).begin(of(methods, fetch)).settled();
  const say =
    (text: string): WebHandler =>
    () =>
      new Response(text);
  assert.equal((await call({ GET: say('method') }, say('fetch'), 'GET')).text, 'method');
  assert.equal((await call({ GET: say('method') }, say('fetch'), 'POST')).text, 'fetch');
  assert.equal((await call({ HEAD: say('head'), GET: say('get') }, null, 'HEAD')).status, 200);
  const head = await call({ GET: say('four') }, null, 'HEAD');
  assert.deepEqual([head.status, head.text, head.header('content-length')], [200, '', '4']);
  const options = await call({ GET: say('x'), POST: say('y') }, null, 'OPTIONS');
  assert.deepEqual([options.status, options.header('allow')], [204, 'GET, HEAD, OPTIONS, POST']);
  const missing = await call({ GET: say('x') }, null, 'DELETE');
  assert.deepEqual([missing.status, missing.header('allow')], [405, 'GET, HEAD, OPTIONS']);
  assert.equal((await call({}, say('any'), 'PROPFIND')).text, 'any');
});

test('what the request says', async () => {
  const headers = [
    'host',
    'inner',
    'x-forwarded-host',
    'App.Example:443',
    'x-forwarded-proto',
    'https',
    'x-a',
    '1',
    'X-A',
    '2',
  ];
  const call = await run(
    (request) =>
      Response.json([
        request.method,
        request.url,
        request.headers.get('x-a'),
        request instanceof Request,
        request.body,
      ]),
    { method: 'DELETE', target: '/a%20b/../c?q=é', headers },
  );
  assert.deepEqual(JSON.parse(call.text), ['DELETE', 'https://app.example/c?q=%C3%A9', '1, 2', true, null]);
});

test('handlers are called on what they were found on, with the context', async () => {
  const seen: unknown[] = [];
  const call = await run(function (this: unknown, _request, context) {
    seen.push(this);
    return Response.json([typeof context.waitUntil, Date.parse(context.deadline) > Date.now()]);
  });
  assert.deepEqual(seen, [{ name: 'self' }]);
  assert.deepEqual(JSON.parse(call.text), ['function', true]);
});

test('text and bytes leave in one piece, also from a promise; streams as they come', async () => {
  assert.deepEqual((await run(() => new Response('x'))).trace, ['reply 200']);
  assert.deepEqual((await run(async () => new Response(Buffer.from('x'), { status: 201 }))).trace, ['reply 201']);
  assert.deepEqual((await run(() => new Response(null, { status: 204 }))).trace, ['reply 204']);
  let controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  const stream = new ReadableStream<Uint8Array>({ start: (given) => void (controller = given) });
  const call = start(() => new Response(stream, { headers: { 'content-type': 'text/event-stream' } }));
  assert.deepEqual(call.trace, ['head 200'], 'the head does not wait for a chunk');
  for (const text of ['one', 'three']) {
    const chunk = call.until('chunk');
    controller?.enqueue(Buffer.from(text));
    await chunk;
  }
  controller?.close();
  await call.settled();
  assert.deepEqual(call.trace, ['head 200', 'write 3', 'write 5', 'end']);
});

test('back-pressure: the stream is asked for no more than the client takes', async () => {
  let pulled = 0;
  const stream = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        pulled += 1;
        if (pulled > 20) controller.close();
        else controller.enqueue(new Uint8Array(10));
      },
    },
    { highWaterMark: 0 },
  );
  const call = start(() => new Response(stream), { creditBytes: 30 });
  for (let turns = 0; turns < 10; turns += 1) await turn();
  assert.equal(pulled, 3);
  call.grant(1000);
  await call.settled();
  assert.equal(call.chunks.length, 20);
});

test('request bodies: gathered, streamed, echoed, ignored', async () => {
  const body = ['{"a":', '"é"}'];
  const post = (handler: WebHandler): Promise<FakeCall> => run(handler, { method: 'POST', body });
  assert.equal((await post(async (request) => new Response(await request.text()))).text, '{"a":"é"}');
  assert.equal((await post(async (request) => Response.json(await request.json()))).text, '{"a":"é"}');
  assert.equal((await post(async (request) => new Response(await request.arrayBuffer()))).text, '{"a":"é"}');
  assert.equal((await post(async (request) => new Response(await (await request.blob()).text()))).text, '{"a":"é"}');
  const echo = await post((request) => new Response(request.body));
  assert.equal(echo.text, '{"a":"é"}');
  assert.equal(echo.consumedBytes, 10);
  assert.equal((await post(() => new Response('ignored'))).text, 'ignored');
  const twice = await post(async (request) => {
    await request.text();
    const again = await request.text().catch((error: Error) => error.name);
    return Response.json([again, request.bodyUsed]);
  });
  assert.deepEqual(JSON.parse(twice.text), ['TypeError', true]);
});

test('a request body is granted again as its stream is read, and no sooner', async () => {
  let request: Request | undefined;
  const call = new FakeCall({ method: 'POST', open: true });
  call.begin(
    of({}, (given) => {
      request = given;
      return new Promise(() => undefined);
    }),
  );
  call.send('12345');
  call.send('67890');
  assert.equal(call.consumedBytes, 0);
  const reader = request!.body!.getReader();
  assert.equal((await reader.read()).value?.length, 5);
  assert.equal(call.consumedBytes, 5);
  const next = reader.read();
  const third = reader.read();
  call.send('ab');
  assert.deepEqual([(await next).value?.length, (await third).value?.length], [5, 2]);
  call.sendEnd();
  assert.equal((await reader.read()).done, true);
});

test('a request stream can be read with a buffer of the reader', async () => {
  const call = start(
    async (request) => {
      const reader = (request.body as unknown as ReadableStream).getReader({ mode: 'byob' } as never) as unknown as {
        read(view: Uint8Array): Promise<{ done: boolean; value?: Uint8Array }>;
      };
      const first = await reader.read(new Uint8Array(2));
      const second = await reader.read(new Uint8Array(8));
      const last = await reader.read(new Uint8Array(8));
      return Response.json([Buffer.from(first.value!).toString(), Buffer.from(second.value!).toString(), last.done]);
    },
    { method: 'POST', body: ['abcd'] },
  );
  assert.deepEqual(JSON.parse((await call.settled()).text), ['ab', 'cd', true]);
});

test('the client leaves: signal, request stream and response stream are told why', async () => {
  const seen: string[] = [];
  const signals: AbortSignal[] = [];
  const call = start(
    (request) => {
      signals.push(request.signal);
      request.signal.addEventListener('abort', () => seen.push(`signal ${(request.signal.reason as Error).name}`));
      request.text().catch((error: Error) => seen.push(`body ${error.name}`));
      return new Response(new ReadableStream({ cancel: (reason: Error) => void seen.push(`cancel ${reason.name}`) }));
    },
    { method: 'POST', open: true },
  );
  call.cancel();
  await turn();
  assert.deepEqual(seen.toSorted(), ['body AbortError', 'cancel AbortError', 'signal AbortError']);
  const late = start(() => new Promise(() => undefined));
  late.cancel('timeout');
  let request: Request | undefined;
  const timeout = start((given) => {
    request = given;
    return new Promise(() => undefined);
  });
  timeout.cancel('timeout');
  assert.equal((request!.signal.reason as Error).name, 'TimeoutError', 'a signal that is looked at late has fired');
});

test('what cannot be sent is a clear failure', async () => {
  const failure = async (handler: WebHandler): Promise<string> => {
    const call = await run(handler);
    assert.equal(call.code, 'FUNCTION_INVOCATION_FAILED');
    return call.detail;
  };
  assert.equal(await failure(() => 'text'), 'expected a Response from the handler, got string');
  assert.equal(await failure(() => undefined), 'expected a Response from the handler, got undefined');
  assert.match(await failure(() => Response.error()), /Response\.error\(\)/);
  assert.match(
    await failure(async () => {
      const read = new Response('x');
      await read.text();
      return read;
    }),
    /whose body was not read/,
  );
  assert.equal(
    await failure(() => {
      throw new SyntaxError('secret');
    }),
    'The function threw SyntaxError.',
  );
  assert.match(host.lines.at(-1)!.text, /SyntaxError: secret\n\s+at /);
  const broken = new ReadableStream({ pull: (controller) => controller.error(new Error('midway')) });
  const call = await run(() => new Response(broken));
  assert.deepEqual(call.trace, ['head 200', 'fail FUNCTION_INVOCATION_FAILED']);
});

test('cookies stay apart, hop-by-hop headers stay here', async () => {
  const call = await run(() => {
    const response = new Response('x', { headers: { connection: 'close', 'x-a': '1' } });
    response.headers.append('set-cookie', 'a=1');
    response.headers.append('set-cookie', 'b=2; Path=/');
    return response;
  });
  assert.deepEqual(call.all('set-cookie'), ['a=1', 'b=2; Path=/']);
  assert.equal(call.header('connection'), undefined);
  const plain = await run(() => new Response('x', { headers: { 'Transfer-Encoding': 'chunked', 'x-a': '1' } }));
  assert.deepEqual(plain.fields, ['x-a', '1', 'content-type', 'text/plain;charset=UTF-8']);
});
