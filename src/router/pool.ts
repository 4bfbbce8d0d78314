// Hot path: invoke, released and settled run once per invocation.
import { ProtocolError, type ErrorCode, type Failure } from '../base/errors.ts';
import type { Clock } from '../base/clock.ts';
import type { FunctionMeter } from '../meter/ledger.ts';
import type { FunctionSpec } from '../model/function.ts';
import type { Exchange, RequestHead } from '../model/invoke.ts';
import type { NackReason } from '../model/vitals.ts';
import type { Moment } from '../scheduler/forecast.ts';
import { FunctionScheduler } from '../scheduler/function-scheduler.ts';
import type { Guard } from '../scheduler/guards.ts';
import type { Kept } from '../scheduler/keep.ts';
import type { LogFrame } from '../tunnel/payload.ts';
import type { Death } from './crash.ts';
import { freePermille } from './health.ts';
import type { Instance } from './instance.ts';
import type { Home } from './keeper.ts';
import { RoutedInvocation, type InvocationOwner } from './invocation.ts';
import type { PoolOptions } from './pool-options.ts';
import { hasUnbegun } from './recall.ts';
import { badStart, failWaiting, givenUp, guards, loadDetail, refusals, waitedInVain } from './refusals.ts';
import { Starts } from './starts.ts';
import { Teller } from './teller.ts';

/** One function: its instances, what waits for them, and how many more to start. */
export class Pool implements InvocationOwner, Home {
  readonly spec: FunctionSpec;
  readonly instances = new Set<Instance>();
  readonly scheduler: FunctionScheduler<RoutedInvocation>;
  /** Accepted and not settled. */
  live = 0;
  /** No longer published: it finishes what it has and starts nothing ahead of need. */
  isRetired = false;
  /** Whether it has what its history alone calls for. Said anew again and again. */
  kept: Kept;
  /** When it last had an invocation, or one was answered. */
  invokedMs = -Infinity;
  readonly #clock: Clock;
  readonly #options: PoolOptions;
  readonly #meter: FunctionMeter;
  readonly #teller: Teller;
  readonly #starts: Starts;
  /** By their index in the scheduler. */
  readonly #ready: (Instance | undefined)[] = [];
  /** When the last one came. */
  #receivedMs = 0;
  /** Why nothing is served any more; null: it is. */
  #closed: Failure | null = null;
  #looksSoon = false;

  constructor(options: PoolOptions) {
    const { spec, maxInstances, keepAliveMs, learned } = options;
    const { maxConcurrency } = spec.config;
    const { environment } = spec;
    this.spec = spec;
    // What has a history has to wait for its turn among those that have one.
    this.kept = (learned?.arrivals ?? null) === null ? 'kept' : 'not';
    this.scheduler = new FunctionScheduler({ maxConcurrency, environment, maxInstances, keepAliveMs, learned });
    this.#clock = options.clock;
    this.#options = options;
    this.#meter = options.meter;
    this.#teller = new Teller(spec, options);
    this.#starts = new Starts({ spec, source: options.source, scheduler: this.scheduler, home: this });
    // Sets its clock: its history is by the time of day.
    this.scheduler.sweep(this.#moment(this.#clock.nowMs()));
  }

  /** By reason: those that came back before they began. */
  get nacks(): FunctionMeter['nacks'] {
    return this.#meter.nacks;
  }

  /** On their way to being ready. */
  get starting(): number {
    return this.#starts.underWay;
  }

  /** Why no instance is started now; null: one may be. */
  backingOff(nowMs: number): Failure | null {
    const { backoff } = this.#starts;
    return backoff.blocks(nowMs) ? backoff.last : null;
  }

  invoke(head: RequestHead, exchange: Exchange): RoutedInvocation {
    const nowMs = this.#clock.nowMs();
    const { scheduler } = this;
    const profile = scheduler.routes.of(head.route, head.method, head.target);
    const invocation = new RoutedInvocation(this, head, exchange, this.#meter.route(head.route));
    invocation.profile = profile;
    // Those of one moment keep their order when they come back.
    this.#receivedMs = invocation.receivedMs = Math.max(nowMs, this.#receivedMs + 1e-6);
    this.invokedMs = nowMs;
    this.live += 1;
    const index = scheduler.take(invocation, nowMs);
    if (index === -1) this.#enqueue(invocation, nowMs);
    else this.#send(invocation, index, nowMs);
    return invocation;
  }

  /** Every limits.sweepMs; where there is nothing to do, every limits.idleSweepMs. */
  sweep(nowMs: number): void {
    const { scheduler } = this;
    for (const instance of this.instances) instance.sweep(nowMs);
    scheduler.expire(nowMs, (invocation) => {
      const { code, detail } = (scheduler.ready === 0 ? this.#starts.backoff.last : null) ?? waitedInVain;
      invocation.fail(code, detail, 1);
    });
    for (const { index, reason } of scheduler.sweep(this.#moment(nowMs))) this.#reap(index, reason);
    if (scheduler.waiting > 0) this.#pump(nowMs);
    if (!this.isRetired || scheduler.waiting > 0) this.#scale(nowMs);
    this.#finishRetiring();
  }

  #moment(nowMs: number): Moment {
    return { nowMs, wallMs: this.#clock.wallMs(), memoryShort: this.kept !== 'kept' };
  }

  get isIdle(): boolean {
    return this.instances.size === 0 && this.live === 0;
  }

  /** No longer published: what is queued is still served, and then everything drains. */
  retire(): void {
    this.isRetired = true;
    this.#finishRetiring();
  }

  /** Published again (under the very same id) before it was gone. */
  revive(): void {
    this.isRetired = false;
    this.#closed = null;
  }

  /** Nothing is served any more: who waits is told why. `each`: what becomes of its instances. */
  end(why: Failure, each: (instance: Instance) => void): void {
    this.isRetired = true;
    this.#closed = why;
    failWaiting(this.scheduler, why);
    for (const instance of this.instances) each(instance);
  }

  // — InvocationOwner —

  nowMs(): number {
    return this.#clock.nowMs();
  }

  settled(invocation: RoutedInvocation): void {
    this.live -= 1;
    this.scheduler.leave(invocation);
    this.#teller.settled(invocation);
    if (this.isRetired) this.#options.onQuiet();
  }

  accounted(invocation: RoutedInvocation): void {
    if (invocation.meter === null) {
      this.#meter.refused(invocation.route, invocation.outcome as ErrorCode);
    } else {
      const nowMs = invocation.releasedMs;
      invocation.wallMs = nowMs - invocation.sentMs;
      this.invokedMs = nowMs;
      invocation.meter.settled(invocation);
      const index = this.#ready[invocation.index]?.meter === invocation.meter ? invocation.index : -1;
      if (invocation.outcome === 'answered') {
        this.scheduler.settled(invocation, index, invocation, nowMs);
      }
    }
  }

  /** Nacked, recalled or lost before it began: elsewhere, before those that came later. */
  returned(invocation: RoutedInvocation, reason: NackReason | 'lost'): void {
    this.#meter.returned(reason);
    if (refusals.has(reason)) invocation.refusals += 1;
    const failure = this.#closed ?? givenUp(invocation, reason, this.#clock.nowMs());
    if (failure !== null) {
      invocation.fail(failure.code, failure.detail, 1);
      return;
    }
    // With others that come back in this turn: those that came first go first.
    invocation.waited = true;
    if (invocation.queuedMs < 0) invocation.queuedMs = invocation.releasedMs;
    this.scheduler.returned(invocation);
    this.#lookSoon();
  }

  // — Home —

  /** The instance was obtained for this function and has dialled in, or it was a stem. */
  connected(instance: Instance): void {
    try {
      instance.load(this.spec, this.scheduler.ceiling);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      const text = `its environment cannot be sent to an instance: ${error.message}`;
      this.#log(instance, text);
      this.#startFailed(instance, { code: 'FUNCTION_LOAD_FAILED', detail: text });
      instance.drain('its function could not be sent');
    }
  }

  loaded(instance: Instance): void {
    this.#starts.arrived();
    instance.readyMs = this.#clock.nowMs();
    instance.index = this.scheduler.add(instance.memoryMiB, instance.readyMs, instance.id);
    this.#ready[instance.index] = instance;
    instance.meter = this.#meter.openInstance(instance.id, instance.bootCpuUs);
    this.#pump(instance.readyMs);
    if (this.scheduler.waiting > 0) this.#scale(instance.readyMs);
    this.#finishRetiring();
  }

  loadFailed(instance: Instance, message: string): void {
    this.#log(instance, message);
    this.#startFailed(instance, { code: 'FUNCTION_LOAD_FAILED', detail: loadDetail(message) });
  }

  released(instance: Instance, invocation: RoutedInvocation, nowMs: number): void {
    instance.meter?.ended(nowMs);
    if (instance.index === -1) return;
    this.scheduler.ended(instance.index, invocation.lane, nowMs);
    if (this.scheduler.waiting > 0) this.#pump(nowMs);
  }

  paused(instance: Instance): void {
    if (instance.index === -1) return;
    const nowMs = this.#clock.nowMs();
    const reason = instance.pause?.reason;
    this.scheduler.setPaused(instance.index, reason !== undefined);
    if (reason === undefined) {
      this.#pump(nowMs);
      return;
    }
    const { inFlight, loopStuckMs } = instance.vitals;
    if (reason === 'stuck') this.scheduler.stuck(instance.index, inFlight, loopStuckMs, nowMs);
    else if (guards.has(reason)) this.scheduler.refused(instance.index, reason as Guard, nowMs);
    if (!instance.served && badStart.has(reason)) {
      this.#startFailed(instance, { code: 'INTERNAL_FUNCTION_NOT_READY', detail: `a new instance refuses: ${reason}` });
    }
  }

  background(instance: Instance): void {
    this.scheduler.member(instance.index)?.works(instance.background, this.#clock.nowMs());
  }

  vitals(instance: Instance): void {
    if (instance.index === -1) return;
    const { vitals, vitalsAtMs, memoryMiB } = instance;
    if (instance.served) this.#starts.backoff.succeeded(instance.startedMs);
    const free = freePermille(vitals, memoryMiB);
    const machineCores = this.#options.source.cores;
    this.scheduler.vitals(instance.index, { vitals, freePermille: free, machineCores }, vitalsAtMs);
    if (this.scheduler.waiting > 0) this.#pump(vitalsAtMs);
  }

  logged(line: LogFrame, instance: Instance, invocationId: string | null): void {
    if (line.level === 'error') instance.notes.logged(line, invocationId);
    this.#teller.logged(line, instance.id, invocationId);
  }

  retired(instance: Instance): void {
    const { state, id } = instance;
    if (state.kind === 'draining') this.scheduler.decisions.add(`drained: ${state.reason}`, id, this.#clock.nowMs());
    if (instance.index === -1) {
      this.#starts.arrived();
      return;
    }
    this.scheduler.remove(instance.index);
    this.#ready[instance.index] = undefined;
    instance.index = -1;
    if (this.scheduler.waiting > 0) this.#scale(this.#clock.nowMs());
  }

  ended(instance: Instance, death: Death): void {
    const { from, cause } = death;
    this.instances.delete(instance);
    this.#teller.ended(instance, death);
    const nowMs = this.#clock.nowMs();
    instance.meter?.close(nowMs, instance.finalCpuUs);
    if (from === 'loading') {
      this.#startFailed(instance, { code: 'FUNCTION_LOAD_FAILED', detail: cause });
    } else if (from === 'starting' || from === 'stem' || (from === 'ready' && !instance.served)) {
      this.#startFailed(instance, { code: 'INTERNAL_FUNCTION_NOT_READY', detail: cause });
    } else if (this.scheduler.waiting > 0) {
      this.#scale(nowMs);
    }
    this.#options.onQuiet();
  }

  // — deciding —

  #enqueue(invocation: RoutedInvocation, nowMs: number): void {
    const hopeless = this.scheduler.ready === 0 && this.#starts.underWay === 0;
    const failure = this.#closed ?? (hopeless ? this.#starts.backoff.failure(nowMs) : null);
    if (failure !== null) {
      this.#failSoon(invocation, failure);
      return;
    }
    if (!this.scheduler.enqueue(invocation, nowMs)) {
      const detail = `${this.scheduler.waiting} invocations are waiting already`;
      this.#failSoon(invocation, { code: 'FUNCTION_THROTTLED', detail, retryAfterS: 1 });
      return;
    }
    invocation.waited = true;
    invocation.queuedMs = invocation.receivedMs;
    this.#scaleFor(nowMs);
  }

  /** Not from within invoke: the caller has nothing in hand yet that could fail. */
  #failSoon(invocation: RoutedInvocation, failure: Failure): void {
    this.#clock.soon(() => invocation.fail(failure.code, failure.detail, failure.retryAfterS));
  }

  #send(invocation: RoutedInvocation, index: number, nowMs: number): void {
    const instance = this.#ready[index]!;
    if (invocation.waited) invocation.start = instance.readyMs >= invocation.receivedMs ? instance.kind : 'warm';
    invocation.index = index;
    instance.meter?.began(nowMs);
    try {
      instance.send(invocation, nowMs, this.spec.config.maxDurationMs);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.scheduler.ended(index, invocation.lane, nowMs);
      instance.meter?.ended(nowMs);
      this.#failSoon(invocation, { code: 'MALFORMED_REQUEST_HEADER', detail: error.message });
    }
  }

  #pump(nowMs: number): void {
    this.scheduler.pump(nowMs, this.#starts.underWay > 0, this.#sendNext);
  }

  readonly #sendNext = (invocation: RoutedInvocation, index: number): void =>
    this.#send(invocation, index, this.#clock.nowMs());

  /** One more waits. For the first an instance is started at once, for those that come with it when all of them are there. */
  #scaleFor(nowMs: number): void {
    if (this.scheduler.waiting === 1 && this.#starts.underWay === 0) this.#scale(nowMs);
    else this.#lookSoon();
  }

  /** At the end of this turn: what waits goes where there is room, and what is needed is started. */
  #lookSoon(): void {
    if (this.#looksSoon) return;
    this.#looksSoon = true;
    this.#clock.soon(this.#look);
  }

  readonly #look = (): void => {
    this.#looksSoon = false;
    if (this.scheduler.waiting === 0) return;
    const nowMs = this.#clock.nowMs();
    this.#pump(nowMs);
    if (this.scheduler.waiting > 0) this.#scale(nowMs);
  };

  /** Starts what is needed and is not on its way; of what is published, what will be. */
  #scale(nowMs: number): void {
    if (this.#closed !== null || this.#options.isHeld()) return;
    for (const instance of this.#starts.scale(this.instances.size, !this.isRetired, nowMs)) {
      this.instances.add(instance);
      if (instance.state.kind === 'stem') this.connected(instance);
    }
  }

  /** Whoever waits is told, unless others may still serve them. No restart storm: the next start waits. */
  #startFailed(instance: Instance, failure: Failure): void {
    const nowMs = this.#clock.nowMs();
    const { backoff, underWay } = this.#starts;
    backoff.failed(failure, instance.startedMs, nowMs);
    const { kind } = instance.state;
    const itself = kind === 'loading' || kind === 'stem' ? 1 : 0;
    if (this.scheduler.ready > 0 || underWay > itself) return;
    const told = backoff.failure(nowMs);
    if (told !== null) failWaiting(this.scheduler, told);
  }

  #reap(index: number, reason: string): void {
    const instance = this.#ready[index];
    if (instance === undefined || instance.streams.count > 0 || instance.background > 0) return;
    instance.drain(reason);
  }

  #finishRetiring(): void {
    if (!this.isRetired || this.scheduler.waiting > 0) return;
    for (const instance of this.instances) {
      // What is on its way to it would be refused, and there may be nothing else to send it to.
      if (!hasUnbegun(instance.streams)) instance.drain('its deployment is no longer served');
    }
    this.#options.onQuiet();
  }

  #log(instance: Instance, text: string): void {
    this.logged({ level: 'error', source: 'platform', text }, instance, null);
  }
}
