import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Query, parameterOf } from './query.ts';

const of = (name: string, value: string): ReturnType<typeof parameterOf> => parameterOf(name, value);

test('what nobody changes keeps its spelling', () => {
  const query = new Query('b=1&&a=%7e+x&flag');
  assert.equal(query.text, 'b=1&&a=%7e+x&flag');
  assert.equal(query.withDefaults([]), query);
  assert.equal(query.withDefaults([of('c', 'ü')]).text, 'b=1&a=%7e+x&flag&c=%C3%BC');
});

test("the request's own parameters win, whatever their spelling", () => {
  assert.equal(new Query('%61=1').withDefaults([of('a', '2'), of('b', '3')]).text, '%61=1&b=3');
  assert.equal(new Query('').withDefaults([of('a', '1'), of('a', '2')]).text, 'a=1&a=2');
});

test('not over route parameters of Next.js: a page is not kept under the name of another', () => {
  assert.equal(new Query('nxtPslug=b&x=1').withDefaults([of('nxtPslug', 'a')]).text, 'x=1&nxtPslug=a');
  assert.equal(new Query('nxtIx=b').withDefaults([of('nxtIx', 'a')]).text, 'nxtIx=a');
});

test('values are decoded as forms encode them; of several with one name the last', () => {
  const query = new Query('a=1&a=two+words&b=%zz&c&d=%C3%BC');
  assert.equal(query.get('a'), 'two words');
  assert.equal(query.get('b'), '%zz');
  assert.equal(query.get('c'), '');
  assert.equal(query.get('d'), 'ü');
  assert.equal(query.get('e'), undefined);
  assert.equal(new Query('').get(''), undefined);
});

test('set, append, delete', () => {
  const query = new Query('a=1&b=2&a=3');
  assert.equal(query.set('a', ['4']).text, 'b=2&a=4');
  assert.equal(query.append('a', ['4', '5']).text, 'a=1&b=2&a=3&a=4&a=5');
  assert.equal(query.without('a').text, 'b=2');
  assert.deepEqual(query.names(), ['a', 'b']);
});
