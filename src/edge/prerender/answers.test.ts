// What is read from what functions and clients send: pure.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { limits } from '../../base/limits.ts';
import { parseCacheControl } from './cache-control.ts';
import { cookieOf, headerList, tagMatches } from './fields.ts';
import { allowedQuery, keyedHeaders, pageKey } from './key.ts';
import { fakePrerender } from './prerender.fixture.ts';
import { readShell } from './shell.ts';
import { judgeAnswer, judgeFallback } from './verdict.ts';

test('Cache-Control', () => {
  const said = parseCacheControl('S-MaxAge = "60" , stale-while-revalidate=5,public, max-age=1, foo="a, b"');
  assert.deepEqual(said, {
    personal: false,
    sharedMaxAgeS: 60,
    maxAgeS: 1,
    staleWhileRevalidateS: 5,
    rest: 'public, max-age=1, foo="a, b"',
  });
  assert.equal(parseCacheControl('s-maxage=1, stale-while-revalidate').rest, '');
  assert.equal(parseCacheControl('stale-while-revalidate').staleWhileRevalidateS, 31_536_000);
  assert.equal(parseCacheControl('s-maxage=99999999999').sharedMaxAgeS, 31_536_000);
  for (const text of ['private', 'no-store', 'No-Cache="x"']) assert.ok(parseCacheControl(text).personal);
  for (const text of ['s-maxage=x', 's-maxage=-1', 's-maxage', ''])
    assert.equal(parseCacheControl(text).sharedMaxAgeS, null);
  fc.assert(fc.property(fc.string({ unit: 'grapheme-ascii', maxLength: 200 }), (text) => void parseCacheControl(text)));
});

test('cookies', () => {
  assert.equal(cookieOf('a=1; b=2;c = 3', 'b'), '2');
  assert.equal(cookieOf('a=1; b=2;c = 3', 'c'), '3');
  assert.equal(cookieOf('xa=1; =2; a', 'a'), undefined);
  assert.equal(cookieOf('a==x', 'a'), '=x');
});

test('lists of fields, and entity tags', () => {
  assert.equal(headerList(['X-A', '1', 'b', '2', 'x-a', '3'], 'x-a'), '1, 3');
  assert.ok(tagMatches('W/"a", "b"', '"a"'));
  assert.ok(tagMatches(' * ', '"a"'));
  assert.equal(tagMatches('"ab"', '"a"'), false);
});

test('the query of a key has one order, and only what is allowed', () => {
  assert.equal(allowedQuery(null, 'b=2&a=1&b=1'), 'a=1&b=2&b=1');
  assert.equal(allowedQuery(null, 'a=%20'), allowedQuery(null, 'a=+'));
  assert.equal(allowedQuery([], 'a=1'), '');
  assert.equal(allowedQuery(['a'], 'b=2&a=1'), 'a=1');
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c', 'é'), fc.string())),
      fc.func(fc.nat()),
      (pairs, rank) => {
        const query = (list: [string, string][]): string => new URLSearchParams(list).toString();
        // The order of equal names is the application's to read.
        const moved = pairs.toSorted(([one], [other]) => rank(one) - rank(other));
        assert.equal(allowedQuery(['a', 'é'], query(pairs)), allowedQuery(['a', 'é'], query(moved)));
      },
    ),
  );
});

test('the headers of a key are those that the page names, without the platform’s own', () => {
  const allowHeader = ['Host', 'x-matched-path', 'X-Prerender-Revalidate', 'x-next-revalidated-tags', 'B', 'a', 'b'];
  assert.deepEqual(keyedHeaders({ allowHeader }), ['a', 'b']);
  const page = fakePrerender({ allowHeader });
  const key = (headers: readonly string[]): string => pageKey('o', page, { target: '/', headers }, null)!.text;
  assert.equal(key(['Host', 'x', 'A', '1']), key(['Host', 'y', 'a', '1']));
  assert.notEqual(key(['A', '1']), key(['A', '2']));
  assert.notEqual(key(['A', '1']), key(['B', '1']));
  assert.notEqual(key(['A', '1']), key(['A', '1', 'a', '2']));
  assert.notEqual(key(['A', '']), key([]));
});

test('a key that is too long is none', () => {
  const page = fakePrerender({ allowQuery: null });
  const request = { target: `/?${'a'.repeat(limits.pageKeyBytes - 10)}`, headers: [] };
  assert.ok(pageKey('page', page, request, null) !== null);
  assert.equal(pageKey('page', page, { ...request, target: `${request.target}aaaaaaaaaa` }, null), null);
});

test('what is kept of an answer', () => {
  const page = fakePrerender({ staleExpirationS: 100 });
  const kept = judgeAnswer(200, ['ETag', '"a"', 'Connection', 'close', 'Content-Length', '3', 'Date', 'x'], page, 1000);
  assert.deepEqual(kept.headers, ['ETag', '"a"']);
  assert.deepEqual([kept.keeping, kept.freshUntilMs, kept.staleUntilMs], ['kept', 61_000, 101_000]);
  const good = judgeAnswer(200, [], fakePrerender({ expirationS: null }), 1000);
  assert.deepEqual([good.freshUntilMs, good.staleUntilMs], [Infinity, Infinity]);
  const keeping = (status: number, ...headers: string[]): string =>
    judgeAnswer(status, headers, fakePrerender({ chain: { outputPath: 'x', headers: {} } }), 0).keeping;
  for (const status of [200, 301, 302, 307, 308, 404, 410]) assert.equal(keeping(status), 'kept');
  for (const status of [204, 206, 304, 400, 401, 403, 429, 500, 503]) assert.equal(keeping(status), 'failed');
  assert.equal(keeping(200, 'Cache-Control', 'private'), 'personal');
  assert.equal(keeping(200, 'Cache-Control', 'private', 'CDN-Cache-Control', 's-maxage=1'), 'kept');
  assert.equal(keeping(200, 'Cache-Control', 's-maxage=1', 'Vercel-CDN-Cache-Control', 'no-store'), 'personal');
  assert.equal(keeping(200, 'X-NextJS-Postponed', '1'), 'postponed');
});

test('tags: a page with too many, or too long ones, is called back by any', () => {
  const tags = (value: string): readonly string[] =>
    judgeAnswer(200, ['x-next-cache-tags', value], fakePrerender(), 0).tags;
  assert.deepEqual(tags(' a, b,,a'), ['a', 'b']);
  const many = tags(Array.from({ length: limits.pageTags + 5 }, (_, at) => `t${at}`).join(','));
  assert.equal(many.length, limits.pageTags + 1);
  assert.equal(many.at(-1), '*');
  assert.deepEqual(tags('x'.repeat(limits.pageTagBytes + 1)), ['*']);
});

test('what the build has is kept whatever its Cache-Control says', () => {
  const page = fakePrerender({ initialHeaders: { 'cache-control': 'private, no-store' }, initialStatus: 404 });
  const verdict = judgeFallback(page, 5000);
  assert.deepEqual([verdict.keeping, verdict.status, verdict.freshUntilMs], ['kept', 404, 65_000]);
  assert.deepEqual(verdict.headers, ['cache-control', 'private, no-store']);
});

test('where the state of a page ends: counted in bytes or in characters', () => {
  const type = (length: number, origin = 'text/html; charset=utf-8'): string =>
    `application/x-nextjs-pre-render; state-length=${length}; origin=${JSON.stringify(origin)}`;
  const state = '4:{"ü":"日本"}';
  const body = Buffer.from(`${state}<!DOCTYPE html>`);
  const bytes = Buffer.byteLength(state);
  assert.deepEqual(readShell(type(bytes), body), { stateBytes: bytes, type: 'text/html; charset=utf-8' });
  assert.equal(readShell(type(state.length), body)?.stateBytes, bytes);
  assert.equal(readShell(type(state.length, 'text/x-component'), Buffer.from(state))?.stateBytes, bytes);
  assert.equal(readShell(type(bytes, 'text/x-component'), Buffer.from(state))?.stateBytes, bytes);
  assert.equal(readShell(type(500), body), null);
  assert.equal(readShell('text/html', body), null);
  assert.equal(readShell('application/x-nextjs-pre-render; state-length=1; origin="\\x"', body), null);
});
