import assert from 'node:assert/strict';
import { test } from 'node:test';

import { limits } from '../base/limits.ts';
import { functionSpec, Rig, snapshotOf } from '../../test/router/rig.ts';

test('an instance that asks to be drained gets nothing new, finishes what it has, and is replaced when needed (I5)', () => {
  const rig = new Rig();
  rig.onDrain = () => undefined;
  const spec = functionSpec();
  const old = rig.warm(spec);
  const running = rig.invoke(spec);
  rig.settle();
  old.say((writer) => {
    writer.begun(old.last.stream);
    writer.drain(limits.drainMs, 'uncaught error');
  });
  rig.settle();
  assert.deepEqual(old.drains, ['uncaught error']);
  assert.deepEqual(rig.states(), ['draining']);
  assert.equal(rig.instances.length, 1);
  const next = rig.invoke(spec);
  rig.clock.advance(30);
  assert.equal(old.requests.length, 2);
  assert.equal(rig.instances[1]!.requests.length, 1);
  old.reply(old.last.stream);
  rig.instances[1]!.reply(rig.instances[1]!.last.stream);
  old.data!.goodbye('DRAINED', '');
  rig.settle();
  old.die({ kind: 'exited', code: 0 });
  rig.settle();
  assert.deepEqual([running.ends, next.ends], [['reply'], ['reply']]);
  assert.deepEqual(rig.states(), ['ready']);
});

test('what was on its way to a draining instance is nacked and goes elsewhere', () => {
  const rig = new Rig();
  rig.onDrain = () => undefined;
  const spec = functionSpec();
  const old = rig.warm(spec);
  const exchange = rig.invoke(spec);
  rig.settle();
  old.say((writer) => {
    writer.drain(1000, 'lifetime');
    writer.nack(old.last.stream, 'draining');
  });
  rig.clock.advance(30);
  assert.equal(rig.instances[1]!.last.id, old.last.id);
  assert.deepEqual(exchange.ends, []);
});

test('a draining instance that does not finish by its deadline is ended', () => {
  const rig = new Rig();
  rig.onDrain = () => undefined;
  const spec = functionSpec('api/x', { maxDurationMs: 300_000 });
  const old = rig.warm(spec);
  const exchange = rig.invoke(spec);
  rig.settle();
  old.say((writer) => {
    writer.begun(old.last.stream);
    writer.drain(2000, 'lifetime');
  });
  rig.clock.advance(1900);
  assert.equal(old.terminated, false);
  rig.clock.advance(300);
  assert.ok(old.terminated);
  assert.equal(exchange.failure?.code, 'NO_RESPONSE_FROM_FUNCTION');
  assert.match(exchange.failure.detail, /lifetime/);
});

test('a publish without a function: what is queued is served, then its instances drain and its pool is gone', () => {
  const rig = new Rig();
  const [old, young] = [functionSpec('api/old'), functionSpec('api/new')];
  rig.router.publish(snapshotOf(old));
  rig.onRequest = (instance, { stream }) => instance.reply(stream);
  const queued = rig.invoke(old);
  rig.router.publish(snapshotOf(young));
  rig.clock.advance(30);
  assert.deepEqual(queued.ends, ['reply']);
  rig.clock.advance(limits.sweepMs);
  assert.deepEqual(rig.instances[0]!.drains, ['its deployment is no longer served']);
  rig.instances[0]!.die({ kind: 'exited', code: 0 });
  rig.clock.advance(limits.sweepMs);
  assert.deepEqual(rig.router.status().functions, []);
});

test('a publish keeps functions that are still in it, and their instances', () => {
  const rig = new Rig();
  const spec = functionSpec();
  rig.router.publish(snapshotOf(spec));
  const only = rig.warm(spec);
  rig.router.publish(snapshotOf(spec, functionSpec('api/more')));
  rig.clock.advance(1000);
  assert.deepEqual(only.drains, []);
  assert.deepEqual(rig.states(), ['ready']);
});

test('an invocation that was matched before the newest publish is still served', () => {
  const rig = new Rig();
  rig.router.publish(snapshotOf(functionSpec('api/new')));
  rig.onRequest = (instance, { stream }) => instance.reply(stream);
  const late = rig.invoke(functionSpec('api/old'));
  rig.clock.advance(30);
  assert.deepEqual(late.ends, ['reply']);
});

test('drain(): finishes what is in flight and queued, then every instance ends', async () => {
  const rig = new Rig({ machine: () => ({ freeMemoryMiB: 16_384, cores: 2, cpuIdle: true }) });
  const spec = functionSpec();
  rig.router.publish(snapshotOf(spec));
  rig.clock.advance(100);
  const busy = rig.warm(spec);
  rig.onDrain = (instance) => {
    instance.data!.goodbye('DRAINED', '');
    rig.clock.after(1, () => instance.die({ kind: 'exited', code: 0 }));
  };
  const exchange = rig.invoke(spec);
  rig.settle();
  let drained = false;
  const done = rig.router.drain().then(() => {
    drained = true;
  });
  rig.clock.advance(1000);
  await Promise.resolve();
  assert.equal(drained, false);
  assert.deepEqual(exchange.ends, []);
  busy.reply(busy.last.stream);
  rig.clock.advance(1000);
  await done;
  assert.deepEqual(exchange.ends, ['reply']);
  assert.equal(rig.clock.pending, 0);
});

test('close(): everything fails at once, every instance is killed, and nothing is left', async () => {
  const rig = new Rig();
  const spec = functionSpec('api/x', { maxConcurrency: 1 });
  rig.warm(spec);
  const running = rig.invoke(spec);
  rig.settle();
  const queued = rig.invoke(spec);
  const done = rig.router.close();
  assert.equal(queued.failure?.code, 'FUNCTION_THROTTLED');
  rig.clock.advance(1000);
  await done;
  assert.equal(running.ends.length, 1);
  assert.ok(rig.instances.every((instance) => instance.killed));
  rig.clock.advance(limits.handshakeTimeoutMs + limits.silenceMs);
  assert.equal(rig.clock.pending, 0);
  assert.deepEqual(rig.router.status().functions, []);
});

test('a drain lets what is in flight have its time', () => {
  const rig = new Rig();
  const maxDurationMs = 3 * limits.drainMs;
  const spec = functionSpec('api/long', { maxDurationMs });
  const only = rig.warm(spec);
  rig.onDrain = () => undefined;
  const long = rig.invoke(spec);
  rig.settle();
  only.say((writer) => writer.begun(only.last.stream));
  rig.settle();
  void rig.router.drain();
  rig.clock.advance(2 * limits.drainMs);
  assert.deepEqual([long.ends, only.terminated], [[], false]);
  only.reply(only.last.stream);
  rig.settle();
  assert.deepEqual(long.ends, ['reply']);
});

test('what is queued for a function that is no longer published gets an instance after a start that failed', () => {
  const rig = new Rig();
  rig.startMs = null;
  const spec = functionSpec();
  rig.router.publish(snapshotOf(spec));
  rig.onRequest = (instance, { stream }) => instance.reply(stream);
  const exchange = rig.invoke(spec);
  rig.clock.advance(10);
  rig.router.publish(snapshotOf());
  rig.startMs = 30;
  rig.instances[0]!.die({ kind: 'exited', code: 1 });
  rig.clock.advance(limits.startBackoffMs + 2 * limits.sweepMs + 30);
  assert.deepEqual([exchange.ends, rig.instances.length], [['reply'], 2]);
});

test('a drain waits for what is queued, and starts nothing but what that needs', async () => {
  const rig = new Rig();
  rig.startMs = null;
  const spec = functionSpec('api/x', { maxConcurrency: 1 });
  rig.onRequest = (instance, { stream }) => instance.reply(stream);
  const exchange = rig.invoke(spec);
  rig.clock.advance(10);
  const drained = rig.router.drain();
  rig.startMs = 30;
  rig.onDrain = (instance) => instance.die({ kind: 'exited', code: 0 });
  rig.instances[0]!.die({ kind: 'exited', code: 1 });
  rig.clock.advance(5_000);
  await drained;
  assert.deepEqual([exchange.ends, rig.instances.length], [['reply'], 2]);
});

test('a function that runs alone: its old version ends, sockets included, before the new one starts', () => {
  const rig = new Rig();
  rig.onDrain = () => undefined;
  const spec = (version: string) => ({
    ...functionSpec(),
    id: `${version}/api/hello`,
    deployment: version,
    alone: true,
  });
  const [old, young] = [spec('dpl_1'), spec('dpl_2')];
  rig.router.publish(snapshotOf(old));
  const first = rig.warm(old);
  const running = rig.invoke(old);
  rig.settle();
  first.say((writer) => writer.begun(first.last.stream));
  rig.settle();
  rig.router.publish(snapshotOf(young));
  const next = rig.invoke(young);
  // Matched before the publish: it is told to come again.
  const late = rig.invoke(old);
  rig.clock.advance(10 * limits.sweepMs);
  assert.deepEqual([rig.instances.length, first.drains.length, next.ends], [1, 1, []]);
  assert.deepEqual([late.failure?.code, late.failure?.retryAfterS], ['FUNCTION_THROTTLED', 1]);
  first.reply(first.last.stream);
  first.data!.goodbye('DRAINED', '');
  rig.settle();
  assert.equal(rig.instances.length, 1);
  first.die({ kind: 'exited', code: 0 });
  rig.clock.advance(limits.sweepMs + 30);
  assert.equal(rig.instances.length, 2);
  rig.instances[1]!.reply(rig.instances[1]!.last.stream);
  rig.settle();
  assert.deepEqual([running.ends, next.ends], [['reply'], ['reply']]);
});

test('an old version of such a function that does not end is ended', () => {
  const rig = new Rig();
  rig.onDrain = () => undefined;
  const old = { ...functionSpec(), alone: true };
  rig.router.publish(snapshotOf(old));
  const first = rig.warm(old);
  rig.invoke(old);
  rig.settle();
  first.say((writer) => writer.begun(first.last.stream));
  rig.settle();
  rig.router.publish(snapshotOf({ ...old, id: 'dpl_2/api/hello' }));
  rig.clock.advance(limits.makeWayMs - limits.sweepMs);
  assert.equal(first.terminated, false);
  rig.clock.advance(2 * limits.sweepMs);
  assert.ok(first.terminated);
});
