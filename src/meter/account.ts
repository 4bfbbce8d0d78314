import type { Prices } from './prices.ts';

/** What was used: sums of numbers, so that instances add up to functions and functions to the whole. */
export interface Usage {
  /** Ran or was refused; each once, whatever its outcome. */
  readonly invocations: number;
  /** What the operating system says the processes used from the moment they were told their function. */
  readonly cpuUs: number;
  /** What they had used before, to boot: the platform's, charged to nobody. I8: cpuUs + bootUs is the operating system's total. */
  readonly bootUs: number;
  /** CPU charged to invocations that have ended. I8: attributed + unattributed = cpuUs. */
  readonly attributedUs: number;
  readonly unattributedUs: number;
  /** Attribution beyond what the operating system says: 0 but for rounding, or the split is wrong. */
  readonly excessUs: number;
  /** Provisioned memory × time with work in flight, per instance however many invocations overlapped. */
  readonly memoryGbSeconds: number;
  /** Provisioned memory × wall-clock of every invocation: the same traffic, one invocation per instance. */
  readonly wallGbSeconds: number;
}

export const noUsage: Usage = {
  invocations: 0,
  cpuUs: 0,
  bootUs: 0,
  attributedUs: 0,
  unattributedUs: 0,
  excessUs: 0,
  memoryGbSeconds: 0,
  wallGbSeconds: 0,
};

export const addUsage = (left: Usage, right: Usage): Usage => ({
  invocations: left.invocations + right.invocations,
  cpuUs: left.cpuUs + right.cpuUs,
  bootUs: left.bootUs + right.bootUs,
  attributedUs: left.attributedUs + right.attributedUs,
  unattributedUs: left.unattributedUs + right.unattributedUs,
  excessUs: left.excessUs + right.excessUs,
  memoryGbSeconds: left.memoryGbSeconds + right.memoryGbSeconds,
  wallGbSeconds: left.wallGbSeconds + right.wallGbSeconds,
});

/** What the meter adds up of one function: whole numbers, so that sums are exact (2^53 µs are 285 years). */
export interface Totals {
  readonly invocations: number;
  readonly cpuUs: number;
  readonly attributedUs: number;
  readonly excessUs: number;
  readonly bootUs: number;
  /** Time with work in flight, per instance however many invocations overlapped. */
  readonly busyUs: number;
  /** Time of every invocation on its instance. */
  readonly wallUs: number;
}

export const noTotals: Totals = {
  invocations: 0,
  cpuUs: 0,
  attributedUs: 0,
  excessUs: 0,
  bootUs: 0,
  busyUs: 0,
  wallUs: 0,
};

export const addTotals = (left: Totals, right: Totals): Totals => combine(left, right, 1);
export const subtractTotals = (left: Totals, right: Totals): Totals => combine(left, right, -1);

function combine(left: Totals, right: Totals, sign: 1 | -1): Totals {
  return {
    invocations: left.invocations + sign * right.invocations,
    cpuUs: left.cpuUs + sign * right.cpuUs,
    attributedUs: left.attributedUs + sign * right.attributedUs,
    excessUs: left.excessUs + sign * right.excessUs,
    bootUs: left.bootUs + sign * right.bootUs,
    busyUs: left.busyUs + sign * right.busyUs,
    wallUs: left.wallUs + sign * right.wallUs,
  };
}

export const usageOf = (totals: Totals, memoryMiB: number): Usage => ({
  invocations: totals.invocations,
  cpuUs: totals.cpuUs,
  bootUs: totals.bootUs,
  attributedUs: totals.attributedUs,
  unattributedUs: totals.cpuUs - totals.attributedUs,
  excessUs: totals.excessUs,
  memoryGbSeconds: gbSeconds(memoryMiB, totals.busyUs / 1000),
  wallGbSeconds: gbSeconds(memoryMiB, totals.wallUs / 1000),
});

/** GiB-seconds: 1,769 MiB for 1 s a million times is 479.87 GB-hours, as the hosted platform's example has it. */
export function gbSeconds(memoryMiB: number, ms: number): number {
  return (memoryMiB / 1024) * (ms / 1000);
}

/**
 * I8: splits what the operating system says into attributed and the rest. An answer can arrive before the vitals that
 * count its CPU, so the total is never below what was attributed; what lies above the last reading is `excessUs`.
 */
export function splitCpu(
  osUs: number,
  attributedUs: number,
): Pick<Usage, 'cpuUs' | 'attributedUs' | 'unattributedUs' | 'excessUs'> {
  const cpuUs = Math.max(osUs, attributedUs);
  return { cpuUs, attributedUs, unattributedUs: cpuUs - attributedUs, excessUs: cpuUs - osUs };
}

export interface Cost {
  readonly cpuUsd: number;
  readonly memoryUsd: number;
  readonly invocationsUsd: number;
  readonly totalUsd: number;
  /** What one-invocation-per-instance with wall-clock GB-hours would have charged for the very same traffic. */
  readonly onePerInstanceUsd: number;
  /** How much less, in percent of that; negative when it is more, 0 when there is nothing to compare. */
  readonly savedPercent: number;
}

/** US dollars: `cpu h × rate + GB-h × rate + invocations × rate`, and beside it `wall GB-h × rate + invocations × rate`. */
export function costOf(usage: Usage, prices: Prices): Cost {
  const cpuUsd = (usage.cpuUs / 3.6e9) * prices.cpuPerHour;
  const memoryUsd = (usage.memoryGbSeconds / 3600) * prices.memoryPerGbHour;
  const invocationsUsd = (usage.invocations / 1e6) * prices.perMillionInvocations;
  const totalUsd = cpuUsd + memoryUsd + invocationsUsd;
  const onePerInstanceUsd = (usage.wallGbSeconds / 3600) * prices.wallClockPerGbHour + invocationsUsd;
  const savedPercent = onePerInstanceUsd === 0 ? 0 : (1 - totalUsd / onePerInstanceUsd) * 100;
  return { cpuUsd, memoryUsd, invocationsUsd, totalUsd, onePerInstanceUsd, savedPercent };
}
