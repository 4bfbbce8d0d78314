import assert from 'node:assert/strict';
import { test } from 'node:test';
import { both } from './serve.ts';

test('Next.js answers on Weir as `next start` does', async (t) => {
  const { weir, same } = await both(t, 'next');
  await t.test('pages: static, dynamic, made when they are asked for, streamed', async () => {
    for (const [path, text] of [
      ['/', 'This page is static'],
      ['/picture', 'Water over a weir'],
      ['/posts/first', 'The first post'],
      ['/posts/third', 'The third post'],
      ['/users/7?tab=posts', 'posts'],
      ['/draft', 'What is published'],
      ['/stream', 'This came a second later.'],
      ['/hello.txt', 'A file of its own'],
    ] as const) {
      assert.ok((await same(path)).text.includes(text), path);
    }
    // Two renderings of a page number what it refers to by when they come to it: those that are made anew (next-kept.test.ts)
    // are equal until then only, and its own server keeps the newer one in the build.
    for (const path of ['/timed', '/tagged']) assert.match((await weir.get(path)).text, /<time>[^<]+<\/time>/);
  });
  await t.test('what is not there', async () => {
    for (const path of ['/nowhere', '/posts/none']) assert.equal((await same(path)).status, 404);
    assert.equal((await weir.get('/_next/static/nothing.js')).status, 404);
  });
  await t.test('redirects, rewrites and headers of next.config', async () => {
    assert.equal((await same('/old')).status, 308);
    assert.equal((await same('/old/first')).headers.location, '/posts/first');
    assert.match((await same('/writing/first')).text, /The first post/);
    assert.match((await same('/secret?key=open')).text, /accept-language/);
    assert.equal((await same('/secret?key=closed')).status, 404);
    assert.equal((await same('/posts/second', ['x-section'])).headers['x-section'], 'posts');
    assert.equal((await same('/users/me')).headers.location, '/users/7');
  });
  await t.test('proxy.js: rewrite, redirect, answer, headers and cookies of request and answer', async () => {
    assert.match((await same('/proxy/rewrite')).text, /The first post/);
    assert.equal((await same('/proxy/redirect')).status, 307);
    assert.equal((await same('/proxy/answer')).status, 418);
    const seen = await same({ path: '/request', headers: { 'accept-language': 'en' } }, ['x-proxied']);
    assert.match(seen.text, /id="proxy">hello</);
    assert.match(String(seen.headers['set-cookie']), /^visited=yes;/);
    const again = await same({ path: '/request', headers: { cookie: 'visited=yes' } });
    assert.equal(again.headers['set-cookie'], undefined);
  });
  await t.test('route handlers', async () => {
    assert.deepEqual((await same('/api/hello?name=Ada', ['x-hello'])).json(), { message: 'Hello, Ada!' });
    const headers = { 'content-type': 'application/json' };
    const posted = await same({ method: 'POST', path: '/api/hello', headers, body: '{"a":1}' });
    assert.deepEqual([posted.status, posted.json()], [201, { received: { a: 1 } }]);
    assert.equal((await same({ method: 'DELETE', path: '/api/hello' })).status, 405);
    assert.equal((await same('/api/stream')).text, 'water over a weir\n');
  });
  await t.test('what its own client asks for: server components, and those of a segment', async () => {
    const rsc = { rsc: '1' };
    assert.match((await same({ path: '/users/7?_rsc', headers: rsc })).text, /^\d+:/);
    const prefetch = { ...rsc, 'next-router-prefetch': '1', 'next-router-segment-prefetch': '/_tree' };
    const segment = await weir.get('/posts/first?_rsc=any', prefetch);
    assert.deepEqual([segment.status, segment.headers['content-type']], [200, 'text/x-component']);
  });
  assert.equal(await weir.stop(), 0);
});

test('Next.js: a page is streamed, with what is late after what is early', async (t) => {
  const { weir } = await both(t, 'next');
  const response = await weir.open('GET', '/stream');
  let text = '';
  let early: string | null = null;
  for await (const chunk of response) {
    text += String(chunk);
    if (early === null && text.includes('This came at once')) early = text;
  }
  assert.ok(early !== null && !early.includes('This came a second later'));
  assert.match(text, /This came a second later/);
  assert.equal(await weir.stop(), 0);
});

test('Next.js: a form calls its server action, with and without JavaScript', async (t) => {
  const { weir } = await both(t, 'next');
  const page = (await weir.get('/guestbook')).text;
  const id = /name="(\$ACTION_ID_[0-9a-f]+)"/.exec(page)![1]!;
  const form = new FormData();
  form.set(id, '');
  form.set('name', 'Ada');
  const answer = await fetch(`${weir.origin}/guestbook`, { method: 'POST', body: form, redirect: 'manual' });
  assert.equal(answer.status, 303);
  assert.equal(answer.headers.get('location'), '/guestbook');
  const [cookie] = answer.headers.getSetCookie();
  assert.match(cookie!, /^name=Ada;.*HttpOnly/i);
  const signed = await weir.get('/guestbook', { cookie: cookie!.split(';')[0] });
  assert.match(signed.text, /Hello, (?:<!-- -->)?Ada/);

  const call = new FormData();
  call.set('_1_name', 'Grace');
  call.set('0', '["$K1"]');
  const headers = { 'next-action': id.slice('$ACTION_ID_'.length), accept: 'text/x-component' };
  const called = await fetch(`${weir.origin}/guestbook`, { method: 'POST', body: call, headers });
  assert.equal(called.headers.get('x-action-redirect'), '/guestbook;push');
  assert.match(called.headers.getSetCookie().join(), /name=Grace/);
  assert.equal(await weir.stop(), 0);
});

test('Next.js: after() runs after the answer', async (t) => {
  const { weir } = await both(t, 'next');
  const from = weir.output().length;
  assert.equal((await weir.send('POST', '/api/after')).status, 202);
  await weir.printed(/after the answer/, from);
  assert.equal(await weir.stop(), 0);
});
