import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { FunctionSpec } from '../model/function.ts';
import { limits } from '../base/limits.ts';
import { costOf, gbSeconds, noUsage, splitCpu } from './account.ts';
import { Ledger } from './ledger.ts';
import type { Settlement } from './tally.ts';
import { publishedPrices } from './prices.ts';

function spec(id: string, memoryMiB = 1024): FunctionSpec {
  const config = {
    memoryMiB,
    maxDurationMs: 1000,
    maxConcurrency: 10,
    weight: 1,
    helpers: true,
    runtime: 'nodejs24.x',
    environment: {},
  } as const;
  const names = {
    label: `p/${id}`,
    project: 'p',
    deployment: 'd',
    environment: 'preview' as const,
    name: id,
    root: '/',
    entry: '/x.js',
  };
  return { id, ...names, launch: 'module', config };
}

const close = (actual: number, expected: number): void => {
  assert.ok(Math.abs(actual - expected) <= 1e-9 * Math.max(1, Math.abs(expected)), `${actual} is not ${expected}`);
};

test('the platform’s worked examples come out', () => {
  close(Math.round((gbSeconds(1769, 1e9) / 3600) * 100) / 100, 479.87);
  const gru = { ...publishedPrices, cpuPerHour: 0.221, memoryPerGbHour: 0.0183, perMillionInvocations: 0 };
  const cost = costOf({ ...noUsage, cpuUs: 4e6, memoryGbSeconds: gbSeconds(4096, 10_000) }, gru);
  assert.equal(cost.cpuUsd.toFixed(7), '0.0002456');
  assert.equal(cost.memoryUsd.toFixed(7), '0.0002033');
  assert.equal(cost.totalUsd.toFixed(7), '0.0004489');
});

test('overlapping invocations pay memory once, idle time is free, one-per-instance pays each', () => {
  const ledger = new Ledger();
  const meter = ledger.openFunction(spec('f'));
  const instance = meter.openInstance('i', 0);
  const route = meter.route('/x');
  const settled: Settlement = { route, start: 'warm', outcome: 'answered', wallMs: 1000, cpuUs: 5000 };
  instance.began(1000);
  instance.began(1500);
  instance.ended(2000);
  instance.settled(settled);
  instance.ended(2500);
  instance.settled({ ...settled, start: 'cold' });
  instance.began(9000);
  instance.ended(10_000);
  instance.settled({ ...settled, outcome: 'NO_RESPONSE_FROM_FUNCTION', cpuUs: 0 });
  instance.vitals(20_000, 10_000);
  const [report] = ledger.report(60_000).functions;
  assert.ok(report);
  close(report.usage.memoryGbSeconds, 2.5);
  close(report.usage.wallGbSeconds, 3);
  assert.deepEqual([report.invocations, report.cold, report.prewarmed, report.warm, report.failed], [3, 1, 0, 2, 1]);
  assert.deepEqual(report.failures, { NO_RESPONSE_FROM_FUNCTION: 1 });
  assert.deepEqual(
    [report.usage.cpuUs, report.usage.attributedUs, report.usage.unattributedUs],
    [20_000, 10_000, 10_000],
  );
  close(report.cost.onePerInstanceUsd, (3 / 3600) * 0.18 + 3 * 0.6e-6);
  close(report.cost.totalUsd, report.cost.cpuUsd + report.cost.memoryUsd + report.cost.invocationsUsd);
  assert.ok(report.cost.savedPercent > 90);
  assert.equal(report.routes[0]?.tally.invocations, 3);
});

test('work still in flight counts up to now, and up to the end of an instance that dies with it', () => {
  const ledger = new Ledger();
  const instance = ledger.openFunction(spec('f')).openInstance('i', 0);
  instance.began(0);
  close(ledger.report(4000).usage.memoryGbSeconds, 4);
  instance.close(6000, 1234);
  instance.close(9000, 9999);
  const report = ledger.report(20_000);
  close(report.usage.memoryGbSeconds, 6);
  assert.equal(report.usage.cpuUs, 1234);
  assert.equal(report.functions[0]?.instances[0]?.state, 'closed');
});

test('a slow client settles after its instance has ended: counted, and the parts still add up', () => {
  const ledger = new Ledger();
  const meter = ledger.openFunction(spec('f'));
  const instance = meter.openInstance('i', 0);
  instance.began(0);
  instance.ended(1000);
  instance.close(2000, 5000);
  instance.ended(2500);
  instance.settled({ route: meter.route('/x'), start: 'cold', outcome: 'answered', wallMs: 3000, cpuUs: 4000 });
  const { usage, functions } = ledger.report(9000);
  assert.deepEqual([usage.invocations, usage.attributedUs, usage.unattributedUs, usage.cpuUs], [1, 4000, 1000, 5000]);
  close(usage.memoryGbSeconds, 1);
  close(usage.wallGbSeconds, 3);
  assert.deepEqual(functions[0]?.instances[0]?.usage, usage);
});

test('I8: attributed and the rest are the total; what is attributed beyond it is told', () => {
  assert.deepEqual(splitCpu(100, 60), { cpuUs: 100, attributedUs: 60, unattributedUs: 40, excessUs: 0 });
  assert.deepEqual(splitCpu(50, 60), { cpuUs: 60, attributedUs: 60, unattributedUs: 0, excessUs: 10 });
});

test('what was refused is an invocation without an instance', () => {
  const ledger = new Ledger();
  const meter = ledger.openFunction(spec('f'));
  meter.refused(meter.route('/x'), 'FUNCTION_THROTTLED');
  const report = ledger.report(0);
  assert.equal(report.usage.invocations, 1);
  assert.deepEqual(report.functions[0]?.routes[0]?.tally.failures, { FUNCTION_THROTTLED: 1 });
  assert.equal(report.cost.savedPercent, 0);
});

test('everything has a limit: routes, ended instances, retired functions; totals do not shrink', () => {
  const ledger = new Ledger();
  const meter = ledger.openFunction(spec('f'));
  assert.equal(ledger.openFunction(spec('f')), meter);
  for (let count = 0; count < limits.meterRoutes + 10; count += 1) meter.refused(meter.route(`/${count}`), 'NOT_FOUND');
  for (let count = 0; count < limits.meterEndedInstances + 10; count += 1)
    meter.openInstance(`i${count}`, 0).close(0, 10);
  for (let count = 0; count < limits.meterRetiredFunctions + 10; count += 1) {
    const other = ledger.openFunction(spec(`g${count}`));
    other.refused(other.route('/'), 'NOT_FOUND');
    ledger.retireFunction(`g${count}`, 0);
    ledger.retireFunction(`g${count}`, 0);
  }
  ledger.retireFunction('never seen', 0);
  const report = ledger.report(0);
  const first = report.functions[0]!;
  assert.equal(first.routes.length, limits.meterRoutes + 1);
  assert.equal(first.routes.at(-1)?.tally.invocations, 10);
  assert.equal(first.instances.length, limits.meterEndedInstances);
  assert.equal(first.usage.cpuUs, 10 * (limits.meterEndedInstances + 10));
  assert.equal(report.functions.length, limits.meterRetiredFunctions + 1);
  assert.equal(report.usage.invocations, limits.meterRoutes + 10 + limits.meterRetiredFunctions + 10);
});

test('a retired function that is published again is not forgotten', () => {
  const ledger = new Ledger();
  const meter = ledger.openFunction(spec('f'));
  ledger.retireFunction('f', 0);
  assert.equal(ledger.openFunction(spec('f')), meter);
  for (let count = 0; count <= limits.meterRetiredFunctions; count += 1) {
    ledger.openFunction(spec(`g${count}`));
    ledger.retireFunction(`g${count}`, 0);
  }
  assert.equal(ledger.openFunction(spec('f')), meter);
});

test('law: routes add up to functions, instances to functions, functions to the whole', () => {
  const step = fc.record({
    what: fc.constantFrom('began', 'ended', 'settled', 'vitals', 'close', 'refused'),
    instance: fc.nat(5),
    value: fc.nat(5000),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200, size: 'max' }), (steps) => {
      const ledger = new Ledger();
      const meters = [ledger.openFunction(spec('f', 512)), ledger.openFunction(spec('g', 2048))];
      const instances = [0, 1, 2, 3, 4, 5].map((each) => ({
        meter: meters[each % 2]!.openInstance(`i${each}`, 0),
        each,
        open: true,
        inFlight: 0,
        spans: 0,
      }));
      let nowMs = 0;
      for (const { what, instance, value } of steps) {
        nowMs += value / 10;
        const { meter } = instances[instance]!;
        const route = meters[instance % 2]!.route(`/${value % 3}`);
        if (what === 'refused') meters[instance % 2]!.refused(route, 'FUNCTION_THROTTLED');
        else if (!instances[instance]!.open && what !== 'settled') continue;
        else if (what === 'began') {
          instances[instance]!.inFlight += 1;
          meter.began(nowMs);
        } else if (what === 'ended' && instances[instance]!.inFlight > 0) {
          instances[instance]!.inFlight -= 1;
          meter.ended(nowMs);
        } else if (what === 'settled')
          meter.settled({ route, start: 'warm', outcome: 'answered', wallMs: value, cpuUs: value });
        else if (what === 'vitals') meter.vitals(value * 100, value);
        else if (what === 'close') {
          instances[instance]!.open = false;
          meter.close(nowMs, value * 100);
        }
      }
      const report = ledger.report(nowMs);
      const total = (values: readonly number[]): number => values.reduce((sum, each) => sum + each, 0);
      for (const each of report.functions) {
        assert.equal(total(each.routes.map((route) => route.tally.invocations)), each.invocations);
        assert.equal(total(each.routes.map((route) => route.tally.attributedUs)), each.attributedUs);
        assert.equal(each.usage.invocations, each.invocations);
        assert.equal(each.usage.attributedUs + each.usage.unattributedUs, each.usage.cpuUs);
        assert.equal(each.usage.attributedUs, each.attributedUs);
        close(total(each.instances.map((one) => one.usage.memoryGbSeconds)), each.usage.memoryGbSeconds);
        assert.equal(
          each.cold + each.prewarmed + each.warm + (each.failures.FUNCTION_THROTTLED ?? 0),
          each.invocations,
        );
      }
      close(total(report.functions.map((each) => each.usage.memoryGbSeconds)), report.usage.memoryGbSeconds);
      assert.equal(total(report.functions.map((each) => each.usage.invocations)), report.usage.invocations);
    }),
  );
});
