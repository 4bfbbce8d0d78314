import assert from 'node:assert/strict';
import { test } from 'node:test';
import { coldStart } from '../../bench/simulation/cold-start.ts';
import { Simulation } from '../../bench/simulation/engine.ts';
import { policies } from '../../bench/simulation/policies/catalogue.ts';
import { Sampling } from '../../bench/simulation/sampling.ts';
import { cpuMs, faster, repeated } from '../../bench/simulation/workload.ts';
import type { Vitals } from '../../src/model/vitals.ts';
import { type Arrival, inTurn, toy } from './toys.ts';

const hourMs = 3_600_000;
const close = (actual: number, expected: number, within: number): void =>
  assert.ok(Math.abs(actual - expected) <= within, `${actual} is not ${expected}`);

/** Many kinds of invocations, in bursts, for two functions. */
function mixed(seed: number): Arrival[] {
  const sampling = new Sampling(seed);
  return Array.from({ length: 3000 }, (_, index) => ({
    atMs: Math.floor(index / 100) * 2000 + sampling.exponential(300),
    phasesMs: [sampling.logNormal(5, 1.5), sampling.exponential(200), sampling.exponential(10)].slice(
      0,
      1 + 2 * sampling.below(2),
    ),
    route: sampling.below(2),
    ofFunction: sampling.below(2),
  }));
}

test('every invocation is settled once, whoever schedules (I1); the CPU given out is what was asked for', () => {
  for (const seed of [1, 2, 3]) {
    // Settling twice throws; not settling, too.
    const workload = toy(mixed(seed), { durationMs: 200_000, functions: 2, memoryMiB: 20_000 });
    let demandMs = 0;
    for (let index = 0; index < workload.arrivalMs.length; index += 1) demandMs += cpuMs(workload, index);
    for (const kind of policies) {
      const { figures, usedCpuMs, latenciesMs } = new Simulation(workload, kind, seed).run();
      assert.equal(latenciesMs.length, 3000);
      assert.ok(latenciesMs[0]! > 0);
      assert.equal(figures.failed, 0, kind.name);
      close(figures.cpuHours * hourMs, demandMs, 0.01);
      close(usedCpuMs, demandMs + figures.bootCpuHours * hourMs, 0.01);
    }
  }
});

test('the same seed gives the same run to the last digit', () => {
  const workload = toy(mixed(7), { durationMs: 200_000, functions: 2 });
  for (const kind of policies) {
    const [first, second] = [1, 2].map(() => new Simulation(workload, kind, 7).run());
    assert.deepEqual(first!.figures, second!.figures);
    assert.deepEqual(first!.latenciesMs, second!.latenciesMs);
    assert.equal(first!.events, second!.events);
  }
});

test('waits run side by side, slices of CPU one after the other', () => {
  const at = (phasesMs: number[]): Arrival[] => Array.from({ length: 50 }, () => ({ atMs: 1000, phasesMs }));
  const waits = new Simulation(toy(at([0, 1000])), inTurn(1), 1).run();
  assert.ok(waits.latenciesMs.every((latencyMs) => latencyMs === 1000));
  const computes = new Simulation(toy(at([10])), inTurn(1), 1).run();
  computes.latenciesMs.forEach((latencyMs, index) => close(latencyMs, 10 * (index + 1), 1e-6));
  // The loop is the bound, not the cores; two loops are twice as fast.
  const two = new Simulation(toy(at([10])), inTurn(2), 1).run();
  close(two.latenciesMs.at(-1)!, 250, 1e-6);
});

test('a start takes its time and its CPU; of memory no more is used than there is', () => {
  const { latenciesMs, figures } = new Simulation(toy([{ atMs: 0, phasesMs: [5] }]), inTurn(1), 1).run();
  close(latenciesMs[0]!, coldStart.bootMs + 5, 1e-6);
  assert.equal(figures.coldShare, 1);
  // Twelve boot on four cores: a third of a core each.
  const many = new Simulation(toy([{ atMs: 0, phasesMs: [5] }], { cores: 4 }), inTurn(12), 1).run();
  close(many.latenciesMs[0]!, 3 * coldStart.bootCpuMs + (coldStart.bootMs - coldStart.bootCpuMs) + 5, 1e-6);
  const one = policies.find(({ name }) => name === 'one-per-instance')!;
  const arrivals = Array.from({ length: 40 }, () => ({ atMs: 0, phasesMs: [0, 500] }));
  assert.equal(new Simulation(toy(arrivals, { memoryMiB: 1050 }), one, 1).run().figures.peakInstances, 10);
});

test('what waits for too long, or finds too many waiting, is refused', () => {
  const one = policies.find(({ name }) => name === 'one-per-instance')!;
  const arrivals = [0, 1, 2].map((atMs) => ({ atMs, phasesMs: [0, 20_000] }));
  const { figures, latenciesMs } = new Simulation(toy(arrivals, { memoryMiB: 100 }), one, 1).run();
  // The third would begin after forty seconds.
  assert.equal(figures.failed, 1);
  assert.equal(latenciesMs.at(-1), Infinity);
  assert.equal(figures.p99Ms, Infinity);
});

test('GB-hours count while something is in flight, instance-hours always', () => {
  const arrivals = [2000, 2500, 8000].map((atMs) => ({ atMs, phasesMs: [0, 1000] }));
  const { figures } = new Simulation(toy(arrivals, { durationMs: 20_000 }), inTurn(1), 1).run();
  // 2.0 to 3.5 s and 8 to 9 s, of 100 MiB; alive for 20 s.
  close(figures.gbHours, ((2.5 * 100) / 1024) * (1 / 3600), 1e-9);
  close(figures.instanceHours, 20 / 3600, 1e-9);
  close(figures.provisionedGbHours, ((20 * 100) / 1024) * (1 / 3600), 1e-9);
});

test('one loop is an M/D/1 queue', () => {
  const sampling = new Sampling(11);
  const arrivals: Arrival[] = [];
  for (let atMs = 1000; arrivals.length < 200_000; atMs += sampling.exponential(10 / 0.7))
    arrivals.push({ atMs, phasesMs: [10] });
  const { latenciesMs } = new Simulation(toy(arrivals, { durationMs: 3e6 }), inTurn(1), 1).run();
  const meanMs = latenciesMs.reduce((sum, each) => sum + each, 0) / latenciesMs.length;
  // Pollaczek and Khinchine: S + ρS ÷ 2(1 − ρ).
  close(meanMs, 10 + (0.7 * 10) / (2 * 0.3), 0.5);
});

test('instances of one invocation each share a core as an M/G/1 queue with processor sharing', () => {
  const sampling = new Sampling(12);
  const arrivals: Arrival[] = [];
  let workMs = 0;
  const bootedMs = 20_000;
  for (let atMs = bootedMs; arrivals.length < 100_000; atMs += sampling.exponential(20)) {
    const phasesMs = [sampling.logNormal(8, 0.8)];
    workMs += phasesMs[0]!;
    arrivals.push({ atMs, phasesMs });
  }
  const meanWorkMs = workMs / arrivals.length;
  const load = workMs / (arrivals.at(-1)!.atMs - bootedMs);
  const instances = 200;
  const { latenciesMs } = new Simulation(toy(arrivals, { cores: 1, durationMs: 3e6 }), inTurn(instances), 1).run();
  const meanMs = latenciesMs.reduce((sum, each) => sum + each, 0) / latenciesMs.length;
  // Insensitive to how long they are (Kleinrock 1967): S ÷ (1 − ρ).
  close(meanMs, meanWorkMs / (1 - load), 0.06 * meanMs);
});

test('a turn that has had 20 ms of CPU is stuck: said at once, and what has not begun comes back', () => {
  const told: { atMs: number; stuckMs: number; waiting: number }[] = [];
  const returned: number[] = [];
  const kind = inTurn(1, (host) => ({
    vitals: (instance: number, vitals: Vitals) => {
      if (host.nowMs < 1000 || host.nowMs > 1110) return;
      told.push({ atMs: host.nowMs, stuckMs: vitals.loopStuckMs, waiting: vitals.waiting });
      if (vitals.loopStuckMs > 0) host.recall(instance);
    },
    returned: (invocation: number) => {
      returned.push(host.nowMs);
      host.refuse(invocation);
    },
  }));
  const arrivals = [
    { atMs: 1005, phasesMs: [100] },
    { atMs: 1010, phasesMs: [1] },
    { atMs: 1011, phasesMs: [1] },
  ];
  const { figures } = new Simulation(toy(arrivals), kind, 1).run();
  const stuck = told.find(({ stuckMs }) => stuckMs > 0);
  assert.deepEqual(stuck, { atMs: 1025, stuckMs: 20, waiting: 2 });
  assert.deepEqual(returned, [1026, 1026]);
  // When it came round it says so.
  const last = told.at(-1)!;
  assert.equal(last.stuckMs, 0);
  close(last.atMs, 1105, 1e-6);
  assert.equal(figures.failed, 2);
});

test('a loop that is starved of CPU is not stuck: its turn is counted in CPU', () => {
  let stuck = 0;
  const kind = inTurn(10, () => ({
    vitals: (_: number, { loopStuckMs }: Vitals) => (stuck += Number(loopStuckMs > 0)),
  }));
  const arrivals = Array.from({ length: 10 }, () => ({ atMs: 2000, phasesMs: [15] }));
  const { latenciesMs } = new Simulation(toy(arrivals, { cores: 1 }), kind, 1).run();
  close(latenciesMs.at(-1)!, 150, 1e-6);
  assert.equal(stuck, 0);
});

test('vitals tell the share of time in which the loop was busy, and the longest turn', () => {
  const reports: Vitals[] = [];
  const kind = inTurn(1, (host) => ({
    vitals: (_: number, vitals: Vitals) => {
      if (host.nowMs > 1000) reports.push(vitals);
    },
  }));
  const arrivals = Array.from({ length: 500 }, (_, index) => ({ atMs: 1000 + index * 20, phasesMs: [5] }));
  new Simulation(toy(arrivals, { durationMs: 11_000 }), kind, 1).run();
  const busy = reports.slice(5, -5);
  assert.ok(busy.length > 30);
  for (const { loopPermille, loopDelayMs } of busy) {
    close(loopPermille, 250, 26);
    assert.equal(loopDelayMs, 5);
  }
  close(busy.at(-1)!.cpuUs - busy[0]!.cpuUs, 50_000 * (busy.length - 1), 5_000);
});

test('a workload can be made faster, and repeated', () => {
  const workload = toy([0, 1000, 5000].map((atMs) => ({ atMs, phasesMs: [1, 2, 3] })));
  assert.deepEqual([...faster(workload, 10).arrivalMs], [0, 100, 500]);
  assert.equal(faster(workload, 10).durationMs, 1000);
  const thrice = repeated(workload, 7);
  assert.equal(thrice.arrivalMs.length, 9);
  assert.equal(thrice.durationMs, 30_000);
  assert.deepEqual(Array.from(thrice.arrivalMs.slice(3, 6)), [10_000, 11_000, 15_000]);
  assert.equal(cpuMs(thrice, 8), 4);
});
