import type { UsageTotals } from '../../api/observed.ts';
import { costOf, gbSeconds, noUsage } from '../../meter/account.ts';
import { Histogram } from '../../meter/histogram.ts';
import type { Prices } from '../../meter/prices.ts';
import type { UsageRow } from '../../meter/rollup.ts';
import { addedEach } from './usage-store.ts';

/** What rows come to, of whatever is added. */
export class Totals {
  #invocations = 0;
  #failed = 0;
  #failures: Readonly<Record<string, number>> = {};
  #nacks: Readonly<Record<string, number>> = {};
  readonly #starts = { cold: 0, prewarmed: 0, warm: 0 };
  #cpuUs = 0;
  #attributedUs = 0;
  #unattributedUs = 0;
  #bootUs = 0;
  /** MiB × µs, as exact as a double is. */
  #busyMiBUs = 0;
  #wallMiBUs = 0;
  #wallUs = 0;
  readonly #latency = new Histogram();
  readonly #ttfb = new Histogram();
  #peakInFlight = 0;
  #peakInstances = 0;

  add(row: UsageRow): void {
    this.#invocations += row.invocations;
    this.#failed += row.failed;
    this.#failures = addedEach(this.#failures, row.failures as Readonly<Record<string, number>>);
    this.#nacks = addedEach(this.#nacks, row.nacks as Readonly<Record<string, number>>);
    this.#starts.cold += row.cold;
    this.#starts.prewarmed += row.prewarmed;
    this.#starts.warm += row.warm;
    this.#cpuUs += row.cpuUs;
    this.#attributedUs += row.attributedUs;
    this.#unattributedUs += row.unattributedUs;
    this.#bootUs += row.bootUs;
    this.#busyMiBUs += row.memoryMiB * row.busyUs;
    this.#wallMiBUs += row.memoryMiB * row.wallUs;
    this.#wallUs += row.wallUs;
    this.#latency.merge(row.latency);
    this.#ttfb.merge(row.ttfb);
    this.#peakInFlight = Math.max(this.#peakInFlight, row.peakInFlight);
    this.#peakInstances = Math.max(this.#peakInstances, row.peakInstances);
  }

  report(prices: Prices): UsageTotals {
    const memoryGbSeconds = gbSeconds(1, this.#busyMiBUs / 1000);
    const wallGbSeconds = gbSeconds(1, this.#wallMiBUs / 1000);
    const [cpuUs, invocations] = [this.#cpuUs, this.#invocations];
    const cost = costOf({ ...noUsage, cpuUs, invocations, memoryGbSeconds, wallGbSeconds }, prices);
    return {
      invocations,
      failed: this.#failed,
      failures: this.#failures,
      nacks: this.#nacks,
      starts: { ...this.#starts },
      cpuUs,
      attributedUs: this.#attributedUs,
      unattributedUs: this.#unattributedUs,
      bootUs: this.#bootUs,
      memoryGbSeconds,
      wallGbSeconds,
      wallUs: this.#wallUs,
      latencyMs: percentilesOf(this.#latency),
      ttfbMs: percentilesOf(this.#ttfb),
      peakInFlight: this.#peakInFlight,
      peakInstances: this.#peakInstances,
      cost: { ...cost, savedUsd: cost.onePerInstanceUsd - cost.totalUsd },
    };
  }
}

/** Milliseconds. */
export function percentilesOf(histogram: Histogram): UsageTotals['latencyMs'] {
  const at = (share: number): number | null => {
    const us = histogram.quantile(share);
    return us === null ? null : us / 1000;
  };
  return { p50: at(0.5), p75: at(0.75), p90: at(0.9), p95: at(0.95), p99: at(0.99), max: at(1) };
}
