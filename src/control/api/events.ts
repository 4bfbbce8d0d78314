import { ApiError } from '../../api/errors.ts';
import type { ServerEvent } from './handler.ts';

/**
 * Server-sent events (HTML Living Standard, 9.2), at the pace of the client: the next one is asked for when there is room.
 * What is refused before the first event is thrown.
 */
export async function eventStream(
  events: AsyncIterable<ServerEvent>,
  signal: AbortSignal,
  onMistake: (error: unknown) => void,
): Promise<Response> {
  const iterator = events[Symbol.asyncIterator]();
  const first = iterator.next();
  // Told when it is asked for.
  first.catch(() => undefined);
  // A stream whose first event is yet to come answers at once; one that is refused says so instead.
  await Promise.race([first, new Promise((resolve) => void setImmediate(resolve))]);
  const encoder = new TextEncoder();
  let next: Promise<IteratorResult<ServerEvent>> | null = first;
  const stream = new ReadableStream<Uint8Array>({
    start(controller) {
      controller.enqueue(encoder.encode(': weir\n\n'));
    },
    async pull(controller) {
      try {
        const { value, done } = await (next ?? iterator.next());
        next = null;
        if (done === true || signal.aborted) controller.close();
        else controller.enqueue(encoder.encode(textOf(value)));
      } catch (error) {
        if (!signal.aborted && !(error instanceof ApiError)) onMistake(error);
        controller.close();
      }
    },
    async cancel() {
      await iterator.return?.();
    },
  });
  const headers = { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store', 'X-Accel-Buffering': 'no' };
  return new Response(stream, { headers });
}

/** JSON has no line breaks. */
function textOf({ event, id, data }: ServerEvent): string {
  return `event: ${event}\n${id === undefined ? '' : `id: ${id}\n`}data: ${JSON.stringify(data)}\n\n`;
}
