import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Attribution, CpuShare, type Measured } from './attribution.ts';
import { boardCells, boardMemory, Cell } from './board.ts';
import { FakeRouter } from './router.fixture.ts';
import { Turns } from './turns.ts';

test('burners are charged, waiters are not, and the sum is what the vitals say (I8)', { timeout: 60_000 }, async () => {
  await using router = await FakeRouter.start();
  const burners: number[] = [];
  const waiters: number[] = [];
  for (let sent = 0; sent < 4; sent += 1) {
    burners.push(router.request('/burn/60', { flush: false }));
    for (let waiting = 0; waiting < 4; waiting += 1) waiters.push(router.request('/wait/150', { flush: false }));
  }
  router.data.writer.flush();
  const costs = async (streams: number[]): Promise<number[]> =>
    Promise.all(streams.map(async (stream) => (await router.answer(stream)).cpuUs));
  const [burned, waited] = [await costs(burners), await costs(waiters)];
  for (const us of burned) assert.ok(us > 20_000, `a burner of 60 ms was charged ${us} µs`);
  for (const us of waited) assert.ok(us < 10_000, `a waiter was charged ${us} µs`);
  const sum = [...burned, ...waited].reduce((total, us) => total + us, 0);
  const vitals = await router.until((seen) => seen.vitals?.attributedUs === sum);
  assert.ok((vitals.vitals?.cpuUs ?? 0) >= sum, 'no more is attributed than was used');
});

test('a failed invocation is charged too; what a cancelled one used is nobody’s', { timeout: 60_000 }, async () => {
  await using router = await FakeRouter.start();
  const cancelled = router.request('/burnAndWait/60');
  await router.logged('burned');
  router.data.writer.cancel(cancelled, 'timeout');
  router.data.writer.flush();
  const neighbour = router.request('/wait/1000');
  await router.frameOf(neighbour, 'BEGUN');
  const { cpuUs } = await router.failed(router.request('/burnAndThrow/60'));
  assert.ok(cpuUs > 20_000, `a failure of 60 ms was charged ${cpuUs} µs`);
  const told = await router.until((seen) => (seen.vitals?.attributedUs ?? 0) > 0);
  assert.equal(told.vitals?.attributedUs, cpuUs);
  assert.deepEqual(router.names(cancelled), ['BEGUN']);
});

test('never more than the operating system says', () => {
  const cells = boardCells(boardMemory(0));
  const turns = new Turns(cells);
  let cpuUs = 500;
  const attribution = new Attribution({ turns, cells, current: () => undefined, cpuUs: () => cpuUs });
  const call: Measured = { activeMs: 0.4 };
  assert.equal(attribution.take(call), 400);
  assert.equal(attribution.take(call), 0, 'reported once');
  call.activeMs = 3;
  assert.equal(attribution.take(call), 100);
  cpuUs = 10_000;
  call.activeMs = 3;
  assert.equal(attribution.take(call), 3_000);
  assert.equal(attribution.attributedUs, 3_500);
  assert.equal(cells[Cell.attributedUs], 3_500);
});

test('loop time in which the process had no CPU is scaled away, once a period is long enough to tell', () => {
  const share = new CpuShare();
  share.add(300, 300, () => 1_000_000);
  assert.equal(share.value, 1, 'nobody knows what was used before');
  share.add(500, 100, () => assert.fail('too soon'));
  share.add(560, 100, () => 1_100_000);
  assert.equal(share.value, 0.5);
  share.add(1_000, 49, () => assert.fail('too little'));
  share.add(1_100, 51, () => 1_300_000);
  assert.equal(share.value, 1, 'other threads used more');
});

test('what the process used before it was told its function is nobody’s', () => {
  const cells = boardCells(boardMemory(0));
  let cpuUs = 200_000;
  const attribution = new Attribution({ turns: new Turns(cells), cells, current: () => undefined, cpuUs: () => cpuUs });
  attribution.booted();
  cpuUs += 1_000;
  assert.equal(attribution.take({ activeMs: 50 }), 1_000);
});
