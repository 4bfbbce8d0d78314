// Hot path: send, release and the Carrier's methods run once or a few times per invocation.
import type { Log } from '../base/log.ts';
import { limits } from '../base/limits.ts';
import type { Clock } from '../base/clock.ts';
import type { InstanceMeter } from '../meter/instance-meter.ts';
import type { FunctionSpec } from '../model/function.ts';
import type { StartKind } from '../model/telemetry.ts';
import { noVitals, type NackReason, type Vitals } from '../model/vitals.ts';
import type { Exit, Started } from '../provider/provider.ts';
import { headText, parsedHeadText } from '../tunnel/head.ts';
import type { Loaded } from '../tunnel/greeting.ts';
import { requestFlags } from '../tunnel/payload.ts';
import type { Session, SessionEnd } from '../tunnel/session.ts';
import { SlotTable } from '../tunnel/slots.ts';
import type { FrameWriter } from '../tunnel/writer.ts';
import type { Flusher } from './flusher.ts';
import type { Home, Keeper } from './keeper.ts';
import { CrashNotes } from './crash.ts';
import { askBytes, Deadlines } from './deadlines.ts';
import { describeBoth, describeEnd, describeExit, endLine, everythingWasRead, failLost } from './ending.ts';
import { transitions, type InstanceState } from './instance-state.ts';
import { endsPause, isStuck, isUsedUp, type Pause, usedUpLine } from './health.ts';
import type { CancelReason, Carrier, RoutedInvocation } from './invocation.ts';
import { loadOf } from './load-order.ts';
import { recallUnbegun } from './recall.ts';
import { RecentStreams } from './recent.ts';

export interface InstanceOptions {
  readonly id: string;
  readonly memoryMiB: number;
  readonly runtime: string;
  readonly keeper: Keeper;
  readonly clock: Clock;
  readonly flusher: Flusher;
  readonly log: Log;
}

export class Instance implements Carrier {
  readonly id: string;
  readonly memoryMiB: number;
  readonly runtime: string;
  readonly startedMs: number;
  keeper: Keeper;
  home: Home | null = null;
  /** How it came to its function. */
  kind: StartKind = 'cold';
  state: InstanceState;
  readonly streams = new SlotTable<RoutedInvocation>();
  readonly recent = new RecentStreams();
  data: Session | null = null;
  control: Session | null = null;
  process: Started | null = null;
  pid: number | null = null;
  /** Set by its pool: its place in the scheduler, and its meter. */
  index = -1;
  meter: InstanceMeter | null = null;
  readyMs = 0;
  background = 0;
  /** BEGINS 0: BEGUN may be missing from what was read when the tunnel ends. */
  batched = false;
  vitals: Vitals = noVitals;
  vitalsAtMs = 0;
  /** Vitals received. */
  sequence = 0;
  pause: Pause | null = null;
  /** It has begun something, so that what it refuses is not for want of a good start. */
  served = false;
  /** What the process had used when it was told its function: the platform's, not the function's. */
  bootCpuUs = 0;
  /** The operating system's last word. */
  finalCpuUs: number | null = null;
  /** In case that it crashes. */
  readonly notes = new CrashNotes();
  readonly #clock: Clock;
  readonly #flusher: Flusher;
  readonly #log: Log;
  readonly #deadlines = new Deadlines();
  #most: { durationMs: number; concurrency: number } = { durationMs: 0, concurrency: 0 };
  #exit: Exit | null = null;
  #endedFrom: InstanceState['kind'] = 'starting';

  constructor(options: InstanceOptions) {
    this.id = options.id;
    this.memoryMiB = options.memoryMiB;
    this.runtime = options.runtime;
    this.keeper = options.keeper;
    this.#clock = options.clock;
    this.#flusher = options.flusher;
    this.#log = options.log;
    this.startedMs = options.clock.nowMs();
    this.state = { kind: 'starting', deadlineMs: this.startedMs + limits.startTimeoutMs };
  }

  // — invocations —

  /** Throws ProtocolError BAD_HEAD when the head cannot go onto a tunnel; then nothing has happened. */
  send(invocation: RoutedInvocation, nowMs: number, maxDurationMs: number): void {
    const { head } = invocation;
    const text = (head.parsed === true ? parsedHeadText : headText)(head.id, head.method, head.target, head.headers);
    const stream = this.streams.take(invocation);
    if (stream === -1) throw new Error('more invocations than an instance has slots');
    const flags = (head.hasBody ? 0 : requestFlags.noBody) | (head.upgrade ? requestFlags.upgrade : 0);
    this.#writer()?.request(stream, flags, maxDurationMs, text);
    this.recent.add(stream, head.id);
    invocation.deadlineMs = nowMs + maxDurationMs;
    this.#deadlines.added(invocation.deadlineMs);
    invocation.meter = this.meter;
    invocation.sent(this, stream, nowMs);
  }

  sendBody(stream: number, chunk: Buffer): void {
    this.#writer()?.body(stream, chunk);
  }

  sendBodyEnd(stream: number): void {
    this.#writer()?.bodyEnd(stream);
  }

  grant(stream: number, bytes: number): void {
    this.#writer()?.credit(stream, bytes);
  }

  cancel(stream: number, reason: CancelReason): void {
    this.#writer()?.cancel(stream, reason);
  }

  release(invocation: RoutedInvocation): void {
    this.streams.free(invocation.stream);
    const nowMs = this.#clock.nowMs();
    invocation.releasedMs = nowMs;
    this.home?.released(this, invocation, nowMs);
  }

  /** NACK: paused first, so that it gets nothing while the invocation is placed elsewhere. */
  nacked(invocation: RoutedInvocation, reason: NackReason, from: Session): void {
    // Vitals that are on their way on the other connection may be older than this nack: they do not count.
    const crossing = from === this.control || this.control === null ? 0 : 1;
    // A recall says nothing that vitals have not said; these may have said since that the loop is free.
    if (reason !== 'recalled') this.#pause(reason, crossing);
    invocation.nacked(reason);
  }

  // — health —

  gotVitals(vitals: Vitals): void {
    this.vitals = vitals;
    // Not the wire's number, which starts anew with every connection.
    this.sequence += 1;
    this.vitalsAtMs = this.#clock.nowMs();
    this.meter?.vitals(vitals.cpuUs, vitals.attributedUs);
    if (isStuck(vitals)) {
      this.#pause('stuck', 0);
      this.recall();
      // What holds the loop may be nobody's any more: its client left. (Loading has a limit of its own.)
      const mostMs = this.state.kind === 'loading' ? Infinity : this.#most.durationMs + limits.killGraceMs;
      if (vitals.loopStuckMs > mostMs) this.kill('its event loop did not yield, and it was killed');
    } else if (this.pause !== null && endsPause(this.pause, this.sequence, vitals, this.#most.concurrency)) {
      this.pause = null;
      this.home?.paused(this);
    }
    this.home?.vitals(this);
  }

  /** Something came that the loop has sent: if it was held, it came round. Newer than what said so, or next to it. */
  cameRound(): void {
    this.#deadlines.heard = true;
    if (this.pause?.reason !== 'stuck' || this.streams.count > 0) return;
    this.pause = null;
    this.home?.paused(this);
  }

  /**
   * Takes back what was sent and has not begun. The sentinel answers, or a core beside its process: of a core on the loop of user
   * code without one this can only wait.
   */
  recall(): void {
    const session = this.control ?? this.data;
    if (session === null) return;
    recallUnbegun(this.streams, (stream) => {
      this.#flusher.add(session);
      session.writer.recall(stream);
    });
  }

  // — lifecycle —

  /** A token is good only as long as what it was issued for is still wanted. */
  mayConnect(role: 'data' | 'control'): boolean {
    if (role === 'data') return this.state.kind === 'starting';
    return this.data !== null && this.control === null;
  }

  dataOpened(session: Session): void {
    this.data = session;
    this.#enter({ kind: 'stem' });
    this.keeper.connected(this);
  }

  /** LOAD. Throws ProtocolError FRAME_TOO_LARGE when the environment is too large for the tunnel. */
  load(spec: FunctionSpec, maxConcurrency: number): void {
    const { config } = spec;
    this.#most = { durationMs: config.maxDurationMs, concurrency: maxConcurrency };
    this.bootCpuUs = this.process?.usage()?.cpuUs ?? this.vitals.cpuUs;
    this.#writer()?.load(loadOf(spec, maxConcurrency));
    this.#enter({ kind: 'loading', deadlineMs: this.#clock.nowMs() + limits.startTimeoutMs });
  }

  gotLoaded(loaded: Loaded): void {
    if (this.state.kind !== 'loading') return;
    if (!loaded.ok) {
      this.home?.loadFailed(this, loaded.message);
      this.notes.couldNotLoad(loaded.message);
      this.drain('its function could not be loaded', limits.terminateGraceMs);
      return;
    }
    this.#enter({ kind: 'ready' });
    this.home?.loaded(this);
  }

  gotBackground(outstanding: number): void {
    this.background = outstanding;
    this.home?.background(this);
  }

  /** I5: nothing new from here on. It ends by itself, or at the deadline. Idempotent. */
  drain(reason: string, leftMs: number = limits.drainMs): void {
    const { kind } = this.state;
    if (kind === 'draining' || kind === 'ending' || kind === 'ended') return;
    this.notes.wasAsked = true;
    if (this.data === null) {
      this.stop(reason);
      return;
    }
    const nowMs = this.#clock.nowMs();
    let untilMs = nowMs + Math.min(leftMs, limits.drainMs);
    // Nothing is cut off that may still take its time.
    if (leftMs >= limits.drainMs) this.streams.each(({ lastMs }) => (untilMs = Math.max(untilMs, lastMs)));
    const allowedMs = untilMs - nowMs;
    this.#enter({ kind: 'draining', reason, deadlineMs: untilMs });
    this.keeper.retired(this);
    this.data.drain(allowedMs, reason);
  }

  /** Drains, soon: upgraded connections are asked to end now. */
  makeWay(reason: string): void {
    this.drain(reason, limits.makeWayMs);
    const nowMs = this.#clock.nowMs();
    this.streams.each((invocation) => invocation.makeWay(nowMs));
  }

  /** For what went wrong with it. As `stop`. */
  kill(fault: string): void {
    this.notes.fault ??= fault;
    this.stop(fault);
  }

  /** SIGKILL; what it had is settled when it is gone. Idempotent. */
  stop(cause: string): void {
    this.notes.wasAsked = true;
    this.#beginEnding(cause, 0);
    this.process?.kill();
  }

  exited(exit: Exit): void {
    this.#exit = exit;
    this.#beginEnding(describeExit(exit), 0);
    if (this.data === null) this.#finish();
  }

  dataClosed(end: SessionEnd): void {
    if (this.state.kind === 'ended') return;
    if (end.kind === 'violation')
      this.#log.warn('an instance was cut off', { instance: this.id, cause: describeEnd(end) });
    this.#beginEnding(describeEnd(end), end.kind === 'goodbye' ? limits.terminateGraceMs : limits.sweepMs);
    const proven = !this.batched && everythingWasRead(end);
    if (proven) this.streams.each((invocation) => invocation.lost());
    this.data = null;
    if (this.#exit !== null) this.#finish();
  }

  controlClosed(end: SessionEnd): void {
    this.control = null;
    if (this.state.kind === 'ending' || this.state.kind === 'ended') return;
    if (end.kind === 'violation') this.kill(`it broke the protocol: ${end.code}: ${end.detail}`);
    else this.#askAgain();
  }

  /** What was recalled, and answered or not on the connection that is gone: the other one answers too. */
  #askAgain(): void {
    this.#log.debug('an instance lost its control connection', { instance: this.id });
    this.streams.each((invocation, stream) => {
      if (invocation.phase === 'sent' && invocation.recalled) this.#writer()?.recall(stream);
    });
  }

  /** Every limits.sweepMs. */
  sweep(nowMs: number): void {
    const { state } = this;
    switch (state.kind) {
      case 'starting':
        if (nowMs >= state.deadlineMs) this.kill(`it did not connect within ${limits.startTimeoutMs} ms`);
        return;
      case 'loading':
        if (nowMs >= state.deadlineMs) this.kill(`it did not load within ${limits.startTimeoutMs} ms`);
        return;
      case 'ready':
        this.#sweepStreams(nowMs);
        // It would take nothing any more, and be counted.
        if (this.pause !== null && isUsedUp(this.pause, this, nowMs)) this.#drainUsedUp(this.pause);
        return;
      case 'draining':
        this.#sweepStreams(nowMs);
        if (nowMs < state.deadlineMs) return;
        this.process?.terminate(limits.terminateGraceMs);
        this.#beginEnding(`it was drained (${state.reason}) and did not finish in time`, limits.terminateGraceMs);
        return;
      case 'ending':
        this.#sweepStreams(nowMs);
        if (nowMs >= state.killAtMs && this.#exit === null) this.process?.kill();
        if (nowMs >= state.deadlineMs) this.#finish();
        return;
      case 'stem':
      case 'ended':
    }
  }

  /** For one frame, which leaves at the end of this turn. Null: the tunnel is lost, and what it had is not settled yet. */
  #writer(): FrameWriter | null {
    const { data } = this;
    if (data === null) return null;
    this.#flusher.add(data);
    return data.writer;
  }

  #sweepStreams(nowMs: number): void {
    const verdict = this.#deadlines.sweep(nowMs, this.streams, this);
    if (verdict === 'fine') return;
    if (verdict === 'kill') {
      this.notes.invocationId ??= this.#deadlines.lateId;
      this.kill('its event loop did not yield after maxDuration, and it was killed');
      return;
    }
    this.#writer()?.ping(askBytes);
    this.recall();
  }

  #drainUsedUp(pause: Pause): void {
    this.keeper.logged(usedUpLine(pause, this.vitals, this.memoryMiB), this, null);
    this.drain(`it refuses (${pause.reason}) with nothing to do`);
  }

  #pause(reason: Pause['reason'], crossing: number): void {
    const sinceMs = this.pause?.reason === reason ? this.pause.sinceMs : this.#clock.nowMs();
    this.pause = { reason, afterSequence: this.sequence + crossing, sinceMs };
    this.home?.paused(this);
  }

  #enter(next: InstanceState): void {
    if (!transitions[this.state.kind].includes(next.kind)) {
      throw new Error(`an instance cannot go from ${this.state.kind} to ${next.kind}`);
    }
    this.state = next;
  }

  /** Idempotent. `patienceMs`: how long its process may end by itself. */
  #beginEnding(cause: string, patienceMs: number): void {
    const from = this.state.kind;
    if (from === 'ending' || from === 'ended') return;
    this.#endedFrom = from;
    this.#readUsage();
    const killAtMs = this.#clock.nowMs() + patienceMs;
    this.#enter({ kind: 'ending', cause, killAtMs, deadlineMs: killAtMs + limits.exitWaitMs });
    if (from !== 'draining') this.keeper.retired(this);
  }

  /** The one way out: whatever is left of its invocations had begun, or may have. */
  #finish(): void {
    if (this.state.kind !== 'ending') return;
    const cause = describeBoth(this.state.cause, this.#exit);
    this.#readUsage();
    this.#enter({ kind: 'ended', cause });
    // Before its invocations fail: whoever sees them fail finds the reason in the log.
    if (this.#endedFrom !== 'draining') this.keeper.logged(endLine(cause), this, null);
    this.process?.kill();
    this.data?.destroy('the instance has ended');
    this.control?.destroy('the instance has ended');
    this.data = null;
    this.control = null;
    this.keeper.ended(this, { from: this.#endedFrom, cause, exit: this.#exit, lost: failLost(this.streams, cause) });
  }

  /** While the process can still be asked. */
  #readUsage(): void {
    const usage = this.process?.usage() ?? null;
    if (usage !== null) this.finalCpuUs = Math.max(this.finalCpuUs ?? 0, usage.cpuUs);
  }
}
