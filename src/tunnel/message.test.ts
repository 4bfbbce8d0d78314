import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { memoryConnections } from '../../test/sim/memory-connection.ts';
import { VirtualClock } from '../../test/sim/virtual-clock.ts';
import { ProtocolError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import { FrameType } from './frame.ts';
import { Inbox, type Message, type MessagePart, readPart, writeMessage } from './message.ts';
import { FrameReader } from './reader.ts';
import { FrameWriter } from './writer.ts';

const nobody = (): void => undefined;

/** Payloads of the frames that are written. */
function framesOf(write: (writer: FrameWriter) => void): Buffer[] {
  const clock = new VirtualClock();
  const { near, far } = memoryConnections({ clock });
  const payloads: Buffer[] = [];
  const reader = new FrameReader({ frame: (_, __, payload) => payloads.push(Buffer.from(payload)), body: nobody });
  far.events = { data: (chunk) => reader.push(chunk), drained: nobody, closed: nobody };
  const writer = new FrameWriter(near);
  write(writer);
  writer.flush();
  clock.settle();
  return payloads;
}

const messageFrames = (number: number, fields: unknown, body: Uint8Array): Buffer[] =>
  framesOf((writer) => writeMessage(writer, FrameType.ASK, { number, json: JSON.stringify(fields), body }));
const partFrame = (part: MessagePart): Buffer => framesOf((writer) => writer.part(FrameType.ASK, part))[0]!;

test('a message arrives as it was sent, in as many frames as it takes', () => {
  const step = limits.askFrameBytes;
  for (const [bytes, frames] of [
    [0, 1],
    [1, 1],
    [limits.copiedBodyBytes + 1, 1],
    [step, 1],
    [step + 1, 2],
    [limits.askBodyBytes, limits.askBodyBytes / step],
  ] as const) {
    const body = Buffer.alloc(bytes, 'äx');
    const payloads = messageFrames(7, { do: 'x', text: 'Grüße' }, body);
    assert.equal(payloads.length, frames, `${bytes} bytes`);
    const inbox = new Inbox();
    const begun: number[] = [];
    const taken = payloads.map((payload) => inbox.take(payload, (_, announced) => begun.push(announced)));
    assert.deepEqual(taken.slice(0, -1), Array<null>(frames - 1).fill(null));
    const message = taken.at(-1)!;
    assert.deepEqual(message.fields, { do: 'x', text: 'Grüße' });
    assert.ok(message.body.equals(body));
    assert.deepEqual(begun, [bytes]);
    assert.equal(inbox.count, 0);
  }
});

test('messages that take turns, in any order of their frames, do not get mixed up', () => {
  const message = fc.record({ number: fc.nat(0xffff_ffff), letter: fc.constantFrom('a', 'b', 'c'), frames: fc.nat(3) });
  fc.assert(
    fc.property(
      fc.uniqueArray(message, { selector: ({ number }) => number, maxLength: 4 }),
      fc.infiniteStream(fc.nat()),
      (messages, choices) => {
        const bodies = messages.map(({ letter, frames }) => Buffer.alloc(frames * limits.askFrameBytes + 3, letter));
        const left = messages.map(({ number }, at) => messageFrames(number, { at }, bodies[at]!));
        const inbox = new Inbox();
        const got: Message[] = [];
        while (left.some((each) => each.length > 0)) {
          const waiting = left.filter((each) => each.length > 0);
          const next = waiting[choices.next().value % waiting.length]!.shift()!;
          const whole = inbox.take(next, nobody);
          if (whole !== null) got.push(whole);
        }
        assert.equal(got.length, messages.length);
        for (const { number, fields, body } of got) {
          const at = fields['at'] as number;
          assert.equal(number, messages[at]!.number);
          assert.ok(body.equals(bodies[at]!));
        }
      },
    ),
    { numRuns: 20 },
  );
});

test('what does not fit together is refused, before memory is taken for it', () => {
  const begin = (bodyBytes: number): MessagePart['begin'] => ({ json: '{}', bodyBytes });
  const part = (more: Partial<MessagePart>): Buffer =>
    partFrame({ number: 1, begin: null, ends: false, bytes: Buffer.alloc(0), ...more });
  const x = Buffer.from('x');
  const cases: readonly (readonly [string, readonly Buffer[]])[] = [
    ['has not begun', [part({ bytes: x })]],
    ['begins twice', [part({ begin: begin(2), bytes: x }), part({ begin: begin(2) })]],
    ['longer than was said', [part({ begin: begin(0), bytes: x })]],
    ['longer than was said', [part({ begin: begin(2), bytes: x }), part({ bytes: Buffer.from('xx') })]],
    ['shorter than was said', [part({ begin: begin(2), bytes: x, ends: true })]],
    ['brings nothing', [part({ begin: begin(2), bytes: x }), part({})]],
    ['no JSON object', [part({ begin: { json: '[1]', bodyBytes: 0 }, ends: true })]],
    ['no valid JSON', [part({ begin: { json: '{', bodyBytes: 0 }, ends: true })]],
    ['in one frame', [part({ begin: begin(limits.askBodyBytes), bytes: Buffer.alloc(limits.askFrameBytes + 1) })]],
  ];
  for (const [fault, payloads] of cases) {
    const inbox = new Inbox();
    const take = (): void => {
      for (const payload of payloads) inbox.take(payload, nobody);
    };
    assert.throws(take, (error) => error instanceof ProtocolError && error.message.includes(fault), fault);
  }
  const refused = new ProtocolError('BAD_FRAME', 'not now');
  const inbox = new Inbox();
  assert.throws(() => {
    inbox.take(part({ begin: begin(5) }), () => {
      throw refused;
    });
  }, refused);
  assert.equal(inbox.count, 0);
});

test('a frame says no more than its lengths allow', () => {
  const payload = partFrame({
    number: 1,
    begin: { json: '{"a":1}', bodyBytes: 3 },
    ends: true,
    bytes: Buffer.from('xyz'),
  });
  for (let cut = 0; cut < payload.length; cut += 1) {
    const short = payload.subarray(0, cut);
    try {
      const { begin, bytes } = readPart(short);
      assert.ok(begin !== null && begin.json === '{"a":1}' && bytes.length < 3, `cut at ${cut}`);
    } catch (error) {
      assert.ok(error instanceof ProtocolError && error.code === 'BAD_FRAME');
    }
  }
});
