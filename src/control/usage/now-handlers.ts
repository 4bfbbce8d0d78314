import type { Clock } from '../../base/clock.ts';
import type { Explained } from '../../model/explain.ts';
import type { HandlersOf, ServerEvent } from '../api/handler.ts';
import { ApiError } from '../../api/errors.ts';
import type { NowCounter } from './now.ts';

export interface NowHandlerParts {
  readonly clock: Clock;
  readonly now: NowCounter;
  explain(name: string | null): Explained;
}

export const nowHandlers = (parts: NowHandlerParts): HandlersOf<'now' | 'nowEvents' | 'explain'> => ({
  now: ({ query }) => parts.now.report(query.project),
  async *nowEvents({ query, signal }): AsyncGenerator<ServerEvent> {
    while (!signal.aborted) {
      yield { event: 'now', data: parts.now.report(query.project) };
      await second(parts.clock, signal);
    }
  },
  explain({ query }) {
    const explained = parts.explain(query.function ?? null);
    if (explained.kind === 'unknown') {
      const meant = explained.meant === null ? '' : ` Did you mean ${explained.meant}?`;
      throw new ApiError('FUNCTION_NOT_FOUND', `There is no function ${explained.name}.${meant}`);
    }
    return { ...explained };
  },
});

/** Or until the client is gone. */
function second(clock: Clock, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      timer.cancel();
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = clock.after(1000, done);
    signal.addEventListener('abort', done);
    if (signal.aborted) done();
  });
}
