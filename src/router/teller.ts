import type { Channels } from '../base/channels.ts';
import type { Clock } from '../base/clock.ts';
import type { FunctionSpec } from '../model/function.ts';
import type { FunctionLogLine } from '../model/telemetry.ts';
import type { LogFrame } from '../tunnel/payload.ts';
import { crashOf, type Death } from './crash.ts';
import type { Instance } from './instance.ts';
import type { RoutedInvocation } from './invocation.ts';
import type { PoolOptions } from './pool-options.ts';
import { recordOf } from './record.ts';

/** Tells what becomes of one function's invocations and instances. Nothing is made while nobody listens. */
export class Teller {
  readonly #spec: FunctionSpec;
  readonly #clock: Clock;
  readonly #channels: Channels;
  readonly #onLog: (line: FunctionLogLine) => void;

  constructor(spec: FunctionSpec, { clock, channels, onLog }: Pick<PoolOptions, 'clock' | 'channels' | 'onLog'>) {
    this.#spec = spec;
    this.#clock = clock;
    this.#channels = channels;
    this.#onLog = onLog;
  }

  logged(line: LogFrame, instance: string, invocationId: string | null): void {
    const { id: functionId, label } = this.#spec;
    const told: FunctionLogLine = { atMs: this.#clock.wallMs(), functionId, label, instance, invocationId, ...line };
    this.#onLog(told);
    const { log } = this.#channels;
    if (log.hasSubscribers) log.publish(told);
  }

  /** It settles now (I1: once). */
  settled(invocation: RoutedInvocation): void {
    const told = this.#channels.invocation;
    if (told.hasSubscribers) told.publish(recordOf(invocation, this.#spec, this.#clock));
  }

  ended(instance: Instance, death: Death): void {
    const told = this.#channels.crash;
    if (!told.hasSubscribers) return;
    const crash = crashOf(instance, death, this.#spec, this.#clock);
    if (crash !== null) told.publish(crash);
  }
}
