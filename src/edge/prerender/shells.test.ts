// Partial prerendering: what is kept is the beginning; the function goes on with it, for each client.
import assert from 'node:assert/strict';
import { utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { limits } from '../../base/limits.ts';
import { PagesRig, temporaryDirectory } from './prerender.fixture.ts';

const state = '12:{"postponed":"ü"}';
const type = `application/x-nextjs-pre-render; state-length=${Buffer.byteLength(state)}; origin="text/html"`;
const chain = { outputPath: 'page', headers: { 'next-resume': '1' } };
const page = { chain, allowHeader: ['host'] };

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

/** The shell is kept. */
async function keepShell(): Promise<void> {
  const { client } = rig.get({ page });
  (await rig.invoker.call(0)).answer(`${state}<html>`, ['content-type', type, 'ETag', '"x"']);
  (await rig.invoker.call(1)).answer('rest');
  await client.done;
  assert.deepEqual([client.text, client.word], ['<html>rest', 'MISS']);
}

test('the beginning goes out at once, the rest is made of the client’s own request', async () => {
  await keepShell();
  const headers = ['Cookie', 'me=1', 'If-None-Match', '*', 'Content-Length', '0'];
  const { client } = rig.get({ page, headers, target: '/page?q=1' });
  const call = await rig.invoker.call(2);
  assert.deepEqual([client.text, client.status, client.word], ['<html>', 200, 'HIT']);
  assert.equal(client.header('content-type'), 'text/html');
  assert.match(client.header('cache-control')!, /no-store/);
  assert.equal(client.header('etag'), undefined);
  assert.deepEqual(
    [call.spec.name, call.head.method, call.head.target, call.head.hasBody],
    ['resume', 'POST', '/page?q=1', true],
  );
  assert.deepEqual([call.received, call.ended], [state, true]);
  assert.deepEqual(
    [call.header('cookie'), call.header('next-resume'), call.header('x-matched-path'), call.header('if-none-match')],
    ['me=1', '1', '/page', undefined],
  );
  assert.equal(call.header('x-invocation-id'), call.head.id);
  assert.equal(call.header('content-length'), String(Buffer.byteLength(state)));
  call.exchange.head(200, ['X-Ignored', '1']);
  call.piece(' and');
  call.piece(' more');
  call.exchange.end();
  assert.deepEqual([client.text, client.complete], ['<html> and more', true]);
});

test('each of those who wait for a shell gets a rest of its own', async () => {
  const one = rig.get({ page, headers: ['Cookie', 'one=1'] });
  const other = rig.get({ page, headers: ['Cookie', 'other=1'] });
  (await rig.invoker.call(0)).answer(`${state}<html>`, ['content-type', type]);
  for (const index of [1, 2]) {
    const call = await rig.invoker.call(index);
    call.answer(call.header('cookie')!);
  }
  await Promise.all([one.client.done, other.client.done]);
  assert.deepEqual([one.client.text, other.client.text], ['<html>one=1', '<html>other=1']);
});

test('what is kept may not be for a request: its function answers it whole', async () => {
  await keepShell();
  const unfit = (kept: readonly string[], { headers }: { headers: readonly string[] }): boolean =>
    kept.includes('text/html') && headers.includes('bot');
  assert.equal((await rig.fetch({ page, method: 'HEAD', unfit })).word, 'HIT');
  const { client } = rig.get({ page, unfit, headers: ['User-Agent', 'bot'] });
  const call = await rig.invoker.call(2);
  assert.deepEqual([call.head.method, call.spec.name], ['GET', 'render']);
  call.answer('<html>all');
  assert.deepEqual([client.text, client.word], ['<html>all', 'BYPASS']);
});

test('HEAD needs no rest; a client that leaves ends its own', async () => {
  await keepShell();
  const head = await rig.fetch({ page, method: 'HEAD' });
  assert.deepEqual([head.status, head.word], [200, 'HIT']);
  assert.equal(rig.invoker.calls.length, 2);
  const { invocation } = rig.get({ page });
  const call = await rig.invoker.call(2);
  invocation.cancel();
  assert.equal(call.cancelled, true);
});

test('the rest fails: what was begun is cut', async () => {
  await keepShell();
  const { client } = rig.get({ page });
  (await rig.invoker.call(2)).answer('', [], 500);
  assert.equal(client.failure?.code, 'FUNCTION_INVOCATION_FAILED');
  const late = rig.get({ page });
  (await rig.invoker.call(3)).exchange.fail({ code: 'FUNCTION_INVOCATION_TIMEOUT', detail: '' });
  assert.equal(late.client.failure?.code, 'FUNCTION_INVOCATION_TIMEOUT');
});

test('a large state is handed over as it is taken', async () => {
  const large = 's'.repeat(3 * limits.postponedPieceBytes);
  const { client } = rig.get({ page });
  const made = await rig.invoker.call(0);
  rig.invoker.full = true;
  made.answer(`${large}<p>`, [
    'content-type',
    `application/x-nextjs-pre-render; state-length=${large.length}; origin="text/html"`,
  ]);
  const call = await rig.invoker.call(1);
  assert.deepEqual([call.received.length, call.ended], [limits.postponedPieceBytes, false]);
  call.exchange.drained();
  call.exchange.drained();
  assert.deepEqual([call.received.length, call.ended], [large.length, true]);
  call.answer('!');
  assert.equal(client.text, '<p>!');
});

test('from the build; and a state alone', async () => {
  const file = join(directory.path, 'fallback.rsc');
  await writeFile(file, state);
  await utimes(file, rig.clock.ms / 1000, rig.clock.ms / 1000);
  const built = {
    ...page,
    fallback: { file },
    initialHeaders: { 'content-type': type.replace('text/html', 'text/x-component') },
  };
  const { client } = rig.get({ page: built });
  const call = await rig.invoker.call(0);
  assert.deepEqual(
    [client.word, client.header('content-type'), call.received],
    ['PRERENDER', 'text/x-component', state],
  );
  call.answer('rsc');
  assert.equal(client.text, 'rsc');
});

test('a shell without its state is not kept: the page is rendered whole', async () => {
  const { client } = rig.get({ page });
  const headers = ['x-nextjs-postponed', '1', 'Content-Type', 'text/x', 'ETag', '"x"', 'Cache-Control', 's-maxage=9'];
  (await rig.invoker.call(0)).answer('<html>', headers);
  const call = await rig.invoker.call(1);
  assert.deepEqual([call.received, call.ended, call.header('next-resume')], ['', true, '1']);
  call.answer('<html>all');
  await client.done;
  assert.deepEqual([client.text, client.word], ['<html>all', 'BYPASS']);
  assert.deepEqual([client.header('etag'), client.header('content-type')], [undefined, 'text/x']);
  assert.match(client.header('cache-control')!, /private, .*no-store/);
  assert.equal(rig.store.usage.pages, 0);
});

test('what says that it has a state and has not is an error', async () => {
  const { client } = rig.get({ page });
  (await rig.invoker.call(0)).answer('short', ['content-type', type]);
  await client.done;
  assert.equal(client.failure?.code, 'FUNCTION_RESPONSE_INVALID');
});
