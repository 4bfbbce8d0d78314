import type { Learned } from '../model/learned.ts';
import type { Vitals } from '../model/vitals.ts';
import type { RouteProfile } from './routes.ts';

/** An invocation, as far as its scheduling goes. */
export interface Schedulable {
  readonly profile: RouteProfile;
  readonly receivedMs: number;
  /** Where it waits, or was placed. */
  lane: number;
  /** −1: it is in no queue. */
  queueHandle: number;
}

/** What a function may use of the machine, and what it has on its way. */
export interface Surroundings {
  /** Processors that it may compute on when others want them too. Infinity: not known. */
  readonly cores: number;
  readonly cpuIdle: boolean;
  /** They have had no time to spare lately, and nobody else wants a part of them. Left out: that is not known. */
  readonly cpuFull?: boolean;
  readonly starting: number;
  readonly sinceStartMs: number;
  /** Instances that exist, those on their way included. */
  readonly live: number;
}

export interface FunctionSchedulerOptions {
  readonly maxConcurrency: number | 'auto';
  readonly environment: 'production' | 'preview';
  readonly maxInstances: number;
  /** How long an instance with nothing to do is kept; null: as long as its history says. */
  readonly keepAliveMs: number | null;
  /** What was known when the platform stopped; null: nothing. */
  readonly learned: Learned | null;
}

/** What an invocation took that was answered. */
export interface Took {
  readonly wallMs: number;
  /** 0: its instance could not say. */
  readonly cpuMs: number;
}

/** What an instance says of itself, and what there is around it. */
export interface Health {
  readonly vitals: Vitals;
  /** Of its scarcest resource, 0–1000. */
  readonly freePermille: number;
  /** Processors there are; Infinity: not known. */
  readonly machineCores: number;
}
