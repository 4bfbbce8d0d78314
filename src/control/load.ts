import type { LoadResult } from '../api/observed.ts';
import { ApiError } from '../api/errors.ts';
import { channels } from '../base/channels.ts';
import type { Clock } from '../base/clock.ts';
import { limits } from '../base/limits.ts';
import type { InvocationRecord } from '../model/telemetry.ts';
import type { HandlersOf, Request } from './api/handler.ts';
import { type EdgeAddress, http, requestEdge } from './edge-request.ts';

export interface LoadParts {
  readonly clock: Clock;
  /** Where this platform listens, asked at each run. */
  readonly edge: () => EdgeAddress;
  /** Whether something is served under this host name, in lower case and without port. */
  readonly isServed: (host: string) => boolean;
}

/** What requests of one run came to. */
interface Tally {
  sent: number;
  readonly latenciesMs: number[];
  readonly statuses: Record<string, number>;
  readonly invocations: Set<string>;
}

/** One run at a time: two would measure each other. No machine but this one is ever contacted. */
export function loadHandlers(parts: LoadParts): HandlersOf<'load'> {
  let isRunning = false;
  return {
    load: async ({ body, signal }) => {
      const url = new URL(body.url);
      if (!/^https?:$/.test(url.protocol) || !parts.isServed(url.hostname))
        throw new ApiError('DEPLOYMENT_NOT_FOUND', `Nothing is served here under ${url.hostname || body.url}.`);
      if (isRunning) throw new ApiError('TOO_MANY_REQUESTS', 'Requests of another run are under way.');
      isRunning = true;
      try {
        return await run(parts, url, body, signal);
      } finally {
        isRunning = false;
      }
    },
  };
}

async function run(
  { clock, edge }: LoadParts,
  url: URL,
  { requests, atOnce }: Request<'load'>['body'],
  gone: AbortSignal,
): Promise<LoadResult> {
  const agent = new http.Agent({ keepAlive: true, maxSockets: atOnce });
  const late = new AbortController();
  const timer = clock.after(limits.loadMs, () => late.abort());
  const order = { edge: edge(), host: url.host, path: url.pathname + url.search, agent, clock };
  const bounds = { withinMs: limits.loadMs, mostBytes: limits.cronAnswerBytes };
  const signal = AbortSignal.any([gone, late.signal]);
  const tally: Tally = { sent: 0, latenciesMs: [], statuses: {}, invocations: new Set() };
  const instances = new AnsweringInstances();
  const fromMs = clock.nowMs();
  const client = async (): Promise<void> => {
    while (tally.sent < requests && !signal.aborted) {
      tally.sent += 1;
      await requestEdge({ ...order, ...bounds, signal }).then(
        ({ status, invocation, durationMs }) => {
          tally.latenciesMs.push(durationMs);
          tally.statuses[status] = (tally.statuses[status] ?? 0) + 1;
          if (invocation !== null) tally.invocations.add(invocation);
        },
        () => undefined,
      );
    }
  };
  try {
    await Promise.all(Array.from({ length: Math.min(requests, atOnce) }, client));
    const tookMs = clock.nowMs() - fromMs;
    // The last ones settle when the edge comes to it, in the turn in which their answers have left.
    await new Promise<void>((resolve) => clock.soon(resolve));
    return resultOf(tally, tookMs, instances.count(tally.invocations));
  } finally {
    timer.cancel();
    instances.close();
    agent.destroy();
  }
}

function resultOf({ sent, latenciesMs, statuses }: Tally, tookMs: number, instances: number): LoadResult {
  const sorted = Float64Array.from(latenciesMs).sort();
  /** The smallest that at least this part of them does not exceed. */
  const at = (part: number): number | null => sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)] ?? null;
  const latencyMs = { p50: at(0.5), p75: at(0.75), p90: at(0.9), p95: at(0.95), p99: at(0.99), max: at(1) };
  const answered = latenciesMs.length;
  return { requests: sent, answered, failed: sent - answered, statuses, tookMs, latencyMs, instances };
}

/** Which instance had an invocation, as the router tells it. When nobody tells, none is known. */
class AnsweringInstances {
  readonly #instances = new Map<string, string>();
  readonly #take = (message: unknown): void => {
    const { id, instance } = message as InvocationRecord;
    if (instance === null) return;
    this.#instances.set(id, instance);
    // Others than ours are among them.
    if (this.#instances.size > limits.loadSettledKept) this.#instances.delete(this.#instances.keys().next().value!);
  };

  constructor() {
    channels.invocation.subscribe(this.#take);
  }

  count(invocations: ReadonlySet<string>): number {
    const found = new Set<string>();
    for (const id of invocations) {
      const instance = this.#instances.get(id);
      if (instance !== undefined) found.add(instance);
    }
    return found.size;
  }

  close(): void {
    channels.invocation.unsubscribe(this.#take);
  }
}
