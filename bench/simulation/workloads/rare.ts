import { Sampling } from '../sampling.ts';
import { type Workload, WorkloadBuilder } from '../workload.ts';
import { varying } from './arrivals.ts';

const dayMs = 86_400_000;
const functionCount = 400;
/** Invocations a day, from the rarest function to the one that is called most: powers of ten. */
const rarest = -4.5;
const decades = 8;
const longestMs = 60_000;

/**
 * Many functions of which most are hardly ever called, over two days, of which the second is measured. Shape after the
 * Azure Functions trace of 2019 (Shahrad et al., ATC 2020): rates over eight decades, log-normal durations of about a
 * second, a third called by timers, the others by people, who sleep at night.
 */
export function rare(seed: number, quick: boolean, environment: 'production' | 'preview'): Workload {
  const sampling = new Sampling(seed);
  const builder = new WorkloadBuilder();
  const functions = Array.from({ length: functionCount }, (_, index) => ({
    name: `f${String(index).padStart(3, '0')}`,
    routes: ['/'],
    memoryMiB: 128,
    environment,
  }));
  const isPreview = environment === 'preview';
  const durationMs = quick ? dayMs / 4 : 2 * dayMs;
  const measureFromMs = quick ? 0 : dayMs;
  for (let index = 0; index < functionCount; index += 1) {
    const perDay = 10 ** (rarest + (decades * (index + 0.5)) / functionCount);
    addFunction(builder, sampling, index, { perDay, durationMs });
  }
  return builder.build(
    {
      name: isPreview ? 'rare-previews' : 'rare',
      title: isPreview ? 'The same functions as previews' : 'Many rare functions, by day and night',
      about: isPreview
        ? aboutPreviews
        : `${functionCount} functions that are called from 0.0001 to 10,000 times a day, evenly over these eight powers of ten; a third by ` +
          'timers, the others by people, four times as often at noon as at midnight. Durations are log-normal, around a second, and of ' +
          'that 5 to 60 % is CPU. Two days, of which the second is measured.',
      whenItLoses:
        'GB-hours count while there is work: for functions that are seldom called, all policies need about the same, and what is left is which of two overlapping invocations gets an instance of its own.',
      whenSlower:
        'For each of these functions an instance that waits is one for it alone: whoever keeps fewer has more cold starts.',
    },
    { machine: { cores: 8, memoryMiB: 64 * 1024 }, functions, durationMs, measureFromMs },
  );
}

const aboutPreviews =
  'The very same invocations. Weir keeps an instance of a production function for 14 days after its last invocation; of a preview ' +
  'it keeps none, but has one ready when the next invocation is due by its history. The other policies know no difference.';

function addFunction(
  builder: WorkloadBuilder,
  sampling: Sampling,
  index: number,
  { perDay, durationMs }: { readonly perDay: number; readonly durationMs: number },
): void {
  const medianMs = sampling.logNormal(600, 1);
  const cpuShare = sampling.between(0.05, 0.6);
  const invoke = (atMs: number): void => {
    const allMs = Math.min(longestMs, sampling.logNormal(medianMs, 0.6));
    const cpuMs = allMs * cpuShare;
    builder.add(atMs, [cpuMs / 2, allMs - cpuMs, cpuMs / 2], index);
  };
  if (index % 3 === 0) {
    const everyMs = dayMs / perDay;
    for (let atMs = sampling.uniform() * everyMs; atMs < durationMs; atMs += everyMs) {
      invoke(Math.min(durationMs, atMs + sampling.between(0, 500)));
    }
    return;
  }
  const perSecond = perDay / 86_400;
  // Between 0.4 and 1.6 of the mean, highest at noon.
  const at = (atMs: number): number => perSecond * (1 - 0.6 * Math.cos((2 * Math.PI * atMs) / dayMs));
  varying(sampling, { fromMs: 0, toMs: durationMs }, { most: 1.6 * perSecond, at }, invoke);
}
