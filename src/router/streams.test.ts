import assert from 'node:assert/strict';
import { test } from 'node:test';

import { limits } from '../base/limits.ts';
import { functionSpec, Rig } from '../../test/router/rig.ts';

const halfWindow = Buffer.alloc(limits.windowBytes / 2, 'w');

test('a streamed answer is passed on piece by piece, and ends once', () => {
  const rig = new Rig();
  const spec = functionSpec();
  const only = rig.warm(spec);
  const exchange = rig.invoke(spec);
  rig.settle();
  const { stream } = only.last;
  only.say((writer) => writer.inform(stream, 103, 'link\n</x>'));
  only.head(stream, 200, ['content-type', 'text/plain', 'set-cookie', 'a=1', 'set-cookie', 'b=2']);
  rig.settle();
  assert.deepEqual([exchange.informed, exchange.status], [[103], 200]);
  assert.deepEqual(exchange.headers.slice(2), ['set-cookie', 'a=1', 'set-cookie', 'b=2']);
  only.chunk(stream, 'one ');
  rig.settle();
  assert.equal(exchange.text, 'one ');
  only.chunk(stream, 'two');
  only.bodyEnd(stream);
  rig.settle();
  assert.deepEqual([exchange.text, exchange.ends], ['one two', ['end']]);
  assert.equal(rig.ledger.report(0).functions[0]!.attributedUs, 1000 + 2000);
});

test('credit goes back when the client has taken the bytes, and not before', () => {
  const rig = new Rig();
  const spec = functionSpec();
  const only = rig.warm(spec);
  const exchange = rig.invoke(spec);
  rig.settle();
  const { stream } = only.last;
  only.head(stream);
  only.chunk(stream, halfWindow);
  rig.settle();
  assert.deepEqual(only.credits, [{ stream, bytes: halfWindow.length }]);
  // The client takes no more: what still comes is held, and nothing is granted.
  exchange.accepting = false;
  only.chunk(stream, halfWindow);
  only.chunk(stream, 'held');
  rig.settle();
  const before = exchange.chunks.length;
  assert.equal(only.credits.length, 1);
  rig.clock.advance(1000);
  assert.equal(exchange.chunks.length, before);
  only.bodyEnd(stream);
  rig.settle();
  assert.deepEqual(exchange.ends, []);
  // The instance is done with it, however slow the client is.
  assert.equal(rig.router.status().functions[0]!.instances[0]!.inFlight, 0);
  exchange.accepting = true;
  exchange.invocation!.resume();
  rig.settle();
  assert.deepEqual(exchange.ends, ['end']);
  assert.equal(Buffer.concat(exchange.chunks).length, 2 * halfWindow.length + 4);
  assert.equal(exchange.text.slice(-4), 'held');
});

test('a client that takes one piece at a time gets every byte in order', () => {
  const rig = new Rig();
  const spec = functionSpec();
  const only = rig.warm(spec);
  const exchange = rig.invoke(spec);
  rig.settle();
  exchange.accepting = false;
  const { stream } = only.last;
  only.head(stream);
  const pieces = Array.from({ length: 40 }, (_, index) => `piece ${index};`);
  for (const piece of pieces) {
    only.chunk(stream, piece);
    rig.settle();
  }
  only.bodyEnd(stream);
  for (let count = 0; count < 100 && exchange.ends.length === 0; count += 1) {
    rig.settle();
    exchange.invocation!.resume();
  }
  assert.deepEqual([exchange.text, exchange.ends], [pieces.join(''), ['end']]);
});

test('an instance that sends more than its credit is cut off', () => {
  const rig = new Rig();
  const spec = functionSpec();
  const only = rig.warm(spec);
  const exchange = rig.invoke(spec);
  rig.settle();
  exchange.accepting = false;
  only.head(only.last.stream);
  for (let count = 0; count < 3; count += 1) only.chunk(only.last.stream, halfWindow);
  rig.clock.advance(300);
  assert.equal(only.ends[0]?.code, 'CREDIT_OVERRUN');
  assert.deepEqual(exchange.ends, ['fail']);
});

test('a client that leaves in the middle of an answer is given nothing more', () => {
  const rig = new Rig();
  const spec = functionSpec();
  const only = rig.warm(spec);
  const exchange = rig.invoke(spec);
  rig.settle();
  only.head(only.last.stream);
  only.chunk(only.last.stream, 'a');
  rig.settle();
  exchange.invocation!.cancel();
  only.chunk(only.last.stream, 'b');
  only.bodyEnd(only.last.stream);
  rig.settle();
  exchange.invocation!.resume();
  assert.deepEqual([exchange.text, exchange.ends], ['a', []]);
  assert.equal(only.cancels.length, 1);
});

test('a request body waits for its instance, within bounds, and arrives whole', () => {
  const rig = new Rig();
  const spec = functionSpec();
  const exchange = rig.invoke(spec, { hasBody: true, method: 'POST' });
  const invocation = exchange.invocation!;
  assert.equal(invocation.write(Buffer.from('hello ')), true);
  assert.equal(invocation.write(Buffer.alloc(limits.unplacedBodyBytes, 'x')), false);
  assert.equal(exchange.drains, 0);
  rig.clock.advance(30);
  const only = rig.instances[0]!;
  const { stream } = only.last;
  // The window is full: six bytes are left here.
  assert.equal(only.bodyText(stream).length, limits.windowBytes);
  only.say((writer) => writer.credit(stream, limits.windowBytes));
  rig.settle();
  assert.equal(exchange.drains, 1);
  assert.equal(invocation.write(Buffer.from(' end')), true);
  invocation.endBody();
  rig.settle();
  assert.equal(only.bodyText(stream), `hello ${'x'.repeat(limits.unplacedBodyBytes)} end`);
  assert.deepEqual(only.bodyEnds, [stream]);
});

test('a request body is sent as far as the credit goes, and the writer waits', () => {
  const rig = new Rig();
  const spec = functionSpec();
  const only = rig.warm(spec);
  const exchange = rig.invoke(spec, { hasBody: true });
  const invocation = exchange.invocation!;
  assert.equal(invocation.write(halfWindow), true);
  assert.equal(invocation.write(halfWindow), true);
  assert.equal(invocation.write(Buffer.from('too much')), false);
  invocation.endBody();
  rig.settle();
  const { stream } = only.last;
  assert.equal(only.bodyText(stream).length, limits.windowBytes);
  assert.deepEqual(only.bodyEnds, []);
  only.say((writer) => {
    writer.begun(stream);
    writer.credit(stream, 3);
  });
  rig.settle();
  assert.equal(exchange.drains, 0);
  only.say((writer) => writer.credit(stream, limits.windowBytes));
  rig.settle();
  assert.equal(only.bodyText(stream).slice(-8), 'too much');
  assert.deepEqual([only.bodyEnds, exchange.drains], [[stream], 1]);
});

test('a body that was partly sent to an instance that refuses is sent again from its first byte', () => {
  const rig = new Rig();
  const spec = functionSpec();
  const first = rig.warm(spec);
  const exchange = rig.invoke(spec, { hasBody: true });
  const invocation = exchange.invocation!;
  invocation.write(Buffer.from('one '));
  invocation.write(halfWindow);
  invocation.write(halfWindow);
  rig.settle();
  first.nack(first.last.stream, 'loop');
  rig.clock.advance(30);
  const second = rig.instances[1]!;
  const { stream } = second.last;
  invocation.endBody();
  second.say((writer) => {
    writer.begun(stream);
    writer.credit(stream, limits.windowBytes);
  });
  rig.settle();
  const text = second.bodyText(stream);
  assert.equal(text.length, limits.windowBytes + 4);
  assert.equal(text.slice(0, 5), 'one w');
  assert.deepEqual(second.bodyEnds, [stream]);
  second.reply(stream, 'got it');
  rig.settle();
  assert.equal(exchange.text, 'got it');
});

test('a long upload flows as fast as its credit comes back', () => {
  const rig = new Rig();
  const spec = functionSpec();
  const only = rig.warm(spec);
  const exchange = rig.invoke(spec, { hasBody: true });
  rig.settle();
  const { stream } = only.last;
  only.say((writer) => writer.begun(stream));
  rig.settle();
  for (let count = 0; count < 8; count += 1) {
    exchange.invocation!.write(halfWindow);
    rig.settle();
    only.say((writer) => writer.credit(stream, halfWindow.length));
    rig.settle();
  }
  assert.equal(only.bodyText(stream).length, 8 * halfWindow.length);
});

test('an answer that comes before the request’s body is complete ends the invocation', () => {
  const rig = new Rig();
  const spec = functionSpec();
  const only = rig.warm(spec);
  const exchange = rig.invoke(spec, { hasBody: true });
  exchange.invocation!.write(Buffer.from('start'));
  rig.settle();
  only.reply(only.last.stream, 'enough', 413);
  rig.settle();
  assert.equal(exchange.invocation!.write(Buffer.alloc(1024)), true);
  exchange.invocation!.endBody();
  rig.settle();
  assert.deepEqual([exchange.status, exchange.ends, only.bodyEnds], [413, ['reply'], []]);
});

test('after a 101 bytes flow both ways, and not before', () => {
  const rig = new Rig();
  const spec = functionSpec();
  const only = rig.warm(spec);
  const exchange = rig.invoke(spec, { upgrade: true, headers: ['upgrade', 'websocket'] });
  const invocation = exchange.invocation!;
  assert.equal(invocation.write(Buffer.from('early ')), true);
  rig.settle();
  const { stream } = only.last;
  assert.equal(only.last.flags, 3);
  assert.equal(only.bodyText(stream), '');
  only.head(stream, 101, ['upgrade', 'websocket']);
  rig.settle();
  assert.equal(exchange.status, 101);
  invocation.write(Buffer.from('late'));
  only.chunk(stream, 'hello');
  rig.settle();
  assert.deepEqual([only.bodyText(stream), exchange.text], ['early late', 'hello']);
  invocation.endBody();
  rig.settle();
  assert.deepEqual([only.bodyEnds, exchange.ends], [[stream], []]);
  only.bodyEnd(stream);
  rig.settle();
  assert.deepEqual(exchange.ends, ['end']);
});

test('a tunnel is flushed once per turn, however many invocations were sent', () => {
  const rig = new Rig();
  const spec = functionSpec();
  const only = rig.warm(spec);
  let reads = 0;
  const { events } = only.connection!;
  only.connection!.events = {
    data: (chunk) => {
      reads += 1;
      events.data(chunk);
    },
    drained: () => events.drained(),
    closed: (reason) => events.closed(reason),
  };
  for (let count = 0; count < 50; count += 1) rig.invoke(spec);
  rig.settle();
  assert.deepEqual([only.requests.length, reads], [51, 1]);
});
