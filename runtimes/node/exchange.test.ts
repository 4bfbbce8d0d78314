// What a (req, res) invocation is towards the platform: frames, credit, ends.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import * as http from 'node:http';
import { test } from 'node:test';
import { FakeCall, FakeHost } from './fake-call.fixture.ts';
import type { FakeOptions } from './fake-call.fixture.ts';
import { transitions } from './exchange.ts';
import { functionInvoker, serverInvoker } from './node-invoker.ts';

type Req = http.IncomingMessage;
type Res = http.ServerResponse;
type Handle = (req: Req, res: Res) => unknown;

const host = new FakeHost();
const start = (handle: Handle, options?: FakeOptions): FakeCall =>
  new FakeCall(options).begin(functionInvoker(handle as never, host, false));
const run = (handle: Handle, options?: FakeOptions): Promise<FakeCall> => start(handle, options).settled();
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('the lifecycle ends in one place', () => {
  assert.deepEqual(transitions.settled, []);
  assert.ok(Object.values(transitions).every((next) => next.every((phase) => phase in transitions)));
});

test('an answer that is complete at once leaves in one piece', async () => {
  const text = await run((_, res) => res.setHeader('x-a', 'b').end('hello'));
  assert.deepEqual(text.trace, ['reply 200']);
  assert.deepEqual(text.fields, ['x-a', 'b', 'Content-Length', '5']);
  assert.equal(text.text, 'hello');
  const nothing = await run((_, res) => res.writeHead(204).end());
  assert.deepEqual([nothing.trace, nothing.fields], [['reply 204'], []]);
});

test('chunks leave as they are written, the head with the first or at once', async () => {
  const call = start((_, res) => {
    res.flushHeaders();
    setImmediate(() => {
      res.write('one');
      setImmediate(() => res.end('three'));
    });
  });
  assert.deepEqual(call.trace, ['head 200']);
  await call.until('chunk');
  assert.deepEqual(call.trace, ['head 200', 'write 3']);
  await call.settled();
  assert.deepEqual(call.trace, ['head 200', 'write 3', 'write 5', 'end']);
});

test('hop-by-hop headers and trailers stay here', async () => {
  const call = await run((_, res) => {
    res.writeHead(200, {
      Connection: 'close',
      'Keep-Alive': 'timeout=5',
      'Transfer-Encoding': 'chunked',
      Trailer: 'x-sum',
      'Proxy-Connection': 'x',
      'x-kept': '1',
    });
    res.write('body');
    res.addTrailers({ 'x-sum': '1' });
    res.end();
  });
  assert.deepEqual(call.fields, ['x-kept', '1']);
  assert.equal(call.text, 'body');
  const empty = await run((_, res) => res.writeHead(204, { 'content-length': '0' }).end());
  assert.deepEqual(empty.fields, []);
});

test('interim answers', async () => {
  const call = await run((_, res) => {
    res.writeEarlyHints({ link: '</a.css>; rel=preload; as=style', 'x-trace': 'id' });
    res.writeProcessing();
    res.writeContinue();
    res.end('hinted');
  });
  assert.deepEqual(call.trace, ['inform 103', 'inform 102', 'inform 100', 'reply 200']);
  assert.deepEqual(call.informs[0]?.fields, ['Link', '</a.css>; rel=preload; as=style', 'x-trace', 'id']);
  const interim = await run((_, res) => res.writeHead(103).end());
  assert.equal(interim.code, 'FUNCTION_RESPONSE_INVALID');
});

test('write() says no when the credit is used up, and drain follows it', async () => {
  const seen: string[] = [];
  const call = start(
    (_, res) => {
      seen.push(String(res.write('1234', () => seen.push('first written'))));
      seen.push(String(res.write('5678', () => seen.push('second written'))));
      seen.push(`${res.writableNeedDrain} ${res.writableLength}`);
      res.on('drain', () => {
        seen.push(`drain ${res.writableNeedDrain} ${res.writableLength}`);
        res.end();
      });
    },
    { creditBytes: 6 },
  );
  await turn();
  assert.deepEqual(seen, ['true', 'false', 'true 4', 'first written']);
  call.grant(100);
  await call.settled();
  await turn();
  assert.deepEqual(seen.slice(4).toSorted(), ['drain false 0', 'second written']);
});

test('a request body is granted again as it is read, and no sooner', async () => {
  const call = new FakeCall({ method: 'POST', open: true });
  let request: Req | undefined;
  call.begin(functionInvoker(((req: Req) => (request = req)) as never, host, false));
  const block = 'x'.repeat(40_000);
  for (let sent = 0; sent < 4; sent += 1) call.send(block);
  assert.ok(call.consumedBytes < 160_000, `${call.consumedBytes} bytes granted to a body that nobody reads`);
  let bytes = 0;
  request?.on('data', (chunk: Buffer) => (bytes += chunk.length));
  await turn();
  assert.equal(bytes, 160_000);
  assert.equal(call.consumedBytes, 160_000);
  request?.pause();
  for (let sent = 0; sent < 4; sent += 1) call.send(block);
  assert.ok(call.consumedBytes < 320_000, `${call.consumedBytes} bytes granted to a reader that pauses`);
  request?.resume();
  await turn();
  assert.equal(call.consumedBytes, 320_000);
  call.sendEnd();
  await once(request!, 'end');
});

test('the client leaves: request, response and socket say so, in the order that Node has', async () => {
  const seen: string[] = [];
  const call = start(
    (req, res) => {
      req.on('aborted', () => seen.push('request aborted'));
      req.on('error', (error: NodeJS.ErrnoException) => seen.push(`request error ${error.message} ${error.code}`));
      req.on('close', () => seen.push('request close'));
      res.on('finish', () => seen.push('finish'));
      res.on('close', () => seen.push(`response close ${res.writableFinished} ${res.destroyed}`));
      req.socket.on('close', () => seen.push('socket close'));
      res.write('part');
      res.on('close', () => {
        seen.push(String(res.write('late', (error) => seen.push(`late ${(error as NodeJS.ErrnoException).code}`))));
        res.end('later');
      });
    },
    { method: 'POST', open: true },
  );
  call.cancel();
  await turn();
  await turn();
  assert.deepEqual(seen, [
    'request aborted',
    'response close false true',
    'false',
    'socket close',
    'late ERR_STREAM_DESTROYED',
    'request error aborted ECONNRESET',
    'request close',
  ]);
  assert.deepEqual(call.trace, ['head 200', 'write 4']);
});

test('a client that leaves a request without listeners does not end the process', async () => {
  const call = start((_, res) => void res.write('x'), { method: 'POST', open: true });
  call.cancel('timeout');
  await turn();
  await turn();
});

test('req.signal fires when the client leaves, and not after the answer', async () => {
  const signals: AbortSignal[] = [];
  const keep = (req: Req): number => signals.push((req as unknown as { signal: AbortSignal }).signal);
  start((req) => keep(req)).cancel();
  await run((req, res) => {
    keep(req);
    res.end();
  });
  await turn();
  // Node 22's requests have none.
  const isThere = 'signal' in http.IncomingMessage.prototype;
  assert.deepEqual(
    signals.map((signal) => (signal as AbortSignal | undefined)?.aborted),
    isThere ? [true, false] : [undefined, undefined],
  );
});

test('destroying the response, the request or the socket is a failure, said once', async () => {
  const before = await run((_, res) => res.destroy());
  assert.deepEqual([before.trace, before.code], [['fail FUNCTION_INVOCATION_FAILED'], 'FUNCTION_INVOCATION_FAILED']);
  const after = await run((req, res) => {
    res.write('x');
    req.socket.destroy();
    req.destroy();
  });
  assert.deepEqual(after.trace, ['head 200', 'write 1', 'fail FUNCTION_INVOCATION_FAILED']);
});

test('what a handler throws or rejects with is a 500 of that invocation alone, logged with its stack', async () => {
  const thrown = await run(() => {
    throw new RangeError('secret detail');
  });
  assert.deepEqual([thrown.code, thrown.detail], ['FUNCTION_INVOCATION_FAILED', 'The function threw RangeError.']);
  assert.match(host.lines.at(-1)!.text, /RangeError: secret detail\n\s+at /);
  assert.equal(host.lines.at(-1)!.call, thrown);
  const rejected = await run(async (_, res) => {
    res.write('x');
    await Promise.reject(new Error('midway'));
  });
  assert.deepEqual(rejected.trace, ['head 200', 'write 1', 'fail FUNCTION_INVOCATION_FAILED']);
  const server = http.createServer(() => {
    throw new Error('listener');
  });
  assert.equal((await new FakeCall().begin(serverInvoker(server, host)).settled()).code, 'FUNCTION_INVOCATION_FAILED');
});

test('a (req, res) function that returns a Response fails at once, and is told what to export', async () => {
  const outcomes = [
    await run(() => new Response('hi')),
    await run(async () => Response.json({})),
    await run(async (req) => fetch(`data:text/plain,${req.method}`)),
  ];
  for (const call of outcomes) {
    assert.deepEqual(call.trace, ['fail FUNCTION_INVOCATION_FAILED']);
    assert.match(call.detail, /returned a Response, but .* `export default \{ fetch \}`/);
    assert.ok(host.lines.some((line) => line.call === call && line.text === call.detail));
  }
  const answered: Handle[] = [
    (_, res) => res.end('x'),
    async (_, res) => (res.end('x'), new Response('unheard')),
    (_, res) => void setImmediate(() => res.end('x')),
    (_, res) => (setImmediate(() => res.end('x')), { status: 'text', headers: {} }),
    async (_, res) => (setImmediate(() => res.end('x')), res),
  ];
  for (const handle of answered) assert.equal((await run(handle)).text, 'x');
  const begun = start((_, res) => (res.write('x'), new Response('unheard')));
  assert.deepEqual(begun.trace, ['head 200', 'write 1']);
});

test('the socket says who the client is', async () => {
  const headers = ['x-real-ip', '2001:db8::1', 'x-forwarded-proto', 'https'];
  const call = await run(
    (req, res) => {
      const { remoteAddress, remoteFamily, encrypted } = req.socket as unknown as Record<string, unknown>;
      res.end(JSON.stringify([remoteAddress, remoteFamily, encrypted, req.connection === req.socket]));
    },
    { headers },
  );
  assert.deepEqual(JSON.parse(call.text), ['2001:db8::1', 'IPv6', true, true]);
});

test('setTimeout: listeners are told, and without any the connection is closed', async (t) => {
  // Such a timer does not keep a process.
  const alive = setInterval(() => undefined, 1000);
  t.after(() => clearInterval(alive));
  const told = start((_, res) => res.setTimeout(1, () => res.end('timed out')));
  assert.equal((await told.settled()).text, 'timed out');
  const closed = await run((req) => req.setTimeout(1));
  assert.equal(closed.code, 'FUNCTION_INVOCATION_FAILED');
});

test('a server with message classes of its own gets them', async () => {
  class MyRequest extends http.IncomingMessage {
    get shout(): string {
      return (this.url ?? '').toUpperCase();
    }
  }
  class MyResponse extends http.ServerResponse {
    override writeHead(status: number): this {
      this.setHeader('x-class', 'mine');
      return super.writeHead(status);
    }
  }
  const server = http.createServer(
    { IncomingMessage: MyRequest, ServerResponse: MyResponse as typeof http.ServerResponse<MyRequest> },
    (req, res) => {
      res.end(req.shout);
    },
  );
  const call = await new FakeCall({ target: '/abc' }).begin(serverInvoker(server, host)).settled();
  assert.deepEqual([call.text, call.header('x-class')], ['/ABC', 'mine']);
});
