import type { NackReason } from '../model/vitals.ts';

/**
 * Admission: the core has the last word on what begins here. Pure. A refusal is a named reason; the router pauses the
 * instance until newer, healthy vitals arrive and sends the invocation elsewhere.
 */
export const thresholds = {
  /** Of the memory limit: above it, one more invocation may be the one that is killed for it. */
  memoryPermille: 900,
  /** Of the descriptor limit: above it connections begin to fail with EMFILE. */
  fdsPermille: 900,
  /** Of the last period, held back by the kernel for the CPU quota. */
  throttledPermille: 500,
  /** The loop has not come round for so long: what is read behind it would wait as long again. */
  loopMs: 250,
} as const;

/** What the process as a whole is like; measured every period, by whichever thread reports. 0: unknown or no limit. */
export interface ProcessHealth {
  readonly rssBytes: number;
  readonly memoryBytes: number;
  readonly fds: number;
  readonly fdLimit: number;
  readonly throttledPermille: number;
}

/** What ails the process; null when it is well. */
export function verdict(health: ProcessHealth): NackReason | null {
  if (health.memoryBytes > 0 && health.rssBytes * 1000 >= health.memoryBytes * thresholds.memoryPermille) {
    return 'memory';
  }
  if (health.fdLimit > 0 && health.fds * 1000 >= health.fdLimit * thresholds.fdsPermille) return 'fds';
  if (health.throttledPermille >= thresholds.throttledPermille) return 'cpu';
  return null;
}

export interface Admission {
  /** User code is loaded. */
  readonly open: boolean;
  readonly draining: boolean;
  /** An uncaught error happened: the instance only finishes what it has. */
  readonly failed: boolean;
  readonly inFlight: number;
  readonly maxConcurrency: number;
  /** How long this turn of the loop has lasted; 0 where a sentinel watches it. */
  readonly turnMs: number;
  /** Until the end of the instance's life; Infinity without one. */
  readonly lifetimeLeftMs: number;
  /** What the function may take. */
  readonly maxDurationMs: number;
  readonly verdict: NackReason | null;
}

/** Why an invocation is refused; null: it may begin. The lasting reasons come first. */
export function refusal(state: Admission): NackReason | null {
  if (state.failed) return 'errors';
  if (state.draining) return 'draining';
  if (!state.open) return 'unloaded';
  if (state.lifetimeLeftMs < state.maxDurationMs) return 'lifetime';
  if (state.inFlight >= state.maxConcurrency) return 'limit';
  if (state.verdict !== null) return state.verdict;
  return state.turnMs >= thresholds.loopMs ? 'loop' : null;
}
