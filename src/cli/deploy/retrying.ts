import { setTimeout as sleep } from 'node:timers/promises';
import { ApiError } from '../../api/errors.ts';
import { limits } from '../../base/limits.ts';
import { Failure } from '../failure.ts';

/** Whether trying again may help: the network, or a control that is busy or being replaced. */
const isTransient = (error: unknown): boolean =>
  (error instanceof Failure && error.outcome === 'unreachable') ||
  (error instanceof ApiError && (error.status === 429 || error.code === 'INTERNAL_ERROR'));

/** Again and again, ever later, as long as what goes wrong is transient or `mayRetry`. Rejects with the last error. */
export async function retrying<T>(
  attempt: (count: number) => Promise<T>,
  signal: AbortSignal,
  mayRetry: (error: unknown) => boolean = () => false,
): Promise<T> {
  for (let count = 1; ; count += 1) {
    try {
      return await attempt(count);
    } catch (error) {
      if (signal.aborted || count >= limits.uploadAttempts || !(isTransient(error) || mayRetry(error))) throw error;
      await sleep(Math.min(limits.uploadRetryMaxMs, limits.uploadRetryMs * 2 ** (count - 1)), undefined, { signal });
    }
  }
}
