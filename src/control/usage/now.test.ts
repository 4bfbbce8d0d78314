import assert from 'node:assert/strict';
import { test } from 'node:test';
import { now as schema } from '../../api/observed.ts';
import { channels } from '../../base/channels.ts';
import { noUsage } from '../../meter/account.ts';
import { publishedPrices } from '../../meter/prices.ts';
import { noVitals } from '../../model/vitals.ts';
import { VirtualClock } from '../../../test/sim/virtual-clock.ts';
import { record } from '../logs/logs.fixture.ts';
import { NowCounter } from './now.ts';

test('what happens is counted by the second; processors are looked at, and reports made, for those who watch', (t) => {
  const clock = new VirtualClock();
  let looks = 0;
  let cpuUs = 0;
  const instance = {
    id: 'ins_1',
    state: 'ready',
    pid: 1,
    memoryMiB: 128,
    ageMs: 1,
    inFlight: 2,
    background: 0,
    paused: null,
    vitals: noVitals,
  };
  const counter = new NowCounter({
    clock,
    router() {
      looks += 1;
      const shown = { id: 'dep_1/api', label: 'shop/api', limit: 9, retired: false, queued: 0, oldestQueuedMs: 0 };
      const instances = [{ ...instance, vitals: { ...noVitals, cpuUs } }];
      return { functions: [{ ...shown, backingOff: null, instances }], stems: [], usage: { usage: noUsage } };
    },
    prices: () => publishedPrices,
    limits: () => ({ reason: 'limit 4 → 9', instances: new Map([['ins_1', 9]]) }),
    isLive: (deployment) => deployment === 'dep_1',
  });
  t.after(() => counter.close());
  clock.advance(10_000);
  assert.equal(looks, 0);
  for (const outcome of ['answered', 'answered', 'FUNCTION_INVOCATION_FAILED'] as const)
    channels.invocation.publish(record('inv_1', { functionId: 'dep_1/api', outcome, cpuUs: 500 }));
  clock.advance(1_000);
  const first = counter.latest('shop');
  assert.deepEqual(schema.parse(first), first);
  assert.deepEqual(first.perSecond, { invocations: 3, failed: 1, cpuMs: 1.5 });
  assert.deepEqual([first.functions[0]!.isLive, first.functions[0]!.instances[0]!.cpuPercent], [true, null]);
  assert.equal(first.since.failed, 1);
  assert.deepEqual(counter.latest('other').functions, []);
  const seen = looks;
  assert.equal(counter.latest('shop'), first);
  assert.equal(looks, seen);
  // Half of a processor, from one look to the next.
  clock.advance(1_000);
  cpuUs += 500_000;
  clock.advance(1_000);
  assert.equal(counter.latest('shop').functions[0]!.instances[0]!.cpuPercent, 50);
  assert.equal(counter.latest('shop').perSecond.invocations, 0);
  clock.advance(10_000);
  const idle = looks;
  clock.advance(10_000);
  assert.equal(looks, idle);
});
