// The scheduler as a whole, on simulated instances: what it comes to with the loads that it is made for.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Simulation } from '../../bench/simulation/engine.ts';
import { percentileOf } from '../../bench/simulation/percentile.ts';
import { fixedConcurrency } from '../../bench/simulation/policies/fixed.ts';
import { Weir } from '../../bench/simulation/policies/weir.ts';
import type { PolicyKind } from '../../bench/simulation/policy.ts';
import { Sampling } from '../../bench/simulation/sampling.ts';
import { poisson } from '../../bench/simulation/workloads/arrivals.ts';
import { type Arrival, toy } from './toys.ts';

interface Seen {
  readonly atMs: number;
  /** By ready instance. */
  readonly instances: readonly {
    readonly inFlight: number;
    readonly places: readonly number[];
    readonly lane: number;
  }[];
}

/** Looks at the scheduler ten times a second. */
function watched(seen: Seen[]): PolicyKind {
  return {
    name: 'weir',
    title: 'Weir',
    watches: true,
    create: (host) => {
      const policy = new Weir(host, true);
      const woken = policy.woken.bind(policy);
      policy.woken = (token: number): void => {
        woken(token);
        if (token !== 1) return;
        const scheduler = policy.schedulerOf(0);
        const instances = [];
        for (let index = 0; index < 1000; index += 1) {
          const member = scheduler.member(index);
          if (member === null) continue;
          const inFlight = scheduler.placement.inFlight(index);
          instances.push({ inFlight, places: member.limits.map(({ places }) => places), lane: member.lastLane });
        }
        seen.push({ atMs: host.nowMs, instances });
      };
      return policy;
    },
  };
}

/** From 5 s on. Every other route has a seed of its own. */
function arrivalsOf(perSecond: number, seconds: number, phasesMs: readonly number[], route = 0): Arrival[] {
  const arrivals: Arrival[] = [];
  poisson(new Sampling(1 + route), { fromMs: 5000, toMs: 5000 + seconds * 1000 }, perSecond, (atMs) => {
    arrivals.push({ atMs, phasesMs, route });
  });
  return arrivals;
}

const weir = (name = 'weir'): PolicyKind => ({ ...watched([]), name });
const limitsOf = (seen: readonly Seen[], fromMs: number, toMs: number): number[] =>
  seen
    .filter(({ atMs }) => atMs >= fromMs && atMs <= toMs)
    .flatMap(({ instances }) =>
      instances.filter(({ inFlight }) => inFlight > 0).map(({ places, lane }) => places[lane]!),
    );

test('50 ms of CPU and 50 ms of waiting: two at once within five seconds, and never more than one off', () => {
  const seen: Seen[] = [];
  new Simulation(toy(arrivalsOf(30, 40, [25, 50, 25]), { durationMs: 45_000 }), watched(seen), 1).run();
  const found = limitsOf(seen, 10_000, 45_000);
  assert.ok(found.length > 300);
  assert.deepEqual(
    found.filter((limit) => limit < 1 || limit > 3),
    [],
  );
  assert.equal(percentileOf(Float64Array.from(found).sort(), 0.5), 2);
});

test('a pure wait: at least a hundred in one instance within ten seconds', () => {
  const seen: Seen[] = [];
  new Simulation(toy(arrivalsOf(400, 15, [0.2, 1000, 0.2]), { durationMs: 20_000 }), watched(seen), 1).run();
  const most = seen
    .filter(({ atMs }) => atMs <= 15_000)
    .map(({ instances }) => Math.max(0, ...instances.map(({ inFlight }) => inFlight)));
  assert.ok(Math.max(...most) >= 100, String(Math.max(...most)));
});

test('a pure computation: one at a time', () => {
  const seen: Seen[] = [];
  new Simulation(toy(arrivalsOf(20, 30, [100]), { durationMs: 35_000 }), watched(seen), 1).run();
  const found = limitsOf(seen, 10_000, 35_000);
  assert.ok(found.length > 100);
  assert.deepEqual([...new Set(found)], [1]);
});

test('what computes is no later than with an instance each, on the same cores', () => {
  const arrivals = arrivalsOf(40, 120, [70]);
  const workload = toy(arrivals, { durationMs: 125_000 });
  const ours = new Simulation(workload, weir(), 1).run().figures;
  const one = new Simulation(workload, fixedConcurrency('one', 'One', 1), 1).run().figures;
  assert.ok(ours.p99Ms <= 1.05 * one.p99Ms, `${ours.p99Ms} and ${one.p99Ms}`);
  assert.ok(ours.perSecond >= 0.999 * one.perSecond);
});

test('a route that waits is at most twice as late where another holds the loop for 500 ms now and then', () => {
  const waits = arrivalsOf(100, 60, [0.5, 100, 0.5]);
  const blocks = arrivalsOf(0.5, 60, [500], 1);
  const p99 = (arrivals: Arrival[]): number => {
    const workload = toy(arrivals, { durationMs: 70_000 });
    const { latenciesMs } = new Simulation(workload, weir(), 1).run();
    // The blocking ones are the latest.
    return percentileOf(latenciesMs.slice(0, waits.length), 0.99);
  };
  const [without, withThem] = [p99(waits), p99([...waits, ...blocks])];
  assert.ok(withThem <= 2 * without, `${withThem} and ${without}`);
});

test('a burst that computes does not bring forth instances without end', () => {
  const arrivals = [
    ...arrivalsOf(20, 60, [70]),
    ...Array.from({ length: 400 }, () => ({ atMs: 20_000, phasesMs: [70] })),
  ];
  const { figures } = new Simulation(toy(arrivals, { durationMs: 65_000 }), weir(), 1).run();
  assert.equal(figures.failed, 0);
  assert.ok(figures.peakInstances <= 4 * 4, String(figures.peakInstances));
});
