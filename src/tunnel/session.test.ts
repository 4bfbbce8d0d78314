import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { type MemoryConnection, memoryConnections } from '../../test/sim/memory-connection.ts';
import { VirtualClock } from '../../test/sim/virtual-clock.ts';
import { ProtocolError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import { frameName, FrameType, type Role } from './frame.ts';
import type { Hello } from './greeting.ts';
import { type Admission, openSession, type Session } from './session.ts';
import {
  type Bare,
  bareOver,
  hello,
  Owner,
  type Pair,
  pairOver,
  S,
  sayHello,
  welcome,
  type Wire,
} from './session.fixture.ts';

const wire = (): Wire<MemoryConnection, VirtualClock> => {
  const clock = new VirtualClock();
  return { clock, ...memoryConnections({ clock }) };
};
const bare = (): Bare<MemoryConnection, VirtualClock> => bareOver(wire());
const pair = (role?: Role, admit?: (hello: Hello) => Admission): Pair<MemoryConnection, VirtualClock> => {
  const made = pairOver(wire(), role, admit);
  made.clock.settle();
  return made;
};

suite('greeting', () => {
  test('both open, with what was agreed', () => {
    let seen: Hello | null = null;
    const owner = new Owner();
    const { instance, refusals } = pair('control', (hello) => {
      seen = hello;
      return { kind: 'welcome', welcome: { ...welcome, controlToken: 'next' }, events: owner };
    });
    assert.deepEqual(seen, { lowestVersion: 1, highestVersion: 1, ...hello, role: 'control' });
    assert.deepEqual(instance.session?.welcome, { version: 1, ...welcome, controlToken: 'next' });
    assert.equal(owner.session?.role, 'control');
    assert.equal(owner.session?.phase, 'open');
    assert.equal(instance.session?.phase, 'open');
    assert.deepEqual(refusals, []);
  });

  test('what the router writes in opened() follows WELCOME', () => {
    const owner = new Owner();
    owner.opened = (session) => session.writer.recall(S);
    const { instance } = pair('data', () => ({ kind: 'welcome', welcome, events: owner }));
    assert.deepEqual(instance.told, ['opened', `RECALL ${S}`, 'readDone']);
  });

  test('a token that is refused', () => {
    const { instance, router, refusals, near, far, clock } = pair('data', () => ({
      kind: 'refuse',
      code: 'TOKEN',
      detail: 'used before',
    }));
    clock.advance(limits.lingerMs);
    assert.deepEqual(instance.ends, [{ kind: 'goodbye', code: 'TOKEN', detail: 'used before' }]);
    assert.deepEqual(refusals, [{ kind: 'refused', code: 'TOKEN', detail: 'used before' }]);
    assert.deepEqual([router.told, instance.told], [[], []]);
    assert.ok(near.closed && far.closed);
  });

  test('versions: the one that both have is chosen, none in common is refused', () => {
    const newer = bare();
    sayHello(newer.peer, 1, 3);
    newer.clock.settle();
    assert.match(newer.heard[0]!, /^WELCOME .\{/s);

    const tooNew = bare();
    sayHello(tooNew.peer, 2, 3);
    tooNew.clock.settle();
    assert.match(tooNew.heard[0]!, /^GOODBYE VERSION\n.*versions 2 to 3/);
    assert.deepEqual(
      tooNew.refusals.map(({ kind, code }) => ({ kind, code })),
      [{ kind: 'refused', code: 'VERSION' }],
    );
  });

  test('no HELLO in time', () => {
    const { clock, heard, refusals } = bare();
    clock.advance(limits.handshakeTimeoutMs - 1);
    assert.deepEqual(refusals, []);
    clock.advance(1 + limits.lingerMs);
    assert.deepEqual(
      refusals.map(({ kind }) => kind),
      ['timeout'],
    );
    assert.match(heard[0]!, /^GOODBYE TIMEOUT\n/);
  });

  test('no WELCOME in time', () => {
    const clock = new VirtualClock();
    const { near } = memoryConnections({ clock });
    const owner = new Owner();
    openSession(near, { clock, hello, events: owner });
    clock.advance(limits.handshakeTimeoutMs);
    assert.deepEqual(
      owner.ends.map(({ kind, code }) => ({ kind, code })),
      [{ kind: 'timeout', code: 'TIMEOUT' }],
    );
  });

  test('a connection that ends before HELLO', () => {
    const { clock, refusals, far } = bare();
    far.destroy();
    clock.settle();
    assert.deepEqual(
      refusals.map(({ kind }) => kind),
      ['lost'],
    );
    clock.advance(60_000);
    assert.equal(clock.pending, 0);
  });
});

suite('frames', () => {
  test('go to the owner, and the end of the read is told', () => {
    const { instance, router, clock } = pair();
    router.told.length = 0;
    instance.session!.writer.begun(S);
    instance.session!.writer.body(S, Buffer.alloc(5));
    instance.session!.writer.flush();
    clock.settle();
    assert.deepEqual(router.told, [`BEGUN ${S}`, `BODY ${S} 5`, 'readDone']);
  });

  test('the instance flushes at the end of a read, the router leaves it to its owner', () => {
    const { instance, router, clock } = pair();
    const echo = (owner: Owner, answer: (session: Session) => void): void => {
      owner.frame = (type, stream) => {
        owner.told.push(`${frameName(type)} ${stream}`);
        answer(owner.session!);
      };
    };
    echo(instance, (session) => session.writer.begun(S));
    echo(router, (session) => session.writer.credit(S, 9));
    router.session!.writer.recall(S);
    router.session!.writer.flush();
    clock.settle();
    assert.ok(router.told.includes(`BEGUN ${S}`));
    assert.ok(!instance.told.includes(`CREDIT ${S}`));
    router.session!.writer.flush();
    clock.settle();
    assert.ok(instance.told.includes(`CREDIT ${S}`));
  });

  test("the owner's ProtocolError cuts the peer off with its code", () => {
    const { instance, router, clock, near } = pair();
    router.throwing = new ProtocolError('CREDIT_OVERRUN', 'said the owner');
    instance.session!.writer.begun(S);
    instance.session!.writer.begun(S);
    instance.session!.writer.flush();
    clock.advance(limits.lingerMs);
    assert.deepEqual(router.ends, [{ kind: 'violation', code: 'CREDIT_OVERRUN', detail: 'said the owner' }]);
    assert.deepEqual(instance.ends, [{ kind: 'goodbye', code: 'CREDIT_OVERRUN', detail: 'said the owner' }]);
    assert.ok(near.closed);
  });

  test('any other error is a defect and is not hidden', () => {
    const { router, near } = pair();
    router.throwing = new RangeError('a defect');
    const begun = Buffer.from('0000002400010000', 'hex');
    assert.throws(() => near.events.data(begun), /a defect/);
  });

  test('nothing is handed on after the end, not even from the same read', () => {
    const { instance, router, clock } = pair();
    router.frame = () => router.session!.goodbye('DRAINED', '');
    router.told.length = 0;
    instance.session!.writer.begun(S);
    instance.session!.writer.body(S, Buffer.alloc(5));
    instance.session!.writer.flush();
    clock.settle();
    assert.deepEqual(router.told, []);
    assert.deepEqual(router.ends, [{ kind: 'left', code: 'DRAINED', detail: '' }]);
  });

  test('drained() is handed on', () => {
    const { instance, router, clock, far } = pair();
    far.pause();
    do router.session!.writer.body(S, Buffer.alloc(limits.chunkBytes));
    while (router.session!.writer.flush());
    assert.ok(!router.told.includes('drained'));
    far.resume();
    clock.settle();
    assert.ok(router.told.includes('drained'));
    assert.ok(instance.told.some((line) => line.startsWith('BODY')));
  });
});

test('a frame on the wrong connection names both in the reason', () => {
  const { clock, router, instance } = pair('control');
  instance.session!.writer.frame(FrameType.BACKGROUND, 0, Buffer.alloc(4));
  instance.session!.writer.flush();
  clock.settle();
  assert.match(router.ends[0]!.detail, /BACKGROUND on a control connection/);
});
