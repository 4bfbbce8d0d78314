// The trace against a real function that waits for a model, once with one invocation per instance, once fluid.
import type { TraceRow } from '../simulation/trace.ts';
import { weir } from '../targets.ts';
import { atTimes, latencyOf } from './generator.ts';
import type { Arrival, Latency } from './generator.ts';
import { modelWaitMs, startModel } from './model.ts';
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

const arrivals = (rows: readonly TraceRow[]): Arrival[] =>
  rows.map(({ atMs, generatedTokens }) => ({
    atMs: atMs / speedUp,
    path: `/${name}`,
    body: JSON.stringify({ prompt, tokens: generatedTokens }),
  }));

export interface Replayed {
  /** What the first request of an instance takes of CPU, milliseconds: it loads what the function uses, and nothing is optimised. */
  readonly firstCpuMs: number;
  readonly latency: Latency;
  readonly watched: Watched;
  readonly view: FunctionView;
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
    // The first one fills the bytecode cache, and shows that the function works; the second finds the cache filled.
    let first = await onPlatform(files, (origin) => load(origin, rows.slice(0, 1), signal));
    first = await onPlatform(files, (origin) => load(origin, rows.slice(0, 1), signal));
    if (first.latency.failed > 0) throw new Error('the first request failed: see what the platform printed');
    const run = await onPlatform(files, (origin) => load(origin, rows, signal));
    return { ...run, firstCpuMs: first.view.activeCpu.totalMs };
  } finally {
    await model.stop();
  }
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
): Promise<Omit<Replayed, 'firstCpuMs'>> {
  // Stems boot.
  await sleep(leadMs, signal);
  const controller = new AbortController();
  const watching = watch(origin, name, controller);
  try {
    const answers = await atTimes(origin, arrivals(rows), AbortSignal.any([signal, controller.signal]));
    const watched = await watching.watched();
    // The last vitals, with what they say of CPU.
    await sleep(500, signal);
    const view = await functionOf(origin, name);
    if (view === null) throw new Error(`no request has reached ${name}`);
    return { latency: latencyOf(answers), watched, view };
  } finally {
    controller.abort();
  }
}
