import { systemClock, type Timer } from '../base/clock.ts';
import { limits } from '../base/limits.ts';
import type { Session } from '../tunnel/session.ts';
import { Attribution } from './attribution.ts';
import { boardBytes, boardCells, boardMemory, Cell, clockOriginMs } from './board.ts';
import { Claims } from './claims.ts';
import { currentCall } from './context.ts';
import { Exit } from './exit.ts';
import { keepListening } from './process-events.ts';
import { SentinelThread } from './sentinel-thread.ts';
import { StreamCall } from './stream.ts';
import { Turns } from './turns.ts';
import { VitalsReporter } from './vitals.ts';
import type { Ward, WardCore } from './ward.ts';

export interface SentinelOptions {
  /** Where the router listens. */
  readonly address: string;
  /** A thread of its own for vitals and recalls: 18 MB, and a loop that is blocked is noticed. */
  readonly sentinel: boolean;
  /** What that thread runs: sentinel.ts, or what it was built to. */
  readonly sentinelFile: URL | string;
}

/** Before a stem, or an instance that nobody calls, gets its sentinel: a first invocation comes at once or much later. */
const sentinelDelayMs = 100;

/** The process that the core itself runs in, on the loop of user code: where a second thread watches it. */
export class ThisProcess implements Ward {
  readonly pid: number = process.pid;
  readonly runtimeName = `nodejs${process.versions.node.split('.', 1)[0]}.x`;
  readonly lingers = false;
  readonly begunWaitsMs = 0;
  readonly cells: Int32Array;
  readonly claims: Claims;
  readonly turns: Turns;
  readonly charges: Attribution;
  readonly #options: SentinelOptions;
  readonly #memory = boardMemory(Claims.bytes(limits.streamsPerTunnel));
  #core: WardCore | null = null;
  #exit: Exit | null = null;
  #session: Session | null = null;
  /** Null once it was started, or when there is to be none. */
  #sentinel: SentinelThread | null;
  #reporter: VitalsReporter | null = null;
  #vitalsTimer: Timer | null = null;
  #heapAtMs = -Infinity;

  constructor(options: SentinelOptions) {
    this.#options = options;
    this.#sentinel = options.sentinel ? new SentinelThread() : null;
    this.cells = boardCells(this.#memory);
    this.claims = new Claims(this.#memory, boardBytes, limits.streamsPerTunnel);
    this.turns = new Turns(this.cells);
    this.charges = new Attribution({
      turns: this.turns,
      cells: this.cells,
      current: () => currentCall.getStore(),
      cpuUs: () => {
        const { user, system } = process.cpuUsage();
        return user + system;
      },
    });
  }

  get isExiting(): boolean {
    return this.#exit?.now === true;
  }

  attach(core: WardCore): void {
    this.#core = core;
    this.#exit = new Exit({
      clock: systemClock,
      terminated: () => core.terminated(),
      flush: () => core.streams?.flush(),
      unsentBytes: () => core.unsentBytes,
    });
    keepListening('uncaughtException', (error: unknown, origin: string) => {
      const { owner } = this.charges;
      core.fatal(error, origin, currentCall.getStore() ?? (owner instanceof StreamCall ? owner : null));
    });
    this.charges.enable();
  }

  opened(session: Session): void {
    this.#session = session;
    this.#reporter = new VitalsReporter(this.cells, session.writer, performance.now());
    this.#reportVitals();
    systemClock.after(sentinelDelayMs, this.#startSentinel);
  }

  loaded(): void {
    systemClock.after(sentinelDelayMs, this.#startSentinel);
  }

  turnEnds(): void {
    const nowMs = performance.now();
    if (nowMs - this.#heapAtMs >= limits.vitalsPeriodMs) {
      this.#heapAtMs = nowMs;
      this.cells[Cell.heapKiB] = process.memoryUsage().heapUsed / 1024;
    }
    // Without a sentinel nobody could say so before, and the router waits to hear that it is over.
    if (nowMs - this.turns.startedMs >= limits.loopStuckMs && !this.#isReported()) this.#reportVitals();
  }

  busy(): void {
    if (this.#sentinel !== null) this.#startSentinel();
  }

  leave(_leftMs: number, then: () => void): void {
    const graceMs = this.#exit?.announce() ?? 0;
    if (graceMs > 0) setTimeout(then, graceMs);
    else then();
  }

  closed(): void {
    this.#vitalsTimer?.cancel();
  }

  end(code: number): void {
    this.#exit?.end(code);
  }

  abort(code: number): never {
    process.exit(code);
  }

  /** Every period while no sentinel does. */
  readonly #reportVitals = (): void => {
    this.#vitalsTimer?.cancel();
    if (this.#reporter === null || this.#isReported()) return;
    const nowMs = performance.now();
    this.#reporter.report(nowMs, this.turns.inside ? nowMs - this.turns.startedMs : 0, 0);
    this.#core?.streams?.written();
    this.#vitalsTimer = systemClock.after(limits.vitalsPeriodMs, this.#reportVitals);
  };

  readonly #startSentinel = (): void => {
    const [sentinel, core] = [this.#sentinel, this.#core];
    const token = this.#session?.welcome.controlToken;
    if (sentinel === null || core === null || token === undefined) return;
    // Not while loading, which it would make longer. Who drains is not let in twice.
    if (core.phase !== 'stem' && core.phase !== 'open') return;
    this.#sentinel = null;
    this.turns.wake = () => sentinel.wake();
    const order = { address: this.#options.address, token, runtime: this.runtimeName };
    void sentinel.start({
      file: this.#options.sentinelFile,
      order: { ...order, memory: this.#memory, slots: limits.streamsPerTunnel, originMs: clockOriginMs() },
      cells: this.cells,
      ended: (reason) => {
        if (core.phase === 'ended') return;
        if (reason !== null) core.warn(`the sentinel ended: ${reason}`);
        this.#reportVitals();
      },
    });
  };

  #isReported(): boolean {
    return Atomics.load(this.cells, Cell.reporting) === 1;
  }
}
