import { Sampling } from '../sampling.ts';
import type { TraceRow } from '../trace.ts';
import { type MachineSpec, type Workload, WorkloadBuilder } from '../workload.ts';

/** What the model takes: until the first token, and for each. */
const firstTokenMs = 300;
const tokenMs = 20;
/** Before and after that, of the function's own. */
const cpuEachMs = 2.5;
/** The deployment is there before the first request comes. */
const leadMs = 10_000;
const leastMs = 600_000;

const machines: Readonly<Record<number, MachineSpec>> = {
  1: { cores: 4, memoryMiB: 32 * 1024 },
  10: { cores: 16, memoryMiB: 256 * 1024 },
  100: { cores: 64, memoryMiB: 2048 * 1024 },
};

/**
 * The trace at `rate` times its speed: arrival times are divided by it, so that bursts stay as they are and come as much
 * harder. (To lay copies over each other would smooth them: n independent copies vary √n times less.) What then takes less
 * than ten minutes is repeated, each time from another point of the trace on, so that nothing comes in a period.
 */
export function llm(rows: readonly TraceRow[], rate: number, seed: number, quick: boolean): Workload {
  const sampling = new Sampling(seed);
  const builder = new WorkloadBuilder();
  const traceMs = (rows.at(-1)!.atMs + 1000) / rate;
  const passes = quick ? 1 : Math.max(1, Math.ceil(leastMs / traceMs));
  const kept = quick ? rows.slice(0, Math.ceil(rows.length / 5)) : rows;
  for (let pass = 0; pass < passes; pass += 1) {
    const fromMs = pass === 0 ? 0 : sampling.uniform() * traceMs;
    for (const { atMs, generatedTokens } of kept) {
      const shiftedMs = (atMs / rate + traceMs - fromMs) % traceMs;
      const waitMs = firstTokenMs + tokenMs * generatedTokens;
      builder.add(leadMs + pass * traceMs + shiftedMs, [cpuEachMs, waitMs, cpuEachMs]);
    }
  }
  const minutes = Math.round((traceMs * passes) / 60_000);
  const spread = passes === 1 ? '' : `, ${passes} times over, each from another point on (${minutes} min in all)`;
  return builder.build(
    {
      name: `llm-${rate}x`,
      title: `LLM proxy, ${rate}×`,
      about:
        `The Azure LLM trace (coding, 2023) at ${rate} times its rate${spread}. An invocation asks a model and waits for ` +
        `${firstTokenMs} ms + ${tokenMs} ms per generated token; it takes ${2 * cpuEachMs} ms of CPU, half before and half after. ` +
        'Arrivals come in bursts (coefficient of variation 13).',
      whenItLoses:
        'For a burst more instances are started than Knative has, whose instances take whatever comes; and they are used until their work has run out.',
      whenSlower:
        'Bursts of hundreds of arrivals within a second come without warning, and wait for what is started for them.',
    },
    {
      machine: machines[rate] ?? machines[100]!,
      functions: [{ name: 'proxy', routes: ['/api/chat'], memoryMiB: 256 }],
      durationMs: leadMs + traceMs * passes * (quick ? 0.25 : 1),
      measureFromMs: 0,
    },
  );
}
