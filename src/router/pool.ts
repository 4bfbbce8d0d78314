// Hot path: invoke, released and settled run once per invocation.
import { ProtocolError, type ErrorCode, type Failure } from '../base/errors.ts';
import type { Clock } from '../base/clock.ts';
import { limits } from '../base/limits.ts';
import type { FunctionMeter } from '../meter/ledger.ts';
import type { FunctionSpec } from '../model/function.ts';
import type { Exchange, RequestHead } from '../model/invoke.ts';
import type { NackReason } from '../model/vitals.ts';
import { Placement } from '../scheduler/place.ts';
import { Queue } from '../scheduler/queue.ts';
import { reapable, type ReapPolicy } from '../scheduler/reap.ts';
import { Window } from '../scheduler/window.ts';
import type { LogFrame } from '../tunnel/payload.ts';
import type { FunctionLogLine } from './function-log.ts';
import { freePermille } from './health.ts';
import type { InstanceState } from './instance-state.ts';
import type { Instance } from './instance.ts';
import type { Home } from './keeper.ts';
import { RoutedInvocation, type InvocationOwner } from './invocation.ts';
import { badStart, refusals, stopped, waitedInVain } from './refusals.ts';
import { type InstanceSource, Starts } from './starts.ts';

export interface PoolOptions {
  readonly clock: Clock;
  readonly spec: FunctionSpec;
  readonly meter: FunctionMeter;
  readonly source: InstanceSource;
  readonly onLog: (line: FunctionLogLine) => void;
  /** There may be nothing left to do here. */
  readonly onQuiet: () => void;
  readonly reapPolicy: ReapPolicy;
  readonly maxInstances: number;
}

/** One function: its instances, what waits for them, and how many more to start. */
export class Pool implements InvocationOwner, Home {
  readonly spec: FunctionSpec;
  /** Invocations that one instance may have at once. */
  readonly limit: number;
  readonly instances = new Set<Instance>();
  readonly queue = new Queue<RoutedInvocation>();
  readonly nacks: Partial<Record<NackReason | 'lost', number>> = {};
  /** Accepted and not settled. */
  live = 0;
  /** No longer published: it finishes what it has and starts nothing ahead of need. */
  isRetired = false;
  readonly #clock: Clock;
  readonly #options: PoolOptions;
  readonly #meter: FunctionMeter;
  readonly #placement = new Placement();
  readonly #starts: Starts;
  /** By their index in Placement. */
  readonly #ready: (Instance | undefined)[] = [];
  readonly #freeIndices: number[] = [];
  /** Ready instances with a narrow window. */
  #held = 0;
  /** When an instance was last done with an invocation. */
  #movedMs = -Infinity;
  #closed = false;

  constructor(options: PoolOptions) {
    const { maxConcurrency } = options.spec.config;
    this.spec = options.spec;
    this.limit = Math.min(
      maxConcurrency === 'auto' ? limits.concurrencyDefault : maxConcurrency,
      limits.concurrencyMax,
    );
    this.#clock = options.clock;
    this.#options = options;
    this.#meter = options.meter;
    this.#starts = new Starts(options.spec, this.limit, options.maxInstances, options.source);
  }

  get readyCount(): number {
    return this.#placement.ready;
  }

  /** Why no instance is started now; null: one may be. */
  backingOff(nowMs: number): Failure | null {
    const { backoff } = this.#starts;
    return backoff.blocks(nowMs) ? backoff.last : null;
  }

  invoke(head: RequestHead, exchange: Exchange): RoutedInvocation {
    const nowMs = this.#clock.nowMs();
    const invocation = new RoutedInvocation(this, head, exchange, this.#meter.route(head.route));
    invocation.receivedMs = nowMs;
    this.live += 1;
    const index = this.queue.length === 0 ? this.#placement.place(nowMs) : -1;
    if (index === -1) this.#enqueue(invocation, nowMs);
    else this.#send(invocation, index, nowMs);
    return invocation;
  }

  /** Every limits.sweepMs. */
  sweep(nowMs: number): void {
    for (const instance of this.instances) instance.sweep(nowMs);
    this.queue.expire(nowMs, (invocation) => {
      invocation.queueHandle = -1;
      const { code, detail } = (this.#placement.ready === 0 ? this.#starts.backoff.last : null) ?? waitedInVain;
      invocation.fail(code, detail, 1);
    });
    if (this.queue.length > 0) this.#scale(nowMs);
    for (const instance of this.#ready) if (instance !== undefined) this.#reap(instance, nowMs);
    this.#finishRetiring();
  }

  /** No longer published: what is queued is still served, and then everything drains. */
  retire(): void {
    this.isRetired = true;
    this.#finishRetiring();
  }

  /** Published again (under the very same id) before it was gone. */
  revive(): void {
    this.isRetired = false;
  }

  /** At once: nothing is served any more. */
  close(): void {
    this.#closed = true;
    this.isRetired = true;
    this.#failWaiting(stopped);
    for (const instance of this.instances) instance.kill('the router was stopped');
  }

  // — InvocationOwner —

  settled(invocation: RoutedInvocation): void {
    this.live -= 1;
    if (invocation.queueHandle !== -1) {
      this.queue.remove(invocation.queueHandle);
      invocation.queueHandle = -1;
    }
    if (this.isRetired) this.#options.onQuiet();
  }

  accounted(invocation: RoutedInvocation): void {
    if (invocation.meter === null) {
      this.#meter.refused(invocation.route, invocation.outcome as ErrorCode);
    } else {
      const nowMs = this.#clock.nowMs();
      this.#movedMs = nowMs;
      invocation.wallMs = nowMs - invocation.sentMs;
      invocation.meter.settled(invocation);
    }
  }

  /** Nacked, recalled or lost before it began: elsewhere, before those that came later. */
  returned(invocation: RoutedInvocation, reason: NackReason | 'lost'): void {
    this.nacks[reason] = (this.nacks[reason] ?? 0) + 1;
    if (this.#closed) {
      invocation.fail(stopped.code, stopped.detail, stopped.retryAfterS);
      return;
    }
    if (refusals.has(reason)) invocation.refusals += 1;
    if (invocation.refusals >= limits.refusals) {
      invocation.fail('FUNCTION_THROTTLED', `${limits.refusals} instances refused it, the last one: ${reason}`, 1);
      return;
    }
    const nowMs = this.#clock.nowMs();
    const deadlineMs = invocation.receivedMs + limits.queueWaitMs;
    if (nowMs >= deadlineMs) {
      invocation.fail(waitedInVain.code, waitedInVain.detail, 1);
      return;
    }
    const index = this.#placement.place(nowMs);
    if (index !== -1) {
      this.#send(invocation, index, nowMs);
      return;
    }
    invocation.waited = true;
    invocation.queueHandle = this.queue.putBack(invocation, invocation.receivedMs, deadlineMs);
    this.#scale(nowMs);
  }

  // — Home —

  /** The instance was obtained for this function and has dialled in, or it was a stem. */
  connected(instance: Instance): void {
    try {
      instance.load(this.spec, this.limit);
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
    const index = this.#freeIndices.pop() ?? this.#ready.length;
    this.#ready[index] = instance;
    instance.index = index;
    instance.readyMs = this.#clock.nowMs();
    instance.meter = this.#meter.openInstance(instance.id, instance.bootCpuUs);
    instance.window = new Window(this.limit);
    this.#placement.add(index, this.limit);
    this.#pump(instance.readyMs);
    if (this.queue.length > 0) this.#scale(instance.readyMs);
    this.#finishRetiring();
  }

  loadFailed(instance: Instance, message: string): void {
    this.#log(instance, message);
    this.#startFailed(instance, { code: 'FUNCTION_LOAD_FAILED', detail: loadDetail(message) });
  }

  released(instance: Instance, nowMs: number): void {
    instance.meter?.ended(nowMs);
    if (instance.index === -1) return;
    this.#placement.ended(instance.index);
    if (this.queue.length > 0) this.#pump(nowMs);
  }

  paused(instance: Instance): void {
    if (instance.index === -1) return;
    const reason = instance.pause?.reason;
    this.#placement.setPaused(instance.index, reason !== undefined);
    if (reason === 'stuck') this.#resize(instance, (window) => window.close(instance.vitals.inFlight));
    if (reason === undefined) {
      const nowMs = this.#clock.nowMs();
      instance.window?.opened(nowMs);
      this.#pump(nowMs);
    } else if (!instance.served && badStart.has(reason)) {
      this.#startFailed(instance, { code: 'INTERNAL_FUNCTION_NOT_READY', detail: `a new instance refuses: ${reason}` });
    }
  }

  vitals(instance: Instance): void {
    if (instance.index === -1) return;
    const { vitals, vitalsAtMs, window } = instance;
    if (instance.served) this.#starts.backoff.succeeded(instance.startedMs);
    this.#placement.setHealth(instance.index, freePermille(vitals, instance.memoryMiB), vitalsAtMs);
    if (instance.pause?.reason === 'stuck' || window === null) return;
    this.#resize(instance, () => window.widen(vitals.loopPermille, vitalsAtMs));
    if (this.queue.length > 0) this.#pump(vitalsAtMs);
  }

  logged(line: LogFrame, instance: Instance, invocationId: string | null): void {
    const { id, label } = this.spec;
    this.#options.onLog({ functionId: id, label, instance: instance.id, invocationId, ...line });
  }

  retired(instance: Instance): void {
    if (instance.index === -1) {
      this.#starts.arrived();
      return;
    }
    if (instance.window?.narrow === true) this.#held -= 1;
    instance.window = null;
    this.#placement.remove(instance.index);
    this.#ready[instance.index] = undefined;
    this.#freeIndices.push(instance.index);
    instance.index = -1;
    if (this.queue.length > 0) this.#scale(this.#clock.nowMs());
  }

  ended(instance: Instance, from: InstanceState['kind'], cause: string): void {
    this.instances.delete(instance);
    const nowMs = this.#clock.nowMs();
    instance.meter?.close(nowMs, instance.finalCpuUs);
    if (from === 'loading') {
      this.#startFailed(instance, { code: 'FUNCTION_LOAD_FAILED', detail: cause });
    } else if (from === 'starting' || from === 'stem' || (from === 'ready' && !instance.served)) {
      this.#startFailed(instance, { code: 'INTERNAL_FUNCTION_NOT_READY', detail: cause });
    } else if (this.queue.length > 0) {
      this.#scale(nowMs);
    }
    this.#options.onQuiet();
  }

  // — deciding —

  #enqueue(invocation: RoutedInvocation, nowMs: number): void {
    const hopeless = this.#placement.ready === 0 && this.#starts.underWay === 0;
    const failure = this.#closed ? stopped : hopeless ? this.#starts.backoff.failure(nowMs) : null;
    if (failure !== null) {
      this.#failSoon(invocation, failure);
      return;
    }
    invocation.queueHandle = this.queue.push(invocation, nowMs, nowMs + limits.queueWaitMs);
    if (invocation.queueHandle === -1) {
      const detail = `${this.queue.length} invocations are waiting already`;
      this.#failSoon(invocation, { code: 'FUNCTION_THROTTLED', detail, retryAfterS: 1 });
      return;
    }
    invocation.waited = true;
    this.#scale(nowMs);
  }

  /** Not from within invoke: the caller has nothing in hand yet that could fail. */
  #failSoon(invocation: RoutedInvocation, failure: Failure): void {
    this.#clock.soon(() => invocation.fail(failure.code, failure.detail, failure.retryAfterS));
  }

  #send(invocation: RoutedInvocation, index: number, nowMs: number): void {
    const instance = this.#ready[index]!;
    if (invocation.waited) invocation.start = instance.readyMs >= invocation.receivedMs ? instance.kind : 'warm';
    this.#placement.began(index);
    instance.meter?.began(nowMs);
    try {
      instance.send(invocation, nowMs, this.spec.config.maxDurationMs);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#placement.ended(index);
      instance.meter?.ended(nowMs);
      this.#failSoon(invocation, { code: 'MALFORMED_REQUEST_HEADER', detail: error.message });
    }
  }

  #pump(nowMs: number): void {
    while (this.queue.length > 0) {
      const index = this.#placement.place(nowMs);
      if (index === -1) return;
      const invocation = this.queue.shift()!;
      invocation.queueHandle = -1;
      this.#send(invocation, index, nowMs);
    }
  }

  /** Starts what the queue needs, and is not on its way. */
  #scale(nowMs: number): void {
    const { queue, instances } = this;
    const headAgeMs = queue.oldestAgeMs(nowMs);
    const stillForMs = nowMs - this.#movedMs;
    const need = { waiting: queue.length, headAgeMs, live: instances.size, stillForMs, held: this.#held };
    for (const instance of this.#starts.start(need, this, nowMs)) {
      instances.add(instance);
      if (instance.state.kind === 'stem') this.connected(instance);
    }
  }

  #resize(instance: Instance, change: (window: Window) => void): void {
    const { window } = instance;
    if (window === null) return;
    const before = window.narrow;
    change(window);
    this.#held += Number(window.narrow) - Number(before);
    this.#placement.setLimit(instance.index, window.places);
  }

  /** Whoever waits is told, unless others may still serve them. No restart storm: the next start waits. */
  #startFailed(instance: Instance, failure: Failure): void {
    const nowMs = this.#clock.nowMs();
    const { backoff, underWay } = this.#starts;
    backoff.failed(failure, instance.startedMs, nowMs);
    const { kind } = instance.state;
    const itself = kind === 'loading' || kind === 'stem' ? 1 : 0;
    if (this.#placement.ready > 0 || underWay > itself) return;
    const told = backoff.failure(nowMs);
    if (told !== null) this.#failWaiting(told);
  }

  #failWaiting({ code, detail, retryAfterS }: Failure): void {
    // Only those that wait now: who is told may ask again.
    for (let left = this.queue.length; left > 0; left -= 1) {
      const next = this.queue.shift();
      if (next === undefined) return;
      next.queueHandle = -1;
      next.fail(code, detail, retryAfterS);
    }
  }

  #reap(instance: Instance, nowMs: number): void {
    const background = Math.max(instance.background, instance.vitals.background);
    const idleness = { inFlight: instance.streams.count, background, idleSinceMs: instance.idleSinceMs };
    if (reapable(idleness, nowMs, this.#options.reapPolicy)) instance.drain('idle');
  }

  #finishRetiring(): void {
    if (!this.isRetired || this.queue.length > 0) return;
    for (const instance of this.instances) {
      // What is on its way to it would be refused, and there may be nothing else to send it to.
      if (!instance.hasUnbegun()) instance.drain('its deployment is no longer served');
    }
    this.#options.onQuiet();
  }

  #log(instance: Instance, text: string): void {
    this.logged({ level: 'error', source: 'platform', text }, instance, null);
  }
}

/** What a client may know: the kind of the error. What it says and where is the log's, it may name secrets and paths. */
function loadDetail(message: string): string {
  const kind = /^(?:Uncaught )?([A-Za-z]*Error)\b/.exec(message)?.[1] ?? 'an error';
  return `the function could not be loaded (${kind}); its log says more`;
}
