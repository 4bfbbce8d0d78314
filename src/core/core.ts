import { systemClock } from '../base/clock.ts';
import { ProtocolError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import { dial } from '../tunnel/dial.ts';
import { FrameType } from '../tunnel/frame.ts';
import { readLoad } from '../tunnel/greeting.ts';
import { metricFixedBytes } from '../tunnel/message.ts';
import { type LogLevel, type LogSource, readDrain } from '../tunnel/payload.ts';
import { openSession, type Session, type SessionEnd, type SessionEvents } from '../tunnel/session.ts';
import { type Answered, AskFailed, Asks } from './asks.ts';
import { Cell } from './board.ts';
import type { Call, LoadOrder, Runtime } from './call.ts';
import { currentCall } from './context.ts';
import { type Connected, type CorePhase, transitions } from './core-phase.ts';
import { Logs } from './logs.ts';
import { setImmediate } from './loop.ts';
import { StreamCall } from './stream.ts';
import { Streams } from './streams.ts';
import { type SentinelOptions, ThisProcess } from './this-process.ts';
import type { Ward, WardCore } from './ward.ts';

type Draining = Extract<CorePhase, { kind: 'draining' }>;

export interface CoreOptions {
  /** Where the router listens: `unix:/path` or `tcp:host:port`. */
  readonly address: string;
  /** Lets the data connection in, once. */
  readonly token: string;
  readonly runtime: Runtime;
  /** For what the router cannot be told: the tunnel itself failed. */
  log?(line: string): void;
}

/** What a runtime and its entry need of the core. */
export interface Core {
  /** Work that goes on beyond its answer has begun, or ended. While there is any the instance is not idle. */
  background(delta: number): void;
  /** To the function's log. `call`: the invocation it belongs to; null: none, or not known. */
  log(level: LogLevel, source: LogSource, text: string, call: Call | null): void;
  /** The invocation that the running code belongs to. */
  currentCall(): Call | undefined;
  /** The instance takes nothing new any more. */
  readonly draining: boolean;
  /** The router answers what it is asked, and counts metrics. */
  readonly services: boolean;
  /** `json`: of an object; the body must not change any more. Rejects with AskFailed, in bounded time. */
  ask(json: string, body: Uint8Array | null): Promise<Answered>;
  /** A custom metric; `json`: of its name and attributes, at most limits.metricBytes. */
  metric(value: number, json: string): void;
}

/** Of the process that it runs in. Connects, and serves until the end of it, which is the core's to bring about. */
export const startCore = (options: CoreOptions & SentinelOptions): Core =>
  new InstanceCore(options, new ThisProcess(options));

export class InstanceCore implements Core, SessionEvents, WardCore {
  readonly #options: CoreOptions;
  readonly #ward: Ward;
  readonly #logs = new Logs();
  #phase: CorePhase = { kind: 'connecting' };
  #session: Session | null = null;
  #failed = false;
  #asks: Asks | null = null;

  constructor(options: CoreOptions, ward: Ward) {
    this.#options = options;
    this.#ward = ward;
    ward.turns.ending = this.#turnEnds;
    ward.turns.more = () => this.streams?.pending === true;
    ward.attach(this);
    void this.#connect();
  }

  get phase(): CorePhase['kind'] {
    return this.#phase.kind;
  }

  get streams(): Streams | null {
    return this.#phase.kind === 'connecting' || this.#phase.kind === 'ended' ? null : this.#phase.at.streams;
  }

  get unsentBytes(): number {
    return this.#session?.connection.bufferedBytes ?? 0;
  }

  get draining(): boolean {
    return !['connecting', 'stem', 'loading', 'open'].includes(this.#phase.kind);
  }

  get services(): boolean {
    return this.#session?.welcome.services === true;
  }

  ask(json: string, body: Uint8Array | null): Promise<Answered> {
    const [session, streams] = [this.#session, this.streams];
    if (session === null || streams === null || !this.services) {
      return Promise.reject(new AskFailed('CLOSED', 'the router cannot be asked'));
    }
    this.#asks ??= new Asks({
      session,
      clock: systemClock,
      written: () => streams.written(),
      enter: (call) => void this.#ward.charges.enter(call),
      later: (call, go) => (call === null ? setImmediate(go) : currentCall.run(call, setImmediate, go)),
    });
    return this.#asks.ask(json, body, currentCall.getStore() ?? null);
  }

  metric(value: number, json: string): void {
    const streams = this.streams;
    if (streams === null || !this.services) return;
    // What the router is too slow to take does not gather here.
    if (this.unsentBytes > limits.connectionHighWaterBytes) return;
    // One that is too long leaves without its name: the router drops it, and counts that.
    const fits = metricFixedBytes + Buffer.byteLength(json) <= limits.metricBytes;
    streams.writer.metric(value, fits ? json : '{}');
    streams.written();
  }

  background(delta: number): void {
    this.streams?.changeBackground(delta);
  }

  log(level: LogLevel, source: LogSource, text: string, call: Call | null): void {
    this.#logs.write({ stream: call instanceof StreamCall ? call.stream : 0, level, source, text });
    if (this.#ward.isExiting) this.streams?.flush();
  }

  currentCall(): Call | undefined {
    return currentCall.getStore();
  }

  warn(text: string): void {
    this.log('warn', 'platform', text, null);
  }

  terminated(): void {
    this.#drain(0, 'the process was asked to end');
  }

  /** A line of the process beside; `stream`: its invocation, which may have ended, or 0. */
  relay(stream: number, level: LogLevel, source: LogSource, text: string): void {
    this.#logs.write({ stream, level, source, text });
  }

  /** An error has left the process beside unfit: nothing new, and another one in its place. One that loads has failed to, for that reason. Idempotent. */
  unfit(reason: string): void {
    if (this.#failed) return;
    this.#failed = true;
    const { streams } = this;
    if (this.#phase.kind === 'loading') this.#loadFailed(reason);
    if (streams === null || this.#phase.kind === 'ended') return;
    streams.countError();
    streams.gate.failed = true;
    this.#drain(1, 'errors');
  }

  /** Nothing reaches the process beside any more, whose end is near: what comes until then goes elsewhere. */
  severed(): void {
    this.#failed = true;
    if (this.streams !== null) this.streams.gate.failed = true;
  }

  /** The process beside is gone, and what it had in flight with it: as where a core goes with its process. `loading`: what is to be said if it was. */
  lost(detail: string, loading: string): void {
    const { streams } = this;
    if (this.#phase.kind === 'loading') this.#loadFailed(loading);
    streams?.failAll('NO_RESPONSE_FROM_FUNCTION', detail);
    this.#end(1, 'ENDED');
  }

  opened(session: Session): void {
    if (this.#phase.kind === 'ended') {
      session.goodbye('DRAINED', '');
      return;
    }
    const streams = new Streams({
      session,
      ward: this.#ward,
      begin: (call) => this.#options.runtime.begin(call),
      log: (text, call) => this.log('error', 'platform', text, call),
      threw: (error, call) => this.fatal(error, 'uncaughtException', call),
    });
    streams.gate.failed = this.#failed;
    this.#session = session;
    this.#enter({ kind: 'stem', at: { session, streams } });
    // At once, as a line on a pipe leaves: the last line before a loop that never ends is the one that is looked for.
    this.#logs.open(session, streams.flush);
    this.#ward.opened(session);
  }

  frame(type: number, stream: number, payload: Buffer): void {
    if (this.#phase.kind === 'connecting' || this.#phase.kind === 'ended') return;
    if (type >= FrameType.REQUEST) {
      this.#phase.at.streams.frame(type, stream, payload);
    } else if (type === FrameType.LOAD) {
      this.#takeLoad(readLoad(payload));
    } else if (type === FrameType.ANSWER) {
      this.#asks?.frame(payload);
    } else if (type === FrameType.DRAIN) {
      this.#drain(0, null, readDrain(payload).leftMs);
    }
  }

  body(stream: number, chunk: Buffer): void {
    this.streams?.body(stream, chunk);
  }

  readDone(): void {
    this.#asks?.readDone();
    this.streams?.readDone();
  }

  drained(): void {
    this.#logs.drained();
  }

  closed(end: SessionEnd): void {
    if (this.#phase.kind === 'ended') return;
    if (this.#phase.kind === 'connecting' || end.kind !== 'goodbye') {
      this.#options.log?.(`the tunnel ended: ${end.code} ${end.detail}`);
    }
    const streams = this.streams;
    this.#end(this.#phase.kind === 'leaving' ? this.#phase.exitCode : 1);
    this.#asks?.close();
    streams?.cancelAll('tunnel');
  }

  async #connect(): Promise<void> {
    const { address, token } = this.#options;
    const { pid, runtimeName } = this.#ward;
    try {
      const connection = await dial(address);
      if (this.#phase.kind === 'ended') {
        connection.destroy();
        return;
      }
      openSession(connection, {
        clock: systemClock,
        hello: { token, role: 'data', pid, runtime: runtimeName },
        events: this,
      });
    } catch (error) {
      this.#options.log?.(error instanceof Error ? error.message : String(error));
      this.#end(1);
    }
  }

  #takeLoad(order: LoadOrder): void {
    if (this.#phase.kind === 'stem') this.#load(this.#phase.at, order);
    else if (!this.draining) throw new ProtocolError('UNEXPECTED_FRAME', 'a second LOAD');
  }

  #load(at: Connected, order: LoadOrder): void {
    this.#enter({ kind: 'loading', at });
    this.#ward.charges.booted();
    const { gate } = at.streams;
    gate.maxConcurrency = order.maxConcurrency ?? Infinity;
    gate.maxDurationMs = order.maxDurationMs;
    this.#ward.cells[Cell.memoryMiB] = order.memoryMiB;
    const fromMs = performance.now();
    this.#options.runtime.load(order).then(
      () => {
        if (this.#phase.kind !== 'loading') return;
        this.#enter({ kind: 'open', at });
        gate.open = true;
        at.session.writer.loaded({ ok: true, initMs: performance.now() - fromMs });
        at.streams.flush();
        this.#ward.loaded();
      },
      (error: unknown) => this.#loadFailed(error),
    );
  }

  #loadFailed(error: unknown): void {
    if (this.#phase.kind !== 'loading') return;
    const { session } = this.#phase.at;
    const message = textOf(error).slice(0, limits.chunkBytes);
    session.writer.loaded({ ok: false, code: 'FUNCTION_LOAD_FAILED', message });
    this.#end(1, 'FUNCTION_LOAD_FAILED');
  }

  /** An error that nobody caught. The instance takes nothing new, finishes what it has, and ends; a second one ends it at once. */
  readonly fatal = (error: unknown, origin: string, call: StreamCall | null): void => {
    const title = origin === 'unhandledRejection' ? 'Unhandled rejection' : 'Uncaught exception';
    this.log('error', 'stderr', `${title}: ${textOf(error)}`, call);
    const streams = this.streams;
    streams?.countError();
    if (this.#failed) {
      streams?.flush();
      this.#ward.abort(1);
      return;
    }
    this.#failed = true;
    if (this.#phase.kind === 'loading') {
      this.#loadFailed(error);
      return;
    }
    if (streams !== null) streams.gate.failed = true;
    if (call?.began === true) call.fail('FUNCTION_INVOCATION_FAILED', 'an error was not caught');
    this.#drain(1, 'errors');
  };

  /** `reason`: the instance asks for it; null: the router said so, and left it so long; null: it has not answered. */
  #drain(exitCode: number, reason: string | null, leftMs: number | null = null): void {
    const phase = this.#phase;
    if (phase.kind === 'ended') return;
    if (phase.kind === 'connecting') {
      this.#end(exitCode);
      return;
    }
    // Who is leaving has nothing left to finish.
    if (phase.kind === 'leaving') return;
    const { at } = phase;
    const nowMs = systemClock.nowMs();
    const former = phase.kind === 'draining' ? phase : { exitCode: 0, agreed: false, untilMs: nowMs + limits.drainMs };
    const agreed = former.agreed || reason === null;
    const untilMs = leftMs === null ? former.untilMs : nowMs + leftMs;
    if (reason !== null) {
      at.session.drain(limits.drainMs, reason);
      // The router answers with DRAIN. One that does not is not waited for long.
      systemClock.after(limits.lingerMs, () => this.#drain(exitCode, null));
    }
    this.#enter({ kind: 'draining', at, exitCode: Math.max(former.exitCode, exitCode), agreed, untilMs });
    at.streams.gate.draining = true;
    // Ends with this turn at the earliest: an answer may still register work to be waited for.
    at.streams.written();
  }

  /** Nothing is left to finish. What user code logs when it is told belongs to the function's log, so GOODBYE waits. */
  #leave({ at, exitCode, untilMs }: Draining): void {
    this.#enter({ kind: 'leaving', at, exitCode });
    this.#ward.leave(untilMs - systemClock.nowMs(), () => this.#end(exitCode));
  }

  /** The one way to the end. What was written before leaves first. */
  #end(exitCode: number, code = 'DRAINED'): void {
    if (this.#phase.kind === 'ended') return;
    this.streams?.flushAll();
    this.#enter({ kind: 'ended' });
    this.#ward.closed();
    this.#logs.close();
    this.#session?.goodbye(code, '');
    this.#ward.end(exitCode);
  }

  readonly #turnEnds = (): void => {
    this.#ward.charges.settle();
    const phase = this.#phase;
    if (phase.kind === 'connecting' || phase.kind === 'ended') return;
    const { streams } = phase.at;
    this.#ward.turnEnds();
    streams.flush();
    if (streams.begun > 0) this.#ward.busy();
    const done = phase.kind === 'draining' && phase.agreed && streams.open === 0 && streams.background === 0;
    if (done) this.#leave(phase);
  };

  #enter(next: CorePhase): void {
    if (!transitions[this.#phase.kind].includes(next.kind)) {
      throw new TypeError(`a core cannot go from ${this.#phase.kind} to ${next.kind}`);
    }
    this.#phase = next;
  }
}

/** As Node would print it: the stack, causes, and what else the error carries. */
function textOf(error: unknown): string {
  if (typeof error === 'string') return error;
  // Words, made for whoever reads them (child/load-fault.ts).
  if (error instanceof Error && error.stack === error.message) return error.message;
  // Importing it would cost every start 2 ms.
  return process.getBuiltinModule('node:util').inspect(error);
}
