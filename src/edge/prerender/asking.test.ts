// Who asks for what: keys, tokens, and what goes past what is kept.
import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { limits } from '../../base/limits.ts';
import { Chains } from '../chain.ts';
import { fakeSpec, PagesRig, temporaryDirectory, token } from './prerender.fixture.ts';

const chains = new Chains('key');
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

test('what the function gets of a header is what the key has of it, however often it was sent', async () => {
  const page = { allowHeader: ['accept-language', 'cookie', 'x-none'] };
  const sent = ['Accept-Language', 'en', 'Cookie', 'a=1', 'accept-language', 'evil', 'Cookie', 'b=2'];
  const evil = rig.get({ page, headers: sent });
  const { head } = await rig.invoker.call(0);
  assert.deepEqual(head.headers.slice(4, 8), ['accept-language', 'en, evil', 'cookie', 'a=1; b=2']);
  await rig.made(0, 'evil');
  await evil.client.done;
  const good = rig.get({ page, headers: ['Accept-Language', 'en', 'Cookie', 'a=1; b=2'] });
  await rig.made(1, 'good');
  await good.client.done;
  assert.equal(good.client.text, 'good');
});

test('a page is made for everybody: its function learns nothing of who asks', async () => {
  const page = { allowQuery: ['slug'], allowHeader: ['host', 'Accept-Language', 'x-matched-path'] };
  const headers = [
    'Cookie',
    'session=1',
    'Authorization',
    'Basic x',
    'accept-language',
    'de',
    'X-Forwarded-For',
    '1.2.3.4',
  ];
  const ask = { page, output: 'blog/[slug]', target: '/blog/a?utm=1&slug=a&slug=%C3%BC', headers };
  rig.get(ask);
  const { head } = await rig.invoker.call(0);
  assert.deepEqual([head.method, head.target, head.hasBody], ['GET', '/blog/[slug]?slug=a&slug=%C3%BC', false]);
  assert.deepEqual(head.headers, [
    'Host',
    'site.test',
    'X-Forwarded-Host',
    'site.test',
    'accept-language',
    'de',
    'X-Matched-Path',
    '/blog/[slug]',
    'x-invocation-id',
    head.id,
    'X-Weir-Page',
    '1',
    'x-weir-chain',
    head.headers.at(-1),
  ]);
  rig.get({ ...ask, page: { ...page, passQuery: false, allowHeader: null }, output: 'ä ?', target: '/x?slug=b' });
  const other = await rig.invoker.call(1);
  assert.equal(other.head.target, '/%C3%A4%20%3F');
  assert.equal(other.header('x-now-route-matches'), 'slug=b');
  assert.equal(other.header('accept-language'), undefined);
  assert.notEqual(other.header('x-invocation-id'), head.id);
});

test('what tells answers apart: allowed parameters in any order, named headers, and the host where it may be any', async () => {
  const page = { allowQuery: ['a', 'b'], allowHeader: ['accept-language'] };
  const target = '/page?b=2&a=1&c=3';
  const { client } = rig.get({ page, target, headers: ['Accept-Language', 'de'] });
  await rig.made(0, 'de 1 2');
  await client.done;
  const same = await rig.fetch({ page, target: '/page?a=1&b=2&c=4', headers: ['accept-language', 'de'] });
  assert.equal(same.word, 'HIT');
  rig.get({ page, target, headers: ['Accept-Language', 'fr'] });
  await rig.invoker.call(1);
  rig.get({ page, target: '/page?a=1&b=3', headers: ['Accept-Language', 'de'] });
  await rig.invoker.call(2);
  rig.get({ page: { allowQuery: null }, target: '/page?z=1' });
  await rig.invoker.call(3);
  rig.get({ host: null });
  assert.equal((await rig.invoker.call(4)).header('host'), 'site.test');
  rig.get({ namespace: 'another deployment', page, target, headers: ['Accept-Language', 'de'] });
  await rig.invoker.call(5);
});

test('past what is kept: other methods, drafts, conditions, keys that are too long', async () => {
  const kept = rig.get();
  await rig.made(0, 'kept');
  await kept.client.done;
  const cookie = ['Cookie', `other=1; __prerender_bypass=${token}`];
  const past = [
    { method: 'POST' },
    { headers: cookie },
    { headers: ['Next-Action', 'x'], page: { bypassFor: [{ type: 'header', key: 'next-action' } as const] } },
    { page: { allowQuery: null }, target: `/page?${'x'.repeat(limits.pageKeyBytes)}` },
  ];
  for (const [at, asking] of past.entries()) {
    const { client } = rig.get(asking);
    const call = await rig.invoker.call(at + 1);
    call.answer('own', ['Set-Cookie', 'mine=1']);
    assert.deepEqual([client.text, client.word, client.header('set-cookie')], ['own', 'BYPASS', 'mine=1']);
    assert.equal(call.head.id, 'inv_client', 'the request as it came');
  }
  for (const headers of [
    ['Cookie', '__prerender_bypass=wrong'],
    ['Cookie', `x__prerender_bypass=${token}`],
    ['X-Prerender-Revalidate', 'wrong'],
  ])
    assert.equal((await rig.fetch({ headers })).word, 'HIT');
});

test('a token has a page made anew at once', async () => {
  const { client } = rig.get();
  await rig.made(0, 'one');
  await client.done;
  const headers = ['X-Prerender-Revalidate', token];
  const anew = rig.get({ headers, method: 'HEAD' });
  const call = await rig.invoker.call(1);
  assert.equal(call.head.method, 'GET');
  assert.equal(call.header('x-prerender-revalidate'), token);
  assert.equal((await rig.fetch()).text, 'one', 'others are not kept waiting');
  call.answer('two');
  await anew.client.done;
  assert.equal(anew.client.word, 'REVALIDATED');
  assert.deepEqual([(await rig.fetch()).text, (await rig.fetch()).word], ['two', 'HIT']);
});

test('by token: what was under way before may be of before, so one more begins after it', async () => {
  const early = rig.get();
  const first = await rig.invoker.call(0);
  const headers = ['X-Prerender-Revalidate', token];
  const both = [rig.get({ headers }), rig.get({ headers })];
  first.answer('before');
  await early.client.done;
  assert.equal(early.client.text, 'before');
  await rig.made(1, 'after');
  for (const { client } of both) {
    await client.done;
    assert.deepEqual([client.text, client.word], ['after', 'REVALIDATED']);
  }
  assert.equal(rig.invoker.calls.length, 2);
  assert.equal((await rig.fetch()).text, 'after');
});

test('by token, only what is there', async () => {
  const headers = ['X-Prerender-Revalidate', token, 'X-Prerender-Revalidate-If-Generated', '1'];
  assert.equal((await rig.fetch({ headers })).failure?.code, 'NOT_FOUND');
  assert.equal(rig.invoker.calls.length, 0);
  const { client } = rig.get();
  await rig.made(0, 'one');
  await client.done;
  const anew = rig.get({ headers });
  await rig.made(1, 'two');
  await anew.client.done;
  assert.equal(anew.client.text, 'two');
});

test('a function that asks for its own page while it makes it gets an answer, and so does whoever waits', async () => {
  const first = rig.get();
  const { head } = await rig.invoker.call(0);
  // As the edge hands over what user code asks for with the invocation's chain.
  const own = chains.extend(head.headers[head.headers.indexOf('x-weir-chain') + 1]!, fakeSpec('render'));
  assert.ok(own.kind === 'goes on');
  const inner = rig.get({ headers: ['x-weir-chain', own.header] });
  await rig.made(1, 'of itself');
  await inner.client.done;
  assert.deepEqual([inner.client.text, inner.client.word], ['of itself', 'BYPASS']);
  // It may not wait for what is to begin after it, either; that is made all the same.
  const anew = rig.get({ headers: ['x-weir-chain', own.header, 'X-Prerender-Revalidate', token] });
  await rig.made(2, 'of itself');
  await anew.client.done;
  // Another function's request, or a client's, waits.
  const other = chains.extend('', fakeSpec('other'));
  const link = chains.extend(other.kind === 'goes on' ? other.header : '', fakeSpec('render'));
  const outer = rig.get({ headers: ['x-weir-chain', link.kind === 'goes on' ? link.header : ''] });
  // It has looked what is kept by then.
  await new Promise((resolve) => void setImmediate(resolve));
  await rig.made(0, 'made');
  for (const { client } of [first, outer]) {
    await client.done;
    assert.deepEqual([client.text, client.word], ['made', 'MISS']);
  }
  await rig.made(3, 'made anew');
  assert.equal(rig.invoker.calls.length, 4);
});

test('a body in a GET does not keep an answer from coming that is known late not to be a kept one', async () => {
  const { client } = rig.get();
  await rig.made(0, 'kept', ['X-Kind', 'some']);
  await client.done;
  await rig.store.settled();
  // From disk: it is not known at once.
  rig = await PagesRig.open(directory.path);
  const late = rig.get({
    unfit: (kept) => kept.includes('some'),
    hasBody: true,
    headers: ['Content-Length', '5', 'content-type', 'text/plain', 'X-Own', '1', 'Transfer-Encoding', 'chunked'],
  });
  const call = await rig.invoker.call(0);
  assert.equal(call.head.hasBody, false);
  assert.deepEqual(call.head.headers, ['Host', 'site.test', 'X-Own', '1']);
  call.answer('own');
  await late.client.done;
  assert.equal(late.client.text, 'own');
});

test('a deployment with many stale pages leaves the others room to make theirs anew', async () => {
  const one = Array.from({ length: limits.pageRefreshesOfOne + 3 }, (_, at) => ({ output: `page-${at}` }));
  const all = [...one, { namespace: 'other' }];
  for (const [at, asking] of all.entries()) {
    const { client } = rig.get(asking);
    await rig.made(at, 'old');
    await client.done;
  }
  rig.clock.ms += 60_000;
  for (const asking of all) assert.equal((await rig.fetch(asking)).word, 'STALE');
  const begun = rig.invoker.calls.slice(all.length);
  assert.equal(begun.length, limits.pageRefreshesOfOne + 1);
  begun[0]!.answer('new');
  assert.equal((await rig.fetch(one.at(-1))).word, 'STALE');
  assert.equal(rig.invoker.calls.length, all.length + begun.length + 1);
  for (const call of rig.invoker.calls) call.answer('new');
});
