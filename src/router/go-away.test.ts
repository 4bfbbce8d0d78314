// Upgraded connections at the end of their time: asked to close first, cut off after a while.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { functionSpec, Rig } from '../../test/router/rig.ts';
import type { FakeExchange } from '../../test/router/rig.ts';
import { limits } from '../base/limits.ts';
import type { GoAway } from '../model/invoke.ts';

const durationMs = 10_000;
/** Longer than a drain takes otherwise. */
const longMs = 2 * limits.drainMs;

interface Opened {
  readonly rig: Rig;
  readonly instance: ReturnType<Rig['warm']>;
  readonly stream: number;
  readonly exchange: FakeExchange;
  readonly asked: GoAway[];
}

/** `listens`: the exchange can be told to go away. */
function open({ listens = true, maxDurationMs = durationMs } = {}): Opened {
  const rig = new Rig();
  rig.onDrain = () => undefined;
  const spec = functionSpec('api/x', { maxDurationMs });
  const instance = rig.warm(spec);
  const exchange = rig.invoke(spec, { upgrade: true, headers: ['upgrade', 'websocket'] });
  const asked: GoAway[] = [];
  if (listens) Object.assign(exchange, { goAway: (why: GoAway) => asked.push(why) });
  rig.settle();
  const { stream } = instance.last;
  instance.head(stream, 101, ['upgrade', 'websocket', 'X-Weir-Max-Duration', '99']);
  rig.settle();
  return { rig, instance, stream, exchange, asked };
}

test('the 101 says how many seconds the connection may last, whatever the function says', () => {
  const { exchange } = open();
  assert.deepEqual(exchange.headers, ['upgrade', 'websocket', 'x-weir-max-duration', '10']);
});

test('at maxDuration it is asked to close, and bytes still go both ways; what closes then is answered', () => {
  const { rig, instance, stream, exchange, asked } = open();
  rig.clock.advance(durationMs - 1000);
  assert.deepEqual(asked, []);
  rig.clock.advance(1000 + limits.sweepMs);
  assert.deepEqual([asked, exchange.ends], [['maxDuration'], []]);
  exchange.invocation!.write(Buffer.from('close'));
  exchange.invocation!.endBody();
  rig.settle();
  assert.equal(instance.bodyText(stream), 'close');
  instance.bodyEnd(stream);
  rig.settle();
  assert.deepEqual(exchange.ends, ['end']);
  rig.clock.advance(limits.socketCloseMs * 2);
  assert.deepEqual([asked, exchange.ends, rig.states()], [['maxDuration'], ['end'], ['ready']]);
});

test('what does not close fails a while later, once', () => {
  const { rig, exchange, asked } = open();
  rig.clock.advance(durationMs + limits.socketCloseMs - limits.sweepMs);
  assert.deepEqual([asked, exchange.ends], [['maxDuration'], []]);
  rig.clock.advance(3 * limits.sweepMs);
  assert.deepEqual([asked, exchange.ends], [['maxDuration'], ['fail']]);
  assert.equal(exchange.failure?.code, 'FUNCTION_INVOCATION_TIMEOUT');
});

test('an exchange that cannot be asked fails at maxDuration', () => {
  const { rig, exchange } = open({ listens: false });
  rig.clock.advance(durationMs + 2 * limits.sweepMs);
  assert.deepEqual(exchange.ends, ['fail']);
});

test('on an instance that drains it stays until its time is up, is told that it was replaced, and may close in peace', () => {
  const { rig, instance, stream, exchange, asked } = open({ maxDurationMs: longMs });
  instance.say((writer) => writer.drain(limits.drainMs, 'a newer version'));
  rig.clock.advance(longMs - limits.sweepMs);
  assert.deepEqual([asked, rig.states()], [[], ['draining']]);
  rig.clock.advance(2 * limits.sweepMs);
  assert.deepEqual([asked, rig.states()], [['replaced'], ['draining']]);
  rig.clock.advance(limits.socketCloseMs / 2);
  instance.bodyEnd(stream);
  rig.settle();
  assert.deepEqual(exchange.ends, ['end']);
});
