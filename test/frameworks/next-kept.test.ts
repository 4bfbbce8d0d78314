import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Answer, Weir } from '../e2e/weir.ts';
import { both } from './serve.ts';

const madeAt = ({ text }: Answer): string => /<time>([^<]+)<\/time>/.exec(text)![1]!;

/** The first one that was made at another time than `before`. */
async function newer(weir: Weir, path: string, before: string): Promise<string> {
  for (;;) {
    const time = madeAt(await weir.get(path));
    if (time !== before) return time;
    await sleep(100);
  }
}

test('Next.js: a page is kept for its time, and made anew while the old one is shown', async (t) => {
  const { weir } = await both(t, 'next');
  const first = madeAt(await weir.get('/timed'));
  const second = await newer(weir, '/timed', first);
  assert.ok(Date.parse(second) > Date.parse(first));
  assert.equal(madeAt(await weir.get('/timed')), second);
  assert.equal(await weir.stop(), 0);
});

test('Next.js: a page is kept until its tag or its path is said to be out of date', async (t) => {
  const { weir } = await both(t, 'next');
  const first = madeAt(await weir.get('/tagged'));
  assert.equal(madeAt(await weir.get('/tagged')), first);
  assert.deepEqual((await weir.send('POST', '/api/revalidate?tag=other')).json(), { revalidated: 'other' });
  assert.equal(madeAt(await weir.get('/tagged')), first);
  await weir.send('POST', '/api/revalidate?tag=news');
  // Next says so in the background, once it has answered.
  const earlier = await newer(weir, '/tagged', first);
  // At once again: what Next made a moment before is out of date as well.
  await weir.send('POST', '/api/revalidate?tag=news');
  const second = await newer(weir, '/tagged', earlier);
  assert.equal(madeAt(await weir.get('/tagged')), second);
  // The page is made anew, of what is kept by tag and was not said to be out of date.
  const revalidated = await weir.send('POST', '/api/revalidate?path=/tagged');
  assert.deepEqual(revalidated.json(), { revalidated: '/tagged' });
  const cacheStates = new Set<unknown>();
  while (!cacheStates.has('REVALIDATED')) cacheStates.add((await weir.get('/tagged')).headers['x-vercel-cache']);
  assert.equal(madeAt(await weir.get('/tagged')), second);
  assert.equal(await weir.stop(), 0);
});

test('Next.js: drafts are shown to whoever has the cookie', async (t) => {
  const { weir } = await both(t, 'next');
  assert.match((await weir.get('/draft')).text, /What is published/);
  const on = await weir.get('/api/draft');
  assert.deepEqual([on.status, on.headers.location], [307, '/draft']);
  const cookie = on.headers['set-cookie']!.map((text) => text.split(';')[0]).join('; ');
  assert.match(cookie, /^__prerender_bypass=/);
  assert.match((await weir.get('/draft', { cookie })).text, /A draft/);
  assert.match((await weir.get('/draft', { cookie: '__prerender_bypass=guessed' })).text, /What is published/);
  assert.equal(await weir.stop(), 0);
});

test('Next.js: an image in the size and the format that are asked for', async (t) => {
  const { weir } = await both(t, 'next');
  const [, src] = /src="([^"]*_next\/image[^"]*)"/.exec((await weir.get('/picture')).text)!;
  const url = src!.replaceAll('&amp;', '&');
  const image = await weir.get(url, { accept: 'image/webp,*/*' });
  assert.deepEqual([image.status, image.headers['content-type']], [200, 'image/webp']);
  assert.equal((await weir.get(url, { accept: 'image/png' })).headers['content-type'], 'image/png');
  assert.equal((await weir.get(url.replace(/w=\d+/, 'w=17'))).status, 400);
  assert.equal(await weir.stop(), 0);
});
