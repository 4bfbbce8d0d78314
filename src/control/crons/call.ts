import type { Clock } from '../../base/clock.ts';
import { limits } from '../../base/limits.ts';
import { cronHeader } from '../../model/cron-schedule.ts';
import { type EdgeAddress, type EdgeAnswer, http, requestEdge } from '../edge-request.ts';

/** What a cron asks of the edge: GET, once. */
export interface CronCall {
  readonly host: string;
  readonly path: string;
  readonly schedule: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly withinMs: number;
}

export type CronAnswer = EdgeAnswer;

export interface CronCallerParts {
  readonly clock: Clock;
  /** Where this platform listens, asked at each call. */
  readonly edge: () => EdgeAddress;
  /** The edge's `cronKey`. */
  readonly key: string;
}

export function cronCaller({ clock, edge, key }: CronCallerParts): (call: CronCall) => Promise<CronAnswer> {
  // A connection that was kept may be closed by the other side just then: a call that is never repeated has its own.
  const agent = new http.Agent({ keepAlive: false, maxSockets: limits.cronCallsAtOnce });
  return ({ schedule, host, path, withinMs, ...call }) => {
    const headers = { ...call.headers, [cronHeader]: `${key} ${schedule}` };
    const mostBytes = limits.cronAnswerBytes;
    return requestEdge({ host, path, withinMs, headers, edge: edge(), agent, clock, mostBytes });
  };
}
