// Load that is generated in this process: at given times whatever happens, or by clients that wait for their answers.
import { Agent, request } from 'node:http';
import { quantile } from '../report.ts';
import { sleep } from './processes.ts';

export interface Ask {
  readonly path: string;
  /** JSON to POST; without one it is a GET. */
  readonly body?: string;
}

export interface Arrival extends Ask {
  /** Since the start of the load. */
  readonly atMs: number;
}

export interface Answer {
  /** When it was to be sent, since the start of the load. */
  readonly atMs: number;
  /** From then, not from when it was sent: an answer that is late makes none of those behind it look fast. */
  readonly tookMs: number;
  /** What of it is the generator's own: it was sent so much later. */
  readonly lagMs: number;
  /** 0: there was none. */
  readonly status: number;
}

/** What an answer may take before it counts as failed. */
const patienceMs = 60_000;

function send(origin: string, agent: Agent, ask: Ask, signal: AbortSignal): Promise<number> {
  return new Promise((resolve) => {
    const { path, body } = ask;
    const headers = body === undefined ? {} : { 'content-type': 'application/json' };
    const method = body === undefined ? 'GET' : 'POST';
    const asked = request(origin + path, { agent, method, headers, signal }, (response) => {
      response.resume();
      response.on('error', () => resolve(0));
      response.on('end', () => resolve(response.statusCode ?? 0));
    });
    asked.setTimeout(patienceMs, () => asked.destroy());
    asked.on('error', () => resolve(0));
    asked.end(body);
  });
}

/** As many connections as there are requests under way, kept open. */
const manyConnections = (): Agent => new Agent({ keepAlive: true, maxSockets: Number.POSITIVE_INFINITY });

/**
 * Open loop: sends at the times of `arrivals`, which are in order, and resolves when the last one is answered. Rejects
 * with the signal's reason when it is aborted.
 */
export async function atTimes(origin: string, arrivals: readonly Arrival[], signal: AbortSignal): Promise<Answer[]> {
  const agent = manyConnections();
  try {
    const startedMs = performance.now();
    const under: Promise<Answer>[] = [];
    for (const arrival of arrivals) {
      const aheadMs = arrival.atMs - (performance.now() - startedMs);
      // A timer is never early; what is due by now goes out with it.
      if (aheadMs > 0) await sleep(aheadMs, signal);
      under.push(timed(origin, agent, arrival, { startedMs, signal }));
    }
    const answers = await Promise.all(under);
    signal.throwIfAborted();
    return answers;
  } finally {
    agent.destroy();
  }
}

async function timed(
  origin: string,
  agent: Agent,
  arrival: Arrival,
  { startedMs, signal }: { startedMs: number; signal: AbortSignal },
): Promise<Answer> {
  const lagMs = performance.now() - startedMs - arrival.atMs;
  const status = await send(origin, agent, arrival, signal);
  return { atMs: arrival.atMs, tookMs: performance.now() - startedMs - arrival.atMs, lagMs, status };
}

/**
 * Closed loop: `connections` clients, each of which asks again as soon as it is answered, for `seconds`. What is under
 * way then is waited for and counts. Rejects with the signal's reason when it is aborted.
 */
export async function inTurn(
  origin: string,
  ask: Ask,
  { connections, seconds, signal }: { connections: number; seconds: number; signal: AbortSignal },
): Promise<Answer[]> {
  const agent = manyConnections();
  const answers: Answer[] = [];
  const startedMs = performance.now();
  const client = async (): Promise<void> => {
    for (;;) {
      const atMs = performance.now() - startedMs;
      if (atMs >= seconds * 1000 || signal.aborted) return;
      const answer = await timed(origin, agent, { ...ask, atMs }, { startedMs, signal });
      answers.push(answer);
      // Whoever is refused at once does not ask a thousand times a second.
      if (answer.status !== 200) await sleep(100);
    }
  };
  try {
    await Promise.all(Array.from({ length: connections }, client));
    signal.throwIfAborted();
    return answers;
  } finally {
    agent.destroy();
  }
}

export interface Latency {
  readonly count: number;
  readonly failed: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  /** The generator's own part, at its p99. */
  readonly lagP99Ms: number;
}

/** Of those that succeeded; one that failed has no latency. */
export function latencyOf(answers: readonly Answer[]): Latency {
  const good = answers.filter(({ status }) => status === 200);
  const tookMs = good.map((answer) => answer.tookMs);
  return {
    count: answers.length,
    failed: answers.length - good.length,
    p50Ms: at(tookMs, 0.5),
    p99Ms: at(tookMs, 0.99),
    maxMs: at(tookMs, 1),
    lagP99Ms: at(
      answers.map(({ lagMs }) => lagMs),
      0.99,
    ),
  };
}

const at = (values: readonly number[], where: number): number =>
  values.length === 0 ? Number.NaN : quantile(values, where);
