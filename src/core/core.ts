import { systemClock, type Timer } from '../base/clock.ts';
import { ProtocolError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import { dial } from '../tunnel/dial.ts';
import { FrameType } from '../tunnel/frame.ts';
import { readLoad } from '../tunnel/greeting.ts';
import { type LogLevel, type LogSource, readDrain } from '../tunnel/payload.ts';
import { openSession, type Session, type SessionEnd, type SessionEvents } from '../tunnel/session.ts';
import { type Answered, AskFailed, Asks } from './asks.ts';
import { Attribution } from './attribution.ts';
import { boardBytes, boardCells, boardMemory, Cell, clockOriginMs } from './board.ts';
import type { Call, LoadOrder, Runtime } from './call.ts';
import { Claims } from './claims.ts';
import { currentCall } from './context.ts';
import { type Connected, type CorePhase, transitions } from './core-phase.ts';
import { Exit } from './exit.ts';
import { Logs } from './logs.ts';
import { setImmediate } from './loop.ts';
import { keepListening } from './process-events.ts';
import { SentinelThread } from './sentinel-thread.ts';
import { StreamCall } from './stream.ts';
import { Streams } from './streams.ts';
import { Turns } from './turns.ts';
import { VitalsReporter } from './vitals.ts';

export interface CoreOptions {
  /** Where the router listens: `unix:/path` or `tcp:host:port`. */
  readonly address: string;
  /** Lets the data connection in, once. */
  readonly token: string;
  readonly runtime: Runtime;
  /** A thread of its own for vitals and recalls: 18 MB, and a loop that is blocked is noticed. */
  readonly sentinel: boolean;
  /** What that thread runs: sentinel.ts, or what it was built to. */
  readonly sentinelFile: URL | string;
  /** For what the router cannot be told: the tunnel itself failed. */
  log?(line: string): void;
}

/** What a runtime and its entry need of the core. */
export interface Core {
  /** Work that goes on beyond its answer has begun, or ended. While there is any the instance is not idle. */
  background(delta: 1 | -1): void;
  /** To the function's log. `call`: the invocation it belongs to; null: none, or not known. */
  log(level: LogLevel, source: LogSource, text: string, call: Call | null): void;
  /** The invocation that the running code belongs to. */
  currentCall(): Call | undefined;
  /** An error that nobody caught. The instance takes nothing new, finishes what it has, and ends; a second one ends it at once. */
  fatal(error: unknown, origin: string): void;
  /** The instance takes nothing new any more. */
  readonly draining: boolean;
  /** The router answers what it is asked, and counts metrics. */
  readonly services: boolean;
  /** `json`: of an object; the body must not change any more. Rejects with AskFailed, in bounded time. */
  ask(json: string, body: Uint8Array | null): Promise<Answered>;
  /** A custom metric; `json`: of its name and attributes, at most limits.metricBytes. */
  metric(value: number, json: string): void;
}

/** Before a stem, or an instance that nobody calls, gets its sentinel: a first invocation comes at once or much later. */
const sentinelDelayMs = 100;

/** Connects, and serves until the end of the process, which is the core's to bring about. */
export function startCore(options: CoreOptions): Core {
  return new InstanceCore(options);
}

class InstanceCore implements Core, SessionEvents {
  readonly #options: CoreOptions;
  readonly #memory = boardMemory(Claims.bytes(limits.streamsPerTunnel));
  readonly #cells = boardCells(this.#memory);
  readonly #claims = new Claims(this.#memory, boardBytes, limits.streamsPerTunnel);
  readonly #turns = new Turns(this.#cells);
  readonly #attribution: Attribution;
  readonly #logs = new Logs();
  readonly #exit: Exit;
  readonly #runtimeName = `nodejs${process.versions.node.split('.', 1)[0]}.x`;
  #phase: CorePhase = { kind: 'connecting' };
  #session: Session | null = null;
  #failed = false;
  /** Null once it was started, or when there is to be none. */
  #sentinel: SentinelThread | null;
  #asks: Asks | null = null;
  #reporter: VitalsReporter | null = null;
  #vitalsTimer: Timer | null = null;
  #heapAtMs = -Infinity;

  constructor(options: CoreOptions) {
    this.#options = options;
    this.#sentinel = options.sentinel ? new SentinelThread() : null;
    this.#attribution = new Attribution({
      turns: this.#turns,
      cells: this.#cells,
      current: () => currentCall.getStore(),
      cpuUs: () => {
        const { user, system } = process.cpuUsage();
        return user + system;
      },
    });
    this.#turns.ending = this.#turnEnds;
    this.#turns.more = () => this.#streams()?.pending === true;
    this.#exit = new Exit({
      clock: systemClock,
      terminated: () => this.#drain(0, 'the process was asked to end'),
      flush: () => this.#streams()?.flush(),
      unsentBytes: () => this.#session?.connection.bufferedBytes ?? 0,
    });
    keepListening('uncaughtException', this.fatal);
    this.#attribution.enable();
    void this.#connect();
  }

  get draining(): boolean {
    return !['connecting', 'stem', 'loading', 'open'].includes(this.#phase.kind);
  }

  get services(): boolean {
    return this.#session?.welcome.services === true;
  }

  ask(json: string, body: Uint8Array | null): Promise<Answered> {
    const [session, streams] = [this.#session, this.#streams()];
    if (session === null || streams === null || !this.services) {
      return Promise.reject(new AskFailed('CLOSED', 'the router cannot be asked'));
    }
    this.#asks ??= new Asks({
      session,
      clock: systemClock,
      written: () => streams.written(),
      enter: (call) => void this.#attribution.enter(call),
      later: (call, go) => (call === null ? setImmediate(go) : currentCall.run(call, setImmediate, go)),
    });
    return this.#asks.ask(json, body, currentCall.getStore() ?? null);
  }

  metric(value: number, json: string): void {
    const streams = this.#streams();
    if (streams === null || !this.services) return;
    streams.writer.metric(value, json);
    streams.written();
  }

  background(delta: 1 | -1): void {
    this.#streams()?.changeBackground(delta);
  }

  log(level: LogLevel, source: LogSource, text: string, call: Call | null): void {
    this.#logs.write({ stream: call instanceof StreamCall ? call.stream : 0, level, source, text });
    if (this.#exit.now) this.#streams()?.flush();
  }

  currentCall(): Call | undefined {
    return currentCall.getStore();
  }

  readonly fatal = (error: unknown, origin: string): void => {
    const owner = this.#attribution.owner;
    this.#fatal(error, origin, currentCall.getStore() ?? (owner instanceof StreamCall ? owner : null));
  };

  opened(session: Session): void {
    const streams = new Streams({
      session,
      claims: this.#claims,
      cells: this.#cells,
      turns: this.#turns,
      attribution: this.#attribution,
      begin: (call) => this.#options.runtime.begin(call),
      log: (text, call) => this.log('error', 'platform', text, call),
      threw: (error, call) => this.#fatal(error, 'uncaughtException', call),
    });
    this.#session = session;
    this.#enter({ kind: 'stem', at: { session, streams } });
    // At once, as a line on a pipe leaves: the last line before a loop that never ends is the one that is looked for.
    this.#logs.open(session, streams.flush);
    this.#reporter = new VitalsReporter(this.#cells, session.writer, performance.now());
    this.#reportVitals();
    systemClock.after(sentinelDelayMs, this.#startSentinel);
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
      readDrain(payload);
      this.#drain(0, null);
    }
  }

  body(stream: number, chunk: Buffer): void {
    this.#streams()?.body(stream, chunk);
  }

  readDone(): void {
    this.#asks?.readDone();
    this.#streams()?.readDone();
  }

  drained(): void {
    this.#logs.drained();
  }

  closed(end: SessionEnd): void {
    if (this.#phase.kind === 'ended') return;
    if (this.#phase.kind === 'connecting' || end.kind !== 'goodbye') {
      this.#options.log?.(`the tunnel ended: ${end.code} ${end.detail}`);
    }
    const streams = this.#streams();
    this.#end(this.#phase.kind === 'leaving' ? this.#phase.exitCode : 1);
    this.#asks?.close();
    streams?.cancelAll('tunnel');
  }

  async #connect(): Promise<void> {
    const { address, token } = this.#options;
    try {
      const connection = await dial(address);
      openSession(connection, {
        clock: systemClock,
        hello: { token, role: 'data', pid: process.pid, runtime: this.#runtimeName },
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
    this.#attribution.booted();
    const { gate } = at.streams;
    gate.maxConcurrency = order.maxConcurrency ?? Infinity;
    gate.maxDurationMs = order.maxDurationMs;
    this.#cells[Cell.memoryMiB] = order.memoryMiB;
    const fromMs = performance.now();
    this.#options.runtime.load(order).then(
      () => {
        if (this.#phase.kind !== 'loading') return;
        this.#enter({ kind: 'open', at });
        gate.open = true;
        at.session.writer.loaded({ ok: true, initMs: performance.now() - fromMs });
        at.streams.flush();
        systemClock.after(sentinelDelayMs, this.#startSentinel);
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

  #fatal(error: unknown, origin: string, call: StreamCall | null): void {
    const title = origin === 'unhandledRejection' ? 'Unhandled rejection' : 'Uncaught exception';
    this.log('error', 'stderr', `${title}: ${textOf(error)}`, call);
    const streams = this.#streams();
    streams?.countError();
    if (this.#failed) {
      streams?.flush();
      process.exit(1);
    }
    this.#failed = true;
    if (this.#phase.kind === 'loading') {
      this.#loadFailed(error);
      return;
    }
    if (streams !== null) streams.gate.failed = true;
    if (call?.began === true) call.fail('FUNCTION_INVOCATION_FAILED', 'an error was not caught');
    this.#drain(1, 'errors');
  }

  /** `reason`: the instance asks for it; null: the router said so. */
  #drain(exitCode: number, reason: string | null): void {
    const phase = this.#phase;
    if (phase.kind === 'ended') return;
    if (phase.kind === 'connecting') {
      this.#end(exitCode);
      return;
    }
    // Who is leaving has nothing left to finish.
    if (phase.kind === 'leaving') return;
    const { at } = phase;
    const former = phase.kind === 'draining' ? phase : { exitCode: 0, agreed: false };
    const agreed = former.agreed || reason === null;
    if (reason !== null) {
      at.session.drain(limits.drainMs, reason);
      // The router answers with DRAIN. One that does not is not waited for long.
      systemClock.after(limits.lingerMs, () => this.#drain(exitCode, null));
    }
    this.#enter({ kind: 'draining', at, exitCode: Math.max(former.exitCode, exitCode), agreed });
    at.streams.gate.draining = true;
    // Ends with this turn at the earliest: an answer may still register work to be waited for.
    at.streams.written();
  }

  /** Nothing is left to finish. What user code logs when it is told belongs to the function's log, so GOODBYE waits. */
  #leave(at: Connected, exitCode: number): void {
    this.#enter({ kind: 'leaving', at, exitCode });
    const graceMs = this.#exit.announce();
    if (graceMs > 0) setTimeout(() => this.#end(exitCode), graceMs);
    else this.#end(exitCode);
  }

  /** The one way to the end. What was written before leaves first. */
  #end(exitCode: number, code = 'DRAINED'): void {
    if (this.#phase.kind === 'ended') return;
    this.#streams()?.flush();
    this.#enter({ kind: 'ended' });
    this.#vitalsTimer?.cancel();
    this.#logs.close();
    this.#session?.goodbye(code, '');
    this.#exit.end(exitCode);
  }

  readonly #turnEnds = (): void => {
    this.#attribution.settle();
    const phase = this.#phase;
    if (phase.kind === 'connecting' || phase.kind === 'ended') return;
    const { streams } = phase.at;
    const nowMs = performance.now();
    if (nowMs - this.#heapAtMs >= limits.vitalsPeriodMs) {
      this.#heapAtMs = nowMs;
      this.#cells[Cell.heapKiB] = process.memoryUsage().heapUsed / 1024;
    }
    // Without a sentinel nobody could say so before, and the router waits to hear that it is over.
    if (nowMs - this.#turns.startedMs >= limits.loopStuckMs && !this.#isReported()) this.#reportVitals();
    streams.flush();
    if (streams.begun > 0) this.#startSentinel();
    const done = phase.kind === 'draining' && phase.agreed && streams.open === 0 && streams.background === 0;
    if (done) this.#leave(phase.at, phase.exitCode);
  };

  /** Every period while no sentinel does. */
  readonly #reportVitals = (): void => {
    this.#vitalsTimer?.cancel();
    if (this.#reporter === null || this.#isReported()) return;
    const nowMs = performance.now();
    this.#reporter.report(nowMs, this.#turns.inside ? nowMs - this.#turns.startedMs : 0, 0);
    this.#streams()?.written();
    this.#vitalsTimer = systemClock.after(limits.vitalsPeriodMs, this.#reportVitals);
  };

  readonly #startSentinel = (): void => {
    const sentinel = this.#sentinel;
    const token = this.#session?.welcome.controlToken;
    if (sentinel === null || token === undefined) return;
    // Not while loading, which it would make longer. Who drains is not let in twice.
    if (this.#phase.kind !== 'stem' && this.#phase.kind !== 'open') return;
    this.#sentinel = null;
    this.#turns.wake = () => sentinel.wake();
    const order = { address: this.#options.address, token, runtime: this.#runtimeName };
    void sentinel.start({
      file: this.#options.sentinelFile,
      order: { ...order, memory: this.#memory, slots: limits.streamsPerTunnel, originMs: clockOriginMs() },
      cells: this.#cells,
      ended: (reason) => {
        if (this.#phase.kind === 'ended') return;
        if (reason !== null) this.log('warn', 'platform', `the sentinel ended: ${reason}`, null);
        this.#reportVitals();
      },
    });
  };

  #isReported(): boolean {
    return Atomics.load(this.#cells, Cell.reporting) === 1;
  }

  #streams(): Streams | null {
    return this.#phase.kind === 'connecting' || this.#phase.kind === 'ended' ? null : this.#phase.at.streams;
  }

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
  // Importing it would cost every start 2 ms.
  return process.getBuiltinModule('node:util').inspect(error);
}
