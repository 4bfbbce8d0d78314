import assert from 'node:assert/strict';
import { test } from 'node:test';

import { limits } from '../base/limits.ts';
import { functionSpec, Rig } from '../../test/router/rig.ts';

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
