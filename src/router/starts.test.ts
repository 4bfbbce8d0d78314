import assert from 'node:assert/strict';
import { test } from 'node:test';

import { limits } from '../base/limits.ts';
import { functionSpec, Rig, snapshotOf } from '../../test/router/rig.ts';

const exited = (code: number) => ({ kind: 'exited', code }) as const;

test('a function that does not load: 500 with its error in the log, and starts that back off', () => {
  const rig = new Rig();
  rig.loads = false;
  const spec = functionSpec();
  const error = 'Error: no database\n    at /srv/test/api/hello.js:1';
  const exchanges = [rig.invoke(spec), rig.invoke(spec)];
  rig.clock.advance(30);
  rig.instances[0]!.say((writer) => writer.loaded({ ok: false, code: 'FUNCTION_LOAD_FAILED', message: error }));
  rig.settle();
  for (const exchange of exchanges) {
    assert.equal(exchange.failure?.code, 'FUNCTION_LOAD_FAILED');
    assert.equal(exchange.failure.detail, 'the function could not be loaded (Error); its log says more');
    assert.equal(exchange.failure.retryAfterS, 1);
  }
  assert.deepEqual(
    rig.lines.map(({ level, text }) => [level, text]),
    [['error', error]],
  );
  // While backing off: at once, and no start.
  const during = rig.invoke(spec);
  rig.settle();
  assert.equal(during.failure?.code, 'FUNCTION_LOAD_FAILED');
  assert.equal(rig.instances.length, 1);
  // Traffic for a minute makes few starts: 0.25 s doubling to 30 s.
  for (let count = 0; count < 600; count += 1) {
    rig.invoke(spec);
    rig.clock.advance(100);
    const last = rig.instances.at(-1)!;
    if (last.load !== null && last.drains.length === 0) {
      last.say((writer) => writer.loaded({ ok: false, code: 'FUNCTION_LOAD_FAILED', message: error }));
      rig.settle();
    }
  }
  assert.ok(rig.instances.length > 4 && rig.instances.length < 10, `${rig.instances.length} starts`);
  assert.equal(rig.states().length, 0);
  // And when it loads, it serves.
  rig.loads = true;
  rig.clock.advance(limits.startBackoffMaxMs);
  rig.warm(spec);
});

test('an instance that exits while it loads: the error says how', () => {
  const rig = new Rig();
  rig.loads = false;
  const exchange = rig.invoke(functionSpec());
  rig.clock.advance(30);
  rig.instances[0]!.die(exited(13));
  rig.settle();
  assert.equal(exchange.failure?.code, 'FUNCTION_LOAD_FAILED');
  assert.match(exchange.failure.detail, /exited with code 13/);
});

test('a process that is lost on its way is started once more before anybody is told', () => {
  const rig = new Rig();
  rig.startMs = null;
  const spec = functionSpec();
  const lucky = rig.invoke(spec);
  rig.instances[0]!.die({ kind: 'failed', reason: 'spawn ENOMEM' });
  rig.clock.advance(10);
  const second = rig.invoke(spec);
  rig.settle();
  assert.deepEqual([lucky.ends, second.ends, rig.instances.length], [[], [], 1]);
  rig.startMs = 30;
  rig.onRequest = (instance, { stream }) => instance.reply(stream);
  rig.clock.advance(limits.startBackoffMs + limits.sweepMs + 30);
  assert.deepEqual([lucky.ends, second.ends, rig.instances.length], [['reply'], ['reply'], 2]);
});

test('processes that cannot be started: INTERNAL_FUNCTION_NOT_READY, and starts that back off', () => {
  const rig = new Rig();
  rig.startMs = null;
  const spec = functionSpec();
  const exchange = rig.invoke(spec);
  for (let count = 0; count < 2; count += 1) {
    rig.instances[count]!.die({ kind: 'failed', reason: 'spawn ENOMEM' });
    rig.clock.advance(limits.startBackoffMs + limits.sweepMs);
  }
  assert.equal(exchange.failure?.code, 'INTERNAL_FUNCTION_NOT_READY');
  assert.match(exchange.failure.detail, /spawn ENOMEM/);
  assert.equal(exchange.failure.retryAfterS, 1);
  const during = rig.invoke(spec);
  rig.settle();
  assert.deepEqual([during.failure?.code, rig.instances.length], ['INTERNAL_FUNCTION_NOT_READY', 2]);
});

test('a process that never connects is killed, and who waited for it is told', () => {
  const rig = new Rig();
  rig.startMs = null;
  const exchange = rig.invoke(functionSpec());
  rig.clock.advance(limits.startTimeoutMs + 3 * limits.sweepMs);
  assert.ok(rig.instances[0]!.killed);
  assert.equal(exchange.ends.length, 1);
});

test('new instances that refuse everything do not make a storm of starts', () => {
  const rig = new Rig();
  const spec = functionSpec();
  rig.onRequest = (instance, { stream }) => instance.nack(stream, 'memory');
  const exchange = rig.invoke(spec);
  rig.clock.advance(3000);
  assert.ok(rig.instances.length > 1 && rig.instances.length < 8, `${rig.instances.length} starts`);
  assert.deepEqual(exchange.ends, []);
});

test('an environment that is too large for the tunnel fails the function, not the router', () => {
  const rig = new Rig();
  const spec = functionSpec('api/big', { environment: { BIG: 'x'.repeat(limits.sessionJsonBytes) } });
  const exchange = rig.invoke(spec);
  rig.clock.advance(40);
  assert.equal(exchange.failure?.code, 'FUNCTION_LOAD_FAILED');
  assert.match(exchange.failure.detail, /environment/);
});

test('a neighbour that is well does not end the back-off of starts that fail', () => {
  const rig = new Rig();
  const spec = functionSpec('api/x', { maxConcurrency: 1 });
  const well = rig.warm(spec);
  rig.invoke(spec);
  rig.settle();
  rig.startMs = null;
  rig.invoke(spec);
  for (let count = 0; count < 90; count += 1) {
    rig.instances.at(-1)!.die({ kind: 'failed', reason: 'spawn EAGAIN' });
    rig.clock.advance(100);
    well.vitals({ cpuUs: count + 1 });
  }
  assert.ok(rig.instances.length < 12, `${rig.instances.length} starts in 9 s`);
});

test('instances that end as soon as they have loaded are not started one after the other', () => {
  const rig = new Rig();
  rig.onRequest = (instance) => instance.die(exited(1));
  const exchange = rig.invoke(functionSpec());
  rig.clock.advance(3000);
  assert.ok(rig.instances.length < 8, `${rig.instances.length} starts in 3 s`);
  assert.ok(exchange.ends.length <= 1);
});

test('how many to start is decided once for those that come together', () => {
  let looks = 0;
  const machine = () => {
    looks += 1;
    return { freeMemoryMiB: 100_000, cores: 2, cpuIdle: true };
  };
  const rig = new Rig({ machine, stems: false });
  const spec = functionSpec();
  rig.invoke(spec);
  const decided = (): number => rig.router.explain(spec.id)!.decisions.length;
  assert.equal(decided(), 1);
  for (let count = 1; count < 1000; count += 1) rig.invoke(spec);
  assert.equal(decided(), 1);
  rig.settle();
  assert.equal(decided(), 2);
  assert.match(rig.router.explain(spec.id)!.decisions.at(-1)!.text, /1000 wait/);
  assert.ok(looks < 10, `${looks} looks at the machine`);
});

test('a machine that stays short of memory is one decision, whatever the figures', () => {
  let freeMemoryMiB = 300;
  const machine = () => {
    freeMemoryMiB = freeMemoryMiB >= 318 ? 301 : freeMemoryMiB + 1;
    return { freeMemoryMiB, cores: 2, cpuIdle: true };
  };
  const rig = new Rig({ machine });
  const spec = functionSpec('api/x', { maxConcurrency: 1 });
  for (let count = 0; count < 50; count += 1) rig.invoke(spec);
  rig.clock.advance(20_000);
  const { decisions } = rig.router.explain(spec.id)!;
  assert.equal(rig.instances.length, 1);
  assert.match(decisions[0]!.text, /^started 1 of 1: /);
  assert.ok(decisions.length <= 5, decisions.map(({ text }) => text).join('\n'));
});

test('others have to go for what waits, and not for what is wanted ahead of need beside it', () => {
  const fitting = 8;
  const alive = () => rig.instances.filter((instance) => instance.usage() !== null).length;
  const machine = () => {
    const freeMemoryMiB = limits.startsLeaveFreeMiB + (fitting - alive()) * limits.stemRssMiB;
    return { freeMemoryMiB, cores: 8, cpuIdle: true };
  };
  const rig: Rig = new Rig({ machine, stems: false });
  rig.onDrain = (instance) => instance.die(exited(0));
  const neighbours = ['api/a', 'api/b', 'api/c'].map((name) => rig.warm(functionSpec(name)));
  const spec = functionSpec('api/x', { maxConcurrency: 2 });
  for (let count = 0; count < 10; count += 1) rig.invoke(spec);
  rig.clock.advance(5_000);
  assert.equal(alive(), fitting);
  const drained = () => neighbours.filter(({ drains }) => drains.length > 0).length;
  assert.equal(drained(), 0, 'eight would be good to have, for ten at once');
  const late = rig.invoke(spec);
  rig.clock.advance(10_000);
  assert.equal(drained(), 1);
  assert.deepEqual(late.ends, []);
  assert.equal(rig.instances.at(-1)!.requests.length, 1);
  assert.match(rig.router.explain(spec.id)!.decisions.at(-1)!.text, /^started 1 of 1: 1 wait/);
});

test('an idle platform does not look at the machine ten times a second', () => {
  let looks = 0;
  const machine = () => {
    looks += 1;
    return { freeMemoryMiB: 100_000, cores: 8, cpuIdle: true };
  };
  const rig = new Rig({ machine, stems: false, keepAliveMs: 1_000 });
  const spec = functionSpec();
  rig.router.publish(snapshotOf(spec));
  rig.warm(spec);
  rig.clock.advance(30_000);
  assert.deepEqual(rig.states(), []);
  looks = 0;
  rig.clock.advance(60_000);
  assert.ok(looks <= 61, `${looks} looks in a minute`);
});
