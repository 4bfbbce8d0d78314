import type { FunctionReport } from '../meter/ledger.ts';
import type { FunctionStatus, RouterStatus } from './status.ts';

/** What the router does now beside what the meter has counted, function by function; those of earlier versions at the end. */
export function statusReport(status: RouterStatus) {
  const now = new Map(status.functions.map((each) => [each.id, each]));
  const functions = status.usage.functions
    .map((usage) => functionReport(usage, now.get(usage.function)))
    .toSorted((a, b) => Number(a.retired) - Number(b.retired));
  const { usage, cost, prices } = status.usage;
  return { functions, stems: status.stems, usage, cost, prices };
}

function functionReport(usage: FunctionReport, now: FunctionStatus | undefined) {
  return {
    id: usage.function,
    label: usage.label,
    /** A newer version has taken its place. */
    retired: now?.retired ?? true,
    limit: now?.limit ?? 0,
    instances: now?.instances ?? [],
    queued: now?.queued ?? 0,
    oldestQueuedMs: now?.oldestQueuedMs ?? 0,
    nacks: now?.nacks ?? {},
    backingOff: now?.backingOff ?? null,
    invocations: usage.usage.invocations,
    failed: usage.failed,
    failures: usage.failures,
    starts: { cold: usage.cold, prewarmed: usage.prewarmed, warm: usage.warm },
    activeCpu: {
      totalMs: usage.usage.cpuUs / 1000,
      attributedMs: usage.usage.attributedUs / 1000,
      unattributedMs: usage.usage.unattributedUs / 1000,
      /** Beside the total: what booting the instances took, which is charged to nobody. */
      bootMs: usage.usage.bootUs / 1000,
    },
    memoryGbSeconds: usage.usage.memoryGbSeconds,
    wallGbSeconds: usage.usage.wallGbSeconds,
    cost: usage.cost,
    routes: usage.routes,
    metrics: usage.metrics,
  };
}
