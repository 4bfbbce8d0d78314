import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { limits } from '../base/limits.ts';
import { type Connection, noConnectionEvents } from './connection.ts';
import { FrameType } from './frame.ts';
import { readLog, readResponse } from './payload.ts';
import { FrameReader } from './reader.ts';
import { FrameWriter } from './writer.ts';

const S = 0x1_0000;

/** Keeps what it was given by reference until it is told to deliver, as a socket whose peer is slow does. */
class HoldingConnection implements Connection {
  events = noConnectionEvents;
  held: Buffer[] = [];
  writes = 0;
  delivered: Buffer[] = [];
  /** Deliver within write, as a socket whose peer reads does. */
  fast = false;

  get bufferedBytes(): number {
    return this.held.reduce((sum, piece) => sum + piece.length, 0);
  }
  write(bytes: Buffer): boolean {
    return this.writeAll([bytes]);
  }
  writeAll(pieces: readonly Buffer[]): boolean {
    this.writes += 1;
    this.held.push(...pieces);
    if (this.fast) this.deliver();
    return this.fast;
  }
  deliver(): void {
    this.delivered.push(...this.held.map((piece) => Buffer.from(piece)));
    this.held = [];
  }
  whenSent(): void {}
  keep(): void {}
  pause(): void {}
  resume(): void {}
  end(): void {}
  destroy(): void {}
}

function frames(connection: HoldingConnection): { type: number; stream: number; payload: Buffer }[] {
  const found: { type: number; stream: number; payload: Buffer }[] = [];
  const reader = new FrameReader({
    frame: (type, stream, payload) => found.push({ type, stream, payload: Buffer.from(payload) }),
    body: (stream, chunk) => found.push({ type: FrameType.BODY, stream, payload: Buffer.from(chunk) }),
  });
  reader.push(Buffer.concat(connection.delivered));
  assert.equal(reader.heldBytes, 0);
  return found;
}

suite('flush', () => {
  test('nothing reaches the connection before it, and then everything in one call', () => {
    const connection = new HoldingConnection();
    const writer = new FrameWriter(connection);
    for (let stream = S; stream < S + 50; stream += 1) writer.begun(stream);
    assert.equal(connection.writes, 0);
    assert.equal(writer.pendingBytes, 50 * 8);
    writer.flush();
    assert.equal(connection.writes, 1);
    assert.equal(writer.pendingBytes, 0);
  });

  test('with nothing pending it says there is room, and writes nothing', () => {
    const connection = new HoldingConnection();
    assert.equal(new FrameWriter(connection).flush(), true);
    assert.equal(connection.writes, 0);
  });

  test('hands on what the connection says', () => {
    const connection = new HoldingConnection();
    const writer = new FrameWriter(connection);
    writer.begun(S);
    assert.equal(writer.flush(), false);
    connection.fast = true;
    writer.begun(S);
    assert.equal(writer.flush(), true);
  });
});

test('what the connection still holds is never overwritten, by this writer or another', () => {
  const step = fc.record({
    writer: fc.nat(2),
    size: fc.oneof(fc.nat(300), fc.integer({ min: 3000, max: 90_000 })),
    next: fc.constantFrom('nothing', 'flush', 'flush', 'deliver'),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const connections = [new HoldingConnection(), new HoldingConnection(), new HoldingConnection()];
      connections[2]!.fast = true;
      const writers = connections.map((connection) => new FrameWriter(connection));
      const expected: string[][] = [[], [], []];
      for (const [index, { writer, size, next }] of steps.entries()) {
        const text = String.fromCharCode(97 + (index % 26)).repeat(size);
        writers[writer]!.failed(S + index, 'CODE', text);
        expected[writer]!.push(`${S + index} \0\0\0\0CODE\n${text.slice(0, limits.detailBytes)}`);
        writers[writer]!.log(0, 'info', 'stdout', text);
        expected[writer]!.push(`0 \u0001\u0001${text}`);
        if (next !== 'nothing') writers[writer]!.flush();
        if (next === 'deliver') connections[writer]!.deliver();
      }
      for (const [index, connection] of connections.entries()) {
        writers[index]!.flush();
        connection.deliver();
        const got = frames(connection).map(({ stream, payload }) => `${stream} ${payload.toString('latin1')}`);
        assert.deepEqual(got, expected[index]);
      }
    }),
    { numRuns: 100 },
  );
});

suite('bodies', () => {
  test('come out in order and whole, in frames of at most a window', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(600_000), { maxLength: 6 }), (sizes) => {
        const connection = new HoldingConnection();
        const writer = new FrameWriter(connection);
        const sent: Buffer[] = [];
        for (const [index, size] of sizes.entries()) {
          const chunk = Buffer.alloc(size, index + 1);
          sent.push(chunk);
          writer.body(S, chunk);
        }
        const pending = writer.pendingBytes;
        writer.flush();
        connection.deliver();
        const got = frames(connection);
        assert.equal(
          pending,
          connection.delivered.reduce((sum, piece) => sum + piece.length, 0),
        );
        assert.ok(got.every(({ payload }) => payload.length > 0 && payload.length <= limits.bodyFrameBytes));
        assert.ok(Buffer.concat(got.map(({ payload }) => payload)).equals(Buffer.concat(sent)));
      }),
      { numRuns: 50 },
    );
  });

  test('of no bytes are not sent', () => {
    const writer = new FrameWriter(new HoldingConnection());
    writer.body(S, Buffer.alloc(0));
    assert.equal(writer.pendingBytes, 0);
  });

  test('large pieces go by reference, small ones are copied at once', () => {
    const connection = new HoldingConnection();
    const writer = new FrameWriter(connection);
    const large = Buffer.alloc(limits.copiedBodyBytes + 1, 1);
    const small = Buffer.alloc(limits.copiedBodyBytes, 1);
    writer.body(S, large);
    writer.body(S, small);
    small.fill(2);
    writer.flush();
    assert.ok(connection.held.some((piece) => piece.buffer === large.buffer && piece.length === large.length));
    connection.deliver();
    assert.ok(frames(connection)[1]!.payload.equals(Buffer.alloc(limits.copiedBodyBytes, 1)));
  });

  test('a plain Uint8Array that is a view is sent as that view', () => {
    for (const length of [10, 10_000]) {
      const connection = new HoldingConnection();
      const writer = new FrameWriter(connection);
      const whole = new Uint8Array(20_000).map((_, at) => at % 251);
      writer.body(S, whole.subarray(7, 7 + length));
      writer.flush();
      connection.deliver();
      assert.deepEqual([...frames(connection)[0]!.payload], [...whole.subarray(7, 7 + length)]);
    }
  });
});

suite('response', () => {
  const bodies: [string, Uint8Array | string | null][] = [
    ['none', null],
    ['empty text', ''],
    ['text', 'größe → 8'],
    ['long text', '→'.repeat(20_000)],
    ['bytes', Buffer.from([1, 2, 3])],
    ['many bytes', Buffer.alloc(limits.chunkBytes, 7)],
  ];
  for (const [name, body] of bodies) {
    test(`complete, body: ${name}`, () => {
      const connection = new HoldingConnection();
      const writer = new FrameWriter(connection);
      writer.begun(S);
      writer.response(S, { complete: true, status: 200, cpuUs: 9, head: 'a\nb', body });
      writer.begun(S + 1);
      writer.flush();
      connection.deliver();
      const [, response, after] = frames(connection);
      const wanted = body === null || body.length === 0 ? null : Buffer.from(body as string);
      const { status, cpuUs, headers, body: got } = readResponse(response!.payload);
      assert.deepEqual({ status, cpuUs, headers }, { status: 200, cpuUs: 9, headers: ['a', 'b'] });
      assert.ok(wanted === null ? got === null : got?.equals(wanted) === true);
      assert.equal(after!.stream, S + 1);
    });
  }

  test('a complete one with more than 64 KiB of body is not accepted', () => {
    const connection = new HoldingConnection();
    const writer = new FrameWriter(connection);
    const body = Buffer.alloc(limits.chunkBytes + 1);
    writer.response(S, { complete: true, status: 200, cpuUs: 0, head: '', body });
    writer.flush();
    connection.deliver();
    assert.throws(() => readResponse(frames(connection)[0]!.payload), { code: 'BAD_FRAME' });
  });
});

suite('limits', () => {
  test('CPU beyond 32 bits is cut to the largest value, not wrapped', () => {
    const connection = new HoldingConnection();
    const writer = new FrameWriter(connection);
    writer.bodyEnd(S, 2 ** 33 + 5);
    writer.flush();
    connection.deliver();
    assert.equal(frames(connection)[0]!.payload.readUInt32BE(0), 0xffff_ffff);
  });

  test('a log text that is too long is cut between characters, and says so', () => {
    const connection = new HoldingConnection();
    const writer = new FrameWriter(connection);
    writer.log(0, 'info', 'stdout', 'ö'.repeat(limits.logLineBytes));
    writer.log(0, 'info', 'stdout', `x${'→'.repeat(limits.logLineBytes / 2)}`);
    writer.flush();
    connection.deliver();
    for (const { payload } of frames(connection)) {
      const { text } = readLog(payload);
      assert.ok(Buffer.byteLength(text) <= limits.logLineBytes);
      assert.match(text, /^x?[ö→]+ … \(cut\)$/);
    }
  });

  test('LOAD with an environment that is too large is refused', () => {
    const writer = new FrameWriter(new HoldingConnection());
    const text = { function: 'f', root: '/', entry: '/e', deployment: 'd', project: 'p' };
    const numbers = { memoryMiB: 1, maxDurationMs: 1, maxConcurrency: 1 };
    const environment = { BIG: 'x'.repeat(limits.sessionJsonBytes) };
    assert.throws(() => writer.load({ ...text, ...numbers, launch: 'module', environment }), {
      code: 'FRAME_TOO_LARGE',
    });
    assert.equal(writer.pendingBytes, 0);
  });
});
