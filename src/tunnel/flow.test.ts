import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { limits } from '../base/limits.ts';
import { ReceiveCredit, SendCredit } from './flow.ts';

test('sender and receiver together: never overrun, never stuck, never more outstanding than a window', () => {
  const step = fc.record({
    kind: fc.constantFrom('send', 'arrive', 'consume', 'granted'),
    bytes: fc.integer({ min: 1, max: 700 }),
  });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1000 }), fc.array(step, { maxLength: 200 }), (windowBytes, steps) => {
      const sender = new SendCredit(windowBytes);
      const receiver = new ReceiveCredit(windowBytes);
      const [onTheWay, grants]: [number[], number[]] = [[], []];
      let unread = 0;
      const arrive = (): void => {
        const bytes = onTheWay.shift() ?? 0;
        receiver.receive(bytes);
        unread += bytes;
      };
      const consume = (bytes: number): void => {
        unread -= bytes;
        const grant = receiver.consumed(bytes);
        assert.ok(grant === 0 || grant * 2 >= windowBytes, 'steps of at least half a window');
        if (grant > 0) grants.push(grant);
      };
      for (const { kind, bytes } of steps) {
        if (kind === 'send') onTheWay.push(sender.take(bytes));
        else if (kind === 'arrive') arrive();
        else if (kind === 'consume') consume(Math.min(bytes, unread));
        else sender.grant(grants.shift() ?? 0);
        const outstanding = unread + onTheWay.reduce((sum, bytes) => sum + bytes, 0);
        assert.ok(outstanding <= windowBytes, `${outstanding} of ${windowBytes}`);
      }
      while (onTheWay.length > 0) arrive();
      consume(unread);
      for (const grant of grants) sender.grant(grant);
      assert.ok(sender.available * 2 > windowBytes, 'all read and all granted: it may go on');
    }),
    { numRuns: 500 },
  );
});

suite('limits', () => {
  test('a window is 256 KiB unless agreed otherwise', () => {
    assert.equal(new SendCredit().available, limits.windowBytes);
    assert.doesNotThrow(() => new ReceiveCredit().receive(limits.windowBytes));
    assert.throws(() => new ReceiveCredit().receive(limits.windowBytes + 1), { code: 'CREDIT_OVERRUN' });
  });

  test('what was consumed may come again only when it was granted', () => {
    const credit = new ReceiveCredit(100);
    credit.receive(100);
    assert.equal(credit.consumed(49), 0);
    assert.throws(() => credit.receive(1), { code: 'CREDIT_OVERRUN' });
    assert.equal(credit.consumed(1), 50);
    credit.receive(50);
    assert.throws(() => credit.receive(1), { code: 'CREDIT_OVERRUN' });
  });

  test('nothing is granted again that never came', () => {
    const credit = new ReceiveCredit(100);
    credit.receive(60);
    assert.equal(credit.consumed(40), 0);
    assert.throws(() => credit.consumed(21), { code: 'CREDIT_OVERRUN' });
    assert.equal(credit.consumed(20), 60);
    assert.throws(() => credit.consumed(1), { code: 'CREDIT_OVERRUN' });
  });

  test('credit beyond any window is a violation', () => {
    const credit = new SendCredit(1);
    credit.grant(0x7fff_fffe);
    assert.throws(() => credit.grant(1), { code: 'CREDIT_OVERRUN' });
  });
});

test('reset: as new, for the next stream', () => {
  const [send, receive] = [new SendCredit(10), new ReceiveCredit(10)];
  send.take(10);
  receive.receive(10);
  receive.consumed(4);
  send.reset(20);
  receive.reset(20);
  assert.equal(send.take(100), 20);
  receive.receive(20);
  assert.equal(receive.consumed(9), 0);
  assert.equal(receive.consumed(1), 10);
});
