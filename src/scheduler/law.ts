// What the utilisation law is about: what an instance was seen to do, and how many it may have for it.
import { limits } from '../base/limits.ts';

/** One period of one instance, as the limit sees it. */
export interface Reading {
  readonly periodMs: number;
  /** The busier of its loop and of its processors, 0–1. */
  readonly utilisation: number;
  /** Time average of its invocations in flight. */
  readonly inFlight: number;
  /** Share of the period in which it had all it may have, 0–1. */
  readonly full: number;
  /** Invocations that ended. */
  readonly completions: number;
  /** The longest turn of its loop that computed. */
  readonly loopDelayMs: number;
  /** Share of the period in which the kernel held it back for its CPU quota, 0–1. */
  readonly throttled: number;
  readonly memoryUsedMiB: number;
  /** What it used with nothing in flight. */
  readonly memoryBaseMiB: number;
  readonly memoryMiB: number;
  /** Uncaught errors and timeouts. */
  readonly errors: number;
  /** It had answered before: what is compiled and opened once was. */
  readonly isWarm: boolean;
}

/** Three quarters of what would fill it, rounded up: 2 of 2, 15 of 20, 1 of 1. */
export const placesAt = (saturation: number): number =>
  Math.max(1, Math.min(limits.concurrencyMax, Math.ceil((saturation * limits.loadTargetPermille) / 1000 - 0.001)));

/**
 * Instances beyond processors that are of use where all of them compute: one, where each has a single invocation at a time.
 * While one has none, between two, another has its processor. What has several at once has the next one there.
 */
export const beyondCores = (limit: number): number => (limit === 1 ? limits.instancesBeyondCores : 0);
