// An upgraded connection that has to end before it ends by itself.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { client, startEdge } from './edge.fixture.ts';
import type { RawClient, Seen, Started } from './edge.fixture.ts';
import { closeFrame } from './websocket-frames.ts';

const ask = (protocol: string): string =>
  ['GET / HTTP/1.1', 'Host: localhost', 'Connection: Upgrade', `Upgrade: ${protocol}`, '', ''].join('\r\n');
const text = (code: number, reason: string): string => closeFrame(code, reason).toString('latin1');
const goodbyes = {
  maxDuration: text(1001, 'maxDuration is up'),
  replaced: text(1012, 'replaced by a newer instance'),
  shutdown: text(1001, 'the platform shuts down'),
};
/** Binary, of five bytes. */
const message = Buffer.from([0x82, 5, 1, 2, 3, 4, 5]);

interface Opened extends Started {
  readonly seen: Seen;
  readonly connection: RawClient;
  /** What came behind the head. */
  readonly after: () => string;
}

async function open(context: Parameters<typeof startEdge>[0], protocol = 'websocket'): Promise<Opened> {
  const started = await startEdge(context, ({ exchange }) => exchange.head(101, ['Upgrade', protocol]));
  const connection = client(context, started.port, { allowHalfOpen: true }).send(ask(protocol));
  const seen = await started.invoker.nth(1);
  await connection.reads(/\r\n\r\n/);
  return { ...started, seen, connection, after: () => connection.text.split('\r\n\r\n').slice(1).join('\r\n\r\n') };
}

for (const why of ['maxDuration', 'replaced'] as const) {
  test(`${why}: a close frame, the client's answer goes to the function, and its end ends the connection`, async (t) => {
    const { seen, connection, after } = await open(t);
    seen.exchange.body(message);
    seen.exchange.goAway!(why);
    await connection.until(() => after() === message.toString('latin1') + goodbyes[why]);
    connection.send('answer');
    await seen.until(({ body }) => body === 'answer');
    // What it says after the platform's goodbye may not be said.
    assert.equal(seen.exchange.body(message), true);
    seen.exchange.end();
    await connection.until(({ ended }) => ended);
    assert.equal(after(), message.toString('latin1') + goodbyes[why]);
    connection.socket.end();
    await connection.untilClosed();
    assert.equal(seen.cancelled, 0);
  });
}

test('in the middle of a frame the goodbye waits for its end, and what follows is dropped', async (t) => {
  const { seen, connection, after } = await open(t);
  seen.exchange.body(message.subarray(0, 3));
  seen.exchange.goAway!('maxDuration');
  seen.exchange.goAway!('replaced');
  seen.exchange.body(message.subarray(3, 4));
  assert.doesNotMatch(connection.text, /maxDuration is up/);
  seen.exchange.body(Buffer.concat([message.subarray(4), message]));
  await connection.until(() => after() === message.toString('latin1') + goodbyes.maxDuration);
  seen.exchange.end();
  await connection.until(({ ended }) => ended);
});

test('after the close frame of the function nothing is added', async (t) => {
  const { seen, connection, after } = await open(t);
  const own = closeFrame(1000, 'done');
  seen.exchange.body(own.subarray(0, 3));
  seen.exchange.goAway!('maxDuration');
  seen.exchange.body(own.subarray(3));
  seen.exchange.end();
  await connection.until(({ ended }) => ended);
  assert.equal(after(), own.toString('latin1'));
});

test('an instance that ends between two frames: 1011; in the middle of one: a cut', async (t) => {
  const between = await open(t);
  between.seen.exchange.body(message);
  between.seen.exchange.fail({ code: 'NO_RESPONSE_FROM_FUNCTION', detail: 'gone' });
  await between.connection.until(({ ended }) => ended);
  assert.equal(between.after(), message.toString('latin1') + text(1011, 'the function failed'));

  const amid = await open(t);
  amid.seen.exchange.body(message.subarray(0, 4));
  amid.seen.exchange.fail({ code: 'NO_RESPONSE_FROM_FUNCTION', detail: 'gone' });
  await amid.connection.until(({ ended }) => ended);
  assert.equal(amid.after(), message.subarray(0, 4).toString('latin1'));
});

test('a client that does not answer is cut off, and the function hears of it', async (t) => {
  const { seen, connection } = await open(t);
  seen.exchange.goAway!('maxDuration');
  await seen.until(({ cancelled }) => cancelled === 1);
  // Its own half is open still: what it sends now is answered by a reset.
  while (!connection.closed) {
    connection.send('more');
    await new Promise((resolve) => setImmediate(resolve));
  }
});

test('a client that ends instead of answering: the function is told', async (t) => {
  const { seen, connection } = await open(t);
  seen.exchange.goAway!('maxDuration');
  connection.socket.end();
  await seen.until(({ bodyEnded, cancelled }) => bodyEnded && cancelled === 1);
  await connection.untilClosed();
});

test('what is no WebSocket just ends', async (t) => {
  const { seen, connection, after } = await open(t, 'other');
  seen.exchange.body(message.subarray(0, 3));
  seen.exchange.goAway!('replaced');
  await connection.until(({ ended }) => ended);
  assert.equal(after(), message.subarray(0, 3).toString('latin1'));
  connection.send('last').socket.end();
  await seen.until(({ body, bodyEnded }) => body === 'last' && bodyEnded);
});

test('a shutdown says goodbye at once, also to what opens meanwhile', async (t) => {
  const { edge, seen, connection, after } = await open(t);
  const drained = edge.drain(60_000);
  await connection.until(() => after() === goodbyes.shutdown);
  seen.exchange.end();
  connection.socket.end();
  await drained;

  const late = await startEdge(t, () => undefined);
  const asking = client(t, late.port, { allowHalfOpen: true }).send(ask('websocket'));
  const asked = await late.invoker.nth(1);
  const stopped = late.edge.drain(60_000);
  asked.exchange.head(101, []);
  await asking.until(({ text: heard }) => heard.endsWith(goodbyes.shutdown));
  asked.exchange.end();
  asking.socket.end();
  await stopped;
});
