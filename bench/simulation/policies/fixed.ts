import type { Host, Policy, PolicyKind } from '../policy.ts';
import { Waiting } from './waiting.ts';

/** What hosted platforms are found to keep an instance for after its last invocation. */
const keepAliveMs = 600_000;

/**
 * A fixed number of invocations per instance; what finds no room waits, and an instance is started for it at once. With 1
 * it is the classic model. The busiest instance that has room comes first, and of the idle ones the last that was used: that
 * needs the fewest instances.
 */
export function fixedConcurrency(name: string, title: string, concurrency: number): PolicyKind {
  return { name, title, watches: false, create: (host) => new FixedConcurrency(host, concurrency) };
}

interface Fleet {
  readonly waiting: Waiting;
  /** Instances by what they have in flight, as far as they have room. */
  readonly byLoad: number[][];
  starting: number;
  /** A timer is set for the first that waits. */
  armed: boolean;
}

class FixedConcurrency implements Policy {
  readonly #host: Host;
  readonly #concurrency: number;
  readonly #fleets: readonly Fleet[];
  /** By instance. */
  readonly #functionOf: number[] = [];
  readonly #inFlight: number[] = [];
  readonly #idleSinceMs: number[] = [];
  /** A timer is set that looks whether it has been idle for long enough. */
  readonly #watched: boolean[] = [];

  constructor(host: Host, concurrency: number) {
    this.#host = host;
    this.#concurrency = concurrency;
    this.#fleets = host.workload.functions.map(() => ({
      waiting: new Waiting(),
      byLoad: Array.from({ length: concurrency }, () => []),
      starting: 0,
      armed: false,
    }));
  }

  begin(): void {
    // Nothing is started ahead of need.
  }

  arrived(invocation: number, ofFunction: number): void {
    const fleet = this.#fleets[ofFunction]!;
    if (fleet.waiting.length === 0 && this.#place(invocation, fleet)) return;
    if (!fleet.waiting.push(invocation, this.#host.nowMs)) {
      this.#host.refuse(invocation);
      return;
    }
    this.#scale(fleet, ofFunction);
    this.#arm(fleet, ofFunction);
  }

  ready(instance: number): void {
    const fleet = this.#fleetOf(instance);
    fleet.starting -= 1;
    this.#inFlight[instance] = 0;
    fleet.byLoad[0]!.push(instance);
    this.#becomesIdle(instance);
    this.#pump(fleet);
  }

  completed(_invocation: number, instance: number): void {
    const fleet = this.#fleetOf(instance);
    this.#move(fleet, instance, this.#inFlight[instance]! - 1);
    this.#pump(fleet);
    if (this.#inFlight[instance] === 0) this.#becomesIdle(instance);
  }

  ended(): void {
    // There is memory again: whoever waits for it may have it.
    this.#fleets.forEach((fleet, ofFunction) => this.#scale(fleet, ofFunction));
  }

  woken(token: number): void {
    const of = token >> 1;
    if ((token & 1) === 1) this.#expire(of);
    else this.#reap(of);
  }

  #fleetOf(instance: number): Fleet {
    return this.#fleets[this.#functionOf[instance]!]!;
  }

  #pump(fleet: Fleet): void {
    while (fleet.waiting.length > 0) {
      const instance = this.#busiest(fleet);
      if (instance === -1) return;
      this.#take(fleet.waiting.shift(), fleet, instance);
    }
  }

  #place(invocation: number, fleet: Fleet): boolean {
    const instance = this.#busiest(fleet);
    if (instance !== -1) this.#take(invocation, fleet, instance);
    return instance !== -1;
  }

  #busiest(fleet: Fleet): number {
    for (let load = this.#concurrency - 1; load >= 0; load -= 1) {
      const found = fleet.byLoad[load]!.at(-1);
      if (found !== undefined) return found;
    }
    return -1;
  }

  #take(invocation: number, fleet: Fleet, instance: number): void {
    this.#move(fleet, instance, this.#inFlight[instance]! + 1);
    this.#host.send(invocation, instance);
  }

  #move(fleet: Fleet, instance: number, to: number): void {
    const from = this.#inFlight[instance]!;
    if (from < this.#concurrency) without(fleet.byLoad[from]!, instance);
    if (to < this.#concurrency) fleet.byLoad[to]!.push(instance);
    this.#inFlight[instance] = to;
  }

  #scale(fleet: Fleet, ofFunction: number): void {
    while (fleet.waiting.length > fleet.starting * this.#concurrency) {
      const instance = this.#host.start(ofFunction);
      if (instance === -1) return;
      this.#functionOf[instance] = ofFunction;
      fleet.starting += 1;
    }
  }

  #arm(fleet: Fleet, ofFunction: number): void {
    if (fleet.armed || fleet.waiting.length === 0) return;
    fleet.armed = true;
    this.#host.wakeAt(fleet.waiting.deadlineMs, ofFunction * 2 + 1);
  }

  #expire(ofFunction: number): void {
    const fleet = this.#fleets[ofFunction]!;
    fleet.armed = false;
    while (fleet.waiting.deadlineMs <= this.#host.nowMs) this.#host.refuse(fleet.waiting.shift());
    this.#arm(fleet, ofFunction);
  }

  #becomesIdle(instance: number): void {
    this.#idleSinceMs[instance] = this.#host.nowMs;
    this.#watch(instance);
  }

  #watch(instance: number): void {
    if (this.#watched[instance] === true) return;
    this.#watched[instance] = true;
    this.#host.wakeAt(this.#idleSinceMs[instance]! + keepAliveMs, instance * 2);
  }

  #reap(instance: number): void {
    this.#watched[instance] = false;
    if (this.#inFlight[instance] !== 0) return;
    if (this.#idleSinceMs[instance]! + keepAliveMs > this.#host.nowMs) {
      this.#watch(instance);
      return;
    }
    without(this.#fleetOf(instance).byLoad[0]!, instance);
    this.#host.drain(instance);
  }
}

/** From the end: it is mostly the last. The order of the others stays. */
function without(members: number[], member: number): void {
  const at = members.lastIndexOf(member);
  if (at === members.length - 1) members.pop();
  else members.splice(at, 1);
}
