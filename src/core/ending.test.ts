import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readBackground, readDrain } from '../tunnel/payload.ts';
import { FakeRouter } from './router.fixture.ts';

const timeout = 30_000;

test('a draining instance finishes what it has, nacks what comes, and says goodbye', { timeout }, async () => {
  await using router = await FakeRouter.start();
  const running = router.request('/wait/100');
  await router.frameOf(running, 'BEGUN');
  // The session would no longer let us send requests: what was on its way when DRAIN was sent.
  router.data.writer.drain(10_000, 'the test');
  const late = router.request('/hello');
  assert.equal(await router.nackOf(late), 'draining');
  assert.equal((await router.answer(running)).text, 'waited');
  const closed = await router.until((seen) => seen.name === 'CLOSED' && seen.from === 'data');
  assert.equal(closed.end?.kind, 'goodbye');
  assert.equal(closed.end?.code, 'DRAINED');
  assert.equal(await router.exit(), 0);
});

test('background work keeps a draining instance', { timeout }, async () => {
  await using router = await FakeRouter.start();
  const stream = router.request('/background/100');
  await router.answer(stream);
  const told = await router.until((seen) => seen.name === 'BACKGROUND');
  assert.equal(readBackground(told.payload), 1);
  router.data.drain(10_000, 'the test');
  const closed = await router.until((seen) => seen.name === 'CLOSED' && seen.from === 'data');
  const done = await router.logged('background done');
  assert.equal(done.stream, stream);
  assert.ok(router.seen.indexOf(done) < router.seen.indexOf(closed));
  assert.equal(await router.exit(), 0);
});

for (const [target, message] of [
  ['/throwNow', 'thrown at once'],
  ['/throwLater', 'thrown later'],
  ['/reject', 'rejected'],
] as const) {
  test(`${target}: that invocation fails, its neighbour finishes, the instance ends`, { timeout }, async () => {
    await using router = await FakeRouter.start();
    const neighbour = router.request('/wait/200');
    await router.frameOf(neighbour, 'BEGUN');
    const failing = router.request(target);
    assert.equal(await router.failureOf(failing), 'FUNCTION_INVOCATION_FAILED');
    assert.equal((await router.logged(message)).stream, failing);
    const drain = await router.until((seen) => seen.name === 'DRAIN');
    assert.equal(readDrain(drain.payload).reason, 'errors');
    assert.equal(await router.nackOf(router.request('/hello')), 'errors');
    assert.equal((await router.answer(neighbour)).text, 'waited');
    assert.equal(await router.exit(), 1);
  });
}

test('a second uncaught error ends the instance at once', { timeout }, async () => {
  await using router = await FakeRouter.start();
  const neighbour = router.request('/wait/20000');
  router.request('/throwLater', { flush: false });
  router.request('/throwLater');
  assert.equal(await router.exit(), 1);
  await router.until((seen) => seen.name === 'CLOSED');
  assert.deepEqual(router.names(neighbour), ['BEGUN']);
});

test(
  'user code that removes every listener does not get rid of the core’s, and its own are called',
  { timeout },
  async () => {
    await using router = await FakeRouter.start();
    await router.answer(router.request('/swallow'));
    const failing = router.request('/throwLater');
    assert.equal(await router.failureOf(failing), 'FUNCTION_INVOCATION_FAILED');
    await router.logged('user saw: thrown later');
    assert.equal(await router.exit(), 1);
  },
);

test('an instance that asks to be drained nacks what is on its way, until the router agrees', { timeout }, async () => {
  await using router = await FakeRouter.start();
  router.agrees = false;
  const failing = router.request('/throwNow');
  await router.until((seen) => seen.name === 'DRAIN');
  await router.failureOf(failing);
  const late = router.request('/hello');
  assert.equal(await router.nackOf(late), 'errors');
  router.data.drain(10_000, 'as asked');
  const closed = await router.until((seen) => seen.name === 'CLOSED' && seen.from === 'data');
  assert.equal(closed.end?.code, 'DRAINED');
  assert.equal(await router.exit(), 1);
});

test('a router that does not agree is not waited for long', { timeout }, async () => {
  await using router = await FakeRouter.start();
  router.agrees = false;
  router.request('/throwNow');
  const closed = await router.until((seen) => seen.name === 'CLOSED' && seen.from === 'data');
  assert.equal(closed.end?.code, 'DRAINED');
  assert.equal(await router.exit(), 1);
});

for (const asks of ['router', 'system'] as const) {
  test(`the ${asks} wants it to end: what user code logs then arrives before GOODBYE`, { timeout }, async () => {
    await using router = await FakeRouter.start();
    await router.answer(router.request('/listenTerm'));
    if (asks === 'router') router.data.drain(10_000, 'the test');
    else router.kill('SIGTERM');
    const closed = await router.until((seen) => seen.name === 'CLOSED' && seen.from === 'data');
    assert.equal(closed.end?.code, 'DRAINED');
    for (const line of ['user terminates', 'user has terminated']) {
      assert.ok(router.seen.indexOf(await router.logged(line)) < router.seen.indexOf(closed));
    }
    assert.equal(router.stderr.match(/user terminates/g)?.length, 1);
    assert.equal(await router.exit(), 0);
  });
}

for (const asks of ['router', 'system'] as const) {
  test(`the ${asks} wants it to end: a listener that throws does not keep it`, { timeout }, async () => {
    await using router = await FakeRouter.start();
    const stream = router.request('/throwAtTerm');
    await router.answer(stream);
    if (asks === 'router') router.data.drain(10_000, 'the test');
    else router.kill('SIGTERM');
    const closed = await router.until((seen) => seen.name === 'CLOSED' && seen.from === 'data');
    assert.equal(closed.end?.code, 'DRAINED');
    const line = await router.logged('Uncaught exception: Error: thrown at the end');
    assert.ok(router.seen.indexOf(line) < router.seen.indexOf(closed));
    // As with Node: what was thrown at a signal is an error of the process, which here began to end without one.
    assert.equal(await router.exit(), asks === 'router' ? 0 : 1);
  });
}

test('a listener that throws does not keep an instance whose router is gone', { timeout }, async () => {
  await using router = await FakeRouter.start();
  await router.answer(router.request('/throwAtTerm'));
  const running = router.request('/hang');
  await router.frameOf(running, 'BEGUN');
  router.data.connection.destroy('the router is gone');
  assert.equal(await router.exit(), 1);
});

test('SIGTERM: user code is told, what is in flight finishes', { timeout }, async () => {
  await using router = await FakeRouter.start();
  await router.answer(router.request('/listenTerm'));
  const running = router.request('/wait/100');
  await router.frameOf(running, 'BEGUN');
  router.kill('SIGINT');
  router.kill('SIGTERM');
  await router.logged('user terminates');
  assert.equal((await router.answer(running)).text, 'waited');
  assert.equal(await router.exit(), 0);
});

test('without a router the instance ends, and tells user code', { timeout }, async () => {
  await using router = await FakeRouter.start();
  await router.answer(router.request('/listenTerm'));
  const running = router.request('/hang');
  await router.frameOf(running, 'BEGUN');
  router.data.connection.destroy('the router is gone');
  assert.equal(await router.exit(), 1);
  assert.match(router.stderr, /user terminates/);
});

test('a token that is refused: the instance says so and ends', { timeout }, async () => {
  await using router = await FakeRouter.start({ token: 'another' });
  assert.equal(await router.exit(), 1);
  assert.match(router.stderr, /the tunnel ended: TOKEN unknown/);
});
