// What an invocation's way from instance to instance ends by.
import type { Failure } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import type { NackReason } from '../model/vitals.ts';

/** Reasons for which an instance that has done nothing yet had no good start. */
export const badStart: ReadonlySet<string> = new Set<NackReason>([
  'cpu',
  'memory',
  'fds',
  'loop',
  'lifetime',
  'errors',
  'unloaded',
]);

/** Reasons that are about what it has at once: with less it would not have refused. */
export const guards: ReadonlySet<string> = new Set<NackReason>(['cpu', 'memory', 'fds', 'loop']);

/** What an instance says of itself; recalls, and instances that were lost, are no reason to give an invocation up. */
export const refusals: ReadonlySet<string> = new Set<NackReason>([
  'cpu',
  'memory',
  'fds',
  'lifetime',
  'limit',
  'errors',
]);

export const waitedInVain: Failure = {
  code: 'FUNCTION_THROTTLED',
  detail: `no instance could take it within ${limits.queueWaitMs} ms`,
};
export const stopped: Failure = { code: 'FUNCTION_THROTTLED', detail: 'the router was stopped', retryAfterS: 1 };

export const replaced: Failure = {
  code: 'FUNCTION_THROTTLED',
  detail: 'a newer version takes its place, and none may run beside it',
  retryAfterS: 1,
};

/** Why one that came back is not sent anywhere else; null: it is. */
export function givenUp(
  { refusals: count, receivedMs }: { readonly refusals: number; readonly receivedMs: number },
  reason: string,
  nowMs: number,
): Failure | null {
  if (count >= limits.refusals) {
    const detail = `${limits.refusals} instances refused it, the last one: ${reason}`;
    return { code: 'FUNCTION_THROTTLED', detail };
  }
  return nowMs >= receivedMs + limits.queueWaitMs ? waitedInVain : null;
}

/** What a client may know: the kind of the error. What it says and where is the log's, it may name secrets and paths. */
export function loadDetail(message: string): string {
  const kind = /^(?:Uncaught )?([A-Za-z]*Error)\b/.exec(message)?.[1] ?? 'an error';
  return `the function could not be loaded (${kind}); its log says more`;
}

interface Queue {
  readonly waiting: number;
  shift(): { fail(code: Failure['code'], detail: string, retryAfterS?: number): void } | undefined;
}

/** Only those that wait now: who is told may ask again. */
export function failWaiting(queue: Queue, { code, detail, retryAfterS }: Failure): void {
  for (let left = queue.waiting; left > 0; left -= 1) queue.shift()?.fail(code, detail, retryAfterS);
}
