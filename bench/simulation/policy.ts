import type { Vitals } from '../../src/model/vitals.ts';
import type { Sampling } from './sampling.ts';
import type { Workload } from './workload.ts';

/**
 * What decides. It is told what happens and answers by calling the host. Invocations and instances are integers. A call to
 * the host never calls back into the policy before it returns.
 */
export interface Policy {
  /** At time 0. */
  begin(): void;
  arrived(invocation: number, ofFunction: number): void;
  /** It has been answered: its place on the instance is free. */
  completed(invocation: number, instance: number): void;
  /** The instance of a function takes invocations now. */
  ready(instance: number): void;
  /** It has finished draining. */
  ended(instance: number): void;
  /** The time that `wakeAt` named has come. */
  woken(token: number): void;
  /** Only for policies of which `watches` is true: a health report; `loopStuckMs` above 0 is reported at once. */
  vitals?(instance: number, vitals: Vitals): void;
  /** The instance gave it back: it had not begun. */
  returned?(invocation: number, instance: number): void;
  stemReady?(instance: number): void;
}

export interface PolicyKind {
  readonly name: string;
  readonly title: string;
  /** Whether instances report vitals to it. */
  readonly watches: boolean;
  create(host: Host): Policy;
}

/** What a policy can see and do. */
export interface Host {
  readonly nowMs: number;
  readonly workload: Workload;
  readonly cores: number;
  readonly freeMemoryMiB: number;
  /** CPU time of all cores that was used since the start, milliseconds. */
  readonly usedCpuMs: number;
  readonly sampling: Sampling;
  /** Starts an instance; −1: the machine has no memory left for it. */
  start(ofFunction: number): number;
  /** Starts an instance without a function; −1: no memory. */
  startStem(memoryMiB: number): number;
  /** Gives a stem, ready or still booting, its function. False: the machine has no memory left for it. */
  load(stem: number, ofFunction: number): boolean;
  send(invocation: number, instance: number): void;
  /** What was sent to it and has not begun comes back by `returned`, a moment later. */
  recall(instance: number): void;
  /** It gets nothing new, and ends when it has nothing in flight. */
  drain(instance: number): void;
  /** The invocation is answered by an error of the platform. It must not be on an instance. */
  refuse(invocation: number): void;
  wakeAt(atMs: number, token: number): void;
}
