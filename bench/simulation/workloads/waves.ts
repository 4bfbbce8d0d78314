import { Sampling } from '../sampling.ts';
import { type Workload, WorkloadBuilder } from '../workload.ts';
import { varying } from './arrivals.ts';
import { cpuMeanMs, cpuMedianMs, cpuSigma } from './steady.ts';

const machine = { cores: 4, memoryMiB: 64 * 1024 };
const memoryMiB = 256;
const leadMs = 10_000;
const periodMs = 60_000;
const spanOf = (quick: boolean) => ({ fromMs: leadMs, toMs: leadMs + (quick ? 2 : 10) * periodMs });

export function cpuBursts(seed: number, quick: boolean): Workload {
  const sampling = new Sampling(seed);
  const builder = new WorkloadBuilder();
  const span = spanOf(quick);
  const full = (machine.cores * 1000) / cpuMeanMs;
  const at = (atMs: number): number => ((atMs - leadMs) % periodMs >= periodMs - 5_000 ? 2.5 * full : 0.35 * full);
  varying(sampling, span, { most: 2.5 * full, at }, (atMs) => {
    builder.add(atMs, [sampling.logNormal(cpuMedianMs, cpuSigma)]);
  });
  return builder.build(
    {
      name: 'cpu-bursts',
      title: 'CPU-bound, with bursts beyond the machine',
      about:
        'As CPU-bound, at 35 % of four cores, and for 5 s of every minute at 250 %: for a while there is more to compute than there is CPU, whoever schedules it.',
      whenItLoses:
        'Every core gets an instance, and between the bursts they share little work. Knative has fewer, and takes many times as long to work off a burst.',
      whenSlower:
        'While there is more to compute than there is CPU, everything waits, and what is started meanwhile takes CPU from it.',
    },
    {
      machine,
      functions: [{ name: 'render', routes: ['/api/render'], memoryMiB }],
      durationMs: span.toMs,
      measureFromMs: 0,
    },
  );
}

export function onOff(seed: number, quick: boolean): Workload {
  const sampling = new Sampling(seed);
  const builder = new WorkloadBuilder();
  const span = spanOf(quick);
  const at = (atMs: number): number => ((atMs - leadMs) % periodMs < periodMs / 2 ? 200 : 0);
  varying(sampling, span, { most: 200, at }, (atMs) => builder.add(atMs, [2.5, 200, 2.5]));
  return builder.build(
    {
      name: 'on-off',
      title: 'On and off',
      about:
        'A square wave: 200 a second for 30 s, nothing for 30 s. Each takes 5 ms of CPU and waits for 200 ms, so that one loop would just be full.',
      whenItLoses:
        'One loop would just be full, so ours takes a second one; Knative has one that is full most of the time, and lets invocations wait for it.',
      whenSlower: 'Every edge of the wave has to be served by what is there.',
    },
    {
      machine,
      functions: [{ name: 'api', routes: ['/api'], memoryMiB }],
      durationMs: span.toMs,
      measureFromMs: 0,
    },
  );
}

export function sawtooth(seed: number, quick: boolean): Workload {
  const sampling = new Sampling(seed);
  const builder = new WorkloadBuilder();
  const span = spanOf(quick);
  const at = (atMs: number): number => (300 * ((atMs - leadMs) % periodMs)) / periodMs;
  varying(sampling, span, { most: 300, at }, (atMs) => builder.add(atMs, [2.5, 300, 2.5]));
  return builder.build(
    {
      name: 'sawtooth',
      title: 'Sawtooth',
      about:
        'From nothing to 300 a second within a minute, then from nothing again. Each takes 5 ms of CPU and waits for 300 ms.',
      whenItLoses:
        'The rise is steady and the fall is at once: what was started for the top is still used a little when the next rise comes.',
      whenSlower: 'What was started for the top is gone when the next rise comes.',
    },
    {
      machine,
      functions: [{ name: 'api', routes: ['/api'], memoryMiB }],
      durationMs: span.toMs,
      measureFromMs: 0,
    },
  );
}
