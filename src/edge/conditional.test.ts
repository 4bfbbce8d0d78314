import assert from 'node:assert/strict';
import { test } from 'node:test';
import { entityTag, lastModified, select } from './conditional.ts';
import type { Conditions } from './conditional.ts';

const version = { sizeBytes: 100, modifiedMs: Date.UTC(2026, 0, 2, 3, 4, 5, 678) };
const tag = entityTag(version);
const date = lastModified(version);
const earlier = 'Thu, 01 Jan 2026 00:00:00 GMT';
const later = 'Sat, 03 Jan 2026 00:00:00 GMT';
const kind = (conditions: Conditions): string => select(conditions, version).kind;

test('the tag changes with length and time', () => {
  assert.notEqual(tag, entityTag({ ...version, sizeBytes: 101 }));
  assert.notEqual(tag, entityTag({ ...version, modifiedMs: version.modifiedMs + 1 }));
  assert.match(tag, /^"[0-9a-f-]+"$/);
  assert.equal(date, 'Fri, 02 Jan 2026 03:04:05 GMT');
});

test('If-None-Match: weak comparison, lists, *', () => {
  for (const value of [tag, `W/${tag}`, `"other", ${tag}`, '*'])
    assert.equal(kind({ ifNoneMatch: value }), 'unchanged', value);
  for (const value of ['"other"', '', tag.slice(1, -1)]) assert.equal(kind({ ifNoneMatch: value }), 'whole', value);
});

test('If-Modified-Since counts only without If-None-Match', () => {
  assert.equal(kind({ ifModifiedSince: date }), 'unchanged');
  assert.equal(kind({ ifModifiedSince: later }), 'unchanged');
  assert.equal(kind({ ifModifiedSince: earlier }), 'whole');
  assert.equal(kind({ ifModifiedSince: 'yesterday' }), 'whole');
  assert.equal(kind({ ifModifiedSince: later, ifNoneMatch: '"other"' }), 'whole');
});

test('If-Match: strong comparison; If-Unmodified-Since counts only without it', () => {
  assert.equal(kind({ ifMatch: tag }), 'whole');
  assert.equal(kind({ ifMatch: '*' }), 'whole');
  assert.equal(kind({ ifMatch: `W/${tag}` }), 'failed');
  assert.equal(kind({ ifMatch: '"other"' }), 'failed');
  assert.equal(kind({ ifUnmodifiedSince: earlier }), 'failed');
  assert.equal(kind({ ifUnmodifiedSince: date }), 'whole');
  assert.equal(kind({ ifUnmodifiedSince: earlier, ifMatch: tag }), 'whole');
});

test('ranges', () => {
  const part = (first: number, last: number) => ({ kind: 'part', first, last });
  const rows: readonly (readonly [string, object])[] = [
    ['bytes=0-9', part(0, 9)],
    ['bytes=0-0', part(0, 0)],
    ['bytes=90-', part(90, 99)],
    ['bytes=90-1000', part(90, 99)],
    ['bytes=-10', part(90, 99)],
    ['bytes=-1000', part(0, 99)],
    ['BYTES=1-2', part(1, 2)],
    ['bytes=100-', { kind: 'unsatisfiable' }],
    ['bytes=-0', { kind: 'unsatisfiable' }],
    ['bytes=9-0', { kind: 'whole' }],
    ['bytes=a-b', { kind: 'whole' }],
    ['bytes=-', { kind: 'whole' }],
    ['bytes=0-1,3-4', { kind: 'whole' }],
    ['lines=0-9', { kind: 'whole' }],
  ];
  for (const [range, selection] of rows) assert.deepEqual(select({ range }, version), selection, range);
  assert.equal(select({ range: 'bytes=0-' }, { ...version, sizeBytes: 0 }).kind, 'unsatisfiable');
});

test('If-Range: the part only if the file is still the same', () => {
  const range = 'bytes=0-9';
  assert.equal(kind({ range, ifRange: tag }), 'part');
  assert.equal(kind({ range, ifRange: date }), 'part');
  for (const ifRange of [`W/${tag}`, '"other"', later, earlier, 'nonsense'])
    assert.equal(kind({ range, ifRange }), 'whole', ifRange);
  assert.equal(kind({ range, ifNoneMatch: tag }), 'unchanged', 'conditions come before ranges');
});
