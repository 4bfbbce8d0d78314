import type { TraceRow } from '../trace.ts';
import type { Workload } from '../workload.ts';
import { llm } from './llm.ts';
import { rare } from './rare.ts';
import { bimodal, cpuBound, halfAndHalf } from './steady.ts';
import { cpuBursts, onOff, sawtooth } from './waves.ts';

export interface WorkloadInput {
  /** The LLM trace, read when it is needed. */
  readonly trace: () => readonly TraceRow[];
  readonly seed: number;
  /** A small part of it, for a quick look. */
  readonly quick: boolean;
}

/** In the order of the report. */
export const workloads: Readonly<Record<string, (input: WorkloadInput) => Workload>> = {
  'llm-1x': ({ trace, seed, quick }) => llm(trace(), 1, seed, quick),
  'llm-10x': ({ trace, seed, quick }) => llm(trace(), 10, seed, quick),
  'llm-100x': ({ trace, seed, quick }) => llm(trace(), 100, seed, quick),
  cpu: ({ seed, quick }) => cpuBound(seed, quick),
  'cpu-bursts': ({ seed, quick }) => cpuBursts(seed, quick),
  half: ({ seed, quick }) => halfAndHalf(seed, quick),
  bimodal: ({ seed, quick }) => bimodal(seed, quick),
  'on-off': ({ seed, quick }) => onOff(seed, quick),
  sawtooth: ({ seed, quick }) => sawtooth(seed, quick),
  rare: ({ seed, quick }) => rare(seed, quick, 'production'),
  'rare-previews': ({ seed, quick }) => rare(seed, quick, 'preview'),
};
