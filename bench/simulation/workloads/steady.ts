import { Sampling } from '../sampling.ts';
import { type Workload, WorkloadBuilder } from '../workload.ts';
import { poisson } from './arrivals.ts';

const machine = { cores: 4, memoryMiB: 64 * 1024 };
const memoryMiB = 256;
const leadMs = 10_000;
const spanOf = (quick: boolean) => ({ fromMs: leadMs, toMs: leadMs + (quick ? 60_000 : 600_000) });

/** Of the logarithm of CPU times: most are within a factor of two of the median. */
export const cpuSigma = 0.4;
export const cpuMedianMs = 70;
/** The mean of a log-normal is median × exp(σ² ÷ 2). */
export const cpuMeanMs = cpuMedianMs * Math.exp(cpuSigma ** 2 / 2);

export function cpuBound(seed: number, quick: boolean): Workload {
  const sampling = new Sampling(seed);
  const builder = new WorkloadBuilder();
  const span = spanOf(quick);
  poisson(sampling, span, (0.7 * machine.cores * 1000) / cpuMeanMs, (atMs) => {
    builder.add(atMs, [sampling.logNormal(cpuMedianMs, cpuSigma)]);
  });
  return builder.build(
    {
      name: 'cpu',
      title: 'CPU-bound',
      about:
        `Every invocation computes, ${cpuMedianMs} ms at the median (log-normal, σ ${cpuSigma}), and never waits. Poisson arrivals ` +
        'that need 70 % of four cores.',
      whenItLoses:
        'Knative runs what computes on fewer instances than there are cores, with dozens waiting in each: an instance that is always busy costs less than two that are busy for half of the time, and takes many times as long to answer.',
      whenSlower:
        'What computes gains nothing from sharing an instance: an instance per core is the best there is, and they have to be started first.',
    },
    {
      machine,
      functions: [{ name: 'render', routes: ['/api/render'], memoryMiB }],
      durationMs: span.toMs,
      measureFromMs: 0,
    },
  );
}

export function halfAndHalf(seed: number, quick: boolean): Workload {
  const sampling = new Sampling(seed);
  const builder = new WorkloadBuilder();
  const span = spanOf(quick);
  poisson(sampling, span, 48, (atMs) => builder.add(atMs, [25, 50, 25]));
  return builder.build(
    {
      name: 'half',
      title: '50 ms CPU, 50 ms waiting',
      about:
        'Every invocation computes for 25 ms, waits for 50 ms and computes for 25 ms. Poisson, 48 a second: 60 % of four cores.',
      whenItLoses:
        'Two at a time use an instance fully. Knative packs dozens into one, so that its instances are never idle for a moment while those that wait are late by as much.',
      whenSlower:
        'To have fewer instances than cores costs latency: what computes lets the others of its instance wait.',
    },
    {
      machine,
      functions: [{ name: 'page', routes: ['/page'], memoryMiB }],
      durationMs: span.toMs,
      measureFromMs: 0,
    },
  );
}

export function bimodal(seed: number, quick: boolean): Workload {
  const sampling = new Sampling(seed);
  const builder = new WorkloadBuilder();
  const span = spanOf(quick);
  poisson(sampling, span, 100, (atMs) => builder.add(atMs, [0.5, 1000, 0.5], 0, 0));
  poisson(sampling, span, 15, (atMs) => builder.add(atMs, [100], 0, 1));
  return builder.build(
    {
      name: 'bimodal',
      title: 'One route waits, one computes',
      about:
        'One function with two routes. `/wait` waits for 1 s and takes 1 ms of CPU, 100 a second. `/burn` computes for 100 ms, 15 a second. Four cores, of which that takes 40 %.',
      whenItLoses:
        'What computes is kept away from what waits. That takes instances of its own, which Knative does without: there, what waits is late by what computes.',
      whenSlower: 'Until the two routes are told apart, what computes holds up what waits.',
    },
    {
      machine,
      functions: [{ name: 'mixed', routes: ['/wait', '/burn'], memoryMiB }],
      durationMs: span.toMs,
      measureFromMs: 0,
    },
  );
}
