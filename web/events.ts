import type { CallOrder } from '../src/api/client.ts';
import { Failure, request } from './api.ts';
import { after } from './clock.ts';
import type { Endpoint } from './endpoints.ts';
import { EventParser } from './event-parser.ts';
import type { ServerEvent } from './event-parser.ts';

export type Connection = 'connecting' | 'open' | 'waiting' | 'ended';

interface Listener {
  event(event: ServerEvent): void;
  state?(state: Connection, failure: Failure | null): void;
  /** Whether it is over when the control ends it; else it is asked for again. */
  readonly ends?: boolean;
}

const firstWaitMs = 500;
const longestWaitMs = 15_000;

/**
 * Follows a stream of events: by fetch, since EventSource cannot send the token. After an interruption it goes on from the
 * last event that had an id. The answer ends it.
 */
export function followEvents<N extends Endpoint>(name: N, order: CallOrder<N>, listener: Listener): () => void {
  const controller = new AbortController();
  void run(name, { ...order, signal: controller.signal }, listener);
  return () => controller.abort();
}

async function run<N extends Endpoint>(
  name: N,
  order: CallOrder<N> & { readonly signal: AbortSignal },
  listener: Listener,
): Promise<void> {
  const { signal } = order;
  let lastId: string | null = null;
  let waitMs = firstWaitMs;
  while (!signal.aborted) {
    let failure: Failure | null = null;
    try {
      listener.state?.('connecting', null);
      const headers: Record<string, string> = { Accept: 'text/event-stream' };
      if (lastId !== null) headers['Last-Event-ID'] = lastId;
      const response = await request(name, order, { headers });
      listener.state?.('open', null);
      await read(response, (event) => {
        lastId = event.id ?? lastId;
        waitMs = firstWaitMs;
        if (!signal.aborted) listener.event(event);
      });
    } catch (error) {
      // Else the connection broke off, or was ended here.
      if (error instanceof Failure) failure = error;
    }
    if (signal.aborted) return;
    // Asking again would not help: what was asked is refused, or it was all.
    const refused =
      failure !== null && !['UNREACHABLE', 'UNREADABLE', 'INTERNAL_ERROR', 'TOO_MANY_REQUESTS'].includes(failure.code);
    if (refused || (listener.ends === true && failure === null)) return listener.state?.('ended', failure);
    listener.state?.('waiting', failure);
    await pause(waitMs, signal);
    waitMs = Math.min(longestWaitMs, waitMs * 2);
  }
}

async function read(response: Response, event: (event: ServerEvent) => void): Promise<void> {
  if (response.body === null) return;
  const parser = new EventParser();
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    for (const found of parser.feed(value)) event(found);
  }
}

/** Until it is time, or the network is back. */
function pause(delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const cancel = after(delayMs, go);
    function go(): void {
      cancel();
      removeEventListener('online', go);
      signal.removeEventListener('abort', go);
      resolve();
    }
    addEventListener('online', go);
    signal.addEventListener('abort', go);
  });
}
