import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { type MemoryConnection, memoryConnections } from '../../test/sim/memory-connection.ts';
import { VirtualClock } from '../../test/sim/virtual-clock.ts';
import { limits } from '../base/limits.ts';
import { acceptSession, type SessionEnd, transitions } from './session.ts';
import { type Bare, bareOver, Owner, type Pair, pairOver, S, sayHello, welcome, type Wire } from './session.fixture.ts';
import { FrameWriter } from './writer.ts';

const wire = (): Wire<MemoryConnection, VirtualClock> => {
  const clock = new VirtualClock();
  return { clock, ...memoryConnections({ clock }) };
};
const bare = (): Bare<MemoryConnection, VirtualClock> => bareOver(wire());
const pair = (): Pair<MemoryConnection, VirtualClock> => {
  const made = pairOver(wire());
  made.clock.settle();
  return made;
};

suite('liveness', () => {
  test('a silent peer that answers PING lives on, and its owner hears nothing of it', () => {
    const { clock, router, instance } = pair();
    clock.advance(limits.silenceMs * 20);
    assert.deepEqual([router.ends, instance.ends], [[], []]);
    assert.deepEqual(new Set(router.told), new Set(['opened', 'readDone']));
  });

  test('silence → PING → dead', () => {
    const { clock, peer, heard, router } = bare();
    sayHello(peer);
    clock.advance(2 * limits.silenceMs);
    assert.deepEqual(
      heard.map((line) => line.split(' ')[0]),
      ['WELCOME', 'PING'],
    );
    clock.advance(limits.silenceMs - 1);
    assert.deepEqual(router.ends, []);
    clock.advance(1);
    assert.deepEqual(
      router.ends.map(({ kind, code }) => ({ kind, code })),
      [{ kind: 'timeout', code: 'TIMEOUT' }],
    );
    clock.settle();
    assert.match(heard[2]!, /^GOODBYE TIMEOUT/);
  });

  test('any frame is a sign of life', () => {
    const { clock, peer, router } = bare();
    sayHello(peer);
    for (let turn = 0; turn < 10; turn += 1) {
      clock.advance(1.9 * limits.silenceMs);
      peer.begun(S);
      peer.flush();
    }
    assert.deepEqual(router.ends, []);
  });

  test('an owner that knows better makes it wait on', () => {
    const { clock, peer, router } = bare();
    sayHello(peer);
    router.knowsItLives = true;
    clock.advance(limits.silenceMs * 50);
    assert.deepEqual(router.ends, []);
    router.knowsItLives = false;
    clock.advance(limits.silenceMs);
    assert.deepEqual(
      router.ends.map(({ kind }) => kind),
      ['timeout'],
    );
  });

  test('PING is answered with its own bytes', () => {
    const { clock, peer, heard } = bare();
    sayHello(peer);
    peer.ping(Buffer.from('12345678'));
    peer.flush();
    clock.settle();
    assert.equal(heard[1], 'PONG 12345678');
  });

  test('a peer that asks and never reads does not fill our memory', () => {
    const clock = new VirtualClock();
    const { near, far } = memoryConnections({ clock });
    acceptSession(near, {
      clock,
      admit: () => ({ kind: 'welcome', welcome, events: new Owner() }),
      refused: () => assert.fail(),
    });
    far.pause();
    const peer = new FrameWriter(far);
    sayHello(peer);
    for (let turn = 0; turn < 100; turn += 1) {
      for (let count = 0; count < 1000; count += 1) peer.ping(Buffer.alloc(8));
      peer.flush();
      clock.settle();
    }
    assert.ok(near.bufferedBytes > 0, 'it does not read');
    assert.ok(near.bufferedBytes < 2 * limits.connectionHighWaterBytes, `${near.bufferedBytes} bytes`);
  });
});

suite('drain and goodbye', () => {
  test('DRAIN from the router puts both sides in draining; the instance says GOODBYE', () => {
    const { clock, router, instance, near, far } = pair();
    router.session!.drain(5000, 'replaced');
    clock.settle();
    assert.deepEqual([router.session!.phase, instance.session!.phase], ['draining', 'draining']);
    assert.ok(instance.told.includes('DRAIN 0'));
    instance.session!.writer.begun(S);
    instance.session!.goodbye('DRAINED', '');
    clock.settle();
    assert.ok(router.told.includes(`BEGUN ${S}`), 'what was written before GOODBYE arrives');
    assert.deepEqual(router.ends, [{ kind: 'goodbye', code: 'DRAINED', detail: '' }]);
    assert.deepEqual(instance.ends, [{ kind: 'left', code: 'DRAINED', detail: '' }]);
    assert.ok(near.closed && far.closed);
    clock.advance(60_000);
    assert.equal(clock.pending, 0, 'no timer is left');
  });

  test('DRAIN from the instance only asks', () => {
    const { clock, router, instance } = pair();
    instance.session!.drain(0, 'an uncaught error');
    clock.settle();
    assert.deepEqual([router.session!.phase, instance.session!.phase], ['open', 'open']);
    assert.ok(router.told.includes('DRAIN 0'));
  });

  test('a drained session still notices death', () => {
    const { clock, peer, router } = bare();
    sayHello(peer);
    clock.settle();
    router.session!.drain(5000, '');
    clock.advance(3 * limits.silenceMs);
    assert.deepEqual(
      router.ends.map(({ kind }) => kind),
      ['timeout'],
    );
  });

  test('a peer that does not close after GOODBYE is cut off', () => {
    const clock = new VirtualClock();
    const { near, far } = memoryConnections({ clock });
    const refusals: SessionEnd[] = [];
    acceptSession(near, { clock, admit: () => assert.fail(), refused: (end) => refusals.push(end) });
    far.pause();
    clock.advance(limits.handshakeTimeoutMs);
    assert.equal(refusals.length, 1);
    assert.ok(!near.closed);
    clock.advance(limits.lingerMs);
    assert.ok(near.closed);
  });

  test('a connection that is lost', () => {
    const { clock, router, instance, near } = pair();
    near.cut('the cable');
    clock.settle();
    assert.deepEqual(router.ends, [{ kind: 'lost', code: 'LOST', detail: 'the cable' }]);
    assert.deepEqual(instance.ends, [{ kind: 'lost', code: 'LOST', detail: 'the cable' }]);
    assert.equal(clock.pending, 0, 'no timer is left');
  });
});

suite('the end', () => {
  test('is told once, whatever comes together', () => {
    const { clock, router, instance, near } = pair();
    router.session!.goodbye('DRAINED', 'first');
    router.session!.goodbye('DRAINED', 'second');
    router.session!.destroy('third');
    router.session!.drain(1, 'too late');
    near.cut();
    instance.session!.destroy('at the same time');
    clock.advance(10 * limits.silenceMs);
    assert.deepEqual(router.ends, [{ kind: 'left', code: 'DRAINED', detail: 'first' }]);
    assert.equal(instance.ends.length, 1);
    assert.equal(router.session!.phase, 'closed');
  });

  test('destroy closes at once', () => {
    const { clock, router, near, instance } = pair();
    router.session!.destroy('killed');
    clock.settle();
    assert.ok(near.closed);
    assert.deepEqual(router.ends, [{ kind: 'left', code: 'LOST', detail: 'killed' }]);
    assert.equal(instance.ends[0]?.kind, 'lost');
  });

  test('nothing leads out of closed, and everything leads there', () => {
    assert.deepEqual(transitions.closed, []);
    for (const [from, to] of Object.entries(transitions)) assert.ok(from === 'closed' || to.includes('closed'), from);
  });
});
