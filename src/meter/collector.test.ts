import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import type { Clock } from '../base/clock.ts';
import { limits } from '../base/limits.ts';
import { UsageCollector } from './collector.ts';
import { Ledger } from './ledger.ts';
import type { UsageRow } from './rollup.ts';
import { functionSpec, Rig } from '../../test/router/rig.ts';
import { VirtualClock } from '../../test/sim/virtual-clock.ts';

function collecting(t: TestContext, clock: Clock, ledger: Ledger) {
  const minutes: (readonly UsageRow[])[] = [];
  const collector = new UsageCollector({ clock, ledger, sink: (rows) => minutes.push(rows) });
  t.after(() => collector.close());
  return { collector, minutes };
}
const whole = (rows: readonly UsageRow[]): UsageRow[] => rows.filter(({ route }) => route === null);
/** The minute at which VirtualClock starts, and how far into it. */
const startMinute = Math.floor(1_700_000_000_000 / 60_000);
const startedMs = 1_700_000_000_000 % 60_000;

test('minutes of the wall clock, with how long what took; the one under way whenever it is asked for', (t) => {
  const rig = new Rig();
  const { collector, minutes } = collecting(t, rig.clock, rig.ledger);
  const spec = functionSpec();
  const instance = rig.warm(spec);
  rig.invoke(spec, { route: '/slow' });
  rig.invoke(spec, { route: '/left' }).invocation!.cancel();
  rig.settle();
  const { stream } = instance.requests.find((each) => each.id === 'inv_2')!;
  rig.clock.advance(100);
  instance.head(stream, 200);
  instance.bodyEnd(stream);
  rig.settle();
  const [now, ...routes] = collector.current();
  assert.deepEqual(
    [now?.minute, now?.project, now?.memoryMiB, now?.invocations, now?.cold, now?.warm, now?.failures],
    [startMinute, 'test', 256, 3, 1, 2, { CLIENT_CLOSED_REQUEST: 1 }],
  );
  assert.deepEqual([now?.latency.count, now?.ttfb.count, now?.peakInFlight, now?.peakInstances], [2, 2, 2, 1]);
  const slow = routes.find(({ route }) => route === '/slow');
  assert.equal(slow?.latency.count, 1);
  assert.ok(Math.abs(slow.latency.quantile(0.5)! - 100_000) < 100_000 / 64);
  assert.deepEqual(minutes, []);
  rig.clock.advance(60_000 - startedMs);
  assert.deepEqual(
    minutes.map((rows) => whole(rows).map(({ minute, invocations }) => [minute, invocations])),
    [[[startMinute, 3]]],
  );
  rig.invoke(spec);
  rig.settle();
  instance.reply(instance.last.stream);
  rig.settle();
  collector.close();
  collector.close();
  rig.invoke(spec);
  rig.clock.advance(200_000);
  assert.deepEqual(
    minutes.slice(1).map((rows) => whole(rows).map(({ minute, invocations }) => [minute, invocations])),
    [[[startMinute + 1, 1]]],
  );
});

test('all that a router meters in some minutes is in their rows', (t) => {
  const rig = new Rig({ keepAliveMs: 20_000 });
  const { collector, minutes } = collecting(t, rig.clock, rig.ledger);
  const specs = [functionSpec('a'), functionSpec('b', { memoryMiB: 1024 })];
  rig.onRequest = (instance, { stream }) =>
    rig.clock.after(700, () => {
      instance.vitals({ cpuUs: 60_000 + 900 * instance.requests.length });
      instance.reply(stream);
    });
  for (let count = 0; count < 300; count += 1) {
    rig.invoke(specs[count % 2]!);
    rig.clock.advance(count % 50 === 0 ? 30_000 : 300);
  }
  rig.clock.advance(60_000);
  assert.ok(minutes.length > 3);
  collector.close();
  for (const each of rig.ledger.report(rig.clock.nowMs()).functions) {
    const rows = whole(minutes.flat()).filter(({ functionId }) => functionId === each.function);
    const sum = (of: (row: UsageRow) => number): number => rows.reduce((total, row) => total + of(row), 0);
    assert.equal(
      sum((row) => row.invocations),
      150,
    );
    assert.equal(
      sum((row) => row.latency.count),
      150,
    );
    for (const name of ['cpuUs', 'attributedUs', 'unattributedUs', 'bootUs'] as const)
      assert.equal(
        sum((row) => row[name]),
        each.usage[name],
        name,
      );
    const gbSeconds = (sum((row) => row.busyUs) / 1e6) * (each.memoryMiB / 1024);
    assert.ok(Math.abs(gbSeconds - each.usage.memoryGbSeconds) < 1e-9);
  }
});

test('a function that is forgotten within a minute is in its rows, also if it comes again', (t) => {
  const clock = new VirtualClock();
  const ledger = new Ledger();
  const { minutes } = collecting(t, clock, ledger);
  const refuse = (name: string): void => {
    const meter = ledger.openFunction(functionSpec(name));
    meter.refused(meter.route('/'), 'FUNCTION_THROTTLED');
  };
  refuse('gone');
  ledger.retireFunction(functionSpec('gone').id, 0);
  for (let count = 0; count < limits.meterRetiredFunctions; count += 1) {
    refuse(`other${count}`);
    ledger.retireFunction(functionSpec(`other${count}`).id, 0);
  }
  refuse('gone');
  clock.advance(60_000);
  const rows = whole(minutes.flat()).filter(({ name }) => name === 'gone');
  assert.deepEqual(
    rows.map(({ invocations }) => invocations),
    [1, 1],
  );
});

test('a timer that comes early ends no minute; one that comes late, the one that was begun', (t) => {
  const inner = new VirtualClock();
  let offMs = 0;
  const clock: Clock = {
    nowMs: () => inner.nowMs(),
    wallMs: () => inner.wallMs() + offMs,
    after: (delayMs, fire) => inner.after(delayMs, fire),
    soon: (fire) => inner.soon(fire),
  };
  const ledger = new Ledger();
  const { minutes } = collecting(t, clock, ledger);
  const meter = ledger.openFunction(functionSpec());
  meter.refused(meter.route('/'), 'FUNCTION_THROTTLED');
  offMs = -3;
  inner.advance(60_000 - startedMs);
  assert.deepEqual(minutes, []);
  inner.advance(3);
  assert.deepEqual(
    minutes.flat().map(({ minute }) => minute),
    [startMinute, startMinute],
  );
  meter.refused(meter.route('/'), 'FUNCTION_THROTTLED');
  offMs = 5 * 60_000;
  inner.advance(60_000);
  assert.deepEqual(
    whole(minutes[1]!).map(({ minute, invocations }) => [minute, invocations]),
    [[startMinute + 1, 1]],
  );
  meter.refused(meter.route('/'), 'FUNCTION_THROTTLED');
  inner.advance(60_000);
  assert.deepEqual(
    whole(minutes[2]!).map(({ minute }) => minute),
    [startMinute + 7],
  );
});
