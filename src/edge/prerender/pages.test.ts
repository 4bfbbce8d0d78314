import assert from 'node:assert/strict';
import { utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { limits } from '../../base/limits.ts';
import { FakeClient, PagesRig, temporaryDirectory, token } from './prerender.fixture.ts';

let directory: { path: string; remove(): Promise<void> };
let rig: PagesRig;

beforeEach(async () => {
  directory = await temporaryDirectory();
  rig = await PagesRig.open(directory.path);
});
afterEach(async () => {
  await rig.store.settled();
  await directory.remove();
});

test('missing, then kept, then stale while it is made anew', async () => {
  const first = rig.get();
  await rig.made(0, 'one');
  await first.client.done;
  assert.deepEqual([first.client.text, first.client.word], ['one', 'MISS']);

  rig.clock.ms += 59_000;
  const hit = await rig.fetch();
  assert.deepEqual([hit.text, hit.word, hit.header('age')], ['one', 'HIT', '59']);

  rig.clock.ms += 1_000;
  const stale = [await rig.fetch(), await rig.fetch()];
  assert.deepEqual(
    stale.map(({ text, word }) => `${text} ${word}`),
    ['one STALE', 'one STALE'],
  );
  await rig.made(1, 'two');
  const fresh = await rig.fetch();
  assert.deepEqual([fresh.text, fresh.word], ['two', 'HIT']);
  assert.equal(rig.invoker.calls.length, 2, 'both stale answers led to one regeneration');
});

test('a hundred that miss at once are one invocation', async () => {
  const all = Array.from({ length: 100 }, () => rig.get());
  const call = await rig.invoker.call(0);
  call.exchange.head(200, ['Content-Type', 'text/plain']);
  call.piece('a');
  const late = rig.get();
  await late.client.headed;
  call.piece('b');
  call.exchange.end();
  for (const { client } of [...all, late]) {
    await client.done;
    assert.deepEqual([client.text, client.word], ['ab', 'MISS']);
  }
  assert.equal(rig.invoker.calls.length, 1);
});

test('who asks right before it is there does not have it made again', async () => {
  const first = rig.get();
  const call = await rig.invoker.call(0);
  const late = rig.get();
  call.answer('one');
  await Promise.all([first.client.done, late.client.done]);
  assert.deepEqual([late.client.text, late.client.word], ['one', 'HIT']);
  assert.equal(rig.invoker.calls.length, 1);
});

test('what comes is passed on as it comes, to each client at its own pace', async () => {
  const slow = rig.get();
  const quick = rig.get();
  slow.client.fast = false;
  const call = await rig.invoker.call(0);
  call.exchange.head(200, []);
  assert.ok(call.piece('a'));
  assert.ok(call.piece('b'), 'a slow client does not slow a page that is kept');
  assert.deepEqual([slow.client.text, quick.client.text], ['a', 'ab']);
  call.exchange.end();
  assert.equal(slow.client.complete, false);
  slow.invocation.resume();
  assert.deepEqual([slow.client.text, slow.client.complete], ['ab', true]);
});

test('a client that leaves ends nothing', async () => {
  const { invocation, client } = rig.get();
  const call = await rig.invoker.call(0);
  invocation.cancel();
  assert.equal(call.cancelled, false);
  call.answer('kept all the same');
  assert.equal(client.text, '');
  assert.equal((await rig.fetch()).word, 'HIT');
});

test('what is too long is passed on at the pace of the slowest, and not kept', async () => {
  const { client, invocation } = rig.get();
  client.fast = false;
  const call = await rig.invoker.call(0);
  call.exchange.head(200, []);
  const piece = 'x'.repeat(limits.pageBodyBytes / 4);
  for (let count = 0; count < 4; count += 1) assert.ok(call.piece(piece));
  assert.equal(call.piece('yy'), false, 'the function has to wait now');
  const other = rig.get();
  await rig.invoker.call(1);
  other.invocation.cancel();
  for (let count = 0; count < 3; count += 1) {
    assert.equal(call.resumed, 0);
    invocation.resume();
  }
  assert.equal(call.resumed, 1);
  call.exchange.end();
  invocation.resume();
  assert.equal(client.text.length, limits.pageBodyBytes + 2);
  assert.equal(client.complete, true);
  assert.equal(rig.store.usage.pages, 0);
});

test('what is too long for nobody is cancelled', async () => {
  const { invocation } = rig.get();
  const call = await rig.invoker.call(0);
  invocation.cancel();
  call.exchange.head(200, []);
  call.piece('x'.repeat(limits.pageBodyBytes));
  assert.equal(call.cancelled, false);
  call.piece('y');
  assert.equal(call.cancelled, true);
});

test('a regeneration that fails keeps the old answer, and is tried again after a pause', async () => {
  const first = rig.get();
  await rig.made(0, 'old');
  await first.client.done;
  rig.clock.ms += 60_000;
  for (const fail of [
    (index: number) => rig.made(index, 'error page', [], 500),
    async (index: number) =>
      (await rig.invoker.call(index)).exchange.fail({ code: 'FUNCTION_INVOCATION_TIMEOUT', detail: '' }),
  ]) {
    const before = rig.invoker.calls.length;
    assert.equal((await rig.fetch()).word, 'STALE');
    await fail(before);
    assert.equal((await rig.fetch()).text, 'old');
    assert.equal(rig.invoker.calls.length, before + 1, 'not again at once');
    rig.clock.ms += limits.pageRetryMaxMs;
  }
  await rig.fetch();
  await rig.made(3, 'new');
  assert.equal((await rig.fetch()).text, 'new');
});

test('without an old answer the error is answered, and not kept', async () => {
  const hidden = rig.get();
  await rig.made(0, 'secret', [], 500);
  await hidden.client.done;
  assert.equal(hidden.client.failure?.code, 'FUNCTION_INVOCATION_FAILED');
  assert.equal(hidden.client.text, '');

  const shown = rig.get({ page: { exposeErrorBody: true } });
  await rig.made(1, 'my page', [], 503);
  await shown.client.done;
  assert.deepEqual([shown.client.status, shown.client.text], [503, 'my page']);

  const timeout = rig.get();
  (await rig.invoker.call(2)).exchange.fail({ code: 'FUNCTION_INVOCATION_TIMEOUT', detail: 'late' });
  await timeout.client.done;
  assert.equal(timeout.client.failure?.code, 'FUNCTION_INVOCATION_TIMEOUT');
  assert.equal(rig.store.usage.pages, 0);
});

test('an invoker that throws costs an error, and the page can be asked for again', async () => {
  rig.invoker.broken = 'no router';
  assert.equal((await rig.fetch()).failure?.code, 'INTERNAL_UNEXPECTED_ERROR');
  rig.invoker.broken = null;
  const { client } = rig.get();
  await rig.made(0, 'well');
  await client.done;
  assert.equal(client.text, 'well');
});

test('how long an answer is fresh: the answer says it before the build does', async () => {
  const { client } = rig.get({ page: { expirationS: 10 } });
  await rig.made(0, 'a', ['Cache-Control', 's-maxage=100, stale-while-revalidate=50, max-age=5']);
  await client.done;
  assert.equal(client.header('cache-control'), 'max-age=5');
  rig.clock.ms += 99_000;
  assert.equal((await rig.fetch()).word, 'HIT');
  rig.clock.ms += 50_000;
  assert.equal((await rig.fetch()).word, 'STALE');
  const call = await rig.invoker.call(1);
  rig.clock.ms += 1_000;
  const { client: waits } = rig.get();
  assert.equal(waits.status, 0, 'too old to be shown');
  call.answer('b');
  await waits.done;
  assert.deepEqual([waits.text, waits.word], ['b', 'MISS']);
});

test('redirects and 404s are kept; cookies and what is for the platform are not passed on', async () => {
  const { client } = rig.get();
  const own = ['Set-Cookie', 'a=b', 'X-Next-Cache-Tags', 't', 'Vercel-CDN-Cache-Control', 's-maxage=9', 'X-Mine', '1'];
  await rig.made(0, 'gone', own, 404);
  await client.done;
  const hit = await rig.fetch();
  assert.deepEqual([hit.status, hit.text, hit.word], [404, 'gone', 'HIT']);
  for (const { headers } of [client, hit]) {
    assert.deepEqual(
      headers.filter((_, at) => at % 2 === 0).filter((name) => /cookie|tag$|cdn|mine/i.test(name)),
      ['X-Mine', ...(headers.includes('ETag') ? ['ETag'] : [])],
    );
  }
  const { client: moved } = rig.get({ output: 'other' });
  await rig.made(1, '', ['Location', '/there'], 308);
  await moved.done;
  assert.equal((await rig.fetch({ output: 'other' })).header('location'), '/there');
});

test('a page that turns out to be personal is not kept, nor is what was', async () => {
  const fallback = join(directory.path, 'fallback.html');
  await writeFile(fallback, 'built');
  await utimes(fallback, rig.clock.ms / 1000, rig.clock.ms / 1000);
  const page = { fallback: { file: fallback } };
  rig.clock.ms += 60_000;
  assert.equal((await rig.fetch({ page })).word, 'STALE');
  await rig.made(0, 'for you', ['Cache-Control', 'private, no-store']);
  for (const index of [1, 2]) {
    const { client } = rig.get({ page });
    await rig.made(index, `for you ${index}`, ['Cache-Control', 'private, no-store']);
    await client.done;
    assert.deepEqual([client.text, client.word], [`for you ${index}`, 'MISS']);
  }
});

test('what the build has is shown until it is too old, and made anew then', async () => {
  const fallback = join(directory.path, 'fallback.html');
  await writeFile(fallback, 'built');
  await utimes(fallback, rig.clock.ms / 1000, rig.clock.ms / 1000);
  const page = { fallback: { file: fallback }, initialHeaders: { 'content-type': 'text/x', 'x-next-cache-tags': 'T' } };
  const built = await rig.fetch({ page: { ...page, initialStatus: 203 } });
  assert.deepEqual([built.text, built.word, built.status], ['built', 'PRERENDER', 203]);
  assert.equal(built.header('content-type'), 'text/x');
  assert.equal(built.header('x-next-cache-tags'), undefined);
  await rig.store.invalidateByTags('project', ['T']);
  assert.equal((await rig.fetch({ page })).word, 'STALE');
  await rig.made(0, 'anew');
  assert.deepEqual([(await rig.fetch({ page })).text], ['anew']);
});

test('what the build has is made anew where what was kept had to go: it may be older', async () => {
  const fallback = join(directory.path, 'fallback.html');
  await writeFile(fallback, 'built');
  const page = { fallback: { file: fallback }, expirationS: null };
  assert.equal((await rig.fetch({ page })).word, 'PRERENDER');
  const anew = rig.get({ page, headers: ['X-Prerender-Revalidate', token] });
  await rig.made(0, 'by token');
  await anew.client.done;
  await rig.store.settled();
  const small = await PagesRig.open(directory.path, { pages: 1 }, rig.clock);
  const other = small.get({ output: 'other' });
  (await small.invoker.call(0)).answer('takes the room');
  await other.client.done;
  await small.store.settled();
  const again = await PagesRig.open(directory.path, {}, rig.clock);
  assert.equal((await again.fetch({ page })).word, 'STALE');
  (await again.invoker.call(0)).answer('by token');
  const hit = await again.fetch({ page });
  assert.deepEqual([hit.text, hit.word], ['by token', 'HIT']);
  await again.store.settled();
});

test('what the build has for any parameter is shown while the page of this one is made', async () => {
  const fallback = join(directory.path, 'fallback.html');
  await writeFile(fallback, 'loading');
  const page = { fallback: { file: fallback }, allowQuery: ['slug'], expirationS: null };
  const ask = { page, output: 'blog/[slug]', target: '/blog/a?slug=a' };
  const first = await rig.fetch(ask);
  assert.deepEqual([first.text, first.word], ['loading', 'PRERENDER']);
  const call = await rig.invoker.call(0);
  assert.equal(call.head.target, '/blog/[slug]?slug=a');
  call.answer('a');
  assert.deepEqual([(await rig.fetch(ask)).text], ['a']);
});

test('tags: invalidated is shown once more, deleted is not', async () => {
  const { client } = rig.get();
  await rig.made(0, 'one', ['X-Next-Cache-Tags', 'a,b']);
  await client.done;
  await rig.store.invalidateByTags('project', ['c']);
  await rig.store.invalidateByTags('another project', ['a']);
  rig.clock.ms += 1;
  assert.equal((await rig.fetch()).word, 'HIT');
  await rig.store.invalidateByTags('project', ['b']);
  rig.clock.ms += 1;
  assert.equal((await rig.fetch()).word, 'STALE');
  await rig.made(1, 'two', ['Vercel-Cache-Tag', 'a']);
  assert.deepEqual([(await rig.fetch()).text, (await rig.fetch()).word], ['two', 'HIT']);

  await rig.store.deleteByTags('project', ['a'], 5_000);
  assert.equal((await rig.fetch()).word, 'STALE');
  const refresh = await rig.invoker.call(2);
  rig.clock.ms += 5_000;
  const waits = rig.get();
  assert.equal(waits.client.status, 0);
  refresh.answer('three');
  await waits.client.done;
  assert.deepEqual([waits.client.text, waits.client.word], ['three', 'REVALIDATED']);
});

test('a tag that is called back while a page is made reaches it', async () => {
  const { client } = rig.get();
  const call = await rig.invoker.call(0);
  rig.clock.ms += 10;
  await rig.store.invalidateByTags('project', ['a']);
  rig.clock.ms += 10;
  call.answer('read before', ['X-Next-Cache-Tags', 'a']);
  await client.done;
  assert.equal((await rig.fetch()).word, 'STALE');
});

test('of a group that is made anew together, each is made once', async () => {
  const html = { page: { group: 7 }, output: 'a' };
  const data = { page: { group: 7 }, output: 'a.rsc' };
  for (const [index, asking] of [html, data].entries()) {
    const { client } = rig.get(asking);
    await rig.made(index, `old ${index}`);
    await client.done;
  }
  rig.clock.ms += 61_000;
  await rig.fetch(html);
  await rig.made(2, 'new html');
  rig.clock.ms += 1_000;
  assert.equal((await rig.fetch(data)).word, 'STALE');
  await rig.made(3, 'new data');
  rig.clock.ms += 1_000;
  for (const asking of [html, data]) assert.equal((await rig.fetch(asking)).word, 'HIT');

  const token_ = ['X-Prerender-Revalidate', token];
  const anew = rig.get({ ...html, headers: token_ });
  await rig.made(4, 'newer html');
  await anew.client.done;
  const waits = rig.get(data);
  await rig.made(5, 'newer data');
  await waits.client.done;
  assert.deepEqual([waits.client.text, waits.client.word], ['newer data', 'REVALIDATED']);
  assert.equal((await rig.fetch(html)).word, 'HIT');
  assert.equal(rig.invoker.calls.length, 6);
});

test('conditional requests', async () => {
  const { client } = rig.get();
  await rig.made(0, 'one');
  await client.done;
  const tag = (await rig.fetch()).header('etag')!;
  for (const condition of [tag, `W/${tag}`, `"x", ${tag}`, '*']) {
    const same = await rig.fetch({ headers: ['If-None-Match', condition] });
    assert.deepEqual([same.status, same.text, same.header('content-type')], [304, '', undefined]);
    assert.deepEqual([same.header('etag'), same.word], [tag, 'HIT']);
  }
  assert.equal((await rig.fetch({ headers: ['If-None-Match', '"other"'] })).status, 200);

  rig.clock.ms += 61_000;
  await rig.store.deleteByTags('project', ['*']);
  const waits = rig.get({ headers: ['If-None-Match', '"mine"'] });
  await rig.made(1, 'two', ['ETag', '"mine"']);
  await waits.client.done;
  assert.deepEqual([waits.client.status, waits.client.word], [304, 'REVALIDATED']);
});

test('the client may leave while the disk is asked', async () => {
  const client = new FakeClient();
  rig.pages.answer(rig.ask(), client).cancel();
  const other = rig.get();
  await rig.made(0, 'one');
  await other.client.done;
  assert.equal(client.status, 0);
});

test('kept over a restart', async () => {
  const { client } = rig.get();
  await rig.made(0, 'one', ['X-Next-Cache-Tags', 'a']);
  await client.done;
  await rig.store.settled();
  const again = await PagesRig.open(directory.path, {}, rig.clock);
  const hit = await again.fetch();
  assert.deepEqual([hit.text, hit.word, hit.status], ['one', 'HIT', 200]);
  rig.clock.ms += 1;
  await again.store.invalidateByTags('project', ['a']);
  const third = await PagesRig.open(directory.path, {}, rig.clock);
  assert.equal((await third.fetch()).word, 'STALE');
  (await third.invoker.call(0)).answer('two');
  await third.store.settled();
});
