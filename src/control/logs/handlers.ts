import type { Clock } from '../../base/clock.ts';
import { limits } from '../../base/limits.ts';
import { ApiError } from '../../api/errors.ts';
import type { HandlersOf, Request, ServerEvent } from '../api/handler.ts';
import { sinceMs } from '../api/since.ts';
import { follow } from './follow.ts';
import type { Followed } from './follow.ts';
import type { LogStore } from './log-store.ts';
import type { Found } from './wire.ts';

export interface LogHandlerOptions {
  readonly store: LogStore;
  readonly clock: Clock;
}

type LogRoutes = 'logs' | 'logEvents' | 'invocations' | 'invocation' | 'crashes';

/**
 * Lines, invocations and crashes. A page may be empty and have a next one: a search looks at so much at a time. Spans are of when
 * an invocation settled. Events: `line`; `dropped`, `{ lines }` that are not shown since the client was too slow (null: earlier
 * ones, which cannot be read); `beat` when nothing has come for limits.logBeatMs.
 */
export function logHandlers({ store, clock }: LogHandlerOptions): HandlersOf<LogRoutes> {
  let followers = 0;
  const span = ({ from, to }: { from?: string | undefined; to?: string | undefined }) => ({
    fromMs: from === undefined ? undefined : sinceMs(from, clock.wallMs()),
    toMs: to === undefined ? undefined : sinceMs(to, clock.wallMs()),
  });
  return {
    async logs({ query: { cursor, from, to, ...asked } }) {
      return page(
        await store.ask({ kind: 'lines', query: { ...asked, ...span({ from, to }), before: placeOf(cursor) } }),
      );
    },
    async invocations({ query: { cursor, from, to, ...asked } }) {
      return page(
        await store.ask({ kind: 'invocations', query: { ...asked, ...span({ from, to }), before: placeOf(cursor) } }),
      );
    },
    async crashes({ query: { cursor, from, ...asked } }) {
      return page(
        await store.ask({ kind: 'crashes', query: { ...asked, ...span({ from }), before: placeOf(cursor) } }),
      );
    },
    async invocation({ params }) {
      const found = await store.ask({ kind: 'invocation', id: params.invocation });
      if (found === null) throw new ApiError('INVOCATION_NOT_FOUND');
      return { invocation: found.invocation, lines: found.lines, linesDropped: found.linesLeftOut };
    },
    async *logEvents(request) {
      if (followers >= limits.logFollowers) {
        throw new ApiError('TOO_MANY_REQUESTS', `${limits.logFollowers} clients follow the log already.`);
      }
      followers += 1;
      try {
        for await (const followed of follow(store, clock, followingOf(request))) yield eventOf(followed);
      } finally {
        followers -= 1;
      }
    },
  };
}

const page = <T>({ items, next }: Found<T>) => ({ items, next: next === null ? null : String(next) });

const place = /^\d{1,16}$/;

function placeOf(cursor: string | undefined): number | undefined {
  if (cursor === undefined) return undefined;
  if (place.test(cursor)) return Number(cursor);
  throw new ApiError('INVALID_REQUEST', 'The cursor is none that a page gave.', [
    { path: 'query.cursor', message: '`next` of the page before' },
  ]);
}

/** Where an EventSource has stopped it says itself; whatever is no place of ours is no place. */
function followingOf(request: Request<'logEvents'>) {
  const { tail, ...filter } = request.query;
  const last = request.header('last-event-id') ?? '';
  return { filter, tail, afterId: place.test(last) ? Number(last) : null, signal: request.signal };
}

function eventOf(followed: Followed): ServerEvent {
  switch (followed.kind) {
    case 'line':
      return { event: 'line', id: followed.line.id, data: followed.line };
    case 'dropped':
      return { event: 'dropped', data: { lines: followed.lines } };
    case 'beat':
    default:
      return { event: 'beat', data: {} };
  }
}
