import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { ProtocolError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import { decode } from './codec.fixture.ts';
import { FrameType, type Side } from './frame.ts';
import { FrameReader } from './reader.ts';

const vectors = JSON.parse(
  readFileSync(new URL('../../protocol/vectors/tunnel.json', import.meta.url), 'utf8'),
) as Record<'valid' | 'invalid' | 'skipped', { hex: string }[]>;
const bytesOf = (kind: 'valid' | 'invalid' | 'skipped'): Buffer[] =>
  vectors[kind].map(({ hex }) => Buffer.from(hex, 'hex'));
/** All valid frames, with those that are skipped in between. */
const stream = Buffer.concat([...bytesOf('valid'), ...bytesOf('skipped'), ...bytesOf('valid')]);

const header = (type: number, length: number, stream = 0x1_0000): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeUIntBE(length, 0, 3);
  bytes[3] = type;
  bytes.writeUInt32BE(stream, 4);
  return bytes;
};

/** What came, body pieces joined as long as nothing came in between. */
class Transcript {
  readonly lines: string[] = [];
  #bodyStream = -1;
  readonly reader = new FrameReader({
    frame: (type, id, payload) => {
      this.#bodyStream = -1;
      this.lines.push(`${type} ${id} ${payload.toString('hex')}`);
    },
    body: (id, chunk) => {
      assert.ok(chunk.length > 0);
      if (this.#bodyStream === id) this.lines.push(this.lines.pop() + chunk.toString('hex'));
      else this.lines.push(`body ${id} ${chunk.toString('hex')}`);
      this.#bodyStream = id;
    },
  });
}

function transcript(pieces: Iterable<Buffer>): string[] {
  const { reader, lines } = new Transcript();
  for (const piece of pieces) {
    // The memory is used again after the call, as a shared read buffer is: whoever kept a view would show it.
    const chunk = Buffer.from(piece);
    reader.push(chunk);
    chunk.fill(0xdd);
  }
  assert.equal(reader.heldBytes, 0);
  return lines;
}

suite('however the stream is cut, the same frames come out', () => {
  const whole = transcript([stream]);

  test('at every byte, in two', () => {
    for (let cut = 1; cut < stream.length; cut += 1) {
      assert.deepEqual(transcript([stream.subarray(0, cut), stream.subarray(cut)]), whole, `cut at ${cut}`);
    }
  });

  test('byte by byte', () => {
    assert.deepEqual(transcript(Array.from(stream, (_, at) => stream.subarray(at, at + 1))), whole);
  });

  test('in random pieces', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1, maxLength: 60 }), (lengths) => {
        const pieces: Buffer[] = [];
        for (let at = 0, turn = 0; at < stream.length; turn += 1) {
          const length = lengths[turn % lengths.length]!;
          pieces.push(stream.subarray(at, at + length));
          at += length;
        }
        assert.deepEqual(transcript(pieces), whole);
      }),
      { numRuns: 200 },
    );
  });
});

/** Reads and decodes; anything but a ProtocolError is a crash. Returns the most that was held. */
function survive(bytes: Buffer, step: number, from: Side): number {
  let most = 0;
  const reader = new FrameReader({
    frame: (type, _, payload) => void decode(type, payload, from, {}),
    body: () => undefined,
  });
  try {
    for (let at = 0; at < bytes.length; at += step) {
      reader.push(bytes.subarray(at, at + step));
      most = Math.max(most, reader.heldBytes);
    }
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    assert.match(error.code, /^[A-Z_]+$/);
  }
  return most;
}

suite('a wrong peer gets a ProtocolError, never a crash and never memory it did not send', () => {
  const seeds = [...bytesOf('valid'), ...bytesOf('invalid'), ...bytesOf('skipped')];
  const side = fc.constantFrom<Side>('router', 'instance');

  test('mutated frames', () => {
    const mutation = fc.record({ at: fc.nat(), value: fc.integer({ min: 0, max: 255 }) });
    const picks = fc.array(fc.constantFrom(...seeds), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(
        picks,
        fc.array(mutation, { maxLength: 8 }),
        fc.integer({ min: 1, max: 400 }),
        side,
        (frames, changes, step, from) => {
          const bytes = Buffer.concat(frames);
          for (const { at, value } of changes) bytes[at % bytes.length] = value;
          assert.ok(survive(bytes, step, from) <= bytes.length);
        },
      ),
      { numRuns: 10_000 },
    );
  });

  test('random payloads of every type', () => {
    const types = fc.constantFrom(...Object.values(FrameType));
    fc.assert(
      fc.property(types, fc.uint8Array({ maxLength: 200 }), side, (type, payload, from) => {
        survive(Buffer.concat([header(type, payload.length), payload]), 64, from);
      }),
      { numRuns: 10_000 },
    );
  });

  test('random bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2000 }), fc.integer({ min: 1, max: 100 }), side, (bytes, step, from) => {
        survive(Buffer.from(bytes), step, from);
      }),
      { numRuns: 2000 },
    );
  });
});

suite('memory', () => {
  const deaf = { frame: () => undefined, body: () => undefined };

  test('a frame that is announced takes no memory before it comes', () => {
    const reader = new FrameReader(deaf);
    reader.push(header(FrameType.LOG, limits.framePayloadBytes));
    assert.equal(reader.heldBytes, 8);
  });

  test('a frame of the largest size is taken, one byte more is not', () => {
    const lengths: number[] = [];
    const reader = new FrameReader({
      frame: (_type, _stream, payload) => lengths.push(payload.length),
      body: () => undefined,
    });
    reader.push(header(FrameType.LOG, limits.framePayloadBytes));
    const piece = Buffer.alloc(64 * 1024);
    for (let sent = 0; sent < limits.framePayloadBytes; sent += piece.length) reader.push(piece);
    assert.deepEqual(lengths, [limits.framePayloadBytes]);
    assert.throws(() => reader.push(header(FrameType.LOG, limits.framePayloadBytes + 1)), { code: 'FRAME_TOO_LARGE' });
  });

  test('frames that are skipped and bodies are never held, however large', () => {
    for (const type of [0x7f, FrameType.BODY]) {
      const reader = new FrameReader(deaf);
      reader.push(header(type, limits.framePayloadBytes));
      for (let sent = 0; sent < limits.framePayloadBytes; sent += 1024) {
        reader.push(Buffer.alloc(1024));
        assert.equal(reader.heldBytes, 0);
      }
    }
  });
});

suite('after the end', () => {
  test('stop() from within a frame: not even the rest of the chunk is handed on', () => {
    let frames = 0;
    const reader: FrameReader = new FrameReader({
      frame: () => {
        frames += 1;
        reader.stop();
      },
      body: () => assert.fail(),
    });
    reader.push(Buffer.concat([header(FrameType.BEGUN, 0), header(FrameType.BEGUN, 0)]));
    reader.push(header(FrameType.BEGUN, 0));
    assert.equal(frames, 1);
  });

  test('an error that the handler threw reaches the caller, and ends the reading', () => {
    const reader = new FrameReader({
      frame: () => {
        throw new ProtocolError('CREDIT_OVERRUN', 'thrown by the handler');
      },
      body: () => undefined,
    });
    assert.throws(() => reader.push(header(FrameType.BEGUN, 0)), { code: 'CREDIT_OVERRUN' });
    assert.doesNotThrow(() => reader.push(header(FrameType.BEGUN, 0)));
  });
});
