// What the simulator says of a run.
import { cpus, totalmem } from 'node:os';
import { Simulation } from '../simulation/engine.ts';
import { fixedConcurrency } from '../simulation/policies/fixed.ts';
import { weir } from '../simulation/policies/weir.ts';
import type { Figures } from '../simulation/ledger.ts';
import type { PolicyKind } from '../simulation/policy.ts';
import { WorkloadBuilder } from '../simulation/workload.ts';
import type { Workload } from '../simulation/workload.ts';
import type { Invocation, MaxConcurrency, Overhead } from './replay.ts';

export interface Prediction {
  readonly gbHours: number;
  readonly activeCpuS: number;
  readonly instancesPeak: number;
  readonly instancesStarted: number;
  readonly processesStarted: number;
  readonly instanceHours: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly coldStarts: number;
  readonly failed: number;
}

export interface PredictionInput {
  readonly load: readonly Invocation[];
  readonly cpuMs: number;
  readonly overhead: Overhead;
  readonly memoryMiB: number;
  readonly leadMs: number;
  readonly maxConcurrency: MaxConcurrency;
}

const seed = 1;

/** The same load: by the real scheduler, or by the simulator's classic policy where each invocation has an instance. */
export function predict(input: PredictionInput): Prediction {
  const { figures } = new Simulation(workloadOf(input), policyOf(input.maxConcurrency), seed).run();
  return {
    gbHours: figures.gbHours,
    activeCpuS: figures.cpuHours * 3600 + ownCpuS(figures, input.overhead),
    instancesPeak: figures.peakInstances,
    instancesStarted: Number.NaN,
    processesStarted: figures.starts,
    instanceHours: figures.instanceHours,
    p50Ms: figures.p50Ms,
    p99Ms: figures.p99Ms,
    coldStarts: Math.round(figures.coldShare * figures.invocations),
    failed: figures.failed,
  };
}

/** What instances take for themselves. Started: at least as many as there were at once. */
const ownCpuS = (figures: Figures, { startCpuMs, idleCpuMs }: Overhead): number =>
  (figures.peakInstances * startCpuMs + figures.instanceHours * 3600 * idleCpuMs) / 1000;

const policyOf = (maxConcurrency: MaxConcurrency): PolicyKind =>
  maxConcurrency === 'auto' ? weir('weir', 'Weir', true) : fixedConcurrency('one', 'One per instance', maxConcurrency);

function workloadOf({ load, cpuMs, memoryMiB, leadMs }: PredictionInput): Workload {
  const builder = new WorkloadBuilder();
  for (const { atMs, waitMs } of load) builder.add(leadMs + atMs, [cpuMs / 2, waitMs, cpuMs / 2]);
  const lastMs = leadMs + (load.at(-1)?.atMs ?? 0);
  return builder.build(
    { name: 'replay', title: 'Replay', about: '', whenItLoses: '' },
    {
      machine: { cores: cpus().length, memoryMiB: Math.floor(totalmem() / 1024 / 1024) },
      functions: [{ name: 'generate', routes: ['/api/generate'], memoryMiB }],
      durationMs: lastMs,
      measureFromMs: 0,
    },
  );
}
