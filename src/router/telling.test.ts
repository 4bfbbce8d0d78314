import assert from 'node:assert/strict';
import type { Channel } from 'node:diagnostics_channel';
import { test, type TestContext } from 'node:test';
import { functionSpec, Rig } from '../../test/router/rig.ts';
import { channels } from '../base/channels.ts';
import { limits } from '../base/limits.ts';
import type { CrashReport, FunctionLogLine, InvocationRecord } from '../model/telemetry.ts';

function heard<T>(t: TestContext, channel: Channel): T[] {
  const messages: T[] = [];
  const listen = (message: unknown): void => void messages.push(message as T);
  channel.subscribe(listen);
  t.after(() => channel.unsubscribe(listen));
  return messages;
}
const records = (t: TestContext): InvocationRecord[] => heard(t, channels.invocation);
const crashes = (t: TestContext): CrashReport[] => heard(t, channels.crash);

const wallStartMs = 1_700_000_000_000;

const trace = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), parentSpanId: null, sampled: true };

test('an invocation that is answered is told once, with what the head and the answer say', (t) => {
  const told = records(t);
  const rig = new Rig();
  const spec = functionSpec();
  rig.onRequest = (instance, { stream }) =>
    rig.clock.after(20, () => {
      instance.say((writer) => writer.begun(stream));
      rig.clock.after(7, () => instance.reply(stream, 'hello', 201));
    });
  rig.clock.advance(100);
  const exchange = rig.invoke(spec, {
    method: 'POST',
    target: `/api/${'x'.repeat(2000)}?secret=1`,
    headers: ['Host', 'a.localhost', 'x', 'y'],
    hasBody: true,
    route: '/api/[id]',
    receivedMs: 98,
    admittedMs: 98.25,
    matchedMs: 98.5,
    trace,
  });
  exchange.invocation!.write(Buffer.from('abc'));
  exchange.invocation!.endBody();
  rig.clock.runUntil(() => exchange.ends.length > 0, 1000);
  assert.deepEqual(told, [
    {
      id: 'inv_1',
      functionId: spec.id,
      label: spec.label,
      project: 'test',
      deployment: 'dpl_test',
      environment: 'preview',
      route: '/api/[id]',
      method: 'POST',
      host: 'a.localhost',
      path: `/api/${'x'.repeat(limits.recordedPathBytes - 5)}`,
      status: 201,
      outcome: 'answered',
      start: 'cold',
      instance: rig.instances[0]!.order.instance,
      receivedMs: wallStartMs + 98,
      phases: {
        admittedUs: 250,
        matchedUs: 500,
        cachedUs: 2000,
        resolvedUs: 2000,
        queuedUs: 2000,
        placedUs: 32_000,
        sentUs: 32_000,
        begunUs: 52_000,
        answeredUs: 59_000,
        settledUs: 59_000,
      },
      cpuUs: 1000,
      memoryMiB: 256,
      requestBytes: 3,
      responseBytes: 5,
      refusals: 0,
      trace,
    },
  ]);
});

test('a streamed answer is told when its client has all of it: the first byte was earlier', (t) => {
  const told = records(t);
  const rig = new Rig();
  const spec = functionSpec();
  const instance = rig.warm(spec);
  told.length = 0;
  const exchange = rig.invoke(spec);
  rig.settle();
  const { stream } = instance.last;
  exchange.accepting = false;
  rig.clock.advance(3);
  instance.head(stream, 206);
  rig.clock.advance(4);
  instance.chunk(stream, 'hello');
  instance.chunk(stream, ' world');
  instance.bodyEnd(stream);
  rig.clock.advance(5);
  assert.equal(told.length, 0);
  exchange.accepting = true;
  exchange.invocation!.resume();
  const [record] = told;
  assert.deepEqual([record?.status, record?.responseBytes, record?.start, record?.cpuUs], [206, 11, 'warm', 2000]);
  const { queuedUs, sentUs, begunUs, answeredUs, settledUs } = record!.phases;
  assert.deepEqual([queuedUs, sentUs, begunUs, answeredUs, settledUs], [null, 0, 3000, 3000, 12_000]);
  assert.equal(told.length, 1);
});

test('clients that leave, before the answer and within it, and those that nobody takes, are told', (t) => {
  const told = records(t);
  const rig = new Rig();
  const most = { maxConcurrency: 2, maxInstances: 1, maxDurationMs: 10 * limits.queueWaitMs };
  const spec = functionSpec('api/hello', most);
  const instance = rig.warm(spec);
  told.length = 0;
  const early = rig.invoke(spec);
  const late = rig.invoke(spec);
  rig.settle();
  instance.head(instance.last.stream, 200);
  const queued = rig.invoke(spec);
  assert.ok(rig.clock.runUntil(() => queued.failure !== null, 2 * limits.queueWaitMs));
  early.invocation!.cancel();
  late.invocation!.cancel();
  queued.invocation!.cancel();
  assert.deepEqual(
    told.map(({ id, status, outcome, instance: on, start, phases }) => {
      return [id, status, outcome, on !== null, start, phases.sentUs !== null, phases.answeredUs !== null];
    }),
    [
      ['inv_4', 503, 'FUNCTION_THROTTLED', false, null, false, false],
      ['inv_2', null, 'CLIENT_CLOSED_REQUEST', true, 'warm', true, false],
      ['inv_3', 200, 'CLIENT_CLOSED_REQUEST', true, 'warm', true, true],
    ],
  );
});

test('an upgraded connection is told at its end, with what went both ways; one that was refused, where it went then', (t) => {
  const told = records(t);
  const rig = new Rig();
  const spec = functionSpec();
  const instance = rig.warm(spec);
  told.length = 0;
  const exchange = rig.invoke(spec, { upgrade: true, headers: ['host', 'ws.localhost', 'upgrade', 'websocket'] });
  rig.settle();
  const { stream } = instance.last;
  instance.head(stream, 101);
  rig.settle();
  exchange.invocation!.write(Buffer.from('ping'));
  instance.chunk(stream, 'pongpong');
  rig.clock.advance(1000);
  assert.equal(told.length, 0);
  instance.bodyEnd(stream);
  rig.settle();
  const [socket] = told;
  assert.deepEqual(
    [socket?.status, socket?.host, socket?.requestBytes, socket?.responseBytes, socket?.phases.settledUs],
    [101, 'ws.localhost', 4, 8, 1_000_000],
  );
  const moved = rig.invoke(spec);
  rig.settle();
  instance.nack(instance.last.stream, 'memory');
  rig.clock.runUntil(() => rig.instances.length > 1 && rig.instances[1]!.requests.length > 0, 5000);
  const other = rig.instances[1]!;
  other.reply(other.last.stream);
  rig.settle();
  assert.deepEqual(moved.ends, ['reply']);
  assert.deepEqual(
    told.slice(1).map(({ refusals, instance: on, outcome }) => [refusals, on, outcome]),
    [[1, other.order.instance, 'answered']],
  );
});

test('lines of functions are told with the time at which they came', (t) => {
  const told = heard<FunctionLogLine>(t, channels.log);
  const rig = new Rig();
  const instance = rig.warm(functionSpec());
  rig.clock.advance(1000);
  instance.say((writer) => writer.log(instance.last.stream, 'info', 'stdout', 'hello'));
  rig.settle();
  const [line] = told;
  assert.deepEqual([line?.text, line?.invocationId, line?.label], ['hello', 'inv_1', 'test/api/hello']);
  assert.equal(line?.atMs, rig.clock.wallMs());
  assert.deepEqual(rig.lines, told);
});

test('a process that exits by itself has crashed: which invocations were lost, what it had used', (t) => {
  const told = crashes(t);
  const rig = new Rig();
  const spec = functionSpec();
  const instance = rig.warm(spec);
  instance.vitals({ rssBytes: 70 << 20, cpuUs: 90_000 });
  rig.invoke(spec);
  rig.settle();
  instance.say((writer) => writer.begun(instance.last.stream));
  instance.say((writer) => writer.log(0, 'error', 'stderr', 'Error: no\n    at there (/srv/x.js:1:2)'));
  rig.clock.advance(10);
  instance.die({ kind: 'exited', code: 3 });
  rig.settle();
  const ageMs = rig.clock.nowMs();
  assert.deepEqual(told, [
    {
      atMs: rig.clock.wallMs(),
      instance: instance.order.instance,
      functionId: spec.id,
      label: spec.label,
      project: 'test',
      deployment: 'dpl_test',
      reason: 'its process exited with code 3',
      exitCode: 3,
      signal: null,
      invocationId: null,
      lost: ['inv_2'],
      stack: 'Error: no\n    at there (/srv/x.js:1:2)',
      memoryBytes: 70 << 20,
      cpuMs: 90,
      ageMs,
    },
  ]);
});

test('out of memory: as the system says, also of one that was draining; or as V8 does', (t) => {
  const told = crashes(t);
  const rig = new Rig();
  const spec = functionSpec();
  const first = rig.warm(spec);
  rig.onDrain = () => undefined;
  rig.router.publish({ version: 2, deployments: [] });
  rig.settle();
  assert.equal(first.drains.length, 1);
  first.die({ kind: 'signalled', signal: 'SIGKILL', outOfMemory: true });
  rig.settle();
  const other = functionSpec('api/other');
  const second = rig.warm(other);
  const text = '\nFATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory';
  second.events.output('stderr', text.trim());
  second.die({ kind: 'signalled', signal: 'SIGABRT', outOfMemory: false });
  rig.settle();
  assert.deepEqual(
    told.map(({ reason, signal, label }) => [reason, signal, label]),
    [
      ['out of memory', 'SIGKILL', 'test/api/hello'],
      ['out of memory', 'SIGABRT', 'test/api/other'],
    ],
  );
});

test('an error that nobody caught: the invocation is the one whose code threw first, though the instance ended in order', (t) => {
  const told = crashes(t);
  const rig = new Rig();
  const spec = functionSpec();
  const instance = rig.warm(spec);
  rig.invoke(spec);
  rig.invoke(spec);
  rig.settle();
  const [, thrower, other] = instance.requests;
  const say = (stream: number, text: string): void =>
    instance.say((writer) => writer.log(stream, 'error', 'stderr', text));
  say(thrower!.stream, 'Uncaught exception: Error: mine\n    at x.js');
  say(other!.stream, 'Uncaught exception: Error: next\n    at y.js');
  instance.say((writer) => writer.failed(thrower!.stream, 'FUNCTION_INVOCATION_FAILED', 'thrown', 5));
  instance.data!.drain(1000, 'errors');
  instance.reply(other!.stream);
  rig.settle();
  instance.die({ kind: 'exited', code: 1 });
  rig.settle();
  assert.deepEqual(
    told.map(({ reason, invocationId, exitCode, lost, stack }) => [reason, invocationId, exitCode, lost, stack]),
    [['an error that nobody caught', 'inv_2', 1, [], 'Uncaught exception: Error: next\n    at y.js']],
  );
});

test('a loop that is held is told with the invocation that was alone in it', (t) => {
  for (const beside of [0, 1]) {
    const told = crashes(t);
    const rig = new Rig();
    const spec = functionSpec('api/hello', { maxDurationMs: 1000 });
    const instance = rig.warm(spec);
    for (let count = 0; count <= beside; count += 1) rig.invoke(spec);
    rig.settle();
    for (const { stream } of instance.requests.slice(1)) instance.say((writer) => writer.begun(stream));
    rig.settle();
    instance.connection!.pause();
    instance.control!.destroy('no sentinel');
    rig.clock.runUntil(() => told.length > 0, 60_000);
    const [crash] = told;
    assert.match(crash!.reason, /did not yield after maxDuration/);
    assert.deepEqual([crash!.signal, crash!.invocationId], ['SIGKILL', beside === 0 ? 'inv_2' : null]);
  }
});

test('a function that cannot be loaded is told; an instance that is drained, or stopped with its platform, is not', async (t) => {
  const told = crashes(t);
  const rig = new Rig();
  const idle = rig.warm(functionSpec('api/idle'));
  const spec = functionSpec();
  rig.loads = false;
  rig.invoke(spec);
  rig.clock.advance(30);
  const broken = rig.instances.at(-1)!;
  const message = 'Error: no such module\n    at x.js';
  broken.say((writer) => writer.loaded({ ok: false, code: 'FUNCTION_LOAD_FAILED', message }));
  broken.die({ kind: 'exited', code: 1 });
  rig.settle();
  assert.deepEqual(
    told.map(({ reason, stack }) => [reason, stack]),
    [['its function could not be loaded', message]],
  );
  told.length = 0;
  rig.onDrain = (instance) => {
    instance.data?.goodbye('DRAINED', '');
    instance.die({ kind: 'exited', code: 0 });
  };
  rig.router.publish({ version: 2, deployments: [] });
  rig.settle();
  assert.equal(idle.drains.length, 1);
  rig.loads = true;
  const running = rig.warm(functionSpec('api/running'));
  const closed = rig.router.close();
  rig.clock.advance(10);
  await closed;
  assert.ok(running.killed);
  assert.deepEqual(told, []);
});
