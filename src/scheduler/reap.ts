import { limits } from '../base/limits.ts';

export interface Idleness {
  readonly inFlight: number;
  /** Promises handed to waitUntil that have not settled: an instance that has some is not idle. */
  readonly background: number;
  /** Since when it has had nothing in flight. */
  readonly idleSinceMs: number;
}

export interface ReapPolicy {
  readonly keepAliveMs: number;
}

const defaultReapPolicy: ReapPolicy = { keepAliveMs: limits.idleKeepAliveMs };

/** Whether an instance has been idle for so long that it may be drained. */
export function reapable(instance: Idleness, nowMs: number, policy: ReapPolicy = defaultReapPolicy): boolean {
  return instance.inFlight === 0 && instance.background === 0 && nowMs - instance.idleSinceMs >= policy.keepAliveMs;
}
