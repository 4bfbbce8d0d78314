/** What a unit of use costs. A table the operator can change; all in US dollars. */
export interface Prices {
  /** An hour of CPU that ran. */
  readonly cpuPerHour: number;
  /** A GiB of provisioned memory for an hour in which the instance had work. */
  readonly memoryPerGbHour: number;
  readonly perMillionInvocations: number;
  /** The one-invocation-per-instance model: a GiB of provisioned memory for an hour of wall-clock, CPU included. */
  readonly wallClockPerGbHour: number;
}

/**
 * The hosted platform's published rates, without the amounts a plan includes: active CPU and provisioned memory of its
 * region iad1 (April 2026), invocations, and its older wall-clock rate ("Function Duration", April 2024).
 */
export const publishedPrices: Prices = {
  cpuPerHour: 0.128,
  memoryPerGbHour: 0.0106,
  perMillionInvocations: 0.6,
  wallClockPerGbHour: 0.18,
};
