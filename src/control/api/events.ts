import { ApiError } from '../../api/errors.ts';
import type { ServerEvent } from './handler.ts';

/**
 * Server-sent events (HTML Living Standard, 9.2), at the pace of the client: the next one is asked for when there is room.
 * What is refused before the first event is thrown. However the stream ends, `events` is told to.
 */
export async function eventStream(
  events: AsyncIterable<ServerEvent>,
  signal: AbortSignal,
  onMistake: (error: unknown) => void,
): Promise<Response> {
  const iterator = events[Symbol.asyncIterator]();
  const told = (error: unknown): void => {
    if (!signal.aborted && !(error instanceof ApiError)) onMistake(error);
  };
  // Of a client that is gone nobody may ask for the rest, nor say that it is not wanted.
  const end = (): void => void Promise.resolve(iterator.return?.()).catch(told);
  signal.addEventListener('abort', end, { once: true });
  const first = iterator.next();
  // Told when it is asked for.
  first.catch(() => undefined);
  // A stream whose first event is yet to come answers at once; one that is refused says so instead.
  await Promise.race([first, new Promise((resolve) => void setImmediate(resolve))]);
  const encoder = new TextEncoder();
  let next: Promise<IteratorResult<ServerEvent>> | null = first;
  let isCancelled = false;
  const stream = new ReadableStream<Uint8Array>({
    start(controller) {
      controller.enqueue(encoder.encode(': weir\n\n'));
    },
    async pull(controller) {
      let text: string | null = null;
      try {
        const { value, done } = await (next ?? iterator.next());
        next = null;
        if (done !== true && !signal.aborted) text = textOf(value);
      } catch (error) {
        told(error);
      }
      if (isCancelled) return;
      if (text !== null) controller.enqueue(encoder.encode(text));
      else {
        signal.removeEventListener('abort', end);
        controller.close();
      }
    },
    cancel() {
      isCancelled = true;
      signal.removeEventListener('abort', end);
      end();
    },
  });
  const headers = { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store', 'X-Accel-Buffering': 'no' };
  return new Response(stream, { headers });
}

/** JSON has no line breaks. */
function textOf({ event, id, data }: ServerEvent): string {
  return `event: ${event}\n${id === undefined ? '' : `id: ${id}\n`}data: ${JSON.stringify(data)}\n\n`;
}
