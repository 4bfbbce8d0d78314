import assert from 'node:assert/strict';
import { once } from 'node:events';
import { chmodSync, existsSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { suite, test } from 'node:test';
import { systemClock } from '../base/clock.ts';
import { UsageError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import { peerClosed } from './connection.ts';
import { dial, listen } from './dial.ts';
import { close, kinds, link, unixAddress } from './link.fixture.ts';
import { FrameReader } from './reader.ts';
import { acceptSession, openSession, type SessionEnd } from './session.ts';
import { FrameWriter } from './writer.ts';

for (const [name, address] of kinds) {
  suite(name, () => {
    test('bytes both ways, in order, by write and writeAll; end() flushes and both close', async () => {
      const made = await link(address());
      const { near, far, nearWatch, farWatch } = made;
      const big = Buffer.alloc(3_000_000, 'weir');
      near.write(Buffer.from('a'));
      near.writeAll([Buffer.from('b'), big, Buffer.from('c')]);
      far.writeAll([big, Buffer.from('d')]);
      far.write(Buffer.from('e'));
      far.end();
      assert.equal(await nearWatch.whenClosed, peerClosed);
      await farWatch.whenClosed;
      assert.ok(Buffer.concat(nearWatch.chunks).equals(Buffer.concat([big, Buffer.from('de')])));
      assert.ok(Buffer.concat(farWatch.chunks).equals(Buffer.concat([Buffer.from('ab'), big, Buffer.from('c')])));
      await close(made);
    });

    test('memory that was read into is used again, unless it is kept', async () => {
      const made = await link(address());
      for (const [sender, receiver, watch] of [
        [made.near, made.far, made.farWatch],
        [made.far, made.near, made.nearWatch],
      ] as const) {
        const kept: Buffer[] = [];
        const passed = new Set<ArrayBufferLike>();
        const all = Promise.withResolvers<void>();
        let bytes = 0;
        watch.onData = (chunk) => {
          if (bytes % 3 === 0) {
            kept.push(chunk);
            receiver.keep();
          } else passed.add(chunk.buffer);
          bytes += chunk.length;
          if (bytes < 30) sender.write(Buffer.from([bytes]));
          else all.resolve();
        };
        sender.write(Buffer.from([0]));
        await all.promise;
        assert.deepEqual(
          kept.map((chunk) => chunk[0]),
          [0, 3, 6, 9, 12, 15, 18, 21, 24, 27],
        );
        assert.ok(passed.size <= 11, `${passed.size} pieces of memory for 20 chunks that nobody kept`);
      }
      await close(made);
    });

    for (const dialler of ['writes', 'reads'] as const) {
      test(`back-pressure, the dialler ${dialler}: false, bytes held, drained() once the peer reads`, async () => {
        const made = await link(address());
        const [near, far] = [
          { connection: made.near, watch: made.nearWatch },
          { connection: made.far, watch: made.farWatch },
        ];
        const [sender, receiver] = dialler === 'writes' ? [near, far] : [far, near];
        receiver.connection.pause();
        receiver.watch.onData = () => undefined;
        const piece = Buffer.alloc(64 * 1024);
        let sent = piece.length;
        while (sender.connection.write(piece)) sent += piece.length;
        assert.ok(sender.connection.bufferedBytes > limits.connectionHighWaterBytes);
        receiver.connection.resume();
        await sender.watch.whenDrained;
        assert.equal(sender.connection.bufferedBytes, 0);
        sender.connection.end();
        await receiver.watch.whenClosed;
        assert.equal(receiver.watch.bytes, sent);
        await close(made);
      });
    }

    test('end() while paused: what the peer still sends does not keep it open', async () => {
      const made = await link(address());
      made.near.pause();
      made.far.write(Buffer.alloc(100_000));
      made.near.end();
      await Promise.all([made.nearWatch.whenClosed, made.farWatch.whenClosed]);
      await close(made);
    });

    test('after the end nothing is written, and nothing fails', async () => {
      const made = await link(address());
      made.near.destroy('enough');
      assert.equal(await made.nearWatch.whenClosed, 'enough');
      assert.equal(made.near.write(Buffer.from('x')), true);
      assert.equal(made.near.writeAll([Buffer.from('x')]), true);
      assert.equal(made.near.bufferedBytes, 0);
      made.near.end();
      made.near.destroy('again');
      await close(made);
    });
  });
}

test('sessions and frames over a real socket', async () => {
  const got: string[] = [];
  const end = Promise.withResolvers<SessionEnd>();
  const left = Promise.withResolvers<SessionEnd>();
  const silent = { drained: () => undefined, body: () => undefined, frame: () => undefined };
  const listener = await listen(unixAddress(), (connection) => {
    acceptSession(connection, {
      clock: systemClock,
      admit: ({ token }) => {
        got.push(token);
        return {
          kind: 'welcome',
          welcome: { instance: 'i', maxStreams: 8, windowBytes: 10 },
          events: {
            ...silent,
            opened: () => undefined,
            body: (stream, chunk) => void got.push(`${stream} ${chunk.toString()}`),
            closed: end.resolve,
          },
        };
      },
      refused: end.resolve,
    });
  });
  openSession(await dial(listener.address), {
    clock: systemClock,
    hello: { token: 't', role: 'data', pid: 1, runtime: 'r' },
    events: {
      ...silent,
      opened: (session) => {
        session.writer.body(0x1_0000, Buffer.from('hello'));
        session.goodbye('DRAINED', 'done');
      },
      closed: left.resolve,
    },
  });
  assert.deepEqual(await end.promise, { kind: 'goodbye', code: 'DRAINED', detail: 'done' });
  assert.equal((await left.promise).kind, 'left');
  assert.deepEqual(got, ['t', '65536 hello']);
  await listener.close();
});

test('100,000 frames through one slab arrive as they were written, with a peer that reads in fits', async () => {
  const made = await link(unixAddress());
  const writer = new FrameWriter(made.near);
  let expected = 0;
  const all = Promise.withResolvers<void>();
  const reader = new FrameReader({
    frame: (_type, stream, payload) => {
      assert.equal(stream, expected);
      assert.equal(payload.toString('latin1', 4), `CODE\n${expected}`);
      expected += 1;
      if (expected === 100_000) all.resolve();
    },
    body: () => assert.fail(),
  });
  let reads = 0;
  made.farWatch.onData = (chunk) => {
    reader.push(chunk);
    reads += 1;
    if (reads % 3 !== 0) return;
    made.far.pause();
    setImmediate(() => made.far.resume());
  };
  for (let stream = 0; stream < 100_000; stream += 1) {
    writer.failed(stream, 'CODE', String(stream));
    if (stream % 100 === 0) writer.flush();
    if (stream % 5000 === 0) await new Promise(setImmediate);
  }
  writer.flush();
  await all.promise;
  await close(made);
});

suite('listening', () => {
  test('a Unix socket is for this user alone, and goes when the listener does', async () => {
    const address = unixAddress();
    const path = address.slice(5);
    const listener = await listen(address, () => assert.fail());
    assert.equal(statSync(path).mode & 0o777, 0o600);
    await listener.close();
    assert.ok(!existsSync(path));
  });

  test('port 0 becomes the port that was taken', async () => {
    const listener = await listen('tcp:127.0.0.1:0', () => undefined);
    assert.match(listener.address, /^tcp:127\.0\.0\.1:[1-9]\d*$/);
    await listener.close();
    await assert.rejects(dial(listener.address), { name: 'UsageError', message: new RegExp(listener.address) });
  });

  test('a socket file that nobody listens on any more is replaced', async () => {
    const address = unixAddress();
    const path = address.slice(5);
    const server = createServer().listen(path);
    await once(server, 'listening');
    // As a process that was killed leaves it: hidden from close(), which would remove it.
    renameSync(path, `${path}.kept`);
    server.close();
    await once(server, 'close');
    renameSync(`${path}.kept`, path);
    assert.ok(statSync(path).isSocket());
    await assert.rejects(dial(address), UsageError);
    const accepted = Promise.withResolvers<void>();
    const listener = await listen(address, (connection) => {
      connection.destroy();
      accepted.resolve();
    });
    const socket = connect(path);
    await accepted.promise;
    await once(socket, 'close');
    await listener.close();
  });

  test('a socket that somebody listens on is left alone', async () => {
    const address = unixAddress();
    const first = await listen(address, (connection) => connection.destroy());
    await assert.rejects(
      listen(address, () => undefined),
      /another process listens there/,
    );
    (await dial(address)).destroy();
    await first.close();
  });

  test('a file that is no socket is left alone', async () => {
    const address = unixAddress();
    writeFileSync(address.slice(5), 'precious');
    chmodSync(address.slice(5), 0o644);
    await assert.rejects(
      listen(address, () => undefined),
      UsageError,
    );
    assert.equal(statSync(address.slice(5)).size, 8);
  });
});

suite('addresses', () => {
  for (const address of [
    '',
    'unix:',
    'tcp:',
    'tcp:localhost',
    'tcp:localhost:70000',
    'tcp:::1:80',
    'http://localhost:80',
  ]) {
    test(`'${address}' is refused, and what is allowed is named`, async () => {
      await assert.rejects(dial(address), /expected unix:\/path or tcp:host:port/);
      await assert.rejects(
        listen(address, () => undefined),
        /expected unix:\/path or tcp:host:port/,
      );
    });
  }

  test('an IPv6 address stands in brackets', async () => {
    await assert.rejects(dial('tcp:[::1]:1'), (error: Error) =>
      error.message.startsWith('cannot connect to tcp:[::1]:1: '),
    );
  });
});
