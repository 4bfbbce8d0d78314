import { limits } from '../../base/limits.ts';
import type { Schedule } from './schedule.ts';

/** What is known of a cron when the clock is looked at. */
export interface Situation {
  readonly schedule: Schedule;
  /** What was due until then is decided. */
  readonly decidedMs: number;
  readonly nowMs: number;
  readonly overlap: boolean;
  readonly enabled: boolean;
  readonly isRunning: boolean;
}

/**
 * wait: nothing is due; times until `decidedMs` are decided. run: what was due last is called now, what was due before it (the
 * clock has jumped) is not made up for. skip: it is not called, for the reason.
 */
export type Decision =
  | { readonly kind: 'wait'; readonly decidedMs: number }
  | { readonly kind: 'run'; readonly dueMs: number; readonly detail: string | null }
  | { readonly kind: 'skip'; readonly dueMs: number; readonly detail: string };

/** Pure. */
export function decide({ schedule, decidedMs, nowMs, overlap, enabled, isRunning }: Situation): Decision {
  // A clock that was set back a little does not make a time come twice; one that was wrong by more does not silence a cron.
  if (decidedMs > nowMs)
    return { kind: 'wait', decidedMs: decidedMs - nowMs > limits.cronSetBackMs ? nowMs : decidedMs };
  if (!enabled) return { kind: 'wait', decidedMs: nowMs };
  const dueMs = schedule.until(nowMs);
  if (dueMs === null || dueMs <= decidedMs) return { kind: 'wait', decidedMs };
  if (isRunning && !overlap) return { kind: 'skip', dueMs, detail: 'The run before had not ended.' };
  const firstMs = schedule.after(decidedMs)!;
  if (firstMs === dueMs) return { kind: 'run', dueMs, detail: null };
  return { kind: 'run', dueMs, detail: `The clock jumped: what was due since ${timeOf(firstMs)} is made up for once.` };
}

/** The platform was not running. What was due meanwhile is not made up for, and noted once. Null: nothing was. Pure. */
export function missed({
  schedule,
  decidedMs,
  nowMs,
  enabled,
}: Pick<Situation, 'schedule' | 'decidedMs' | 'nowMs' | 'enabled'>): { dueMs: number; detail: string } | null {
  if (!enabled) return null;
  const firstMs = schedule.after(decidedMs);
  const lastMs = schedule.until(nowMs);
  if (firstMs === null || lastMs === null || firstMs > lastMs) return null;
  const since = firstMs === lastMs ? '' : `, since ${timeOf(firstMs)}`;
  return { dueMs: lastMs, detail: `The platform was not running${since}.` };
}

const timeOf = (ms: number): string => `${new Date(ms).toISOString().slice(0, 16)}Z`;
