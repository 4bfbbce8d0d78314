import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limits } from '../../base/limits.ts';
import { TagMarks } from './marks.ts';

test('a page counts by when it was asked for', () => {
  const marks = new TagMarks();
  marks.invalidate('s', ['a'], 100);
  assert.equal(marks.called('s', ['a'], 100).stale, true, 'at the very same instant it may have been read before');
  assert.equal(marks.called('s', ['a'], 101).stale, false);
  assert.equal(marks.called('s', ['b'], 50).stale, false);
  assert.equal(marks.called('t', ['a'], 50).stale, false);
  assert.equal(marks.called('s', ['b', 'a'], 50).deletedFromMs, Infinity);
});

test('deleted is stale, and not shown from its deadline on', () => {
  const marks = new TagMarks();
  marks.delete('s', ['a'], 100, 50);
  assert.deepEqual(marks.called('s', ['a'], 90), { stale: true, deletedFromMs: 150 });
  assert.deepEqual(marks.called('s', ['a'], 110), { stale: false, deletedFromMs: Infinity });
  marks.invalidate('s', ['a'], 200);
  assert.deepEqual(marks.called('s', ['a'], 90), { stale: true, deletedFromMs: 150 });
  assert.deepEqual(marks.called('s', ['a'], 150), { stale: true, deletedFromMs: Infinity });
});

test('* calls back all; a page that bears it is called back by any', () => {
  const marks = new TagMarks();
  marks.invalidate('s', ['*'], 100);
  assert.equal(marks.called('s', [], 100).stale, true);
  marks.invalidate('s', ['x'], 200);
  assert.equal(marks.called('s', ['*'], 200).stale, true);
  assert.equal(marks.called('s', [], 200).stale, false);
});

test('what is forgotten counts as called back, for pages with tags', () => {
  const marks = new TagMarks();
  for (let at = 0; at <= limits.pageTagMarks; at += 1) marks.invalidate('s', [`t${at}`], at);
  assert.equal(marks.lines().length, limits.pageTagMarks + 1, 'one for what is forgotten');
  assert.equal(marks.called('s', ['t0'], 0).stale, true);
  assert.equal(marks.called('s', ['any'], 0).stale, true);
  assert.equal(marks.called('s', ['any'], 1).stale, false);
  assert.equal(marks.called('s', [], 0).stale, false);
});

test('what is restored says the same', () => {
  const marks = new TagMarks();
  marks.invalidate('s', ['a', '*'], 100);
  marks.delete('s', ['b'], 110, 5);
  const again = new TagMarks();
  for (const line of marks.lines()) again.restore(line);
  for (const tags of [[], ['a'], ['b'], ['c'], ['*']]) {
    for (const atMs of [99, 100, 105, 110, 111])
      assert.deepEqual(again.called('s', tags, atMs), marks.called('s', tags, atMs));
  }
});
