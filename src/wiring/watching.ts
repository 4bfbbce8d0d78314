import type { Clock } from '../base/clock.ts';
import type { Control } from '../control/control.ts';
import { NowCounter } from '../control/usage/now.ts';
import { costOf } from '../meter/account.ts';
import { UsageCollector } from '../meter/collector.ts';
import type { Ledger } from '../meter/ledger.ts';
import type { Explanation } from '../model/explain.ts';
import type { Router } from '../router/router.ts';

export interface WatchedParts {
  readonly clock: Clock;
  readonly ledger: Ledger;
  readonly router: Router;
}

/** What watches what the platform does. */
export function watching(control: Control, { clock, ledger, router }: WatchedParts) {
  const { usage, settings, served } = control;
  const collector = new UsageCollector({ clock, ledger, sink: (rows) => usage.add(rows) });
  const prices = () => settings.get().prices;
  const now = new NowCounter({
    clock,
    router: () => router.status(),
    used() {
      const report = ledger.report(clock.nowMs());
      const failed = report.functions.reduce((sum, each) => sum + each.failed, 0);
      return { ...report.usage, failed, cost: costOf(report.usage, prices()) };
    },
    limits: (id) => limitsOf(router.explain(id)),
    isLive: (deployment) => served.isLive(deployment),
  });
  const close = (): void => {
    now.close();
    collector.close();
  };
  return { usage, collector, now, prices, close };
}

function limitsOf(explanation: Explanation | null) {
  if (explanation === null) return null;
  const reason = explanation.decisions.findLast(({ text }) => text.startsWith('limit'))?.text ?? null;
  return { reason, instances: new Map(explanation.instances.map(({ id, limit }) => [id, limit])) };
}
