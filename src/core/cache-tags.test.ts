import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limits } from '../base/limits.ts';
import { withCacheTags } from './cache-tags.ts';

test('tags are added to what the answer has of them, each once, and nothing else is touched', () => {
  const headers = ['content-type', 'text/html', 'Vercel-Cache-Tag', 'a, b', 'set-cookie', 'x=1', 'set-cookie', 'y=2'];
  assert.deepEqual(withCacheTags(headers, new Set(['b', 'c d'])), [
    'content-type',
    'text/html',
    'set-cookie',
    'x=1',
    'set-cookie',
    'y=2',
    'vercel-cache-tag',
    'a,b,c d',
  ]);
  assert.deepEqual(withCacheTags([], new Set(['c'])), ['vercel-cache-tag', 'c']);
});

test('an answer has so many tags at most', () => {
  const many = new Set(Array.from({ length: limits.cacheTags + 5 }, (_, at) => `t${at}`));
  assert.equal(withCacheTags([], many)[1]!.split(',').length, limits.cacheTags);
});
