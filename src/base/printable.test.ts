import assert from 'node:assert/strict';
import { test } from 'node:test';
import { columnsOf, cut, printable, printableLines } from './printable.ts';

test('what a terminal would act on is written out, everything else stays', () => {
  assert.equal(printable('api/größe/[id]/日本 👍🏽'), 'api/größe/[id]/日本 👍🏽');
  assert.equal(
    printable('a\u001B[2Jb\u009B31mc\r\n\t\0\u007F'),
    'a\\u001b[2Jb\\u009b31mc\\u000d\\u000a\\u0009\\u0000\\u007f',
  );
  assert.equal(printable('gpj.\u202Eexe\u2066\u2028\u200F\u061C'), 'gpj.\\u202eexe\\u2066\\u2028\\u200f\\u061c');
  assert.equal(printable('half \uD83D.'), 'half \\ud83d.');
  assert.equal(printableLines('one\n\u001Btwo\n'), 'one\n\\u001btwo\n');
});

test('JSON stays the same JSON', () => {
  const value = { name: 'a\u001B\u009B\u202E\uD800\n"\\' };
  const text = printableLines(JSON.stringify(value, null, 2));
  assert.deepEqual(JSON.parse(text), value);
  assert.doesNotMatch(text, /[\u009B\u202E]/);
});

test('columns on a terminal', () => {
  for (const [text, columns] of [
    ['', 0],
    ['abc', 3],
    ['日本', 4],
    ['e\u0301', 1],
    ['👍', 2],
    ['ｆ', 2],
    ['…', 1],
  ] as const)
    assert.equal(columnsOf(text), columns, text);
});

test('what does not fit is cut, and says so', () => {
  assert.equal(cut('abcdef', 6), 'abcdef');
  assert.equal(cut('abcdef', 5), 'abcd…');
  assert.equal(cut('日本語', 4), '日…');
  assert.equal(cut('日本語', 1), '…');
  assert.equal(cut('abc', 0), '');
});
