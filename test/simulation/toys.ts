// Small workloads and policies to test the simulator with.
import type { Host, Policy, PolicyKind } from '../../bench/simulation/policy.ts';
import { type Workload, WorkloadBuilder } from '../../bench/simulation/workload.ts';

export interface Arrival {
  readonly atMs: number;
  /** CPU, wait, CPU, … */
  readonly phasesMs: readonly number[];
  readonly route?: number;
  readonly ofFunction?: number;
}

export interface ToySize {
  readonly cores?: number;
  readonly memoryMiB?: number;
  readonly durationMs?: number;
  readonly functions?: number;
}

/** Functions of 100 MiB with two routes. */
export function toy(arrivals: readonly Arrival[], size: ToySize = {}): Workload {
  const { cores = 4, memoryMiB = 100_000, durationMs = 10_000, functions = 1 } = size;
  const builder = new WorkloadBuilder();
  for (const { atMs, phasesMs, ofFunction = 0, route = 0 } of arrivals) builder.add(atMs, phasesMs, ofFunction, route);
  return builder.build(
    { name: 'toy', title: 'Toy', about: '', whenItLoses: '' },
    {
      machine: { cores, memoryMiB },
      functions: Array.from({ length: functions }, (_, index) => ({
        name: `f${index}`,
        routes: ['/a', '/b'],
        memoryMiB: 100,
      })),
      durationMs,
      measureFromMs: 0,
    },
  );
}

/** So many instances from the start, which get what comes in turn; what comes before they are ready waits. */
export function inTurn(instances: number, seen?: (host: Host) => Partial<Policy>): PolicyKind {
  return {
    name: 'in-turn',
    title: 'In turn',
    watches: seen !== undefined,
    create: (host) => {
      const ready: number[] = [];
      const waiting: number[] = [];
      let next = 0;
      const send = (invocation: number): void => host.send(invocation, ready[next++ % instances]!);
      return {
        begin: () => {
          for (let count = 0; count < instances; count += 1) host.start(0);
        },
        arrived: (invocation) => {
          if (ready.length < instances) waiting.push(invocation);
          else send(invocation);
        },
        ready: (instance) => {
          ready.push(instance);
          if (ready.length === instances) waiting.splice(0).forEach(send);
        },
        completed: () => undefined,
        ended: () => undefined,
        woken: () => undefined,
        vitals: () => undefined,
        returned: send,
        ...seen?.(host),
      };
    },
  };
}
