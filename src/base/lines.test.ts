import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { LineSplitter } from './lines.ts';

function split(chunks: readonly Buffer[], maxChars = 1_000): string[] {
  const lines: string[] = [];
  const splitter = new LineSplitter(maxChars, (line) => lines.push(line));
  for (const chunk of chunks) splitter.push(chunk);
  splitter.end();
  return lines;
}

test('lines end at LF or CRLF, and what is left at the end is a line', () => {
  assert.deepEqual(split([Buffer.from('a\r\n\nb\nc')]), ['a', '', 'b', 'c']);
  assert.deepEqual(split([Buffer.from('a\n')]), ['a']);
  assert.deepEqual(split([]), []);
});

test('a line too long is cut and says so, and the next one is whole', () => {
  const lines = split([Buffer.from('x'.repeat(8)), Buffer.from('x'.repeat(8)), Buffer.from('x\nabc\n')], 10);
  assert.deepEqual(lines, [`${'x'.repeat(10)} … (line cut)`, 'abc']);
});

test('the same lines wherever the chunks are cut, in the middle of a character too', () => {
  const text = fc.array(fc.constantFrom('a', 'é', '😀', '\n', ' '), { maxLength: 60 }).map((parts) => parts.join(''));
  fc.assert(
    fc.property(text, fc.array(fc.nat(200), { maxLength: 8 }), (text, cuts) => {
      const bytes = Buffer.from(text);
      const ends = [...cuts.map((cut) => Math.min(cut, bytes.length)), bytes.length].sort((a, b) => a - b);
      const chunks = ends.map((end, index) => bytes.subarray(ends[index - 1] ?? 0, end));
      assert.deepEqual(split(chunks), split([bytes]));
      const joined = split([bytes]).join('\n');
      assert.equal(joined, text.endsWith('\n') ? text.slice(0, -1) : text);
    }),
  );
});
