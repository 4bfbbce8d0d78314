import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Answer } from '../e2e/weir.ts';
import { outputDir } from './application.ts';
import { withFlightInOrder } from './flight.ts';
import { both, site } from './serve.ts';
import type { Server } from './serve.ts';

/** What the build has made of a page: that is shown first. Its own server keeps what it makes later in its place. */
const fromBuild = (name: string): string =>
  readFileSync(join(outputDir('next'), `functions/${name}.prerender-fallback.html`), 'utf8');

const madeAt = ({ text }: Answer): string => /<time>([^<]+)<\/time>/.exec(text)![1]!;

/** The first one that was made at another time than `before`. */
async function newer(server: Server, path: string, before: string): Promise<string> {
  for (;;) {
    const time = madeAt(await server.get(path, site));
    if (time !== before) return time;
    await sleep(100);
  }
}

test('Next.js: a page is kept for its time, and made anew while the old one is shown', async (t) => {
  const { weir, own, same } = await both(t, 'next');
  const page = await weir.get('/timed', site);
  assert.equal(page.text, fromBuild('timed'));
  const first = madeAt(page);
  const second = await newer(weir, '/timed', first);
  assert.ok(Date.parse(second) > Date.parse(first));
  assert.equal(madeAt(await weir.get('/timed', site)), second);
  // What the build made says less of what may be fetched ahead: both have made it anew.
  await newer(own, '/timed', madeAt(await own.get('/timed', site)));
  await same('/timed', { as: withFlightInOrder });
  assert.equal(await weir.stop(), 0);
});

test('Next.js: a page is kept until its tag or its path is said to be out of date', async (t) => {
  const { weir, own, same } = await both(t, 'next');
  const page = await weir.get('/tagged', site);
  assert.equal(page.text, fromBuild('tagged'));
  const first = madeAt(page);
  assert.equal(madeAt(await weir.get('/tagged', site)), first);
  const revalidate = async (server: Server, what: string): Promise<unknown> =>
    (await server.send('POST', `/api/revalidate?${what}`, undefined, site)).json();
  assert.deepEqual(await revalidate(weir, 'tag=other'), { revalidated: 'other' });
  assert.equal(madeAt(await weir.get('/tagged', site)), first);
  let last = first;
  // Next says so in the background, once it has answered. Each time at once again: what Next made a moment before is out of
  // date as well, and what was read for a path is with the path.
  for (const what of ['tag=news', 'tag=news', 'path=/tagged']) {
    assert.deepEqual(await revalidate(weir, what), { revalidated: what.replace(/.*=/, '') });
    const next = await newer(weir, '/tagged', last);
    assert.ok(Date.parse(next) > Date.parse(last));
    assert.equal(madeAt(await weir.get('/tagged', site)), next);
    last = next;
    const before = madeAt(await own.get('/tagged', site));
    await revalidate(own, what);
    await newer(own, '/tagged', before);
    await same('/tagged', { as: withFlightInOrder });
  }
  assert.equal(await weir.stop(), 0);
});

test('Next.js: drafts are shown to whoever has the cookie', async (t) => {
  const { weir, same } = await both(t, 'next');
  assert.match((await same('/draft')).text, /What is published/);
  const on = await same('/api/draft');
  assert.deepEqual([on.status, on.headers.location], [307, '/draft']);
  const cookie = on.headers['set-cookie']!.map((text) => text.split(';')[0]).join('; ');
  assert.match(cookie, /^__prerender_bypass=/);
  assert.match((await same({ path: '/draft', headers: { cookie } })).text, /A draft/);
  // Its own server takes such a cookie away; behind the edge Next is not asked.
  const guessed = await weir.get('/draft', { ...site, cookie: '__prerender_bypass=guessed' });
  assert.equal(guessed.text, (await same('/draft')).text);
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
