import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { outputDir } from './application.ts';
import { flightInOrder, withFlightInOrder } from './flight.ts';
import { both, site } from './serve.ts';
import type { Server } from './serve.ts';

/** What is kept of the page, and what was made for whoever asked. */
function parts(text: string): { readonly readAt: string; readonly greeting: string } {
  assert.ok(text.endsWith('</html>') || text.includes('</body></html>'), text);
  return { readAt: /<time>([^<]+)<\/time>/.exec(text)![1]!, greeting: /Hello, (\w+)!/.exec(text)![1]! };
}

test('Next.js with Cache Components: what is kept of a page comes at once, the rest is made for the request', async (t) => {
  const { weir, same } = await both(t, 'next-cache');
  const stranger = await weir.get('/');
  assert.equal(stranger.status, 200);
  assert.equal(stranger.headers['content-type'], 'text/html; charset=utf-8');
  // What the build has made of it comes first, byte for byte; in its file it comes after a state for the rest.
  const made = readFileSync(join(outputDir('next-cache'), 'functions/index.prerender-fallback.html'), 'utf8');
  assert.ok(stranger.text.startsWith(made.slice(made.indexOf('<!DOCTYPE html>'))));
  const first = parts(stranger.text);
  assert.equal(first.greeting, 'stranger');
  const ada = parts((await weir.get('/', { cookie: 'name=Ada' })).text);
  assert.deepEqual(ada, { readAt: first.readAt, greeting: 'Ada' });
  const response = await weir.open('GET', '/', null, { cookie: 'name=Grace' });
  let text = '';
  let head: string | null = null;
  for await (const chunk of response) head ??= text += String(chunk);
  assert.ok(head!.includes(first.readAt) && !head!.includes('Grace'), 'the kept part is not sent ahead');
  assert.equal((await same('/nowhere')).status, 404);
  assert.match((await same('/hello.txt')).text, /A file of its own/);
  assert.equal(await weir.stop(), 0);
});

test('Next.js with Cache Components: what is kept is made anew when its tag is out of date', async (t) => {
  const { weir, own, same } = await both(t, 'next-cache');
  const anew = async (server: Server): Promise<string> => {
    const { readAt } = parts((await server.get('/', site)).text);
    assert.deepEqual((await server.send('POST', '/api/expire', undefined, site)).json(), { expired: 'news' });
    for (;;) {
      const newer = parts((await server.get('/', site)).text).readAt;
      if (newer !== readAt) return newer;
    }
  };
  await anew(weir);
  // At once again: what Next made a moment before is out of date as well.
  const newer = await anew(weir);
  assert.deepEqual(parts((await weir.get('/', { ...site, cookie: 'name=Ada' })).text), {
    readAt: newer,
    greeting: 'Ada',
  });
  await anew(own);
  for (const headers of [{}, { cookie: 'name=Ada' }]) {
    await same({ path: '/', headers }, { as: withFlightInOrder });
    await same({ path: '/?_rsc', headers: { ...headers, rsc: '1' } }, { as: flightInOrder });
  }
  assert.equal(await weir.stop(), 0);
});
