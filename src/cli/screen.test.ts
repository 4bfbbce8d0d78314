import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fitting, highlighted, Screen } from './screen.ts';

/** A terminal of 20 by 4 that remembers what was written; or, without isTTY, a pipe. */
function output(isTTY: boolean) {
  const writes: string[] = [];
  const stream = {
    isTTY,
    rows: 4,
    columns: 20,
    hasColors: () => isTTY,
    getColorDepth: () => (isTTY ? 8 : 1),
    write: (text: string) => writes.push(text) > 0,
    // What styleText looks for in a stream.
    _write: () => undefined,
    pipe: () => undefined,
    on: () => undefined,
    writable: true,
    _writableState: {},
  };
  return { writes, stream: stream as unknown as NodeJS.WriteStream };
}

test('lines and rows that do not fit are cut, and it says so', () => {
  assert.deepEqual(fitting(['abc', 'de'], 2, 3), ['abc', 'de']);
  assert.deepEqual(fitting(['abcd', '', 'e', 'f'], 3, 3), ['ab…', '', '… …']);
  assert.deepEqual(fitting(['a', 'b', 'c'], 2, 80), ['a', '… and 2 lines more']);
});

test('titles stand out on a terminal, and only there', () => {
  const lines = ['title', '  a', 'b', '', 'another', '  c'];
  assert.deepEqual(highlighted(lines, output(false).stream), lines);
  assert.deepEqual(highlighted(lines, output(true).stream), [
    '\u001B[1mtitle\u001B[22m',
    '  a',
    'b',
    '',
    '\u001B[1manother\u001B[22m',
    '  c',
  ]);
});

test('on a terminal: the same place again and again, and at the end the whole of the last', () => {
  const { writes, stream } = output(true);
  const screen = new Screen(stream);
  screen.paint('one\n  a');
  screen.paint('two\n  b\n  c\n  d');
  screen.close();
  assert.deepEqual(writes, [
    '\u001B[?1049h\u001B[?25l\u001B[H\u001B[1mone\u001B[22m\u001B[K\n  a\u001B[K\n\u001B[J',
    '\u001B[H\u001B[1mtwo\u001B[22m\u001B[K\n  b\u001B[K\n… and 2 lines more\u001B[K\n\u001B[J',
    '\u001B[?25h\u001B[?1049l\u001B[1mtwo\u001B[22m\n  b\n  c\n  d\n',
  ]);
});

test('elsewhere: one after the other, without a control character', () => {
  const { writes, stream } = output(false);
  const screen = new Screen(stream);
  screen.paint('one\n  a');
  screen.paint('two');
  screen.close();
  assert.deepEqual(writes, ['one\n  a\n', '\ntwo\n']);
});

test('a screen that nothing was painted on leaves the terminal alone', () => {
  const { writes, stream } = output(true);
  new Screen(stream).close();
  assert.deepEqual(writes, []);
});
