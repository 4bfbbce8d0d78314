import assert from 'node:assert/strict';
import { test } from 'node:test';

import { limits } from '../base/limits.ts';
import { nackReasons } from '../model/vitals.ts';
import { functionSpec, Rig, snapshotOf } from '../../test/router/rig.ts';

test('an invocation with no instance starts one, and the next finds it warm', () => {
  const rig = new Rig();
  const spec = functionSpec();
  rig.onRequest = (instance, { stream, target }) => instance.reply(stream, `you asked for ${target}`);
  const first = rig.invoke(spec, { target: '/api/hello?a=1' });
  assert.equal(rig.instances.length, 1);
  rig.clock.advance(30);
  assert.deepEqual([first.status, first.text, first.ends], [200, 'you asked for /api/hello?a=1', ['reply']]);
  const second = rig.invoke(spec);
  rig.settle();
  assert.deepEqual(second.ends, ['reply']);
  assert.equal(rig.instances.length, 1);
  const report = rig.ledger.report(rig.clock.nowMs()).functions[0]!;
  assert.deepEqual([report.cold, report.warm, report.invocations], [1, 1, 2]);
});

test('200 at once at a limit of 100 start two instances, and each gets 100', () => {
  const rig = new Rig();
  const spec = functionSpec();
  const exchanges = Array.from({ length: 200 }, () => rig.invoke(spec));
  assert.equal(rig.instances.length, 1, 'one at once');
  rig.settle();
  assert.equal(rig.instances.length, 2, 'and for all that came with it, as many as they need');
  rig.clock.advance(30);
  assert.deepEqual(
    rig.instances.map((instance) => instance.requests.length),
    [100, 100],
  );
  for (const instance of rig.instances) for (const { stream } of instance.requests) instance.reply(stream);
  rig.settle();
  assert.ok(exchanges.every((exchange) => exchange.ends.length === 1 && exchange.status === 200));
});

test('maxConcurrency 1 is one invocation per instance exactly', () => {
  const rig = new Rig();
  const spec = functionSpec('api/one', { maxConcurrency: 1 });
  for (let count = 0; count < 5; count += 1) rig.invoke(spec);
  rig.settle();
  assert.equal(rig.instances.length, 5);
  rig.clock.advance(30);
  assert.deepEqual(
    rig.instances.map((instance) => instance.requests.length),
    [1, 1, 1, 1, 1],
  );
  rig.instances[2]!.reply(rig.instances[2]!.last.stream);
  rig.settle();
  rig.invoke(spec);
  rig.settle();
  assert.equal(rig.instances[2]!.requests.length, 2);
  assert.equal(rig.instances.length, 5);
});

test('a full queue and a queue that is too slow answer FUNCTION_THROTTLED with Retry-After', () => {
  const rig = new Rig({ instancesPerFunction: 1 });
  const spec = functionSpec('api/slow', { maxConcurrency: 1 });
  const exchanges = Array.from({ length: limits.queueInvocations + 1 }, () => rig.invoke(spec));
  rig.settle();
  const overflowing = exchanges.at(-1)!;
  assert.equal(overflowing.failure?.code, 'FUNCTION_THROTTLED');
  assert.equal(overflowing.failure.retryAfterS, 1);
  assert.equal(exchanges.filter((exchange) => exchange.ends.length > 0).length, 1);
  rig.clock.advance(limits.queueWaitMs + limits.sweepMs);
  // The one that runs has its own deadline, and the others waited for it in vain.
  assert.ok(exchanges.every((exchange) => exchange.ends.length === 1));
  assert.equal(exchanges[5]!.failure?.code, 'FUNCTION_THROTTLED');
});

test('a nacked invocation goes elsewhere, and the instance is paused until newer healthy vitals', () => {
  const rig = new Rig();
  const spec = functionSpec('api/x', { maxConcurrency: 2 });
  const first = rig.warm(spec);
  const exchange = rig.invoke(spec);
  rig.settle();
  first.nack(first.last.stream, 'cpu');
  rig.settle();
  assert.equal(rig.instances.length, 2);
  rig.clock.advance(30);
  const second = rig.instances[1]!;
  assert.equal(second.requests.length, 1);
  assert.equal(second.last.id, first.last.id);
  second.reply(second.last.stream);
  rig.settle();
  assert.deepEqual(exchange.ends, ['reply']);
  // Still paused: it gets nothing, even though the other one is full.
  rig.invoke(spec);
  rig.invoke(spec);
  rig.invoke(spec);
  rig.settle();
  assert.equal(first.requests.length, 2);
  // Vitals that were on their way on the other connection when it nacked do not count; the next ones do.
  first.vitals({ loopPermille: 100 });
  rig.settle();
  assert.equal(first.requests.length, 2);
  first.vitals({ loopPermille: 120 });
  rig.settle();
  assert.equal(first.requests.length, 3);
  assert.deepEqual(rig.router.status().functions[0]!.nacks, { cpu: 1 });
});

test('vitals that are newer and not healthy do not end a pause', () => {
  const rig = new Rig({ instancesPerFunction: 1 });
  const spec = functionSpec();
  const only = rig.warm(spec);
  const exchange = rig.invoke(spec);
  rig.settle();
  only.nack(only.last.stream, 'memory');
  const ailment = 1 + nackReasons.indexOf('memory');
  for (let count = 0; count < 3; count += 1) only.vitals({ ailment, rssBytes: count });
  rig.settle();
  assert.equal(only.requests.length, 2);
  only.vitals({ ailment: 0 });
  rig.settle();
  assert.equal(only.requests.length, 3);
  only.reply(only.last.stream);
  rig.settle();
  assert.deepEqual(exchange.ends, ['reply']);
});

test('an invocation that everybody refuses is answered after a bounded number of tries', () => {
  const rig = new Rig();
  const spec = functionSpec();
  rig.warm(spec);
  rig.onRequest = (instance, { stream }) => {
    instance.nack(stream, 'limit');
    instance.vitals({ rssBytes: rig.clock.nowMs() + 1 });
    instance.vitals({ rssBytes: rig.clock.nowMs() + 2 });
  };
  const exchange = rig.invoke(spec);
  rig.clock.runUntil(() => exchange.ends.length > 0, 60_000);
  assert.equal(exchange.failure?.code, 'FUNCTION_THROTTLED');
  const sent = rig.instances.reduce((sum, instance) => sum + instance.requests.length, 0);
  assert.equal(sent, limits.refusals + 1);
});

test('a client that leaves frees the slot at once, and the function is told', () => {
  const rig = new Rig({ instancesPerFunction: 1 });
  const spec = functionSpec('api/x', { maxConcurrency: 1 });
  const only = rig.warm(spec);
  const first = rig.invoke(spec);
  const second = rig.invoke(spec);
  rig.settle();
  const { stream } = only.last;
  first.invocation!.cancel();
  rig.settle();
  assert.deepEqual(only.cancels, [{ stream, reason: 'client' }]);
  assert.equal(only.requests.length, 3);
  assert.notEqual(only.last.stream, stream);
  // What still comes for the old stream is ignored.
  only.reply(stream, 'too late');
  only.reply(only.last.stream, 'mine');
  rig.settle();
  assert.deepEqual([first.ends, second.text], [[], 'mine']);
});

test('a client that leaves the queue is not sent anywhere', () => {
  const rig = new Rig();
  const spec = functionSpec();
  const left = rig.invoke(spec);
  const stays = rig.invoke(spec);
  left.invocation!.cancel();
  rig.clock.advance(30);
  assert.equal(rig.instances[0]!.requests.length, 1);
  rig.instances[0]!.reply(rig.instances[0]!.last.stream);
  rig.settle();
  assert.deepEqual([left.ends, stays.ends], [[], ['reply']]);
});

test('stems: the first invocation takes one, and the stock is refilled afterwards', () => {
  const rig = new Rig({ machine: () => ({ freeMemoryMiB: 16_384, cores: 2, cpuIdle: true }) });
  const spec = functionSpec();
  rig.router.publish(snapshotOf(spec));
  rig.clock.advance(1000);
  assert.equal(rig.instances.length, 2);
  assert.ok(rig.instances.every((instance) => instance.load === null));
  rig.onRequest = (instance, { stream }) => instance.reply(stream);
  const exchange = rig.invoke(spec);
  rig.settle();
  assert.deepEqual(exchange.ends, ['reply']);
  assert.equal(rig.instances.length, 2);
  assert.equal(rig.instances[0]!.load?.function, spec.id);
  assert.equal(rig.ledger.report(0).functions[0]!.prewarmed, 1);
  rig.clock.advance(limits.stemRefillMs);
  assert.ok(rig.instances.length > 2);
});

test('a stem that is still booting is taken rather than another process started', () => {
  const rig = new Rig({ machine: () => ({ freeMemoryMiB: 16_384, cores: 2, cpuIdle: true }) });
  const spec = functionSpec();
  rig.router.publish(snapshotOf(spec));
  rig.settle();
  rig.invoke(spec);
  assert.equal(rig.instances.length, 2);
  rig.clock.advance(30);
  assert.equal(rig.instances[0]!.requests.length, 1);
});

test('an instance that is idle for long is drained, unless it has background work', () => {
  const rig = new Rig({ keepAliveMs: 1000 });
  const spec = functionSpec();
  const only = rig.warm(spec);
  only.say((writer) => writer.background(1));
  rig.clock.advance(3000);
  assert.deepEqual(only.drains, []);
  only.say((writer) => writer.background(0));
  rig.clock.advance(900);
  assert.deepEqual(only.drains, []);
  rig.clock.advance(100 + limits.consolidateMs + limits.sweepMs);
  assert.match(only.drains.join(), /^idle for [12] s$/);
});

test('log lines carry their invocation, also after its answer', () => {
  const rig = new Rig();
  const spec = functionSpec();
  const only = rig.warm(spec);
  const exchange = rig.invoke(spec);
  rig.settle();
  const { stream, id } = only.last;
  only.say((writer) => writer.log(stream, 'info', 'stdout', 'before'));
  only.reply(stream);
  only.say((writer) => writer.log(stream, 'warn', 'stderr', 'after'));
  only.say((writer) => writer.log(0, 'error', 'platform', 'nobody'));
  only.events.output('stderr', 'native');
  rig.settle();
  assert.deepEqual(exchange.ends, ['reply']);
  assert.deepEqual(
    rig.lines.map(({ invocationId, level, source, text }) => [invocationId, level, source, text]),
    [
      [null, 'error', 'stderr', 'native'],
      [id, 'info', 'stdout', 'before'],
      [id, 'warn', 'stderr', 'after'],
      [null, 'error', 'platform', 'nobody'],
    ],
  );
});

test('a token lets one connection in, once', () => {
  const rig = new Rig();
  const spec = functionSpec();
  const only = rig.warm(spec);
  for (const token of [only.order.token, 'guessed']) {
    only.connect(token);
    rig.settle();
    assert.equal(only.ends.at(-1)?.code, 'TOKEN');
  }
  // The instance itself is untouched.
  assert.deepEqual(rig.states(), ['ready']);
});

test('a request head that cannot go onto a tunnel is the client’s mistake', () => {
  const rig = new Rig();
  const spec = functionSpec();
  const only = rig.warm(spec);
  const exchange = rig.invoke(spec, { headers: ['x-bad', 'a'.repeat(limits.headBytes)] });
  assert.deepEqual(exchange.ends, []);
  rig.settle();
  assert.equal(exchange.failure?.code, 'MALFORMED_REQUEST_HEADER');
  assert.equal(only.requests.length, 1);
  assert.equal(rig.router.status().functions[0]!.instances[0]!.inFlight, 0);
});

test('a field that would end in the middle is refused, and kills no instance: nobody need have looked before', () => {
  const rig = new Rig();
  const spec = functionSpec();
  const only = rig.warm(spec);
  for (const field of ['/a\nauthorization\nforged', '/a\nodd', 'nul\0', 'wide\u010a']) {
    const exchange = rig.invoke(spec, { headers: ['x-matched-path', field] });
    rig.settle();
    assert.equal(exchange.failure?.code, 'MALFORMED_REQUEST_HEADER', JSON.stringify(field));
  }
  assert.equal(only.requests.length, 1);
  assert.deepEqual(rig.states(), ['ready']);
});

test('memory-time runs from the first invocation to the end of the last', () => {
  const rig = new Rig();
  const spec = functionSpec('api/m', { memoryMiB: 1024 });
  const only = rig.warm(spec);
  rig.invoke(spec);
  rig.clock.advance(1000);
  rig.invoke(spec);
  rig.clock.advance(1000);
  only.reply(only.requests[1]!.stream);
  rig.clock.advance(1000);
  only.reply(only.requests[2]!.stream);
  rig.settle();
  rig.clock.advance(5000);
  const { usage } = rig.ledger.report(rig.clock.nowMs()).functions[0]!;
  assert.equal(usage.memoryGbSeconds, 3);
  assert.equal(usage.wallGbSeconds, 4);
});
