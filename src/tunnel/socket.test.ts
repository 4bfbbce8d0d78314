import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { duplexPair } from 'node:stream';
import { suite, test } from 'node:test';
import { peerClosed } from './connection.ts';
import { close, kinds, link, Watch } from './link.fixture.ts';
import { overAccepted } from './socket.ts';

for (const [name, address] of kinds) {
  suite(name, () => {
    for (const amount of [1, 4_000_000]) {
      test(`the peer writes and dies while ${amount} bytes are written to it: all that it wrote is read`, async () => {
        const made = await link(address());
        const { near, far, nearWatch, farWatch } = made;
        far.pause();
        if (amount > 1) near.write(Buffer.alloc(amount));
        far.write(Buffer.alloc(100_000, 'f'));
        far.destroy();
        await farWatch.whenClosed;
        for (let written = 0; written < 10; written += 1) near.write(Buffer.from('n'));
        if (name === 'unix') near.whenSent(() => assert.fail('it has not left'));
        const reason = await nearWatch.whenClosed;
        if (name === 'unix') {
          assert.equal(reason, peerClosed);
          assert.equal(nearWatch.bytes, 100_000);
        }
        assert.equal(near.bufferedBytes, 0);
        await close(made);
      });
    }

    test('whenSent() waits for what was written before, not for what is written after', async () => {
      const made = await link(address());
      const { near, far, farWatch } = made;
      far.pause();
      const order: string[] = [];
      near.whenSent(() => order.push('nothing'));
      const piece = Buffer.alloc(100_000);
      let written = 0;
      const write = (pieces: number): void => {
        for (let index = 0; index < pieces; index += 1) near.write(piece);
        written += pieces * piece.length;
      };
      while (near.bufferedBytes === 0) write(1);
      assert.deepEqual(order, ['nothing']);
      write(2);
      const sent = Promise.withResolvers<void>();
      const tell = (what: string): void => {
        const before = written;
        near.whenSent(() => {
          order.push(what);
          assert.ok(farWatch.bytes <= before, 'it was told as soon as it had left');
          if (what === 'second') sent.resolve();
        });
      };
      tell('first');
      write(100);
      tell('second');
      write(100);
      farWatch.onData = () => undefined;
      far.resume();
      await sent.promise;
      assert.deepEqual(order, ['nothing', 'first', 'second']);
      near.end();
      await farWatch.whenClosed;
      assert.equal(farWatch.bytes, written);
      await close(made);
    });
  });
}

test('an accepted socket without a handle that could be moved is read as it is', async () => {
  const [theirs, ours] = duplexPair();
  const connection = overAccepted(ours as Socket);
  const watch = new Watch(connection);
  theirs.write('one');
  const heard = once(theirs, 'data');
  connection.write(Buffer.from('two'));
  assert.equal(String(await heard), 'two');
  const sent = Promise.withResolvers<void>();
  connection.whenSent(sent.resolve);
  await sent.promise;
  theirs.end();
  connection.end();
  assert.equal(await watch.whenClosed, peerClosed);
  assert.equal(Buffer.concat(watch.chunks).toString(), 'one');
});
