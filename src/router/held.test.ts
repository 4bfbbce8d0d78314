// Functions that hold their loops: what waits for CPU waits in turn, and is not answered by more instances or by an error.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { limits } from '../base/limits.ts';
import { silentLog } from '../base/log.ts';
import { type FakeInstance, functionSpec, Rig } from '../../test/router/rig.ts';

const machine = { freeMemoryMiB: 16_384, cores: 2, cpuIdle: false };

/** An instance whose every invocation holds the loop for so long; what came meanwhile has not begun. */
function holdLoops(rig: Rig, holdMs: number): string[] {
  const order: string[] = [];
  const busy = new Set<FakeInstance>();
  const next = (instance: FakeInstance, waiting: { stream: number; id: string }[]): void => {
    const mine = waiting.shift();
    if (mine === undefined) return void busy.delete(instance);
    busy.add(instance);
    order.push(mine.id);
    instance.say((writer) => writer.begun(mine.stream));
    const stuck = rig.clock.after(limits.loopStuckMs, () =>
      instance.vitals({ loopStuckMs: limits.loopStuckMs, inFlight: 1, loopPermille: 1000, cpuUs: rig.clock.nowMs() }),
    );
    rig.clock.after(holdMs, () => {
      stuck.cancel();
      for (const stream of instance.recalls.splice(0)) {
        const at = waiting.findIndex((each) => each.stream === stream);
        if (at !== -1) waiting.splice(at, 1);
      }
      instance.reply(mine.stream);
      instance.vitals({ loopStuckMs: 0, inFlight: 0, loopPermille: 1000, cpuUs: rig.clock.nowMs() });
      next(instance, waiting);
    });
  };
  const queues = new Map<FakeInstance, { stream: number; id: string }[]>();
  rig.onRequest = (instance, { stream, id }) => {
    const waiting = queues.get(instance) ?? [];
    queues.set(instance, waiting);
    waiting.push({ stream, id });
    if (!busy.has(instance)) next(instance, waiting);
  };
  // The sentinel answers recalls at once.
  const answer = (): void => {
    for (const instance of rig.instances) {
      for (const stream of instance.recalls.splice(0)) {
        const waiting = queues.get(instance) ?? [];
        const at = waiting.findIndex((each) => each.stream === stream);
        if (at === -1) continue;
        waiting.splice(at, 1);
        instance.recalled(stream);
      }
    }
    rig.clock.after(1, answer);
  };
  answer();
  return order;
}

test('a burst of work that needs the CPU: every one is answered, in turn, by about as many instances as there are processors', () => {
  const rig = new Rig({ machine: () => machine });
  const spec = functionSpec();
  rig.warm(spec);
  const order = holdLoops(rig, 100);
  const exchanges = Array.from({ length: 40 }, () => rig.invoke(spec));
  rig.clock.advance(6000);
  assert.deepEqual(
    exchanges.map(({ ends, failure }) => failure?.code ?? ends[0]),
    exchanges.map(() => 'reply'),
  );
  const numbers = order.map((id) => Number(id.slice(4)));
  // By two or three instances at a time, so not to the letter; but nobody is overtaken by many.
  const farthest = Math.max(...numbers.map((number, at) => Math.abs(number - 2 - at)));
  assert.ok(farthest <= 4, `one was ${farthest} places from its turn: ${numbers.join(' ')}`);
  const serving = rig.instances.filter(({ requests }) => requests.length > 0).length;
  assert.ok(serving <= 4, `${serving} instances for two processors`);
});

test('an instance that is well again gets as much as before', () => {
  const rig = new Rig({ machine: () => machine, instancesPerFunction: 1 });
  const spec = functionSpec();
  const only = rig.warm(spec);
  rig.invoke(spec);
  rig.settle();
  only.say((writer) => writer.begun(only.last.stream));
  only.vitals({ loopStuckMs: limits.loopStuckMs, inFlight: 1 });
  rig.settle();
  for (let count = 0; count < 50; count += 1) rig.invoke(spec);
  only.reply(only.last.stream);
  rig.settle();
  assert.equal(only.requests.length, 3, 'the loop came round: one more');
  for (let count = 0; count < 8; count += 1) {
    rig.clock.advance(limits.vitalsPeriodMs);
    only.vitals({ loopStuckMs: 0, loopPermille: 100, cpuUs: count + 1 });
  }
  rig.settle();
  assert.equal(only.requests.length, 2 + 50);
});

test('a machine boots only so many at once, however many wait', () => {
  const rig = new Rig({ machine: () => machine });
  const spec = functionSpec('api/one', { maxConcurrency: 1 });
  rig.startMs = null;
  for (let count = 0; count < 2000; count += 1) rig.invoke(spec);
  rig.settle();
  assert.ok(rig.instances.length > 0 && rig.instances.length <= 8, `${rig.instances.length} at once`);
  // One that hangs does not keep the others from being started.
  const hung = rig.instances.length;
  rig.instances[0]!.connect();
  rig.clock.advance(limits.sweepMs * 2);
  assert.ok(rig.instances.length > hung);
});

test('a machine without memory to spare has one instance for a function that has none, and no more', () => {
  let freeMemoryMiB = 0;
  const told: string[] = [];
  const log = { ...silentLog, warn: (message: string) => void told.push(message) };
  const rig = new Rig({ log, machine: () => ({ ...machine, freeMemoryMiB }) });
  const spec = functionSpec('api/x', { maxConcurrency: 1 });
  const first = rig.warm(spec);
  rig.invoke(spec);
  const second = rig.invoke(spec);
  rig.clock.advance(1000);
  assert.equal(rig.instances.length, 1);
  first.reply(first.requests[1]!.stream);
  rig.settle();
  first.reply(first.requests[2]!.stream);
  rig.settle();
  assert.deepEqual(second.ends, ['reply']);
  // Near the limit it comes and goes: that is one message, not one each time.
  for (let count = 0; count < 20; count += 1) {
    freeMemoryMiB = count % 2 === 0 ? 16_384 : 0;
    rig.clock.advance(limits.machineLookMs);
    rig.invoke(spec);
  }
  assert.equal(told.length, 1);
});

test('a function of which much is asked leaves a place to boot for the others', () => {
  const rig = new Rig({ machine: () => machine });
  rig.startMs = null;
  const greedy = functionSpec('api/greedy', { maxConcurrency: 1 });
  for (let count = 0; count < 600; count += 1) rig.invoke(greedy);
  rig.settle();
  const before = rig.instances.length;
  rig.invoke(functionSpec('api/modest'));
  rig.settle();
  assert.equal(rig.instances.length, before + 1);
});

test('a function that takes long to load gets one more start, not one a second', () => {
  const rig = new Rig({ machine: () => machine });
  rig.loads = false;
  rig.invoke(functionSpec());
  rig.clock.advance(20_000);
  assert.equal(rig.instances.length, 2);
});

test('loops that are held by what sleeps do not keep an idle machine from starting more', () => {
  const rig = new Rig({ machine: () => ({ ...machine, cpuIdle: true }) });
  const spec = functionSpec();
  rig.warm(spec);
  holdLoops(rig, 300);
  const exchanges = Array.from({ length: 20 }, () => rig.invoke(spec));
  rig.clock.advance(3000);
  assert.ok(exchanges.every(({ ends }) => ends[0] === 'reply'));
  assert.ok(rig.instances.length > 3, `${rig.instances.length} instances`);
});

test('loading may hold the loop for longer than an invocation may take', () => {
  const rig = new Rig();
  rig.loads = false;
  rig.invoke(functionSpec('api/x', { maxDurationMs: 1000 }));
  rig.clock.advance(100);
  const [only] = rig.instances;
  only!.vitals({ loopStuckMs: 5000 });
  rig.settle();
  assert.equal(only!.killed, false);
});

test('a recall that is answered when the loop is free again pauses nothing', () => {
  const rig = new Rig({ instancesPerFunction: 1 });
  const spec = functionSpec();
  const only = rig.warm(spec);
  const exchange = rig.invoke(spec);
  rig.settle();
  only.vitals({ loopStuckMs: limits.loopStuckMs });
  rig.settle();
  only.vitals({ loopStuckMs: 0 });
  only.recalled(only.last.stream);
  rig.settle();
  assert.equal(only.requests.length, 3, 'it is sent again at once');
  only.reply(only.last.stream);
  rig.settle();
  assert.deepEqual(exchange.ends, ['reply']);
});

test('recalled and lost ones go back to their turn, and are given up when their time is', () => {
  const rig = new Rig({ instancesPerFunction: 1 });
  const spec = functionSpec();
  const only = rig.warm(spec);
  const exchanges = Array.from({ length: 5 }, () => rig.invoke(spec));
  rig.settle();
  const sent = only.requests.slice(1);
  only.vitals({ loopStuckMs: limits.loopStuckMs });
  rig.settle();
  for (const { stream } of sent) only.recalled(stream);
  rig.settle();
  only.vitals({ loopStuckMs: 0 });
  rig.settle();
  for (let count = 0; count < 4; count += 1) {
    rig.clock.advance(limits.vitalsPeriodMs);
    only.vitals({ loopStuckMs: 0, cpuUs: count + 1 });
    rig.settle();
  }
  assert.deepEqual(
    only.requests.slice(6).map(({ id }) => id),
    sent.map(({ id }) => id),
  );
  // For ever recalled: bounded by time, not by how often.
  rig.onRequest = (instance, { stream }) => {
    instance.vitals({ loopStuckMs: limits.loopStuckMs, cpuUs: rig.clock.nowMs() });
    rig.clock.after(5, () => {
      instance.recalled(stream);
      instance.vitals({ loopStuckMs: 0, cpuUs: rig.clock.nowMs() });
    });
  };
  for (const { stream } of only.requests.slice(6)) only.reply(stream);
  const unlucky = rig.invoke(spec);
  rig.clock.advance(limits.queueWaitMs / 2);
  assert.deepEqual(unlucky.ends, []);
  rig.clock.advance(limits.queueWaitMs);
  assert.equal(unlucky.failure?.code, 'FUNCTION_THROTTLED');
  assert.ok(exchanges.every(({ ends }) => ends.length === 1));
});
