import { join } from 'node:path';
import type { Log } from '../base/log.ts';
import type { Clock } from '../base/clock.ts';
import { type LogStore, openLogStore } from '../control/logs/log-store.ts';
import { type MetricsServer, startMetricsServer } from '../control/metrics/metrics-server.ts';
import { PlatformMetrics } from '../control/metrics/platform-metrics.ts';
import type { Control } from '../control/control.ts';
import { NowCounter } from '../control/usage/now.ts';
import { UsageWriter } from '../control/usage/usage-writer.ts';
import { UsageCollector } from '../meter/collector.ts';
import type { Ledger } from '../meter/ledger.ts';
import type { UsageRow } from '../meter/rollup.ts';
import type { Explanation } from '../model/explain.ts';
import { statusReport } from '../router/report.ts';
import { listenOnFree, urlOf } from './listening.ts';
import type { Router } from '../router/router.ts';

export interface WatchedParts {
  readonly log: Log;
  readonly version: string;
  readonly metrics: { readonly port: number; readonly host: string } | null;
  /** Of the control: where the log is. */
  readonly dir: string;
  tracesDropped(): number;
  readonly clock: Clock;
  readonly ledger: Ledger;
  readonly router: Router;
}

/** What watches what the platform does. */
export async function watching(control: Control, parts: WatchedParts) {
  const { clock, ledger, router, log, dir } = parts;
  const { usage, settings, served } = control;
  const store = await openLogStore({
    file: join(dir, 'logs', 'log.db'),
    clock,
    log,
    retention: settings.get().retention,
  });
  const metrics =
    parts.metrics === null ? null : await servedMetrics(parts, parts.metrics, store).catch(closing(store));
  const writer = new UsageWriter({ clock, log, write: (rows) => usage.add(rows) });
  const collector = new UsageCollector({ clock, ledger, sink: (rows) => writer.add(rows) });
  const prices = () => settings.get().prices;
  ledger.prices = prices();
  const now = new NowCounter({
    clock,
    router: () => router.status(),
    prices,
    limits: (id) => limitsOf(router.explain(id)),
    isLive: (deployment) => served.isLive(deployment),
  });
  const close = async (): Promise<void> => {
    now.close();
    collector.close();
    writer.close();
    await Promise.all([metrics?.close(), store.close()]);
  };
  /** Of the minute under way, and what is not written yet. */
  const current = (): UsageRow[] => [...writer.waiting, ...collector.current()];
  return { usage, current, now, prices, logs: store, metricsUrl: metrics?.url ?? null, close };
}

/** What was opened before is not left behind by what could not be. */
const closing =
  (store: LogStore) =>
  async (error: unknown): Promise<never> => {
    await store.close();
    throw error;
  };

/** For Prometheus, on a port of its own. */
async function servedMetrics(parts: WatchedParts, { port, host }: { port: number; host: string }, store: LogStore) {
  const { router, version, log } = parts;
  const metrics = new PlatformMetrics({
    version,
    status: () => statusReport(router.status()),
    logBytes: () => store.usedBytes,
    tracesDropped: () => parts.tracesDropped(),
  });
  let server: MetricsServer | null = null;
  const listener = {
    async listen(at: number, address: string) {
      server = await startMetricsServer({ port: at, host: address, text: () => metrics.text() });
      return server;
    },
  };
  try {
    const listening = await listenOnFree(listener, { port, host, log, option: '--metrics-port' });
    const close = async (): Promise<void> => {
      metrics.close();
      await server?.close();
    };
    return { url: urlOf(host, listening, '/metrics'), close };
  } catch (error) {
    metrics.close();
    throw error;
  }
}

function limitsOf(explanation: Explanation | null) {
  if (explanation === null) return null;
  const reason = explanation.decisions.findLast(({ text }) => text.startsWith('limit'))?.text ?? null;
  return { reason, instances: new Map(explanation.instances.map(({ id, limit }) => [id, limit])) };
}
