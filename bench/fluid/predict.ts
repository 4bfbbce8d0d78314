// What the simulator says of a run: the real scheduler on a virtual clock.
import type { Invocation, MaxConcurrency } from './replay.ts';

export interface Prediction {
  readonly gbHours: number;
  readonly activeCpuS: number;
  readonly instancesPeak: number;
  readonly instancesStarted: number;
  readonly instanceHours: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly coldStarts: number;
  readonly failed: number;
}

export interface PredictionInput {
  readonly load: readonly Invocation[];
  readonly cpuMs: number;
  readonly memoryMiB: number;
  readonly maxConcurrency: MaxConcurrency;
}

const unknown: Prediction = {
  gbHours: Number.NaN,
  activeCpuS: Number.NaN,
  instancesPeak: Number.NaN,
  instancesStarted: Number.NaN,
  instanceHours: Number.NaN,
  p50Ms: Number.NaN,
  p99Ms: Number.NaN,
  coldStarts: Number.NaN,
  failed: Number.NaN,
};

export async function predict(_input: PredictionInput): Promise<Prediction> {
  return unknown;
}
