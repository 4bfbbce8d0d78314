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
  readonly starting: number;
  readonly sinceStartMs: number;
  /** Instances that exist, those on their way included. */
  readonly live: number;
}
