import type { Clock } from '../../base/clock.ts';
import { limits } from '../../base/limits.ts';
import { type EdgeAddress, type EdgeAnswer, http, requestEdge } from '../edge-request.ts';

/** What a cron asks of the edge: GET, once. */
export interface CronCall {
  readonly host: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly withinMs: number;
}

export type CronAnswer = EdgeAnswer;

/** `edge`: where this platform listens, asked at each call. */
export function cronCaller(edge: () => EdgeAddress, clock: Clock): (call: CronCall) => Promise<CronAnswer> {
  // A connection that was kept may be closed by the other side just then: a call that is never repeated has its own.
  const agent = new http.Agent({ keepAlive: false, maxSockets: limits.cronCallsAtOnce });
  return (call) => requestEdge({ ...call, edge: edge(), agent, clock, mostBytes: limits.cronAnswerBytes });
}
