import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FrameType } from '../tunnel/frame.ts';
import { readInform, readLog } from '../tunnel/payload.ts';
import { FakeRouter } from './router.fixture.ts';

const timeout = 30_000;

test('an invocation is begun, answered once, and knows its context', { timeout }, async () => {
  await using router = await FakeRouter.start();
  const stream = router.request('/hello');
  const { status, text, headers } = await router.answer(stream);
  assert.equal(status, 200);
  assert.equal(text, `hello from inv_${stream.toString(16)}`);
  assert.deepEqual(headers, ['content-type', 'text/plain']);
  assert.deepEqual(router.names(stream), ['BEGUN', 'RESPONSE']);
  const hints = router.request('/hints');
  await router.answer(hints);
  const inform = await router.frameOf(hints, 'INFORM');
  assert.deepEqual(readInform(inform.payload), { status: 103, headers: ['link', '</style.css>'] });
});

test(
  'quick functions are batched: BEGINS says so, and BEGUN is left out where the answer implies it',
  { timeout },
  async () => {
    await using router = await FakeRouter.start();
    while (!router.seen.some((seen) => seen.name === 'BEGINS')) await router.answer(router.request('/hello'));
    const begins = await router.until((seen) => seen.name === 'BEGINS');
    assert.equal(begins.payload[0], 0);
    // A machine that is busy makes any turn a long one: then what it did says nothing of quick functions.
    const quickly = async (path: string): Promise<readonly string[]> => {
      for (;;) {
        const from = router.seen.length;
        const stream = router.request(path);
        await router.answer(stream);
        const modes = router.seen.filter((seen) => seen.name === 'BEGINS').map(({ payload }) => payload[0]);
        const hasChanged = router.seen.slice(from).some((seen) => seen.name === 'BEGINS');
        if (modes.at(-1) === 0 && !hasChanged) return router.names(stream);
      }
    };
    assert.deepEqual(await quickly('/hello'), ['RESPONSE']);
    assert.deepEqual(await quickly('/soon'), ['RESPONSE'], 'answered by the end of the turn');
    const slow = router.request('/wait/20');
    await router.answer(slow);
    assert.deepEqual(router.names(slow), ['BEGUN', 'RESPONSE']);
    for (let sent = 0; sent < 8; sent += 1) await router.answer(router.request('/block/10'));
    const again = await router.until((seen) => seen.name === 'BEGINS' && seen.payload[0] === 1);
    assert.ok(router.seen.indexOf(again) > router.seen.indexOf(begins));
  },
);

test('what cannot begin is nacked by name', { timeout }, async () => {
  await using stem = await FakeRouter.start({ stem: true });
  assert.equal(await stem.nackOf(stem.request('/hello')), 'unloaded');
  await using router = await FakeRouter.start({ load: { maxConcurrency: 1 } });
  const running = router.request('/wait/50');
  assert.equal(await router.nackOf(router.request('/hello')), 'limit');
  await router.answer(running);
  assert.equal((await router.answer(router.request('/hello'))).status, 200);
});

test('a response waits for credit, and takes it up where it stopped', { timeout }, async () => {
  await using router = await FakeRouter.start();
  const stream = router.request('/stream/700000');
  const received = (): number =>
    router.seen.reduce(
      (sum, seen) => sum + (seen.stream === stream && seen.name === 'BODY' ? seen.payload.length : 0),
      0,
    );
  await router.until(() => received() >= 262_144);
  // Whatever came after it would have come with the answer to this.
  await router.answer(router.request('/hello'));
  assert.equal(received(), 262_144);
  router.data.writer.credit(stream, 200_000);
  router.data.writer.flush();
  await router.until(() => received() >= 462_144);
  await router.answer(router.request('/hello'));
  assert.equal(received(), 462_144);
  router.data.writer.credit(stream, 1_000_000);
  router.data.writer.flush();
  const { text } = await router.answer(stream);
  assert.equal(text.length, 700_000);
});

test('a reply of more than one chunk is streamed', { timeout }, async () => {
  await using router = await FakeRouter.start();
  const { text } = await router.answer(router.request('/large/200000'));
  assert.equal(text, 'y'.repeat(200_000));
});

test(
  'a request body streams in, is the callee’s to keep, and is granted again as it is consumed',
  { timeout },
  async () => {
    await using router = await FakeRouter.start();
    const stream = router.request('/count', { body: Buffer.alloc(200_000, 'b') });
    assert.equal((await router.answer(stream)).text, '200000');
    const credits = router.seen.filter((seen) => seen.name === 'CREDIT' && seen.stream === stream);
    assert.ok(credits.length > 0);
  },
);

test('body beyond the window ends the session', { timeout }, async () => {
  await using router = await FakeRouter.start();
  router.request('/deafCount', { body: Buffer.alloc(300_000) });
  const closed = await router.until((seen) => seen.name === 'CLOSED' && seen.from === 'data');
  assert.equal(closed.end?.code, 'CREDIT_OVERRUN');
});

test('a cancelled invocation is told why, in its context, and sends nothing more', { timeout }, async () => {
  await using router = await FakeRouter.start();
  const stream = router.request('/hang');
  await router.frameOf(stream, 'BEGUN');
  router.data.writer.cancel(stream, 'timeout');
  router.data.writer.flush();
  const line = await router.logged('cancelled: timeout');
  assert.equal(line.stream, stream);
  await router.answer(router.request('/hello'));
  assert.deepEqual(router.names(stream), ['BEGUN']);
  const vitals = await router.until((seen) => seen.vitals?.errors === 1 && seen.vitals.inFlight === 0);
  assert.ok(vitals.vitals);
});

test('an old stream’s frames do nothing to the next one in its slot', { timeout }, async () => {
  await using router = await FakeRouter.start();
  const old = router.request('/hang');
  await router.frameOf(old, 'BEGUN');
  router.data.writer.cancel(old, 'client');
  const next = router.request('/wait/20', { stream: old + 0x1_0000, flush: false });
  router.data.writer.cancel(old, 'client');
  router.data.writer.frame(FrameType.RECALL, old);
  router.data.writer.flush();
  assert.equal((await router.answer(next)).text, 'waited');
});

test('an answer that is not HTTP fails by its code', { timeout }, async () => {
  await using router = await FakeRouter.start();
  const stream = router.request('/badHeader');
  assert.equal(await router.failureOf(stream), 'FUNCTION_RESPONSE_INVALID');
  await router.logged('The answer cannot be sent');
});

test('a function that cannot be loaded says so, and the instance ends', { timeout }, async () => {
  await using router = await FakeRouter.start({ load: { entry: 'broken' } });
  const loaded = await router.loaded();
  assert.ok(!loaded.ok && loaded.code === 'FUNCTION_LOAD_FAILED' && loaded.message.includes('no such luck'));
  assert.equal(await router.exit(), 1);
});

test('process.exit in a handler: the router has seen BEGUN, and the log', { timeout }, async () => {
  for (const warmUp of [0, 20]) {
    await using router = await FakeRouter.start();
    for (let sent = 0; sent < warmUp; sent += 1) await router.answer(router.request('/hello'));
    const stream = router.request('/exit');
    await router.until((seen) => seen.name === 'CLOSED' && seen.from === 'data');
    assert.deepEqual(router.names(stream), ['BEGUN']);
    await router.logged(`begin inv_${stream.toString(16)}`);
    assert.equal(await router.exit(), 7);
  }
});

test('no more log than the router takes, and a line says what is missing', { timeout }, async () => {
  await using router = await FakeRouter.start();
  router.data.connection.pause();
  const stream = router.request('/logs/200');
  await router.until((seen) => seen.name === 'STDERR');
  router.data.connection.resume();
  assert.equal((await router.answer(stream)).text, 'logged');
  const first = await router.logged('0 zzz');
  assert.equal(first.stream, stream);
  const lines = router.seen.filter((seen) => seen.name === 'LOG' && seen.payload.length > 100_000).length;
  const { payload } = await router.logged('log lines were dropped');
  assert.equal(Number.parseInt(readLog(payload).text, 10), 200 - lines);
});

test('no more metrics than the router takes', { timeout }, async () => {
  await using router = await FakeRouter.start({ services: true });
  router.data.connection.pause();
  const stream = router.request('/metrics/200');
  await router.until((seen) => seen.name === 'STDERR');
  router.data.connection.resume();
  assert.equal((await router.answer(stream)).text, 'measured');
  const metrics = router.seen.filter((seen) => seen.name === 'METRIC').length;
  assert.ok(metrics > 0 && metrics < 150, `${metrics} metrics`);
});

test('without a sentinel, a turn that kept the loop is reported by its end, once', { timeout }, async () => {
  await using router = await FakeRouter.start();
  const from = router.seen.length;
  const stream = router.request('/block/100');
  await router.answer(stream);
  const told = await router.until((seen) => seen.name === 'VITALS', from);
  assert.equal(told.vitals?.loopStuckMs, 0);
  assert.ok((told.vitals?.loopPermille ?? 0) > 0);
  assert.ok((told.vitals?.loopDelayMs ?? 0) >= 100);
  await router.answer(router.request('/wait/100'));
  const vitals = router.seen.slice(from).filter((seen) => seen.name === 'VITALS');
  assert.ok(vitals.length < 50, `${vitals.length} vitals`);
});
