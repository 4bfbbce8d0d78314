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
  /** The last one, milliseconds since the Unix epoch. */
  readonly lastWallMs: number;
  /** Of idle times, by whole minutes from 0. */
  readonly idleMinutes: readonly number[];
  /** Idle times beyond the range of that histogram. */
  readonly beyond: number;
  /** By minute of the day (UTC): the most in flight at once, an average over days that gives old days less and less weight. */
  readonly minutePeaks: readonly number[];
}

/**
 * What is learned of a function is kept under: `ROOT//NAME`. Another deployment of the same project has the same ones. No
 * path has two slashes in a row, so no two functions share a key.
 */
export const learnedKey = (spec: Pick<FunctionSpec, 'root' | 'name'>): string => `${spec.root}//${spec.name}`;
