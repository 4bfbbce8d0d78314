import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lookIn, matchedPathOf, withQuery } from './look.ts';
import { OutputPaths } from './outputs.ts';

test('an output of that name before the index of a folder', () => {
  const outputs = new OutputPaths([
    'blog',
    'blog/index.html',
    'docs/index',
    'docs/index.html',
    'a/index.json',
    'a/index',
  ]);
  assert.equal(outputs.find('blog'), 'blog');
  assert.equal(outputs.find('docs'), 'docs/index.html', 'a page before a function');
  assert.equal(outputs.find('docs/index'), 'docs/index');
  assert.equal(outputs.find('a'), 'a/index', 'a function before another file');
  assert.equal(outputs.find('nothing'), null);
});

test('the root', () => {
  assert.equal(new OutputPaths(['index']).find(''), 'index');
  assert.equal(new OutputPaths(['index', 'index.html']).find(''), 'index.html');
  assert.equal(new OutputPaths(['indexed', 'a/index']).find(''), null);
  assert.equal(new OutputPaths(['']).find(''), null, 'an empty key is no path');
});

test('paths are decoded, but an encoded slash separates nothing', () => {
  const outputs = new OutputPaths(['a b', 'é', 'c%2Fd', 'e/f', 'g%20h']);
  assert.deepEqual(lookIn(outputs, '/a%20b/'), { key: 'a b', decoded: true });
  assert.deepEqual(lookIn(outputs, '/%C3%A9'), { key: 'é', decoded: true });
  assert.equal(lookIn(outputs, '/e%2ff'), null);
  assert.deepEqual(lookIn(outputs, '/c%2fd'), { key: 'c%2Fd', decoded: true });
  assert.deepEqual(lookIn(outputs, '/g%20h'), { key: 'g%20h', decoded: false }, 'as some builders name them');
  assert.equal(lookIn(outputs, '/%zz'), null);
});

test('x-matched-path is what is there, as bytes of UTF-8', () => {
  const decoded = { key: 'blog/é', decoded: true };
  assert.equal(Buffer.from(matchedPathOf(decoded, '/blog/%C3%A9'), 'latin1').toString(), '/blog/é');
  assert.equal(Buffer.from(matchedPathOf(decoded, undefined), 'latin1').toString(), '/blog/é');
  assert.equal(matchedPathOf({ key: 'g%20h', decoded: false }, '/g%20h'), '/g%20h');
  assert.equal(
    matchedPathOf({ key: 'a\nx-real-ip\n6.6.6.6\0', decoded: true }, undefined),
    '/a%0Ax-real-ip%0A6.6.6.6%00',
  );
  assert.equal(
    Buffer.from(matchedPathOf(decoded, '/%C3%A9%0d%0Ax%7f'), 'latin1').toString(),
    '/é%0D%0Ax%7F',
    'by a rule, too',
  );
  assert.equal(matchedPathOf({ key: 'index', decoded: true }, undefined), '/');
  assert.equal(matchedPathOf({ key: 'docs/index', decoded: true }, undefined), '/docs');
});

test('a location gets the query of the request where it has none', () => {
  assert.equal(withQuery('/a', 'b=1'), '/a?b=1');
  assert.equal(withQuery('/a#c', 'b=1'), '/a?b=1#c');
  assert.equal(withQuery('/a?d=2', 'b=1'), '/a?d=2');
  assert.equal(withQuery('/a', ''), '/a');
});
