import assert from 'node:assert/strict';
import { test } from 'node:test';
import { flightInOrder } from './flight.ts';
import { both, redirecting, site } from './serve.ts';

test('Next.js answers on Weir as `next start` does', async (t) => {
  const { weir, own, same } = await both(t, 'next');
  await t.test('pages: static, dynamic, made when they are asked for, streamed', async () => {
    for (const [path, text] of [
      ['/', 'This page is static'],
      ['/picture', 'Water over a weir'],
      ['/posts/first', 'The first post'],
      ['/posts/third', 'The third post'],
      ['/users/7?tab=posts', 'posts'],
      ['/draft', 'What is published'],
      ['/guestbook', 'Who are you?'],
      ['/stream', 'This came a second later.'],
      ['/hello.txt', 'A file of its own'],
    ] as const) {
      assert.ok((await same(path)).text.includes(text), path);
    }
  });
  await t.test('what is not there', async () => {
    for (const path of ['/nowhere', '/posts/none', '/404', '/_next/nothing', '/_next/static/nothing.js']) {
      assert.equal((await same(path)).status, 404);
    }
  });
  await t.test('redirects, rewrites and headers of next.config', async () => {
    assert.equal((await same('/old', redirecting)).status, 308);
    assert.equal((await same('/old/first', redirecting)).headers.location, '/posts/first');
    assert.match((await same('/writing/first')).text, /The first post/);
    assert.match((await same('/secret?key=open')).text, /accept-language/);
    assert.equal((await same('/secret?key=closed')).status, 404);
    assert.equal((await same('/posts/second', { headers: ['x-section'] })).headers['x-section'], 'posts');
    assert.equal((await same('/users/me')).headers.location, '/users/7');
  });
  await t.test('proxy.js: rewrite, redirect, answer, headers and cookies of request and answer', async () => {
    assert.match((await same('/proxy/rewrite')).text, /The first post/);
    // NextResponse.redirect() has no body, and none is sent. `next start` says where to once more.
    assert.equal((await same('/proxy/redirect', { body: '' })).status, 307);
    assert.equal((await same('/proxy/answer')).status, 418);
    const seen = await same({ path: '/request', headers: { 'accept-language': 'en' } }, { headers: ['x-proxied'] });
    assert.match(seen.text, /id="proxy">hello</);
    assert.match(String(seen.headers['set-cookie']), /^visited=yes;/);
    const again = await same({ path: '/request', headers: { cookie: 'visited=yes' } });
    assert.equal(again.headers['set-cookie'], undefined);
  });
  await t.test('route handlers', async () => {
    assert.deepEqual((await same('/api/hello?name=Ada', { headers: ['x-hello'] })).json(), { message: 'Hello, Ada!' });
    const headers = { 'content-type': 'application/json' };
    const posted = await same({ method: 'POST', path: '/api/hello', headers, body: '{"a":1}' });
    assert.deepEqual([posted.status, posted.json()], [201, { received: { a: 1 } }]);
    assert.equal((await same({ method: 'DELETE', path: '/api/hello' })).status, 405);
    assert.equal((await same('/api/stream')).text, 'water over a weir\n');
    // Its own server says where it listens, whatever it is asked for.
    const where = await weir.get('/api/where', site);
    assert.deepEqual([where.status, where.headers.location, where.text], [302, `http://${site.host}/posts/first`, '']);
  });
  await t.test('what its own client asks for: server components, and those of a segment', async () => {
    const rsc = { rsc: '1' };
    assert.match((await same({ path: '/users/7?_rsc', headers: rsc })).text, /^\d+:/);
    const prefetch = { ...rsc, 'next-router-prefetch': '1', 'next-router-segment-prefetch': '/_tree' };
    // Its own server sends who asks with another hash there first, for the sake of caches that go by the path alone.
    const { location } = (await own.get('/posts/first?_rsc=any', prefetch)).headers;
    const segment = await same({ path: location!, headers: prefetch });
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

/** As a browser sends it. */
async function posted(form: FormData, headers: Readonly<Record<string, string>> = {}) {
  const request = new Request('http://localhost:3000/guestbook', { method: 'POST', body: form });
  const type = request.headers.get('content-type')!;
  return {
    method: 'POST',
    path: '/guestbook',
    headers: { ...headers, 'content-type': type },
    body: await request.text(),
  };
}

test('Next.js: a form calls its server action, with and without JavaScript', async (t) => {
  const { weir, same } = await both(t, 'next');
  const page = (await weir.get('/guestbook')).text;
  const id = /name="(\$ACTION_ID_[0-9a-f]+)"/.exec(page)![1]!;
  const form = new FormData();
  form.set(id, '');
  form.set('name', 'Ada');
  const answer = await same(await posted(form));
  assert.deepEqual([answer.status, answer.headers.location], [303, '/guestbook']);
  const [cookie] = answer.headers['set-cookie']!;
  assert.match(cookie!, /^name=Ada;.*HttpOnly/i);
  const signed = await same({ path: '/guestbook', headers: { cookie: cookie!.split(';')[0] } });
  assert.match(signed.text, /Hello, (?:<!-- -->)?Ada/);

  const call = new FormData();
  call.set('_1_name', 'Grace');
  call.set('0', '["$K1"]');
  const asked = await posted(call, { 'next-action': id.slice('$ACTION_ID_'.length), accept: 'text/x-component' });
  // Next asks the site for the page that the action redirects to.
  const called = await same({ ...asked, eachItself: true }, { headers: ['x-action-redirect'], as: flightInOrder });
  assert.equal(called.headers['x-action-redirect'], '/guestbook;push');
  assert.match(called.headers['set-cookie']!.join(), /name=Grace/);
  assert.equal(await weir.stop(), 0);
});

test('Next.js: after() runs after the answer', async (t) => {
  const { weir } = await both(t, 'next');
  const from = weir.output().length;
  assert.equal((await weir.send('POST', '/api/after')).status, 202);
  await weir.printed(/after the answer/, from);
  assert.equal(await weir.stop(), 0);
});
