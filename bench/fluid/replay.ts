// The trace against a real function that waits for a model, once with one invocation per instance, once fluid.
import type { TraceRow } from '../simulation/trace.ts';
import { weir } from '../targets.ts';
import { atTimes, latencyOf } from './generator.ts';
import type { Arrival, Latency } from './generator.ts';
import { modelWaitMs, startModel } from './model.ts';
import { othersSince } from './others.ts';
import { functionOf, watch } from './platform.ts';
import type { FunctionView, Watched } from './platform.ts';
import { ended, sleep } from './processes.ts';

/**
 * Time goes so much faster than in the trace: arrivals and the model's waits alike. So as many are under way at once as
 * there were, in bursts of the same shape, and neither kind of platform is asked for more than this machine has. What is
 * not compressed is what the platform and the function do themselves, CPU and starts: against waits that are a fifth they
 * weigh five times as much as they would, for both.
 */
export const speedUp = 5;

export const memoryMiB = 256;
/** From the platform being ready to the first request. */
export const leadMs = 2_000;
const name = 'api/generate';

/** What such functions do: read the prompt, count, ask the model, pass on what it says. */
const source = `
export async function POST(request) {
  const { prompt, tokens } = await request.json();
  const words = prompt.split(/\\s+/).length;
  const answer = await fetch(process.env.MODEL, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-tokens': String(tokens) },
    body: JSON.stringify({ model: 'code', messages: [{ role: 'user', content: prompt }] }),
  });
  const { text } = await answer.json();
  return Response.json({ words, text });
}
`;

export type MaxConcurrency = 1 | 'auto';

const projectFiles = (maxConcurrency: MaxConcurrency, model: string): Readonly<Record<string, string>> => ({
  [`${name}.js`]: source,
  'weir.json': JSON.stringify({
    functions: { [`${name}.js`]: { maxConcurrency, memory: memoryMiB, environment: { MODEL: model } } },
  }),
});

/** What the trace's requests bring on average: 2,077 tokens, at four letters a token, as code has. */
const prompt = 'let '.repeat(2_077);

export interface Invocation {
  readonly atMs: number;
  /** What the model takes. */
  readonly waitMs: number;
}

/** What of the trace is the load, in the time of the replay. */
export const invocations = (rows: readonly TraceRow[]): Invocation[] =>
  rows.map((row) => ({ atMs: row.atMs / speedUp, waitMs: modelWaitMs(row.generatedTokens) / speedUp }));

const arrivals = (rows: readonly TraceRow[]): Required<Arrival>[] =>
  rows.map(({ atMs, generatedTokens }) => ({
    atMs: atMs / speedUp,
    path: `/${name}`,
    body: JSON.stringify({ prompt, tokens: generatedTokens }),
  }));

/** What an instance takes of CPU beside its invocations, milliseconds. */
export interface Overhead {
  /** Once: it loads what the function uses, and its first invocations find nothing optimised. */
  readonly startCpuMs: number;
  /** For each second that it is there: what it reports of itself, several times a second. */
  readonly idleCpuMs: number;
}

export interface Replayed {
  readonly overhead: Overhead;
  readonly latency: Latency;
  readonly watched: Watched;
  readonly view: FunctionView;
  /** Of the processors, 0 to 1: what had nothing to do with it. */
  readonly othersShare: number;
}

/** Rejects when it is interrupted, or when the machine runs short of memory; whatever was started is stopped then. */
export async function replay(
  rows: readonly TraceRow[],
  maxConcurrency: MaxConcurrency,
  signal: AbortSignal,
): Promise<Replayed> {
  const model = await startModel(speedUp);
  try {
    const files = projectFiles(maxConcurrency, `${model.origin}/generate`);
    // The first request of all fills the bytecode cache.
    await onPlatform(files, (origin) => overheadOf(origin, rows, signal));
    const overhead = await onPlatform(files, (origin) => overheadOf(origin, rows, signal));
    const run = await onPlatform(files, (origin) => load(origin, rows, signal));
    return { ...run, overhead };
  } finally {
    await model.stop();
  }
}

/** Of one instance: five invocations one after the other, five more, and nothing. */
async function overheadOf(origin: string, rows: readonly TraceRow[], signal: AbortSignal): Promise<Overhead> {
  const { path, body } = arrivals(rows.slice(0, 1))[0]!;
  const five = [0, 1, 2, 3, 4].map((turn): Arrival => ({ path, body, atMs: turn * 250 }));
  const afterMs = async (load: readonly Arrival[], restMs: number): Promise<number> => {
    const answers = await atTimes(origin, load, signal);
    if (latencyOf(answers).failed > 0) throw new Error('the first requests failed: see what the platform printed');
    await sleep(restMs, signal);
    return (await functionOf(origin, name))?.activeCpu.totalMs ?? 0;
  };
  const firstMs = await afterMs(five, 500);
  const secondMs = await afterMs(five, 500);
  const idleMs = await afterMs([], 3_000);
  return { startCpuMs: Math.max(0, firstMs - (secondMs - firstMs)), idleCpuMs: (idleMs - secondMs) / 3 };
}

async function onPlatform<T>(files: Readonly<Record<string, string>>, use: (origin: string) => Promise<T>): Promise<T> {
  const target = await weir({ name: 'Weir fluid', files, probe: '/_weir/status' });
  try {
    return await use(target.origin);
  } finally {
    await ended(target);
  }
}

async function load(
  origin: string,
  rows: readonly TraceRow[],
  signal: AbortSignal,
): Promise<Omit<Replayed, 'overhead'>> {
  // Stems boot.
  await sleep(leadMs, signal);
  const controller = new AbortController();
  const watching = watch(origin, name, controller);
  const others = othersSince();
  try {
    const answers = await atTimes(origin, arrivals(rows), AbortSignal.any([signal, controller.signal]));
    const othersShare = others();
    const watched = await watching.watched();
    // The last vitals, with what they say of CPU.
    await sleep(500, signal);
    const view = await functionOf(origin, name);
    if (view === null) throw new Error(`no request has reached ${name}`);
    return { latency: latencyOf(answers), watched, view, othersShare };
  } finally {
    controller.abort();
  }
}
