import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { ProtocolError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import { headersText, headText, parsedHeadText, readHead, readHeaders } from './head.ts';

const of = (letters: string, minLength: number): fc.Arbitrary<string> =>
  fc.string({ unit: fc.constantFrom(...letters.split('')), minLength, maxLength: 20 });
const latin = Array.from({ length: 256 }, (_, code) => String.fromCharCode(code)).join('');
const token = of("!#$%&'*+-.^_`|~09azAZ", 1);
const value = of(latin.replaceAll(/[^\t\x20-\x7e\x80-\xff]/g, ''), 0);
const target = of(latin.replaceAll(/[^\t\x20-\x7e\x80-\xff]/g, ''), 1);
const headers = fc.array(fc.tuple(token, value), { maxLength: 20 }).map((pairs) => pairs.flat());

test('what is written is what is read', () => {
  fc.assert(
    fc.property(token, token, target, headers, (id, method, target, headers) => {
      assert.deepEqual(readHead(headText(id, method, target, headers)), { id, method, target, headers });
      assert.equal(parsedHeadText(id, method, target, headers), headText(id, method, target, headers));
      assert.deepEqual(readHeaders(headersText(headers)), headers);
    }),
  );
});

test('no field can smuggle in another: what cannot be read back is not written', () => {
  const anything = fc.oneof(of('\n\r\0 a:', 0), of('aŊĊ', 0), value);
  fc.assert(
    fc.property(anything, anything, anything, fc.array(anything, { maxLength: 6 }), (id, method, target, headers) => {
      let text;
      try {
        text = headText(id, method, target, headers);
      } catch (error) {
        assert.ok(error instanceof ProtocolError && error.code === 'BAD_HEAD');
        return;
      }
      // Through latin-1, as on the wire: U+010A would become a line feed there.
      assert.deepEqual(readHead(Buffer.from(text, 'latin1').toString('latin1')), { id, method, target, headers });
    }),
    { numRuns: 2000 },
  );
});

test('reading text that nobody wrote gives an even list of fields, or BAD_HEAD', () => {
  fc.assert(
    fc.property(of('a\n\r b', 0), (text) => {
      try {
        const { method, headers } = readHead(text);
        assert.match(method, /^[ab]+$/);
        assert.equal(headers.length % 2, 0);
      } catch (error) {
        assert.ok(error instanceof ProtocolError && error.code === 'BAD_HEAD');
      }
    }),
    { numRuns: 2000 },
  );
});

suite('limits', () => {
  const fields = (count: number): string[] => Array.from({ length: count }, () => ['a', 'b']).flat();

  test('256 header fields, not 257', () => {
    assert.equal(readHead(headText('i', 'GET', '/', fields(limits.headFields))).headers.length, 2 * limits.headFields);
    assert.equal(readHeaders(headersText(fields(limits.headFields))).length, 2 * limits.headFields);
    const tooMany = fields(limits.headFields + 1);
    assert.throws(() => headText('i', 'GET', '/', tooMany), { code: 'BAD_HEAD' });
    assert.throws(() => parsedHeadText('i', 'GET', '/', tooMany), { code: 'BAD_HEAD' });
    const large = ['a', 'x'.repeat(limits.headBytes)];
    assert.throws(() => parsedHeadText('i', 'GET', '/', large), { code: 'BAD_HEAD' });
    assert.throws(() => headersText(tooMany), { code: 'BAD_HEAD' });
    assert.throws(() => readHead(['i', 'GET', '/', ...tooMany].join('\n')), { code: 'BAD_HEAD' });
    assert.throws(() => readHeaders(tooMany.join('\n')), { code: 'BAD_HEAD' });
  });

  test('64 KiB, not one more', () => {
    const value = 'x'.repeat(limits.headBytes - 2);
    assert.equal(readHeaders(headersText(['a', value]))[1], value);
    assert.throws(() => headersText(['a', `${value}x`]), { code: 'BAD_HEAD' });
    assert.throws(() => readHeaders(`a\n${value}x`), { code: 'BAD_HEAD' });
    assert.throws(() => readHead('\n'.repeat(limits.framePayloadBytes)), { code: 'BAD_HEAD' });
  });
});

test('the error names the header, never a value', () => {
  assert.throws(() => headersText(['content type', 'secret']), /the header name "content type" is not a token/);
  assert.throws(
    () => headersText(['authorization', 'secret\u0001']),
    (error: Error) => /control character/.test(error.message) && !error.message.includes('secret'),
  );
  assert.throws(() => headersText(['a', 'b\nc']), /a line feed within a field/);
  assert.throws(() => headText('i', 'G T', '/', []), /the method is not a token/);
  assert.throws(() => headText('i', 'GET', '', []), /an empty id or target/);
});
