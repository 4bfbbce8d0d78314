import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { suite, test } from 'node:test';
import { limits } from '../../base/limits.ts';
import { MessageError, MessageReader, type RuntimeMessage } from './messages.ts';

interface Vectors {
  readonly valid: readonly { readonly name: string; readonly sent: object; readonly meaning: object }[];
  readonly ignored: readonly { readonly name: string; readonly sent: object }[];
  readonly invalid: readonly { readonly name: string; readonly text: string }[];
}
const vectors = JSON.parse(
  readFileSync(new URL('../../../protocol/vectors/runtime.json', import.meta.url), 'utf8'),
) as Vectors;

function read(...pieces: Buffer[]): RuntimeMessage[] {
  const found: RuntimeMessage[] = [];
  const reader = new MessageReader((message) => found.push(message));
  for (const piece of pieces) reader.push(piece);
  return found;
}
const sent = (message: object): Buffer => Buffer.from(`${JSON.stringify(message)}\0`);

suite('protocol/vectors/runtime.json', () => {
  for (const vector of vectors.valid)
    test(vector.name, () => assert.deepEqual(read(sent(vector.sent)), [vector.meaning]));
  for (const vector of vectors.ignored) test(vector.name, () => assert.deepEqual(read(sent(vector.sent)), []));
  for (const { name, text } of vectors.invalid) {
    test(name, () => assert.throws(() => read(Buffer.from(`${text}\0`)), MessageError));
  }
});

test('messages are the same however they are cut into reads', () => {
  const all = Buffer.concat(vectors.valid.map((vector) => sent(vector.sent)));
  const meanings = vectors.valid.map((vector) => vector.meaning);
  assert.deepEqual(read(all), meanings);
  assert.deepEqual(read(...Array.from(all, (_, at) => all.subarray(at, at + 1))), meanings);
  for (const at of [1, 50, 150, all.length - 1]) {
    assert.deepEqual(read(all.subarray(0, at), all.subarray(at)), meanings);
  }
});

test('a message may be as long as its limit, and no longer, whether its end comes or not', () => {
  const pad = (bytes: number): Buffer => {
    const empty = '{"type":"x","pad":""}'.length;
    return Buffer.from(`{"type":"x","pad":"${'p'.repeat(bytes - empty)}"}`);
  };
  assert.deepEqual(read(pad(limits.ipcMessageBytes), Buffer.alloc(1)), []);
  assert.throws(() => read(pad(limits.ipcMessageBytes + 1)), MessageError);
  assert.throws(() => read(pad(limits.ipcMessageBytes), Buffer.from('x')), MessageError);
});

test('what comes byte by byte takes the memory of one message, made a few times; nothing of a read is kept', (context) => {
  const found: RuntimeMessage[] = [];
  const reader = new MessageReader((message) => found.push(message));
  const empty = '{"type":"log","payload":{"message":""}}'.length;
  const text = 'QUJD'.repeat((limits.ipcMessageBytes - empty) >> 2);
  const message = sent({ type: 'log', payload: { message: text } });
  const { mock } = context.mock.method(Buffer, 'allocUnsafe');
  // As a socket does whose memory is used again.
  const read = Buffer.alloc(1);
  for (const byte of message) {
    read[0] = byte;
    reader.push(read);
  }
  const sizes = mock.calls.map((call) => call.arguments[0]);
  mock.restore();
  assert.ok(found[0]?.type === 'log' && found[0].text === 'ABC'.repeat(text.length >> 2));
  assert.ok(sizes.length > 0 && sizes.length <= 12, `${sizes.length} times`);
  assert.ok(Math.max(...sizes) <= limits.ipcMessageBytes, sizes.join());
});

test('an error that nests deeper than any stack is none to read', () => {
  const deep = `${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`;
  const [message] = read(Buffer.from(`{"type":"end","payload":{"error":${deep}}}\0`));
  assert.deepEqual(message, {
    type: 'end',
    context: { invocation: '0', request: 0 },
    error: 'an error without a message',
  });
});
