import { systemClock, type Timer } from '../../base/clock.ts';
import { limits } from '../../base/limits.ts';
import { ProcessTree, type TreeUsage } from '../../base/process-tree.ts';
import type { Session } from '../../tunnel/session.ts';
import { boardBytes, boardCells, boardMemory, Cell } from '../board.ts';
import { Claims } from '../claims.ts';
import { countDescriptors, fdLimit, fdPeriodMs, type Reading, type Readings } from '../readings.ts';
import { MainThread } from '../starvation.ts';
import { Turns } from '../turns.ts';
import { VitalsReporter } from '../vitals.ts';
import type { Ward, WardCore } from '../ward.ts';
import type { LanguageProcess } from './language-process.ts';
import { Pulse } from './pulse.ts';
import { RunDelay } from './run-delay.ts';
import { SharedCharges } from './shared-charges.ts';

export interface BesideOptions {
  readonly runtimeName: string;
  /** User code takes turns on one loop, or under one lock: what the process uses of a processor is what that loop is busy. */
  readonly isOneLoop: boolean;
  /** Held to so many resident bytes, with all it has started; null: the kernel does that. */
  readonly limitBytes: number | null;
  readonly silentMs: number;
  readonly silentMaxMs: number;
  /** Asks the process whether its loop comes round: `pulse.answered` follows, or does not. */
  ask(): void;
  /** Invocations of which something can be expected. */
  working(): number;
  /** It may have work of its own that it finishes when it is asked to end: as waitUntil of this process, that has the drain's time. */
  worksOn(): boolean;
  /** The last word to the process, before it is sent SIGTERM. */
  farewell(): unknown;
  /** The core has ended, and the process is gone, if there was one. Once. */
  finished(code: number): void;
}

/** From here on memory is looked at more often: what it takes between two looks is what it can exceed its limit by. */
const nearShare = 0.75;

/** A process beside the core that looks after it. One loop serves many of these; it is never user code's. */
export class ProcessBeside implements Ward, Readings {
  runtimeName: string;
  readonly lingers = true;
  readonly begunWaitsMs = limits.begunWaitsMs;
  readonly isExiting = false;
  readonly cells: Int32Array;
  readonly claims: Claims;
  readonly turns: Turns;
  readonly charges: SharedCharges;
  readonly pulse: Pulse;
  fdLimit = 0;
  readonly #options: BesideOptions;
  #limitBytes: number | null;
  #core: WardCore | null = null;
  #process: LanguageProcess | null = null;
  #tree: ProcessTree | null = null;
  #main: MainThread | null = null;
  #usage: TreeUsage = { cpuUs: 0, rssBytes: 0 };
  #fds = 0;
  #countedMs = -Infinity;
  #reporter: VitalsReporter | null = null;
  #timer: Timer | null = null;
  /** Where figures of the loop of user code add up. */
  #busyUs = 0;
  #lookedMs = 0;
  /** Of CPU at that time; `#usage` moves between two looks too, whenever something is charged. */
  #lookedUs = 0;
  readonly #delay = new RunDelay();
  #leaving: (() => void) | null = null;
  #code: number | null = null;
  #finished = false;

  constructor(options: BesideOptions) {
    this.#options = options;
    this.#limitBytes = options.limitBytes;
    this.runtimeName = options.runtimeName;
    const memory = boardMemory(Claims.bytes(limits.streamsPerTunnel));
    this.cells = boardCells(memory);
    this.claims = new Claims(memory, boardBytes, limits.streamsPerTunnel);
    // The turns of the loop that cores run on are nobody's vitals.
    this.turns = new Turns(boardCells(boardMemory(0)));
    this.charges = new SharedCharges(this.turns, this.cells, {
      nowMs: () => performance.now(),
      cpuUs: () => this.#read(performance.now()).cpuUs,
    });
    this.pulse = new Pulse({
      clock: systemClock,
      silentMs: options.silentMs,
      silentMaxMs: options.silentMaxMs,
      ask: () => options.ask(),
      working: () => options.working(),
      held: (isHeld) => (isHeld ? this.#core?.streams?.hold() : this.#core?.streams?.release()),
      usedMs: (nowMs) => this.#main?.usedMs(nowMs) ?? 0,
      stuck: () => this.#look(),
    });
  }

  get pid(): number {
    return this.#process?.pid ?? 0;
  }

  readonly arriving = (): void => this.pulse.arriving(performance.now());

  attach(core: WardCore): void {
    this.#core = core;
  }

  /** The process, as soon as it was started. */
  follow(process: LanguageProcess): void {
    this.#process = process;
    if (process.pid === null) return;
    this.#tree = new ProcessTree(process.pid);
    this.#main = new MainThread(performance.now(), process.pid);
    this.fdLimit = fdLimit(process.pid);
    this.#look();
  }

  /** The kernel does not hold it to its memory after all. */
  limitMemory(bytes: number): void {
    this.#limitBytes = bytes;
  }

  opened(session: Session): void {
    this.#reporter = new VitalsReporter(this.cells, session.writer, performance.now(), this);
    this.#look();
  }

  loaded(): void {}
  turnEnds(): void {}
  busy(): void {}

  leave(leftMs: number, then: () => void): void {
    if (this.#process === null || this.#process.isGone) {
      then();
      return;
    }
    this.#leaving = then;
    this.#options.farewell();
    const { terminateGraceMs } = limits;
    this.#process.terminate(this.#options.worksOn() ? Math.max(leftMs, terminateGraceMs) : terminateGraceMs);
  }

  closed(): void {
    this.#reporter = null;
    this.pulse.close();
  }

  end(code: number): void {
    this.#code ??= code;
    if (this.#process === null || this.#process.isGone) {
      this.#finish(this.#code);
      return;
    }
    this.#options.farewell();
    this.#process.terminate(limits.terminateGraceMs);
  }

  abort(): void {
    this.#process?.kill();
  }

  /** The process is gone. False: that was expected. */
  gone(): boolean {
    this.#timer?.cancel();
    this.#main?.close();
    this.#tree = null;
    this.#main = null;
    this.pulse.close();
    const leaving = this.#leaving;
    this.#leaving = null;
    // The core may have ended while the process was leaving: it has nothing more to say then.
    if (this.#code !== null) this.#finish(this.#code);
    else if (leaving !== null) leaving();
    else return true;
    return false;
  }

  // — Readings —

  read(nowMs: number): Reading {
    const { cpuUs, rssBytes } = this.#usage;
    if (this.#tree !== null && nowMs - this.#countedMs >= fdPeriodMs && process.platform === 'linux') {
      this.#countedMs = nowMs;
      this.#fds = countDescriptors(this.#tree.pid);
    }
    return { cpuUs, throttledUs: 0, rssBytes, fds: this.#fds };
  }

  close(): void {
    this.closed();
  }

  /** Every period, sooner when its memory comes near its limit, and at once when it is stuck or no more so. */
  readonly #look = (): void => {
    this.#timer?.cancel();
    if (this.#code !== null && this.#process === null) return;
    const nowMs = performance.now();
    const { cpuUs, rssBytes } = this.#read(nowMs);
    this.charges.period(nowMs, cpuUs);
    const limitBytes = this.#limitBytes ?? Infinity;
    if (rssBytes > limitBytes) this.#process?.kill(true);
    if (this.#reporter !== null) this.#report(this.#reporter, nowMs, cpuUs - this.#lookedUs);
    this.#lookedMs = nowMs;
    this.#lookedUs = cpuUs;
    const isNear = rssBytes > limitBytes * nearShare;
    this.#timer = systemClock.after(isNear ? limits.memoryNearPeriodMs : limits.vitalsPeriodMs, this.#look);
  };

  #report(reporter: VitalsReporter, nowMs: number, usedUs: number): void {
    const { cells } = this;
    if (this.#options.isOneLoop) {
      this.#busyUs += this.#busyFor(usedUs, nowMs);
      cells[Cell.activeUs] = this.#busyUs;
    }
    cells[Cell.longestTurnMs] = this.pulse.takeLongestMs();
    cells[Cell.longestIn] = cells[Cell.turnPeriod] ?? 0;
    reporter.report(nowMs, 0, this.pulse.stuckMs);
    this.#core?.streams?.written();
  }

  /** Of a period: what was used, and what was waited for to use it, as a loop that was held back is busy too. */
  #busyFor(usedUs: number, nowMs: number): number {
    const periodUs = (nowMs - this.#lookedMs) * 1000;
    // In the steps of the operating system: who only waits has used nothing most of the time.
    if (usedUs === 0 || this.#process?.pid == null) return usedUs;
    return Math.max(usedUs, Math.min(periodUs, usedUs + this.#delay.takeUs(this.#process.pid, nowMs)));
  }

  #read(nowMs: number): TreeUsage {
    this.#usage = this.#tree?.read(nowMs) ?? this.#usage;
    return this.#usage;
  }

  #finish(code: number): void {
    if (this.#finished) return;
    this.#finished = true;
    this.#timer?.cancel();
    this.#options.finished(code);
  }
}
