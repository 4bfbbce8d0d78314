import assert from 'node:assert/strict';
import { test } from 'node:test';

import { limits } from '../base/limits.ts';
import { noVitals } from '../model/vitals.ts';
import { functionSpec, Rig } from '../../test/router/rig.ts';

const exited = (code: number) => ({ kind: 'exited', code }) as const;

test('prompt mode: when the tunnel is lost, what had begun gets 502 and what had not goes elsewhere', () => {
  const rig = new Rig();
  const spec = functionSpec();
  const first = rig.warm(spec);
  const begun = rig.invoke(spec);
  const unbegun = rig.invoke(spec);
  rig.settle();
  const [, one] = first.requests;
  first.say((writer) => writer.begun(one!.stream));
  first.die(exited(3));
  rig.settle();
  assert.equal(begun.failure?.code, 'NO_RESPONSE_FROM_FUNCTION');
  assert.match(begun.failure.detail, /exited with code 3/);
  assert.deepEqual(unbegun.ends, []);
  rig.clock.advance(30);
  const second = rig.instances[1]!;
  assert.equal(second.last.id, first.last.id);
  second.reply(second.last.stream);
  rig.settle();
  assert.deepEqual(unbegun.ends, ['reply']);
  assert.ok(rig.lines.some((line) => line.text.includes('exited with code 3')));
});

test('batched mode: what was sent and has no BEGUN may have run, and is not run again', () => {
  const rig = new Rig();
  const spec = functionSpec();
  const first = rig.warm(spec);
  first.say((writer) => writer.begins('batched'));
  const unknown = rig.invoke(spec);
  rig.settle();
  first.die({ kind: 'signalled', signal: 'SIGKILL', outOfMemory: true });
  rig.settle();
  assert.equal(unknown.failure?.code, 'NO_RESPONSE_FROM_FUNCTION');
  assert.match(unknown.failure.detail, /out of memory/);
  assert.equal(rig.instances.length, 1);
});

test('a connection that broke proves nothing: what had been sent is not run again', () => {
  const rig = new Rig();
  const spec = functionSpec();
  const first = rig.warm(spec);
  const sent = rig.invoke(spec);
  rig.settle();
  first.connection!.cut('read ECONNRESET');
  rig.clock.advance(10);
  assert.deepEqual(sent.ends, []);
  rig.clock.advance(limits.sweepMs * 3);
  assert.equal(sent.failure?.code, 'NO_RESPONSE_FROM_FUNCTION');
  // Without its tunnel the process is of no use.
  assert.ok(first.killed);
  assert.equal(rig.instances.length, 1);
});

test('answers that were written before the end count, even when the process was seen to end first', () => {
  const rig = new Rig();
  const spec = functionSpec();
  const first = rig.warm(spec);
  const exchange = rig.invoke(spec);
  rig.settle();
  first.events.exited(exited(0));
  rig.settle();
  assert.deepEqual(exchange.ends, []);
  first.reply(first.last.stream);
  first.connection!.destroy();
  rig.settle();
  assert.deepEqual(exchange.ends, ['reply']);
  assert.deepEqual(rig.states(), []);
});

test('a tunnel that stays open after its process has ended is not waited for for ever', () => {
  const rig = new Rig();
  const spec = functionSpec();
  const first = rig.warm(spec);
  const exchange = rig.invoke(spec);
  rig.settle();
  first.kill = () => undefined;
  first.events.exited(exited(1));
  rig.clock.advance(limits.exitWaitMs + limits.sweepMs);
  assert.equal(exchange.failure?.code, 'NO_RESPONSE_FROM_FUNCTION');
  assert.deepEqual(rig.states(), []);
});

test('a streamed answer whose instance dies is cut, not completed', () => {
  const rig = new Rig();
  const spec = functionSpec();
  const first = rig.warm(spec);
  const exchange = rig.invoke(spec);
  rig.settle();
  first.head(first.last.stream);
  first.chunk(first.last.stream, 'half');
  first.die(exited(1));
  rig.settle();
  assert.deepEqual([exchange.status, exchange.text, exchange.ends], [200, 'half', ['fail']]);
});

test('FAILED: the catalogue’s code when it is one, FUNCTION_INVOCATION_FAILED otherwise', () => {
  const rig = new Rig();
  const spec = functionSpec();
  const only = rig.warm(spec);
  for (const [code, expected] of [
    ['FUNCTION_RESPONSE_INVALID', 'FUNCTION_RESPONSE_INVALID'],
    ['MADE_UP', 'FUNCTION_INVOCATION_FAILED'],
  ] as const) {
    const exchange = rig.invoke(spec);
    rig.settle();
    only.say((writer) => writer.failed(only.last.stream, code, 'why'));
    rig.settle();
    assert.equal(exchange.failure?.code, expected);
    assert.equal(exchange.failure.detail, 'why');
  }
});

test('a status that is not HTTP is one invocation’s failure, not its neighbours’', () => {
  const rig = new Rig();
  const spec = functionSpec();
  const only = rig.warm(spec);
  const bad = rig.invoke(spec);
  const streamed = rig.invoke(spec);
  const good = rig.invoke(spec);
  rig.settle();
  const [, one, two, three] = only.requests;
  only.reply(one!.stream, '', 700);
  only.head(two!.stream, 999);
  only.reply(three!.stream);
  rig.settle();
  assert.equal(bad.failure?.code, 'FUNCTION_RESPONSE_INVALID');
  assert.equal(streamed.failure?.code, 'FUNCTION_RESPONSE_INVALID');
  assert.deepEqual(only.cancels, [{ stream: two!.stream, reason: 'unwanted' }]);
  assert.deepEqual(good.ends, ['reply']);
});

test('a 101 that was not asked for is refused', () => {
  const rig = new Rig();
  const spec = functionSpec();
  const only = rig.warm(spec);
  const exchange = rig.invoke(spec);
  rig.settle();
  only.head(only.last.stream, 101);
  rig.settle();
  assert.equal(exchange.failure?.code, 'FUNCTION_RESPONSE_INVALID');
});

for (const [what, code, offend] of [
  ['a body before its head', 'UNEXPECTED_FRAME', 'body'],
  ['a nack after it began', 'UNEXPECTED_FRAME', 'nack'],
  ['a second head', 'UNEXPECTED_FRAME', 'heads'],
  ['a head that is no head', 'BAD_HEAD', 'split'],
] as const) {
  test(`an instance that breaks the protocol is cut off: ${what}`, () => {
    const warnings: string[] = [];
    const log = { debug: () => undefined, info: () => undefined, error: () => undefined };
    const rig = new Rig({
      log: { ...log, warn: (message, fields) => warnings.push(`${message}: ${String(fields?.cause)}`) },
    });
    const spec = functionSpec();
    const only = rig.warm(spec);
    const exchange = rig.invoke(spec);
    rig.settle();
    const { stream } = only.last;
    only.say((writer) => {
      if (offend === 'body') writer.body(stream, Buffer.from('x'));
      if (offend === 'nack') {
        writer.begun(stream);
        writer.nack(stream, 'cpu');
      }
      const fields = { complete: false, status: 200, cpuUs: 0, head: '', body: null };
      if (offend === 'heads') {
        writer.response(stream, fields);
        writer.response(stream, fields);
      }
      if (offend === 'split') writer.response(stream, { ...fields, head: 'name\nvalue\nname' });
    });
    rig.clock.advance(300);
    assert.equal(only.ends[0]?.code, code);
    assert.deepEqual(exchange.ends, ['fail']);
    assert.ok(only.killed);
    assert.match(warnings.join('\n'), new RegExp(`broke the protocol: ${code}`));
  });
}

test('maxDuration: 504, the instance is told, and its other invocations go on', () => {
  const rig = new Rig();
  const spec = functionSpec('api/long', { maxDurationMs: 1000 });
  const only = rig.warm(spec);
  const late = rig.invoke(spec);
  rig.clock.advance(500);
  const young = rig.invoke(spec);
  rig.clock.advance(600);
  assert.equal(late.failure?.code, 'FUNCTION_INVOCATION_TIMEOUT');
  assert.match(late.failure.detail, /1000 ms/);
  assert.deepEqual(only.cancels, [{ stream: only.requests[1]!.stream, reason: 'timeout' }]);
  assert.deepEqual(young.ends, []);
  // The loop comes round: it answers the PING, so nobody is killed.
  rig.clock.advance(300);
  only.reply(only.last.stream);
  rig.settle();
  assert.deepEqual(young.ends, ['reply']);
  rig.clock.advance(limits.killGraceMs * 3);
  assert.equal(only.killed, false);
  assert.deepEqual(rig.states(), ['ready']);
});

test('raw streams end at maxDuration too', () => {
  const rig = new Rig();
  const spec = functionSpec('api/ws', { maxDurationMs: 1000 });
  const only = rig.warm(spec);
  const exchange = rig.invoke(spec, { upgrade: true });
  rig.settle();
  only.head(only.last.stream, 101);
  rig.clock.advance(1200);
  assert.deepEqual([exchange.status, exchange.ends], [101, ['fail']]);
});

test('a loop that never yields is killed after a grace: neighbours that had begun get 502, the rest go elsewhere', () => {
  const rig = new Rig();
  const spec = functionSpec('api/spin', { maxDurationMs: 3000 });
  const stuck = rig.warm(spec);
  const spinning = rig.invoke(spec);
  rig.settle();
  stuck.say((writer) => writer.begun(stuck.last.stream));
  rig.clock.advance(2900);
  const neighbour = rig.invoke(spec);
  rig.settle();
  stuck.say((writer) => writer.begun(stuck.last.stream));
  const waiting = rig.invoke(spec);
  rig.settle();
  stuck.connection!.pause();
  stuck.control!.destroy('no sentinel');
  rig.clock.advance(200 + limits.killGraceMs - 2 * limits.sweepMs);
  assert.equal(spinning.failure?.code, 'FUNCTION_INVOCATION_TIMEOUT');
  assert.equal(stuck.killed, false);
  rig.clock.advance(4 * limits.sweepMs);
  assert.ok(stuck.killed);
  assert.equal(neighbour.failure?.code, 'NO_RESPONSE_FROM_FUNCTION');
  assert.match(neighbour.failure.detail, /did not yield.*SIGKILL/);
  rig.clock.advance(40);
  const other = rig.instances[1]!;
  other.reply(other.last.stream);
  rig.settle();
  assert.deepEqual(waiting.ends, ['reply']);
});

test('a loop that somebody left spinning is killed when it was stuck for longer than anything may take', () => {
  const rig = new Rig();
  const spec = functionSpec('api/spin', { maxDurationMs: 2000 });
  const stuck = rig.warm(spec);
  const exchange = rig.invoke(spec);
  rig.settle();
  stuck.say((writer) => writer.begun(stuck.last.stream));
  rig.settle();
  exchange.invocation!.cancel();
  stuck.vitals({ loopStuckMs: 2000 + limits.killGraceMs });
  rig.settle();
  assert.equal(stuck.killed, false);
  stuck.vitals({ loopStuckMs: 2001 + limits.killGraceMs });
  rig.settle();
  assert.ok(stuck.killed);
});

test('a stuck loop: what has not begun is recalled over the control connection and answered elsewhere', () => {
  const rig = new Rig();
  const spec = functionSpec();
  const stuck = rig.warm(spec);
  const spinning = rig.invoke(spec);
  rig.settle();
  stuck.say((writer) => writer.begun(stuck.last.stream));
  const waiting = [rig.invoke(spec), rig.invoke(spec), rig.invoke(spec)];
  rig.settle();
  const [, , ...sent] = stuck.requests;
  stuck.vitals({ loopStuckMs: limits.loopStuckMs, inFlight: 2 });
  rig.settle();
  assert.deepEqual(
    stuck.recalls,
    sent.map(({ stream }) => stream),
  );
  // Once is enough.
  stuck.vitals({ loopStuckMs: 2 * limits.loopStuckMs, inFlight: 2 });
  rig.settle();
  assert.equal(stuck.recalls.length, 3);
  // The first of them had just begun after all.
  stuck.control!.writer.begun(sent[0]!.stream);
  for (const { stream } of sent.slice(1)) stuck.recalled(stream);
  rig.clock.advance(30);
  const other = rig.instances[1]!;
  assert.equal(other.requests.length, 2);
  for (const { stream } of other.requests) other.reply(stream);
  rig.settle();
  assert.deepEqual(
    waiting.map((exchange) => exchange.ends.length),
    [0, 1, 1],
  );
  // It gets nothing while it is stuck, and is used again when it is not.
  for (let count = 0; count < 100; count += 1) rig.invoke(spec);
  rig.settle();
  assert.equal(stuck.requests.length, 5);
  // It has as many as user code had then, and gets more with every sign of health.
  stuck.vitals({ loopStuckMs: 0, inFlight: 2 });
  rig.invoke(spec);
  rig.settle();
  assert.equal(stuck.requests.length, 5);
  rig.clock.advance(2 * limits.vitalsPeriodMs);
  stuck.vitals({ loopStuckMs: 0, inFlight: 2, rssBytes: 1 });
  rig.settle();
  rig.invoke(spec);
  rig.settle();
  assert.ok(stuck.requests.length > 5);
  assert.deepEqual(spinning.ends, []);
});

test('an instance with work to do that answers no PING is not given up while its sentinel lives', () => {
  const rig = new Rig();
  const spec = functionSpec('api/cpu', { maxDurationMs: 300_000 });
  const busy = rig.warm(spec);
  const exchange = rig.invoke(spec);
  rig.settle();
  busy.say((writer) => writer.begun(busy.last.stream));
  busy.connection!.pause();
  rig.clock.advance(60_000);
  assert.deepEqual(rig.states(), ['ready']);
  busy.connection!.resume();
  busy.reply(busy.last.stream);
  rig.settle();
  assert.deepEqual(exchange.ends, ['reply']);
});

test('vitals count from whichever connection they come: a pause ends though the sentinel’s is gone', () => {
  const rig = new Rig({ instancesPerFunction: 1 });
  const spec = functionSpec();
  const only = rig.warm(spec);
  for (let count = 0; count < 50; count += 1) only.vitals({ cpuUs: count + 1 });
  const exchange = rig.invoke(spec);
  rig.settle();
  only.nack(only.last.stream, 'memory');
  only.control!.connection.destroy();
  rig.settle();
  // The main thread reports now, and counts from one.
  for (let sequence = 1; sequence <= 3; sequence += 1) {
    only.say((writer) => writer.vitals(sequence, noVitals, { ...noVitals, cpuUs: 100 + sequence }));
  }
  rig.settle();
  only.reply(only.last.stream);
  rig.settle();
  assert.deepEqual(exchange.ends, ['reply']);
});

test('a recall whose answer was lost with the control connection is asked for on the other one', () => {
  const rig = new Rig();
  const spec = functionSpec();
  const only = rig.warm(spec);
  const exchange = rig.invoke(spec);
  rig.settle();
  const { stream } = only.last;
  only.vitals({ loopStuckMs: limits.loopStuckMs });
  rig.settle();
  assert.deepEqual(only.recalls, [stream]);
  only.control!.connection.destroy();
  rig.settle();
  assert.deepEqual(only.recallsOnData, [stream]);
  only.nack(stream, 'recalled');
  rig.onRequest = (instance, request) => instance.reply(request.stream);
  rig.clock.advance(100);
  assert.deepEqual(exchange.ends, ['reply']);
});

test('1xx without end are not passed on without end', () => {
  const rig = new Rig();
  const spec = functionSpec();
  const only = rig.warm(spec);
  const exchange = rig.invoke(spec);
  rig.settle();
  for (let count = 0; count < 1000; count += 1) only.say((writer) => writer.inform(only.last.stream, 103, ''));
  only.reply(only.last.stream);
  rig.settle();
  assert.deepEqual([exchange.informed.length, exchange.ends], [limits.informs, ['reply']]);
});
