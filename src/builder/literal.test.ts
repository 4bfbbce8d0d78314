import assert from 'node:assert/strict';
import { test } from 'node:test';
import { literalAt } from './literal.ts';

const read = (text: string) => literalAt(`x = ${text};\nvar y = 2;`, 4);

test('what is stated is read, whatever its form', () => {
  assert.equal(read('60 * 5'), 300);
  assert.equal(read('-1.5e3'), -1500);
  assert.equal(read('0x10'), 16);
  assert.equal(read(String.raw`'a\'b\u0041\x42\u{43}\n'`), "a'bABC\n");
  assert.deepEqual(read('[1, "a", [true, null], ]'), [1, 'a', [true, null]]);
  assert.deepEqual(read('{ a: 1, "b-c": { d: false }, 3: "x", }'), { a: 1, 'b-c': { d: false }, 3: 'x' });
});

test('what would have to be run is not, and leaves the rest readable', () => {
  assert.deepEqual(
    read(
      '{ a: f({ b: 2 }, [3]), c: 4, d: x ? 1 : 2, e: /[}/]"/g, f: (g) => { return /},/; }, h: 5, i: 6n, j: 7 - 1, k: 8 / 2 }',
    ),
    { a: undefined, c: 4, d: undefined, e: undefined, f: undefined, h: 5, i: undefined, j: undefined, k: undefined },
  );
  assert.deepEqual(
    read('{ short, method() { return { a: 1 } }, ...spread, [computed]: 1, get z() { return 1 }, last: 1 }'),
    {
      short: undefined,
      method: undefined,
      last: 1,
    },
  );
  for (const text of ['process.env.X', '"a" + x', 'void 0', 'fn()', 'new Foo({ a: 1 })', '-x', '(1, 2)', '{ a: 1 }.a'])
    assert.equal(read(text), undefined, text);
});

test('what is cut off, or nested without end, is no value', () => {
  for (const text of ['{ a: ', '[1, ', '"a', '{', '[', '']) assert.equal(literalAt(text, 0), undefined, text);
  assert.doesNotThrow(() => literalAt('['.repeat(100_000), 0));
});

test('a name of every object is only a name', () => {
  const found = read('{ "__proto__": { a: 1 }, b: constructor }') as Record<string, unknown>;
  assert.deepEqual(Object.keys(found), ['__proto__', 'b']);
  assert.equal(Object.getPrototypeOf(found), Object.prototype);
});
