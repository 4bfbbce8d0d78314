import { channels } from '../base/channels.ts';
import type { Clock } from '../base/clock.ts';
import type { FunctionSpec } from '../model/function.ts';
import type { FunctionLogLine } from '../model/telemetry.ts';
import type { LogFrame } from '../tunnel/payload.ts';
import { crashOf, type Death } from './crash.ts';
import type { Instance } from './instance.ts';
import type { RoutedInvocation } from './invocation.ts';
import { recordOf } from './record.ts';

/** Tells what becomes of one function's invocations and instances. Nothing is made while nobody listens. */
export class Teller {
  readonly #spec: FunctionSpec;
  readonly #clock: Clock;
  readonly #onLog: (line: FunctionLogLine) => void;

  constructor(spec: FunctionSpec, clock: Clock, onLog: (line: FunctionLogLine) => void) {
    this.#spec = spec;
    this.#clock = clock;
    this.#onLog = onLog;
  }

  logged(line: LogFrame, instance: string, invocationId: string | null): void {
    const { id: functionId, label } = this.#spec;
    const told: FunctionLogLine = { atMs: this.#clock.wallMs(), functionId, label, instance, invocationId, ...line };
    this.#onLog(told);
    if (channels.log.hasSubscribers) channels.log.publish(told);
  }

  /** It settles now (I1: once). */
  settled(invocation: RoutedInvocation): void {
    if (channels.invocation.hasSubscribers) channels.invocation.publish(recordOf(invocation, this.#spec, this.#clock));
  }

  ended(instance: Instance, death: Death): void {
    if (!channels.crash.hasSubscribers) return;
    const crash = crashOf(instance, death, this.#spec, this.#clock);
    if (crash !== null) channels.crash.publish(crash);
  }
}
