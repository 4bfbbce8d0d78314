// Clients that are slow: what they hold in memory is bounded, for all of them together.
import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { limits } from '../../base/limits.ts';
import { FakeClient, PagesRig, temporaryDirectory } from './prerender.fixture.ts';
import type { Asking } from './prerender.fixture.ts';

let directory: { path: string; remove(): Promise<void> };
let rig: PagesRig;
/** What is kept is larger than what stays in memory; there is room for two that are being sent. */
const body = 'x'.repeat(3 * limits.pagePieceBytes - 1);

beforeEach(async () => {
  directory = await temporaryDirectory();
  rig = await PagesRig.open(directory.path, { hotBytes: 10, heldBytes: 2 * body.length + 10 });
});
afterEach(async () => {
  await rig.store.settled();
  assert.equal(rig.store.held.bytes, 0, 'all of it was let go');
  await directory.remove();
});

/** A client that takes one piece, and no more until it says so. */
function slowly(asking: Asking): { client: FakeClient; invocation: { resume(): void; cancel(): void } } {
  const client = new FakeClient();
  client.fast = false;
  return { client, invocation: rig.pages.answer(rig.ask(asking), client) };
}

async function keepPages(...outputs: string[]): Promise<void> {
  for (const output of outputs) {
    const { client } = rig.get({ output });
    (await rig.invoker.call(rig.invoker.calls.length)).answer(body);
    await client.done;
  }
  await rig.store.settled();
}

test('a large page goes out in pieces, and holds what it takes once for all who are sent it', async () => {
  await keepPages('a');
  const slow = [slowly({ output: 'a' }), slowly({ output: 'a' }), slowly({ output: 'a' })];
  for (const { client } of slow) await client.headed;
  assert.equal(rig.store.held.bytes, body.length);
  assert.equal(slow[0]!.client.text.length, limits.pagePieceBytes);
  assert.deepEqual([slow[0]!.client.word, slow[0]!.client.header('content-length')], ['HIT', String(body.length)]);
  slow[0]!.invocation.cancel();
  for (const { invocation } of slow.slice(1)) for (let at = 0; at < 3; at += 1) invocation.resume();
  for (const { client } of slow.slice(1)) assert.ok(client.complete && client.text === body);
  assert.equal(slow[0]!.client.complete, false);
  const head = await rig.fetch({ output: 'a', method: 'HEAD' });
  assert.equal(head.word, 'HIT');
});

test('where they hold too much, the function answers, at the client’s own pace', async () => {
  await keepPages('a', 'b', 'c');
  const slow = [slowly({ output: 'a' }), slowly({ output: 'b' })];
  for (const { client } of slow) await client.headed;
  const { client } = rig.get({ output: 'c' });
  const call = await rig.invoker.call(3);
  call.answer('own');
  await client.done;
  assert.deepEqual([client.text, client.word], ['own', 'BYPASS']);
  slow[0]!.invocation.cancel();
  assert.equal((await rig.fetch({ output: 'c' })).word, 'HIT');
  slow[1]!.invocation.cancel();
});

test('a page that is begun is held until its rest has been answered, or its client leaves', async () => {
  const page = { chain: { outputPath: 'resume', headers: {} } };
  const type = `application/x-nextjs-pre-render; state-length=2; origin="text/html"`;
  const first = rig.get({ page });
  (await rig.invoker.call(0)).answer(`{}${body}`, ['Content-Type', type]);
  (await rig.invoker.call(1)).answer('rest');
  await first.client.done;
  await rig.store.settled();
  assert.equal(rig.store.held.bytes, 0);
  const [goesOn, leaves, fails] = [rig.get({ page }), rig.get({ page }), rig.get({ page })];
  const call = await rig.invoker.call(4);
  assert.equal(rig.store.held.bytes, 2 + body.length);
  leaves.invocation.cancel();
  call.exchange.fail({ code: 'FUNCTION_INVOCATION_FAILED', detail: '' });
  await fails.client.done;
  assert.equal(rig.store.held.bytes, 2 + body.length);
  (await rig.invoker.call(2)).answer('rest');
  await goesOn.client.done;
  assert.equal(goesOn.client.text, `${body}rest`);
  rig.invoker.broken = 'it takes none';
  const { failure } = await rig.fetch({ page });
  assert.equal(failure?.code, 'INTERNAL_UNEXPECTED_ERROR');
});

test('what is being made counts as long as somebody is still to get it, and beyond that goes through unkept', async () => {
  const slow = [slowly({ output: 'a' }), slowly({ output: 'b' })];
  for (const at of [0, 1]) {
    const { exchange } = await rig.invoker.call(at);
    exchange.head(200, []);
    exchange.body(Buffer.from(body.slice(0, 10)));
    exchange.body(Buffer.from(body.slice(10)));
    exchange.end();
  }
  assert.equal(rig.store.held.bytes, 2 * body.length);
  const { client, invocation } = slowly({ output: 'c' });
  const call = await rig.invoker.call(2);
  call.exchange.head(200, []);
  assert.equal(call.piece('1'), true);
  assert.equal(call.piece('x'.repeat(limits.clientBufferBytes + 1)), false, 'the function waits for the client');
  invocation.resume();
  invocation.resume();
  assert.equal(call.resumed, 1);
  call.exchange.end();
  await client.done;
  assert.equal(await rig.ask({ output: 'c' }).shelf.load('c'), null);
  // The first two are kept all the same.
  slow[0]!.invocation.cancel();
  slow[1]!.invocation.resume();
  assert.ok(slow[1]!.client.complete);
  assert.equal((await rig.fetch({ output: 'a' })).word, 'HIT');
});
