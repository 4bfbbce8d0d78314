import type { LedgerReport } from '../meter/ledger.ts';
import type { Vitals } from '../model/vitals.ts';
import type { InstanceState } from './instance-state.ts';
import type { Instance } from './instance.ts';
import type { Pool } from './pool.ts';

/** Plain data for the status page; nothing of it is live. */
export interface RouterStatus {
  readonly functions: readonly FunctionStatus[];
  readonly stems: readonly InstanceStatus[];
  /** Everything the meter has counted. */
  readonly usage: LedgerReport;
}

export interface FunctionStatus {
  readonly id: string;
  readonly label: string;
  /** Invocations that a new instance may have at once. */
  readonly limit: number;
  /** No longer published. */
  readonly retired: boolean;
  readonly instances: readonly InstanceStatus[];
  /** Accepted and not settled. */
  readonly live: number;
  readonly queued: number;
  readonly oldestQueuedMs: number;
  /** By reason: invocations that an instance refused, that were recalled, or whose instance was lost before they began. */
  readonly nacks: Readonly<Record<string, number>>;
  /** Why no instance is started at the moment. */
  readonly backingOff: string | null;
}

export interface InstanceStatus {
  readonly id: string;
  readonly state: InstanceState['kind'];
  readonly pid: number | null;
  readonly memoryMiB: number;
  readonly ageMs: number;
  readonly inFlight: number;
  readonly background: number;
  /** Why it takes nothing new at the moment. */
  readonly paused: string | null;
  readonly vitals: Vitals;
}

export function instanceStatus(instance: Instance, nowMs: number): InstanceStatus {
  return {
    id: instance.id,
    state: instance.state.kind,
    pid: instance.pid ?? instance.process?.pid ?? null,
    memoryMiB: instance.memoryMiB,
    ageMs: Math.round(nowMs - instance.startedMs),
    inFlight: instance.streams.count,
    background: instance.background,
    paused: instance.pause?.reason ?? null,
    vitals: instance.vitals,
  };
}

export function functionStatus(pool: Pool, nowMs: number): FunctionStatus {
  const backoff = pool.backingOff(nowMs);
  return {
    id: pool.spec.id,
    label: pool.spec.label,
    limit: pool.scheduler.limit,
    retired: pool.isRetired,
    instances: [...pool.instances].map((instance) => instanceStatus(instance, nowMs)),
    live: pool.live,
    queued: pool.scheduler.waiting,
    oldestQueuedMs: Math.round(pool.scheduler.oldestAgeMs(nowMs)),
    nacks: { ...pool.nacks },
    backingOff: backoff === null ? null : `${backoff.code}: ${backoff.detail}`,
  };
}
