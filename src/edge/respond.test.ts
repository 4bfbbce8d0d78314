import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { limits } from '../base/limits.ts';
import { client, converse, startEdge } from './edge.fixture.ts';
import type { Handler, Seen } from './edge.fixture.ts';
import type { HttpExchange } from './respond.ts';

const request = (method: string, ...fields: readonly string[]): string =>
  [`${method} / HTTP/1.1`, 'Host: localhost', ...fields].map((line) => `${line}\r\n`).join('') + '\r\n';
const get = request('GET');
const last = request('GET', 'Connection: close');
const never: Handler = () => undefined;
const bodyOf = (text: string): string => text.slice(text.indexOf('\r\n\r\n') + 4);

test('a head goes out before any body, chunks go out as they come', async (t) => {
  const { port, invoker } = await startEdge(t, never);
  const connection = client(t, port).send(get);
  const { exchange } = await invoker.nth(1);
  exchange.head(201, [
    'Content-Type',
    'text/event-stream',
    'X-Latin',
    'caf\u00e9',
    'Set-Cookie',
    'a=1',
    'Set-Cookie',
    'b=2',
  ]);
  const head = await connection.reads(/\r\n\r\n$/);
  assert.match(head, /^HTTP\/1\.1 201 Created\r\n/);
  assert.match(head, /Set-Cookie: a=1\r\nSet-Cookie: b=2\r\n/);
  assert.match(head, /Transfer-Encoding: chunked\r\n/);
  assert.match(head, /X-Latin: caf\u00e9\r\n/);
  exchange.body(Buffer.from('one'));
  await connection.reads(/3\r\none\r\n$/);
  exchange.body(Buffer.from('three'));
  await connection.reads(/5\r\nthree\r\n$/);
  exchange.end();
  await connection.reads(/\r\n0\r\n\r\n$/);
});

test('head and first chunk that come together go out together', async (t) => {
  const { port } = await startEdge(t, ({ exchange }) => {
    exchange.head(200, ['Content-Length', '5']);
    exchange.body(Buffer.from('hello'));
    exchange.end();
  });
  const connection = client(t, port).send(last);
  const first = await new Promise<Buffer>((resolve) => connection.socket.once('data', resolve));
  assert.match(first.toString(), /Content-Length: 5\r\n(?:.|\r\n)*hello$/);
});

test('a slow reader stops the function until it has read', async (t) => {
  const { port, invoker } = await startEdge(t, never);
  const connection = client(t, port).send(get);
  connection.socket.pause();
  const seen = await invoker.nth(1);
  seen.exchange.head(200, []);
  const chunk = Buffer.alloc(64 * 1024, 'x');
  let sent = 0;
  // The kernel takes some megabytes, then nobody takes anything.
  for (let idle = 0; idle < 2; idle += 1) {
    while (seen.exchange.body(chunk)) sent += 1;
    sent += 1;
    const resumed = seen.resumed;
    await Promise.race([
      seen.until((now) => now.resumed > resumed),
      new Promise((resolve) => setTimeout(resolve, 100)),
    ]);
    if (seen.resumed > resumed) idle = -1;
  }
  const before = seen.resumed;
  connection.socket.resume();
  await seen.until(({ resumed }) => resumed > before);
  seen.exchange.end();
  const text = bodyOf(await connection.reads(/\r\n0\r\n\r\n$/));
  assert.equal(
    [...text.matchAll(/x+/g)].reduce((sum, found) => sum + found[0].length, 0),
    sent * chunk.length,
  );
});

test('a client that takes nothing is cut off, and the function told', async (t) => {
  const { port, invoker } = await startEdge(t, never, { edge: { timeouts: { stallMs: 100 } } });
  const connection = client(t, port).send(get);
  connection.socket.pause();
  const seen = await invoker.nth(1);
  seen.exchange.head(200, []);
  const chunk = Buffer.alloc(1024 * 1024);
  for (let at = 0; at < 16; at += 1) seen.exchange.body(chunk);
  await seen.until(({ cancelled }) => cancelled === 1);
});

test('a complete answer that nobody takes does not stay for ever either', async (t) => {
  const { edge, port, invoker } = await startEdge(
    t,
    ({ exchange }) => exchange.reply(200, [], Buffer.alloc(16 * 1024 * 1024)),
    {
      edge: { timeouts: { stallMs: 100 } },
    },
  );
  const connection = client(t, port).send(get);
  connection.socket.pause();
  await invoker.nth(1);
  // It waits for connections that are under way: here, until this one is cut.
  await edge.drain(60_000);
  connection.socket.resume();
  assert.ok((await connection.untilClosed()).length < 16 * 1024 * 1024);
});

for (const how of ['streamed', 'complete'] as const) {
  test(`a client that pipelines and takes nothing is cut off: the second answer is ${how}`, async (t) => {
    const { port, invoker } = await startEdge(t, never, { edge: { timeouts: { stallMs: 100 } } });
    const connection = client(t, port).send(get + get);
    connection.socket.pause();
    const first = await invoker.nth(1);
    const second = await invoker.nth(2);
    const chunk = Buffer.alloc(16 * 1024 * 1024);
    if (how === 'complete') second.exchange.reply(200, [], chunk);
    else {
      second.exchange.head(200, []);
      assert.equal(second.exchange.body(chunk), false);
    }
    // Longer than a client may take nothing: it has nothing to take yet.
    await new Promise((resolve) => setTimeout(resolve, 300));
    assert.equal(connection.closed, false);
    first.exchange.reply(200, [], Buffer.from('first'));
    // The edge's side: a client that takes nothing does not hear of the end either.
    await once((second.exchange as HttpExchange).connection.socket, 'close');
    assert.equal(second.cancelled, how === 'streamed' ? 1 : 0);
    connection.socket.resume();
    const text = await connection.untilClosed();
    assert.match(text, /first/);
    assert.ok(text.length < chunk.length);
  });
}

test('a streamed answer behind another goes on when its turn has come, and is not cut for having waited', async (t) => {
  const { port, invoker } = await startEdge(t, never, { edge: { timeouts: { stallMs: 100 } } });
  const connection = client(t, port).send(get + last);
  const first = await invoker.nth(1);
  const second = await invoker.nth(2);
  second.exchange.head(200, []);
  for (const piece of ['one', 'two']) assert.equal(second.exchange.body(Buffer.from(piece)), false);
  first.exchange.reply(200, [], null);
  await second.until(({ resumed }) => resumed === 1);
  // Longer than a client may take nothing: it has taken all there was.
  await new Promise((resolve) => setTimeout(resolve, 300));
  assert.equal(second.exchange.body(Buffer.from('three')), true);
  second.exchange.end();
  assert.match(await connection.untilClosed(), /one\r\n3\r\ntwo\r\n5\r\nthree\r\n0\r\n\r\n$/);
});

test('the body of an answer to HEAD goes nowhere: it waits for nothing, and the head does not wait for it', async (t) => {
  const { port, invoker } = await startEdge(t, never);
  const connection = client(t, port).send(request('HEAD'));
  const { exchange } = await invoker.nth(1);
  exchange.head(200, ['X-Which', 'first']);
  assert.equal(exchange.body(Buffer.from('not sent')), true);
  await connection.reads(/X-Which: first\r\n(?:.+\r\n)*\r\n$/);
  connection.send(request('HEAD'));
  const behind = await invoker.nth(2);
  behind.exchange.head(200, ['X-Which', 'second']);
  assert.equal(behind.exchange.body(Buffer.alloc(1024 * 1024)), true);
  exchange.end();
  behind.exchange.end();
  const text = await connection.reads(/X-Which: second\r\n(?:.+\r\n)*\r\n$/);
  assert.doesNotMatch(text, /not sent/);
});

test('a large complete answer arrives whole, byte for byte', async (t) => {
  const body = Buffer.from(Array.from({ length: 300_000 }, (_, at) => (at * 7) & 0xff));
  for (const length of [0, 1, 16 * 1024, 16 * 1024 + 1, 300_000]) {
    const { port } = await startEdge(t, ({ exchange }) =>
      exchange.reply(200, [], Buffer.from(body.subarray(0, length))),
    );
    const text = await converse(t, port, last);
    assert.match(text, new RegExp(`Content-Length: ${length}\r\n`));
    assert.ok(Buffer.from(bodyOf(text), 'latin1').equals(body.subarray(0, length)), `${length} bytes`);
  }
});

test('HEAD, 204 and 304 have no body, and the connection goes on', async (t) => {
  let turn = 0;
  const { port } = await startEdge(t, ({ exchange }) => {
    turn += 1;
    if (turn === 1) exchange.reply(200, [], Buffer.from('not sent'));
    if (turn === 2) exchange.reply(204, ['Content-Length', '8'], Buffer.from('not sent'));
    if (turn === 3) exchange.reply(304, ['ETag', '"a"', 'Content-Length', '99'], null);
    if (turn === 4) {
      exchange.head(200, ['Content-Length', '1234']);
      exchange.body(Buffer.from('not sent'));
      exchange.end();
    }
    if (turn === 5) exchange.reply(200, [], Buffer.from('the end'));
  });
  const text = await converse(t, port, request('HEAD') + get + get + request('HEAD') + last);
  const heads = text.split('\r\n\r\n');
  assert.deepEqual(
    heads.map((head) => /^HTTP\/1\.1 (\d+)/.exec(head)?.[1]),
    ['200', '204', '304', '200', '200', undefined],
  );
  assert.match(heads[0]!, /Content-Length: 8/);
  assert.doesNotMatch(heads[1]!, /Content-Length|Transfer-Encoding/);
  assert.match(heads[2]!, /Content-Length: 99/);
  assert.match(heads[3]!, /Content-Length: 1234/);
  assert.equal(heads[5], 'the end');
});

test('HTTP/1.0 gets no chunks: the end of the connection is the end of the body', async (t) => {
  const { port } = await startEdge(t, ({ exchange }) => {
    exchange.inform(103, ['Link', '</a.css>; rel=preload']);
    exchange.head(200, []);
    exchange.body(Buffer.from('hello'));
    exchange.end();
  });
  const text = await converse(t, port, 'GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n');
  assert.match(text, /^HTTP\/1\.1 200 OK\r\n(?:.|\r\n)*Connection: close\r\n(?:.+\r\n)*\r\nhello$/);
  assert.doesNotMatch(text, /Transfer-Encoding/);
});

test('1xx answers go before the final one, and only valid ones', async (t) => {
  const { port } = await startEdge(t, ({ exchange }) => {
    exchange.inform(103, ['Link', '</a.css>; rel=preload', 'Connection', 'close']);
    exchange.inform(102, []);
    exchange.inform(100, []);
    exchange.inform(101, []);
    exchange.inform(103, ['X-Bad', 'a\r\nb']);
    exchange.reply(200, [], null);
    exchange.inform(102, []);
  });
  const text = await converse(t, port, last);
  assert.deepEqual(
    [...text.matchAll(/HTTP\/1\.1 (\d+)/g)].map((found) => found[1]),
    ['103', '102', '200'],
  );
  assert.ok(text.startsWith('HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n'));
});

test('fields of a function that are the connection’s or the platform’s own are dropped', async (t) => {
  const hop = { Connection: 'close, X-Hop', 'X-Hop': '1', 'Keep-Alive': 'timeout=1', 'Transfer-Encoding': 'chunked' };
  const more = { Upgrade: 'x', Trailer: 'X-T', 'Proxy-Authenticate': 'Basic', Server: 'mine', 'X-Vercel-Id': 'mine' };
  const own = {
    'X-Weir-Error': 'mine',
    'X-Vercel-Error': 'mine',
    'Cache-Control': 'no-store',
    'Content-Length': '999',
  };
  const headers = Object.entries({ ...hop, ...more, ...own, 'X-Keep': 'yes' }).flat();
  const { port } = await startEdge(t, ({ exchange }) => exchange.reply(200, headers, Buffer.from('ok')));
  const connection = client(t, port).send(get);
  const text = await connection.reads(/\r\n\r\nok$/);
  assert.doesNotMatch(text, /mine|X-Hop|timeout=1\r|chunked|Upgrade|Trailer|Proxy|999|must-revalidate/);
  assert.match(text, /Cache-Control: no-store\r\nX-Keep: yes\r\n/);
  connection.send(get);
  await connection.reads(/ok(?:.|\r\n)*ok$/);
});

const invalid: readonly (readonly [string, number, readonly string[]])[] = [
  ['a name that is no token', 200, ['X Y', 'a']],
  ['an empty name', 200, ['', 'a']],
  ['a value with CRLF', 200, ['X-Y', 'a\r\nInjected: yes']],
  ['a value beyond latin-1', 200, ['X-Y', '\u2603']],
  ['a name without a value', 200, ['X-Y']],
  ['status 0', 0, []],
  ['status 100', 100, []],
  ['status 101 without an upgrade', 101, []],
  ['status 1000', 1000, []],
  ['a Content-Length that is no number', 200, ['Content-Length', 'many']],
  ['two Content-Lengths', 200, ['Content-Length', '1', 'Content-Length', '2']],
  ['an invalid field with 204', 204, ['X Y', 'a']],
];

for (const [what, status, headers] of invalid) {
  for (const how of ['reply', 'head'] as const) {
    test(`not HTTP, by ${how}: ${what}`, async (t) => {
      const { port, invoker } = await startEdge(t, ({ exchange }) => {
        exchange[how](status, headers, Buffer.from('x'));
        exchange.body(Buffer.from('more'));
        exchange.end();
      });
      const text = await converse(t, port, last);
      assert.match(text, /^HTTP\/1\.1 502 Bad Gateway\r\n(?:.|\r\n)*X-Weir-Error: FUNCTION_RESPONSE_INVALID\r\n/);
      assert.doesNotMatch(text, /Injected: yes\r\n|more$/);
      assert.equal(invoker.all[0]!.cancelled, 1, 'the function hears that nobody wants the rest');
    });
  }
}

test('more or less than the Content-Length: the connection is cut, nothing spills into the next answer', async (t) => {
  const { port, invoker } = await startEdge(t, never);
  const more = client(t, port).send(get);
  const first = await invoker.nth(1);
  first.exchange.head(200, ['Content-Length', '3']);
  first.exchange.body(Buffer.from('abcHTTP/1.1 200 OK'));
  assert.doesNotMatch(bodyOf(await more.untilClosed()), /HTTP/);
  assert.equal(first.cancelled, 1);
  const less = client(t, port).send(get);
  const second = await invoker.nth(2);
  second.exchange.head(200, ['Content-Length', '3']);
  second.exchange.body(Buffer.from('a'));
  second.exchange.end();
  assert.match(await less.untilClosed(), /Content-Length: 3\r\n(?:.+\r\n)*\r\na$/);
});

test('a failure after the head cuts the connection without the last chunk', async (t) => {
  const { port, invoker } = await startEdge(t, never);
  const connection = client(t, port).send(get);
  const { exchange } = await invoker.nth(1);
  exchange.head(200, []);
  exchange.body(Buffer.from('half'));
  await connection.reads(/half\r\n$/);
  exchange.fail({ code: 'NO_RESPONSE_FROM_FUNCTION', detail: 'gone' });
  const text = await connection.untilClosed();
  assert.match(text, /half\r\n$/);
});

const upload = (length: number): string => `POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${length}\r\n\r\n`;

test('a request body streams in, and waits while the function is behind', async (t) => {
  const { port, invoker } = await startEdge(t, (seen) => {
    seen.room = false;
  });
  const total = 8 * 1024 * 1024;
  const connection = client(t, port).send(upload(total));
  const flood = connection.socket.write(Buffer.alloc(total, 'u'));
  assert.equal(flood, false);
  const seen = await invoker.nth(1);
  await seen.until(({ bodyBytes }) => bodyBytes > 0);
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.ok(seen.bodyBytes <= 512 * 1024, `${seen.bodyBytes} bytes came although there was no room`);
  seen.room = true;
  seen.exchange.drained();
  await seen.until(({ bodyEnded }) => bodyEnded);
  assert.equal(seen.bodyBytes, total);
  seen.exchange.reply(200, [], null);
  await connection.reads(/HTTP\/1\.1 200/);
});

test('an answer before the end of the request: the rest is dropped, and the connection goes on', async (t) => {
  const { port, invoker } = await startEdge(t, (seen) => {
    seen.room = false;
    if (seen.head.method === 'GET') seen.exchange.reply(200, [], Buffer.from('next'));
  });
  const connection = client(t, port).send(upload(1_000_000));
  connection.socket.write(Buffer.alloc(400_000));
  const seen = await invoker.nth(1);
  await seen.until(({ bodyBytes }) => bodyBytes > 0);
  seen.exchange.reply(403, [], Buffer.from('no'));
  await connection.reads(/\r\n\r\nno$/);
  const had = seen.chunks.length;
  connection.socket.write(Buffer.alloc(600_000));
  connection.send(last);
  await connection.reads(/\r\n\r\nnext$/);
  assert.deepEqual([seen.chunks.length, seen.bodyEnded, seen.cancelled], [had, false, 0]);
});

test('an upload that nobody wants is read up to a limit', async (t) => {
  const { port } = await startEdge(t, never, { deployments: [] });
  const connection = client(t, port).send(upload(limits.discardedBodyBytes * 4));
  const more = (): void =>
    void (connection.closed || connection.socket.write(Buffer.alloc(1024 * 1024), () => setImmediate(more)));
  more();
  await connection.untilClosed();
  assert.match(connection.text, /^HTTP\/1\.1 404 /);
  assert.ok(connection.socket.bytesWritten < limits.discardedBodyBytes * 3);
});

test('a body that breaks off: 400 when the client can still hear it, and the function is told', async (t) => {
  const { port, invoker } = await startEdge(t, never);
  const chunked = 'POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n';
  const broken = client(t, port).send(`${chunked}3\r\nabc\r\nnonsense\r\n`);
  assert.match(await broken.untilClosed(), /^HTTP\/1\.1 400 /);
  const left = client(t, port).send(`${chunked}3\r\nabc\r\n`);
  const second = await invoker.nth(2);
  await second.until(({ bodyBytes }) => bodyBytes === 3);
  left.close();
  for (const seen of invoker.all) await seen.until(({ cancelled }) => cancelled === 1);
  assert.ok(invoker.all.every((seen: Seen) => !seen.bodyEnded));
});

test('Expect: 100 when a function takes the body, the final answer at once when nothing does', async (t) => {
  const { port, invoker } = await startEdge(t, never);
  const expecting = 'POST / HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n';
  const connection = client(t, port).send(expecting);
  await connection.reads(/^HTTP\/1\.1 100 Continue\r\n\r\n$/);
  connection.send('hi');
  const seen = await invoker.nth(1);
  await seen.until(({ bodyEnded }) => bodyEnded);
  seen.exchange.reply(200, [], Buffer.from(seen.body));
  await connection.reads(/\r\n\r\nhi$/);
  const { port: empty } = await startEdge(t, never, { deployments: [] });
  const refused = await client(t, empty).send(expecting).untilClosed();
  assert.match(refused, /^HTTP\/1\.1 404 (?:.|\r\n)*Connection: close/);
});
