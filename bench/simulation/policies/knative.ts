import type { Host, Policy, PolicyKind } from '../policy.ts';
import { limits } from '../../../src/base/limits.ts';
import { Autoscaler, kpaDefaults, SecondsWindow } from './kpa.ts';
import { Waiting } from './waiting.ts';

/**
 * Knative Serving as it comes: containerConcurrency 0, so that instances take whatever they are sent; power of two choices
 * by what is in flight; the autoscaler (kpa.ts); an activator that keeps what comes while there is no instance.
 * Instances start as fast as everybody's here, and drain without its 30 s of sleep: both are in its favour.
 */
export const knative: PolicyKind = {
  name: 'knative',
  title: 'Knative KPA, defaults',
  watches: false,
  create: (host) => new Knative(host),
};

class Revision {
  readonly stable = new SecondsWindow(kpaDefaults.stableWindowMs);
  readonly panic = new SecondsWindow(kpaDefaults.panicWindowMs);
  readonly autoscaler = new Autoscaler();
  /** In the activator. */
  readonly waiting = new Waiting();
  readonly ready: number[] = [];
  readonly starting: number[] = [];
  /** Waiting included. */
  inFlight = 0;
  #areaMs = 0;
  #sinceMs = 0;
  #scrapedMs = 0;
  /** Reported at once when the first came, and not to be counted again. */
  reportedEarly = 0;
  ticks = false;
  activeSinceMs = 0;
  /** Since when it is to have no instance; −1: it is active. */
  inactiveSinceMs = -1;

  change(by: number, nowMs: number): void {
    this.#areaMs += this.inFlight * (nowMs - this.#sinceMs);
    this.#sinceMs = nowMs;
    this.inFlight += by;
  }

  scrape(nowMs: number): void {
    this.change(0, nowMs);
    const average = this.#areaMs / Math.max(1, nowMs - this.#scrapedMs);
    this.record(Math.max(0, average - this.reportedEarly), nowMs);
    this.reportedEarly = 0;
    this.#areaMs = 0;
    this.#scrapedMs = nowMs;
  }

  record(concurrency: number, nowMs: number): void {
    this.stable.record(nowMs, concurrency);
    this.panic.record(nowMs, concurrency);
  }

  /** Averages begin anew after a time without any. */
  wake(nowMs: number): void {
    this.change(0, nowMs);
    this.#areaMs = 0;
    this.#scrapedMs = nowMs;
    this.reportedEarly = 1;
    this.record(1, nowMs);
  }
}

class Knative implements Policy {
  readonly #host: Host;
  readonly #revisions: readonly Revision[];
  /** By instance. */
  readonly #functionOf: number[] = [];
  readonly #inFlight: number[] = [];

  constructor(host: Host) {
    this.#host = host;
    this.#revisions = host.workload.functions.map(() => new Revision());
  }

  begin(): void {
    this.#revisions.forEach((revision, ofFunction) => {
      this.#resize(revision, ofFunction, kpaDefaults.initialScale);
      this.#tickSoon(revision, ofFunction);
    });
  }

  arrived(invocation: number, ofFunction: number): void {
    const revision = this.#revisions[ofFunction]!;
    const { nowMs } = this.#host;
    revision.change(1, nowMs);
    if (revision.ready.length > 0) {
      this.#send(invocation, revision);
      return;
    }
    if (!revision.waiting.push(invocation, nowMs)) {
      revision.change(-1, nowMs);
      this.#host.refuse(invocation);
      return;
    }
    this.#host.wakeAt(nowMs + limits.queueWaitMs, ofFunction * 2 + 1);
    if (revision.starting.length === 0) this.#poke(revision, ofFunction);
  }

  completed(_invocation: number, instance: number): void {
    this.#inFlight[instance]! -= 1;
    this.#revisions[this.#functionOf[instance]!]!.change(-1, this.#host.nowMs);
  }

  ready(instance: number): void {
    const revision = this.#revisions[this.#functionOf[instance]!]!;
    remove(revision.starting, instance);
    revision.ready.push(instance);
    this.#inFlight[instance] = 0;
    for (let next = revision.waiting.shift(); next !== -1; next = revision.waiting.shift()) this.#send(next, revision);
  }

  ended(): void {
    // The autoscaler asks for what is missing at its next evaluation.
  }

  woken(token: number): void {
    const ofFunction = token >> 1;
    const revision = this.#revisions[ofFunction]!;
    if ((token & 1) === 1) this.#expire(revision);
    else this.#tick(revision, ofFunction);
  }

  /** Power of two choices. */
  #send(invocation: number, { ready }: Revision): void {
    const { sampling } = this.#host;
    let chosen = ready[0]!;
    if (ready.length > 1) {
      const first = sampling.below(ready.length);
      const second = sampling.below(ready.length - 1);
      chosen = ready[first]!;
      const other = ready[second >= first ? second + 1 : second]!;
      const fewer = this.#inFlight[other]! - this.#inFlight[chosen]!;
      if (fewer < 0 || (fewer === 0 && sampling.below(2) === 0)) chosen = other;
    }
    this.#inFlight[chosen]! += 1;
    this.#host.send(invocation, chosen);
  }

  #expire(revision: Revision): void {
    const { nowMs } = this.#host;
    while (revision.waiting.deadlineMs <= nowMs) {
      revision.change(-1, nowMs);
      this.#host.refuse(revision.waiting.shift());
    }
  }

  #poke(revision: Revision, ofFunction: number): void {
    const { nowMs } = this.#host;
    if (!revision.ticks) revision.wake(nowMs);
    this.#evaluate(revision, ofFunction);
    this.#tickSoon(revision, ofFunction);
  }

  #tickSoon(revision: Revision, ofFunction: number): void {
    if (revision.ticks) return;
    revision.ticks = true;
    const { scrapeMs } = kpaDefaults;
    this.#host.wakeAt((Math.floor(this.#host.nowMs / scrapeMs) + 1) * scrapeMs, ofFunction * 2);
  }

  #tick(revision: Revision, ofFunction: number): void {
    const { nowMs } = this.#host;
    revision.scrape(nowMs);
    if (nowMs % kpaDefaults.evaluateMs === 0) this.#evaluate(revision, ofFunction);
    revision.ticks = false;
    const instances = revision.ready.length + revision.starting.length;
    if (instances > 0 || revision.inFlight > 0 || revision.autoscaler.panics) this.#tickSoon(revision, ofFunction);
  }

  #evaluate(revision: Revision, ofFunction: number): void {
    const { nowMs } = this.#host;
    const stable = revision.stable.average(nowMs);
    const panic = revision.panic.average(nowMs);
    const desired = revision.autoscaler.desired(revision.ready.length, stable, panic, nowMs);
    this.#resize(revision, ofFunction, desired > 0 ? this.#active(revision, desired) : this.#towardsZero(revision));
  }

  #active(revision: Revision, desired: number): number {
    if (revision.inactiveSinceMs !== -1) revision.activeSinceMs = this.#host.nowMs;
    revision.inactiveSinceMs = -1;
    return desired;
  }

  /** The last instance goes when the revision was active for the stable window and inactive for the grace period. */
  #towardsZero(revision: Revision): number {
    const { nowMs } = this.#host;
    if (revision.inactiveSinceMs === -1) {
      if (nowMs - revision.activeSinceMs >= kpaDefaults.stableWindowMs) revision.inactiveSinceMs = nowMs;
      return 1;
    }
    return nowMs - revision.inactiveSinceMs >= kpaDefaults.graceMs ? 0 : 1;
  }

  #resize(revision: Revision, ofFunction: number, to: number): void {
    const { ready, starting } = revision;
    while (ready.length + starting.length < to) {
      const instance = this.#host.start(ofFunction);
      if (instance === -1) return;
      this.#functionOf[instance] = ofFunction;
      starting.push(instance);
    }
    // Those that are not ready go first, then the youngest, as a ReplicaSet has it.
    while (ready.length + starting.length > to) this.#host.drain(starting.pop() ?? ready.pop()!);
  }
}

function remove(members: number[], member: number): void {
  members.splice(members.indexOf(member), 1);
}
