import assert from 'node:assert/strict';
import { test } from 'node:test';
import { both } from './serve.ts';

/** What is kept of the page, and what was made for whoever asked. */
function parts(text: string): { readonly readAt: string; readonly greeting: string } {
  assert.ok(text.endsWith('</html>') || text.includes('</body></html>'), text);
  return { readAt: /<time>([^<]+)<\/time>/.exec(text)![1]!, greeting: /Hello, (\w+)!/.exec(text)![1]! };
}

test('Next.js with Cache Components: what is kept of a page comes at once, the rest is made for the request', async (t) => {
  const { weir } = await both(t, 'next-cache');
  const stranger = await weir.get('/');
  assert.equal(stranger.status, 200);
  assert.equal(stranger.headers['content-type'], 'text/html; charset=utf-8');
  const first = parts(stranger.text);
  assert.equal(first.greeting, 'stranger');
  const ada = parts((await weir.get('/', { cookie: 'name=Ada' })).text);
  assert.deepEqual(ada, { readAt: first.readAt, greeting: 'Ada' });
  const response = await weir.open('GET', '/', null, { cookie: 'name=Grace' });
  let text = '';
  let head: string | null = null;
  for await (const chunk of response) head ??= text += String(chunk);
  assert.ok(head!.includes(first.readAt) && !head!.includes('Grace'), 'the kept part is not sent ahead');
  assert.equal(await weir.stop(), 0);
});

test('Next.js with Cache Components: what is kept is made anew when its tag is out of date', async (t) => {
  const { weir } = await both(t, 'next-cache');
  const { readAt } = parts((await weir.get('/')).text);
  assert.deepEqual((await weir.send('POST', '/api/expire')).json(), { expired: 'news' });
  let newer = readAt;
  while (newer === readAt) newer = parts((await weir.get('/')).text).readAt;
  assert.deepEqual(parts((await weir.get('/', { cookie: 'name=Ada' })).text), { readAt: newer, greeting: 'Ada' });
  assert.equal(await weir.stop(), 0);
});
