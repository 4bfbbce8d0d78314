import type { FunctionSpec } from '../model/function.ts';
import type { LogFrame } from '../tunnel/payload.ts';
import type { Death } from './crash.ts';
import type { Instance } from './instance.ts';
import type { RoutedInvocation } from './invocation.ts';

/** Whom an instance belongs to: the stock of stems, then its function's pool for the rest of its life. */
export interface Keeper {
  /** It has dialled in: a stem. */
  connected(instance: Instance): void;
  logged(line: LogFrame, instance: Instance, invocation: string | null): void;
  /** It takes nothing new from here on: draining, or ending. Once. */
  retired(instance: Instance): void;
  /** Once. */
  ended(instance: Instance, death: Death): void;
}

/** The pool of its function. */
export interface Home extends Keeper {
  readonly spec: FunctionSpec;
  loaded(instance: Instance): void;
  loadFailed(instance: Instance, message: string): void;
  /** An invocation left it: it may have room. */
  released(instance: Instance, invocation: RoutedInvocation, nowMs: number): void;
  /** `instance.pause` says why; null: it goes on. */
  paused(instance: Instance): void;
  /** Its background work is another. */
  background(instance: Instance): void;
  /** Newer vitals. */
  vitals(instance: Instance): void;
}
