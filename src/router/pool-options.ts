import type { Channels } from '../base/channels.ts';
import type { Clock } from '../base/clock.ts';
import type { FunctionMeter } from '../meter/ledger.ts';
import type { FunctionSpec } from '../model/function.ts';
import type { Learned } from '../model/learned.ts';
import type { FunctionLogLine } from '../model/telemetry.ts';
import type { InstanceSource } from './starts.ts';

export interface PoolOptions {
  readonly clock: Clock;
  readonly spec: FunctionSpec;
  readonly meter: FunctionMeter;
  readonly source: InstanceSource;
  /** Whether it may start nothing yet: an earlier version has not ended (FunctionSpec.alone). */
  readonly isHeld: () => boolean;
  /** Where it is told what becomes of invocations and instances. */
  readonly channels: Channels;
  readonly onLog: (line: FunctionLogLine) => void;
  /** There may be nothing left to do here. */
  readonly onQuiet: () => void;
  /** How long an instance with nothing to do is kept; null: as long as the function's history says. */
  readonly keepAliveMs: number | null;
  readonly maxInstances: number;
  /** What was known of the function when the platform stopped; null: nothing. */
  readonly learned: Learned | null;
}
