import type { FunctionSpec } from './function.ts';

/**
 * What the scheduler has learned of a function, and what is kept of it over restarts. Plain JSON. It is kept per
 * `learnedKey`, which outlives deployments.
 */
export interface Learned {
  /** By lane, in the order of `lanes`; null: nothing yet. */
  readonly limits: readonly (LearnedLimit | null)[];
  readonly routes: readonly LearnedRoute[];
  readonly arrivals: LearnedArrivals | null;
}

/**
 * The two kinds of work that are kept apart in a function: what mostly waits, and what computes for so long in a row that
 * whoever shares its loop feels it.
 */
export const lanes = ['waits', 'computes'] as const;
export type Lane = (typeof lanes)[number];

export interface LearnedLimit {
  /** Invocations at which one instance is used fully: in flight ÷ utilisation. Above 0. */
  readonly saturation: number;
  /** More at once than this brought no more throughput; null: not known. */
  readonly unhelpfulAbove: number | null;
  /** When it was last seen so, milliseconds since the Unix epoch. */
  readonly wallMs: number;
}

export interface LearnedRoute {
  readonly pattern: string;
  /** Of one invocation, milliseconds. */
  readonly cpuMs: number;
  readonly wallMs: number;
  readonly invocations: number;
}

/** When invocations come. */
export interface LearnedArrivals {
  /** When it last had any, milliseconds since the Unix epoch. */
  readonly lastWallMs: number;
  /** Until when it was watched. Whether it would have had some from then until it is watched again, nobody knows. */
  readonly watchedWallMs: number;
  /** How many idle times there were, by whole minutes from 0 (none: shorter than a minute), without zeros at the end. */
  readonly idleMinutes: readonly number[];
  /** How many were beyond the range of that histogram (limits.idleRangeMinutes). */
  readonly beyond: number;
  /** The last few of those, minutes; oldest first. */
  readonly beyondMinutes: readonly number[];
  readonly minutePeaks: readonly MinutePeak[];
}

/**
 * The most in flight or queued at once in a minute of the day (UTC, 0–1439; those that are not listed had none): an average
 * over days that gives old days less and less weight, and what was seen on more than one of them.
 */
export type MinutePeak = readonly [minute: number, average: number, repeated: number];

/**
 * What is learned of a function is kept under: `PROJECT-DIRECTORY//NAME`. Another deployment of the same project has the same ones. No
 * path has two slashes in a row, so no two functions share a key.
 */
export const learnedKey = (spec: Pick<FunctionSpec, 'root' | 'projectDir' | 'lineage' | 'name'>): string =>
  `${spec.lineage ?? spec.projectDir ?? spec.root}//${spec.name}`;
