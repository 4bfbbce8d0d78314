import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limits } from '../base/limits.ts';
import { FakeRouter } from './router.fixture.ts';

const timeout = 60_000;

async function watched(): Promise<FakeRouter> {
  const router = await FakeRouter.start({ sentinel: true });
  await router.answer(router.request('/hello'));
  await router.until((seen) => seen.from === 'control' && seen.name === 'VITALS');
  return router;
}

test('while user code blocks the loop for 2 s, vitals arrive and recalls are answered', { timeout }, async () => {
  await using router = await watched();
  const running = router.request('/block/2000', { flush: false });
  const waiting = router.request('/hello');
  const stuck = await router.until((seen) => (seen.vitals?.loopStuckMs ?? 0) >= limits.loopStuckMs);
  assert.equal(stuck.from, 'control');
  assert.equal(stuck.vitals?.inFlight, 1);
  router.control.writer.recall(waiting);
  router.control.writer.recall(running);
  router.control.writer.flush();
  assert.equal(await router.nackOf(waiting), 'recalled');
  const begun = await router.until(
    (seen) => seen.from === 'control' && seen.name === 'BEGUN' && seen.stream === running,
  );
  await router.answer(running);
  const after = await router.answer(router.request('/hello'));
  assert.equal(after.status, 200);
  // Ordered by arrival: all of it while the loop was blocked.
  const answered = router.seen.findIndex((seen) => seen.stream === running && seen.name === 'RESPONSE');
  const nacked = router.seen.findIndex((seen) => seen.stream === waiting && seen.name === 'NACK');
  assert.ok(router.seen.indexOf(begun) < answered && nacked < answered);
  const during = router.seen
    .slice(router.seen.indexOf(stuck), answered)
    .filter((seen) => (seen.vitals?.loopStuckMs ?? 0) > 0);
  // 2 s of periods, less what a busy machine may swallow.
  assert.ok(during.length >= 4, `${during.length} vitals while blocked`);
  assert.deepEqual(router.names(waiting), ['NACK'], 'it never ran');
  assert.ok(during.every(({ vitals }) => vitals!.loopDelayMs >= vitals!.loopStuckMs));
  const healed = await router.until((seen) => seen.vitals?.loopStuckMs === 0, answered);
  assert.ok(healed.vitals!.loopDelayMs >= 2000, 'the turn that ended, in full');
  const next = await router.until((seen) => seen.name === 'VITALS', router.seen.indexOf(healed) + 1);
  assert.ok(next.vitals!.loopDelayMs < 2000, 'it was told');
  assert.equal(healed.from, 'control');
});

test('a recall that is read before its request: the request never runs', { timeout }, async () => {
  await using router = await watched();
  const blocking = router.request('/block/300');
  await router.frameOf(blocking, 'BEGUN');
  const recalled = router.request('/hello', { flush: false });
  router.control.writer.recall(recalled);
  router.control.writer.flush();
  assert.equal(await router.nackOf(recalled), 'recalled');
  router.data.writer.flush();
  await router.answer(blocking);
  await router.answer(router.request('/hello'));
  assert.deepEqual(router.names(recalled), ['NACK']);
});

test('one connection reports at a time, and the other takes over', { timeout }, async () => {
  await using router = await watched();
  const from = router.seen.length;
  await router.until((seen) => seen.from === 'control' && seen.name === 'VITALS', from);
  router.control.goodbye('TOKEN', 'the test');
  const taken = router.seen.length;
  await router.until((seen) => seen.from === 'data' && seen.name === 'VITALS', taken);
  await router.logged('the sentinel ended');
  assert.equal((await router.answer(router.request('/hello'))).status, 200);
});

test('a blocked instance does not outlive its platform', { timeout }, async () => {
  await using router = await watched();
  const running = router.request('/block/60000');
  await router.frameOf(running, 'BEGUN');
  await router.vanish();
  assert.equal(await router.exit(), 'SIGKILL');
});

test('a blocked instance outlives its control connection while the platform is there', { timeout }, async () => {
  await using router = await watched();
  const running = router.request('/block/4000');
  await router.frameOf(running, 'BEGUN');
  router.control.connection.destroy();
  assert.equal((await router.answer(running)).text, 'blocked');
  const from = router.seen.length;
  await router.until((seen) => seen.from === 'data' && seen.name === 'VITALS', from);
  assert.equal((await router.answer(router.request('/hello'))).status, 200);
});

test(
  'an instance that drains starts no sentinel, and one that is not let in ends without a word',
  { timeout },
  async () => {
    await using router = await FakeRouter.start({ sentinel: true, controlToken: 'another' });
    // It begins to report itself again when the thread is gone.
    await router.answer(router.request('/hello'));
    await router.until((seen) => seen.name === 'CLOSED' && seen.from === 'refused');
    await router.answer(router.request('/wait/300'));
    assert.ok(!router.seen.some((seen) => seen.name === 'LOG' && seen.payload.includes('the sentinel ended')));
    await using draining = await FakeRouter.start({ sentinel: true, controlToken: 'another' });
    const running = draining.request('/wait/600', { flush: false });
    draining.data.drain(10_000, 'the test');
    draining.data.writer.flush();
    await draining.answer(running);
    assert.equal(await draining.exit(), 0);
    assert.ok(!draining.seen.some((seen) => seen.from === 'refused'));
  },
);
