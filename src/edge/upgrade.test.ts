import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Clock, systemClock } from '../base/clock.ts';
import { limits } from '../base/limits.ts';
import { client, startEdge } from './edge.fixture.ts';
import type { Handler, Seen } from './edge.fixture.ts';

const ask = ['GET /chat HTTP/1.1', 'Host: localhost', 'Connection: Upgrade', 'Upgrade: websocket', '', ''].join('\r\n');
const never: Handler = () => undefined;
const opened = /^HTTP\/1\.1 101 Switching Protocols\r\n(?:.+\r\n)*\r\n/;

/** Accepts, and sends back what comes. */
const echo: Handler = (seen) => {
  seen.exchange.head(101, [
    'Upgrade',
    'websocket',
    'Connection',
    'Upgrade',
    'Sec-WebSocket-Accept',
    'abc',
    'X-Vercel-Id',
    'forged',
  ]);
  const write = seen.write.bind(seen);
  const endBody = seen.endBody.bind(seen);
  seen.write = (chunk) => {
    seen.exchange.body(chunk);
    return write(chunk);
  };
  seen.endBody = () => {
    endBody();
    seen.exchange.end();
  };
};

test('after a 101 bytes go both ways, and each side ends by itself', async (t) => {
  const { port, invoker } = await startEdge(t, echo);
  const connection = client(t, port, { allowHalfOpen: true }).send(ask);
  const head = await connection.reads(opened);
  const seen = invoker.all[0]!;
  assert.deepEqual([seen.head.upgrade, seen.head.hasBody, seen.head.target], [true, false, '/chat']);
  assert.deepEqual([seen.header('connection'), seen.header('upgrade')], ['Upgrade', 'websocket']);
  assert.match(head, /Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: abc\r\n/);
  assert.doesNotMatch(head, /forged|Content-Length|Transfer-Encoding/);
  connection.send('one\0\r\n\xff');
  await connection.reads(/one\0\r\n\xff$/);
  connection.socket.end('last');
  await connection.reads(/last$/);
  await connection.untilClosed();
  assert.deepEqual([seen.body, seen.bodyEnded, seen.cancelled], ['one\0\r\n\xfflast', true, 0]);
});

test('what the client sends before the 101 is kept for after it', async (t) => {
  const { port, invoker } = await startEdge(t, never);
  const connection = client(t, port).send(`${ask}early`);
  const seen = await invoker.nth(1);
  connection.send(' and more');
  assert.equal(seen.body, '');
  seen.exchange.head(101, []);
  await seen.until(({ body }) => body === 'early and more');
  await connection.reads(/Upgrade: websocket\r\n/);
});

test('the function may end first', async (t) => {
  const { port, invoker } = await startEdge(t, never);
  const connection = client(t, port, { allowHalfOpen: true }).send(ask);
  const seen = await invoker.nth(1);
  seen.exchange.head(101, []);
  seen.exchange.body(Buffer.from('bye'));
  seen.exchange.end();
  await connection.until(({ ended }) => ended);
  assert.match(connection.text, /bye$/);
  connection.socket.end('also bye');
  await seen.until(({ bodyEnded }) => bodyEnded);
  await connection.untilClosed();
  assert.deepEqual([seen.body, seen.cancelled], ['also bye', 0]);
});

test('a client that does not end when the function has ended is cut off', async (t) => {
  const timers = new Map<number, () => void>();
  const clock: Clock = {
    ...systemClock,
    after(delayMs, fire) {
      timers.set(delayMs, fire);
      return { cancel: () => timers.delete(delayMs) };
    },
  };
  const { port, invoker } = await startEdge(t, never, { edge: { clock } });
  const connection = client(t, port, { allowHalfOpen: true }).send(ask);
  const seen = await invoker.nth(1);
  seen.exchange.head(101, []);
  seen.exchange.body(Buffer.from('bye'));
  seen.exchange.end();
  await connection.until(({ ended }) => ended);
  assert.match(connection.text, /bye$/);
  // All has been taken, so the time that a slow client gets is over.
  assert.ok(!timers.has(limits.clientStallMs));
  timers.get(limits.socketCloseMs)!();
  await seen.until(({ cancelled }) => cancelled === 1);
});

test('a client that leaves: the function is told', async (t) => {
  const { port, invoker } = await startEdge(t, never);
  const before = client(t, port).send(ask);
  const first = await invoker.nth(1);
  before.close();
  await first.until(({ cancelled }) => cancelled === 1);
  const after = client(t, port).send(ask);
  const second = await invoker.nth(2);
  second.exchange.head(101, []);
  await after.reads(opened);
  after.socket.resetAndDestroy();
  await second.until(({ cancelled }) => cancelled === 1);
  assert.equal(second.exchange.body(Buffer.from('late')), true);
});

test('back-pressure, both ways', async (t) => {
  const { port, invoker } = await startEdge(t, never);
  const connection = client(t, port).send(ask);
  const seen = await invoker.nth(1);
  seen.room = false;
  seen.exchange.head(101, []);
  await connection.reads(opened);
  const total = 16 * 1024 * 1024;
  connection.socket.write(Buffer.alloc(total));
  await seen.until(({ bodyBytes }) => bodyBytes > 0);
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.ok(seen.bodyBytes < 1024 * 1024, `${seen.bodyBytes} bytes came although there was no room`);
  seen.room = true;
  seen.exchange.drained();
  await seen.until(({ bodyBytes }) => bodyBytes === total);
  connection.socket.pause();
  while (seen.exchange.body(Buffer.alloc(limits.chunkBytes)));
  const before = seen.resumed;
  connection.socket.resume();
  await seen.until(({ resumed }) => resumed > before);
});

test('another answer is an ordinary one, and the connection ends', async (t) => {
  const { port, invoker } = await startEdge(t, never);
  const answers: readonly (readonly [RegExp, (seen: Seen) => void])[] = [
    [/^HTTP\/1\.1 403 Forbidden\r\n(?:.+\r\n)*\r\nno$/, ({ exchange }) => exchange.reply(403, [], Buffer.from('no'))],
    [
      /^HTTP\/1\.1 103 Early Hints\r\n(?:.+\r\n)*\r\nHTTP\/1\.1 200 OK\r\n(?:.+\r\n)*\r\n5\r\nhello\r\n0\r\n\r\n$/,
      ({ exchange }) => {
        exchange.inform(103, ['Link', '</a>']);
        exchange.head(200, []);
        exchange.body(Buffer.from('hello'));
        exchange.end();
      },
    ],
    [
      /^HTTP\/1\.1 504 (?:.|\r\n)*FUNCTION_INVOCATION_TIMEOUT/,
      ({ exchange }) => exchange.fail({ code: 'FUNCTION_INVOCATION_TIMEOUT', detail: '' }),
    ],
    [/^HTTP\/1\.1 502 (?:.|\r\n)*FUNCTION_RESPONSE_INVALID/, ({ exchange }) => exchange.head(101, ['X-Bad', 'a\r\nb'])],
  ];
  for (const [at, [pattern, answer]] of answers.entries()) {
    const connection = client(t, port).send(`${ask}bytes nobody reads`);
    const seen = await invoker.nth(at + 1);
    answer(seen);
    const text = await connection.untilClosed();
    assert.match(text, pattern);
    assert.match(text, /Connection: close\r\n/);
    assert.equal(seen.body, '');
  }
});

test('a large ordinary answer to an upgrade waits for its reader', async (t) => {
  const { port, invoker } = await startEdge(t, never);
  const connection = client(t, port).send(ask);
  connection.socket.pause();
  const seen = await invoker.nth(1);
  seen.exchange.head(200, ['Content-Length', String(64 * limits.chunkBytes)]);
  let left = 64;
  const push = (): void => {
    let room = true;
    while (room && left > 0) {
      room = seen.exchange.body(Buffer.alloc(limits.chunkBytes, 'b'));
      left -= 1;
    }
    if (left === 0) seen.exchange.end();
  };
  seen.resume = push;
  push();
  connection.socket.resume();
  const text = await connection.untilClosed();
  assert.equal(text.length - text.indexOf('\r\n\r\n') - 4, 64 * limits.chunkBytes);
});

test('a failure after the 101 cuts a connection that is no WebSocket', async (t) => {
  const { port, invoker } = await startEdge(t, never);
  const connection = client(t, port).send(ask);
  const seen = await invoker.nth(1);
  seen.exchange.head(101, ['Upgrade', 'no-websocket']);
  await connection.reads(opened);
  seen.exchange.fail({ code: 'NO_RESPONSE_FROM_FUNCTION', detail: 'gone' });
  assert.match(await connection.untilClosed(), /\r\n\r\n$/);
  assert.equal(seen.cancelled, 0);
});

test('no function, no upgrade', async (t) => {
  const { port } = await startEdge(t, never, { deployments: [] });
  assert.match(await client(t, port).send(ask).untilClosed(), /^HTTP\/1\.1 404 (?:.|\r\n)*DEPLOYMENT_NOT_FOUND/);
  assert.match(await client(t, port).send(ask.replace('localhost', 'a b')).untilClosed(), /^HTTP\/1\.1 400 /);
});

test('behind another request in a pipeline the upgrade is ignored, as a server may', async (t) => {
  const { port, invoker } = await startEdge(t, never);
  const connection = client(t, port).send(`GET /1 HTTP/1.1\r\nHost: localhost\r\n\r\n${ask}`);
  const second = await invoker.nth(2);
  assert.equal(second.head.upgrade, false);
  second.exchange.reply(426, [], Buffer.from('second'));
  invoker.all[0]!.exchange.reply(200, [], Buffer.from('first'));
  assert.match(await connection.reads(/second$/), /^HTTP\/1\.1 200 (?:.|\r\n)*first(?:.|\r\n)*HTTP\/1\.1 426 /);
});

test('a drain cuts what is still open at its deadline', async (t) => {
  const { edge, port, invoker } = await startEdge(t, never);
  const connection = client(t, port).send(ask);
  const seen = await invoker.nth(1);
  seen.exchange.head(101, []);
  await connection.reads(opened);
  await edge.drain(1);
  await connection.untilClosed();
  await seen.until(({ cancelled }) => cancelled === 1);
});
