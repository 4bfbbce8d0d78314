import type { Clock } from '../../base/clock.ts';
import type { Explainable, Explained } from '../../model/explain.ts';
import type { HandlersOf, ServerEvent } from '../api/handler.ts';
import { ApiError } from '../../api/errors.ts';
import type { NowCounter } from './now.ts';

export interface NowHandlerParts {
  readonly clock: Clock;
  readonly now: NowCounter;
  explain(name: string | null): Explained;
  /** Whether production clients are led to the deployment. */
  isLive(deployment: string): boolean;
}

export const nowHandlers = (parts: NowHandlerParts): HandlersOf<'now' | 'nowEvents' | 'explain'> => ({
  now: ({ query }) => parts.now.report(query.project),
  async *nowEvents({ query, signal }): AsyncGenerator<ServerEvent> {
    while (!signal.aborted) {
      yield { event: 'now', data: parts.now.latest(query.project) };
      await second(parts.clock, signal);
    }
  },
  explain({ query }) {
    const found = parts.explain(query.function ?? null);
    const explained = found.kind === 'ambiguous' ? (liveOf(parts, found.candidates) ?? found) : found;
    if (explained.kind === 'unknown') {
      const meant = explained.meant === null ? '' : ` Did you mean ${explained.meant}?`;
      throw new ApiError('FUNCTION_NOT_FOUND', `There is no function ${explained.name}.${meant}`);
    }
    return { ...explained };
  },
});

/** Of the versions of one function, the one that production clients are led to; null: they are of several. */
function liveOf(parts: NowHandlerParts, candidates: readonly Explainable[]): Explained | null {
  const live = candidates.filter(({ id }) => parts.isLive(id.slice(0, id.indexOf('/'))));
  return live.length === 1 ? parts.explain(live[0]!.id) : null;
}

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
