import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limits } from '../base/limits.ts';
import { fitsHead, withCacheTags } from './cache-tags.ts';

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

test('so many tags may be added, and so many bytes', () => {
  const tags = (count: number, bytes: number) =>
    new Set(Array.from({ length: count }, (_, at) => String(at).padEnd(bytes, 'x')));
  assert.ok(fitsHead(tags(limits.addedTags, 10)));
  assert.ok(!fitsHead(tags(limits.addedTags + 1, 10)));
  assert.ok(fitsHead(tags(limits.addedTagsBytes / 256, 255)));
  assert.ok(!fitsHead(tags(limits.addedTagsBytes / 256, 256)));
});
