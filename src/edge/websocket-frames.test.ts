import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { closeFrame, FrameTracker } from './websocket-frames.ts';

/** A frame of `length` bytes, in the shortest form of its length. */
function frame(length: number, { opcode = 2, final = true, masked = false } = {}): Buffer {
  const extended = length < 126 ? [length] : length < 65_536 ? [126, 0, 0] : [127, 0, 0, 0, 0, 0, 0, 0, 0];
  const head = Buffer.from([(final ? 0x80 : 0) | opcode, ...extended]);
  if (extended.length === 3) head.writeUInt16BE(length, 2);
  if (extended.length === 9) head.writeBigUInt64BE(BigInt(length), 2);
  if (masked) head[1]! |= 0x80;
  return Buffer.concat([head, Buffer.alloc(masked ? 4 : 0, 7), Buffer.alloc(length, 0x88)]);
}

const lengths = [0, 1, 125, 126, 127, 65_535, 65_536, 70_000];

test('every length, whole and byte by byte', () => {
  for (const length of lengths) {
    for (const masked of [false, true]) {
      const bytes = frame(length, { masked });
      const whole = new FrameTracker();
      assert.equal(whole.passFrame(bytes), 0);
      whole.pass(bytes);
      assert.ok(whole.atBoundary, `${length}`);
      const slow = new FrameTracker();
      for (let at = 0; at < bytes.length; at += 1) {
        slow.pass(bytes.subarray(at, at + 1));
        assert.equal(slow.atBoundary, at === bytes.length - 1, `${length}: after byte ${at + 1} of ${bytes.length}`);
      }
      assert.equal(slow.closed, false);
    }
  }
});

test('however frames are cut into chunks, a frame under way is passed to its end and no further', () => {
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom(...lengths), { minLength: 1, maxLength: 6 }),
      fc.infiniteStream(fc.integer({ min: 1, max: 40_000 })),
      fc.nat(),
      (sizes, cuts, stop) => {
        const frames = sizes.map((size) => frame(size));
        const bytes = Buffer.concat(frames);
        const stopAt = stop % bytes.length;
        const tracker = new FrameTracker();
        let at = 0;
        while (at < stopAt) {
          const to = Math.min(stopAt, at + cuts.next().value);
          tracker.pass(bytes.subarray(at, to));
          at = to;
        }
        while (at < bytes.length) {
          const taken = tracker.passFrame(bytes.subarray(at, Math.min(bytes.length, at + cuts.next().value)));
          at += taken;
          if (tracker.atBoundary) break;
        }
        let boundary = 0;
        for (const each of frames) if (boundary < stopAt) boundary += each.length;
        assert.equal(at, Math.max(stopAt, boundary));
      },
    ),
  );
});

test('a close frame is noticed, also between the fragments of a message', () => {
  const tracker = new FrameTracker();
  tracker.pass(frame(10, { opcode: 1, final: false }));
  tracker.pass(frame(3, { opcode: 9 }));
  const close = closeFrame(1000, 'bye');
  tracker.pass(close.subarray(0, 3));
  assert.deepEqual([tracker.closed, tracker.atBoundary], [false, false]);
  tracker.pass(close.subarray(3));
  assert.deepEqual([tracker.closed, tracker.atBoundary], [true, true]);
  const empty = new FrameTracker();
  empty.pass(Buffer.from([0x88, 0]));
  assert.ok(empty.closed);
});

test('a close frame: final, not masked, code and reason', () => {
  assert.deepEqual(closeFrame(1012, 'é'), Buffer.from([0x88, 4, 0x03, 0xf4, 0xc3, 0xa9]));
});
