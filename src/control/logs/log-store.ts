import { channels } from '../../base/channels.ts';
import type { Clock, Timer } from '../../base/clock.ts';
import { limits } from '../../base/limits.ts';
import type { Log } from '../../base/log.ts';
import type { LogLine } from '../../api/observed.ts';
import type { CrashReport, InvocationRecord } from '../../model/telemetry.ts';
import { Batching } from './batching.ts';
import { Dropped } from './dropped.ts';
import { boundedText, resourceOf } from './line.ts';
import type { PublishedLine } from './line.ts';
import { ThreadHold } from './thread-hold.ts';
import type { Answers, Question, Report, Retention } from './wire.ts';

export interface LogStoreOptions {
  /** Absolute; its folder is made when it is not there. */
  readonly file: string;
  readonly clock: Clock;
  readonly log: Log;
  /** What is left out is as in limits. */
  readonly retention?: Partial<Retention>;
}

/** Is told of each line at once, with the id that it is kept under. */
export type Listener = (line: LogLine) => void;

interface Asked {
  readonly resolve: (answer: Answers[Question['kind']]) => void;
  readonly reject: (error: Error) => void;
}

interface Unwritten {
  readonly number: number;
  readonly bytes: number;
  readonly lines: number;
}

const someLines = limits.logUnwrittenLines / 2;
const someBytes = limits.logUnwrittenBytes / 2;

/** Opens the log; what is published on the channels is kept from then on. Never rejects: a log that cannot be opened is told of. */
export async function openLogStore(options: LogStoreOptions): Promise<LogStore> {
  const store = new LogStore(options);
  await store.opened;
  store.subscribe();
  return store;
}

/**
 * Keeps lines, invocations and crashes. The disk is another thread's: this one hands over what has come, ten times a second,
 * and drops, counting, what that one is too slow for.
 */
export class LogStore {
  readonly #options: LogStoreOptions;
  #retention: Retention;
  #thread: ThreadHold | null = null;
  #isOpen = false;
  #restartMs: number = limits.logRestartMs;
  readonly opened: Promise<void>;
  #settleOpened: () => void = () => undefined;

  readonly #batching = new Batching();
  readonly #dropped = new Dropped();
  readonly #unwritten: Unwritten[] = [];
  #unwrittenBytes = 0;
  #unwrittenLines = 0;
  #batches = 0;
  #timer: Timer | null = null;
  #tidying: Timer | null = null;
  #trouble: string | null = null;

  readonly #asked = new Map<number, Asked>();
  #questions = 0;
  readonly #listeners = new Set<Listener>();
  /** 0: not known, and none was needed. */
  #lastId = 0;
  #usedBytes = 0;
  #flushed: (() => void)[] = [];
  #closing: Promise<void> | null = null;
  #settleClosed: () => void = () => undefined;

  constructor(options: LogStoreOptions) {
    this.#options = options;
    this.#retention = { logBytes: limits.logBytes, logDays: limits.logDays, ...options.retention };
    this.opened = new Promise((resolve) => (this.#settleOpened = resolve));
    this.#start();
    this.#tidySoon();
  }

  /** Of the line that came last. */
  get lastId(): number {
    return this.#lastId;
  }

  /** What it takes on disk, as of the last batch. */
  get usedBytes(): number {
    return this.#usedBytes;
  }

  subscribe(): void {
    channels.log.subscribe(this.#onLine);
    channels.invocation.subscribe(this.#onInvocation);
    channels.crash.subscribe(this.#onCrash);
  }

  /** Takes effect at once. */
  retain(retention: Retention): void {
    this.#retention = retention;
    this.#tidy();
  }

  listen(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Of all that has come so far. Rejects when the log cannot be read, or has too many questions. */
  ask<K extends Question['kind']>(question: Question & { readonly kind: K }): Promise<Answers[K]> {
    if (this.#closing !== null) return Promise.reject(new Error('the log is closed'));
    if (!this.#isOpen) return Promise.reject(new Error('the log cannot be read at the moment'));
    if (this.#asked.size >= limits.logQuestions) return Promise.reject(new Error('the log is asked too much at once'));
    this.#handOver();
    const number = (this.#questions += 1);
    return new Promise<Answers[K]>((resolve, reject) => {
      this.#asked.set(number, { resolve: resolve as Asked['resolve'], reject });
      this.#thread!.post({ kind: 'ask', number, question });
    });
  }

  /** Resolves when all that has come so far is written, or cannot be. */
  async flush(): Promise<void> {
    this.#handOver();
    if (this.#unwritten.length > 0) await new Promise<void>((resolve) => this.#flushed.push(resolve));
  }

  /** Writes what is there. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    channels.log.unsubscribe(this.#onLine);
    channels.invocation.unsubscribe(this.#onInvocation);
    channels.crash.unsubscribe(this.#onCrash);
    this.#timer?.cancel();
    this.#tidying?.cancel();
    await this.opened;
    this.#tellDropped();
    this.#handOver();
    if (this.#thread === null) return;
    const closed = new Promise<void>((resolve) => (this.#settleClosed = resolve));
    this.#thread.hold();
    this.#thread.post({ kind: 'close' });
    await closed;
  }

  readonly #onLine = (message: unknown): void => {
    const line = message as PublishedLine;
    if (this.#hasRoom(limits.logUnwrittenLines, limits.logUnwrittenBytes)) this.#keep(line);
    else this.#dropped.add(line.functionId, line.label, 'lines');
  };

  readonly #onInvocation = (message: unknown): void => {
    const record = message as InvocationRecord;
    if (!this.#hasRoom(limits.logUnwrittenLines, limits.logUnwrittenBytes)) {
      this.#dropped.add(record.functionId, record.label, 'invocations');
      return;
    }
    this.#batching.invocation(record);
    this.#added();
  };

  readonly #onCrash = (message: unknown): void => {
    // Few, and what one would look for: there is always room.
    this.#batching.crash(message as CrashReport);
    this.#added();
  };

  #keep(line: PublishedLine): void {
    if (this.#lastId === 0) this.#lastId = this.#options.clock.wallMs() * 1_000;
    const id = (this.#lastId += 1);
    const atMs = Math.round(line.atMs ?? this.#options.clock.wallMs());
    const text = boundedText(line.text);
    this.#batching.line(line, id, atMs, text);
    if (this.#listeners.size > 0) {
      const resource = resourceOf(line, id, atMs, text);
      for (const listener of this.#listeners) listener(resource);
    }
    this.#added();
  }

  #hasRoom(lines: number, bytes: number): boolean {
    return this.#unwrittenLines + this.#batching.count < lines && this.#unwrittenBytes + this.#batching.bytes < bytes;
  }

  #added(): void {
    if (this.#batching.isFull) this.#handOver();
    else this.#timer ??= this.#options.clock.after(limits.logBatchMs, () => this.#handOver());
  }

  #handOver(): void {
    this.#timer?.cancel();
    this.#timer = null;
    if (!this.#isOpen || this.#batching.isEmpty) return;
    const { bytes, count: lines } = this.#batching;
    const number = (this.#batches += 1);
    this.#unwritten.push({ number, bytes, lines });
    this.#unwrittenBytes += bytes;
    this.#unwrittenLines += lines;
    this.#thread!.post({ kind: 'batch', number, batch: this.#batching.take() });
  }

  #tellDropped(): void {
    if (this.#dropped.isEmpty) return;
    for (const { functionId, label, text } of this.#dropped.take())
      this.#keep({ functionId, label, instance: '', invocationId: null, level: 'warn', source: 'platform', text });
  }

  #start(): void {
    const { file, clock } = this.#options;
    this.#thread = new ThreadHold({
      order: { file, retention: this.#retention, nowMs: clock.wallMs() },
      report: (report) => this.#take(report),
      ended: (why) => this.#ended(why),
    });
  }

  #take(report: Report): void {
    switch (report.kind) {
      case 'open':
        this.#isOpen = true;
        this.#restartMs = limits.logRestartMs;
        this.#lastId = Math.max(this.#lastId, report.lastId);
        this.#usedBytes = report.usedBytes;
        this.#settleOpened();
        // The settings may have changed since it was started.
        this.#tidy();
        this.#handOver();
        break;
      case 'written':
        this.#written(report);
        break;
      case 'answer':
        this.#asked.get(report.number)?.resolve(report.answer);
        this.#asked.delete(report.number);
        break;
      case 'refused':
        this.#asked.get(report.number)?.reject(new Error(report.why));
        this.#asked.delete(report.number);
        break;
      case 'set aside':
        this.#options.log.warn('the log was damaged: it is kept as it is, and another one was begun', {
          why: report.why,
          kept: report.file,
        });
    }
  }

  #written({ number, usedBytes, trouble }: Report & { kind: 'written' }): void {
    this.#usedBytes = usedBytes;
    if (trouble !== this.#trouble) {
      this.#trouble = trouble;
      if (trouble === null) this.#options.log.info('logs are kept again');
      else this.#options.log.warn('what is logged cannot be kept', { why: trouble });
    }
    while (this.#unwritten.length > 0 && this.#unwritten[0]!.number <= number) {
      const { bytes, lines } = this.#unwritten.shift()!;
      this.#unwrittenBytes -= bytes;
      this.#unwrittenLines -= lines;
    }
    if (!this.#dropped.isEmpty && this.#hasRoom(someLines, someBytes)) this.#tellDropped();
    if (this.#unwritten.length > 0) return;
    for (const resolve of this.#flushed.splice(0)) resolve();
  }

  #ended(why: string): void {
    this.#thread = null;
    this.#isOpen = false;
    this.#settleOpened();
    this.#settleClosed();
    for (const { reject } of this.#asked.values()) reject(new Error('the log cannot be read at the moment'));
    this.#asked.clear();
    const lost = this.#unwrittenLines;
    this.#unwritten.length = this.#unwrittenBytes = this.#unwrittenLines = 0;
    for (const resolve of this.#flushed.splice(0)) resolve();
    if (this.#closing !== null) return;
    this.#options.log.error('the log has failed, and is opened again', { why, lost });
    this.#options.clock.after(this.#restartMs, () => {
      if (this.#closing === null) this.#start();
    });
    this.#restartMs = Math.min(2 * this.#restartMs, limits.logRestartMaxMs);
  }

  #tidySoon(): void {
    this.#tidying = this.#options.clock.after(limits.logTidyMs, () => {
      this.#tidy();
      this.#tidySoon();
    });
  }

  #tidy(): void {
    if (!this.#isOpen) return;
    this.#thread!.post({ kind: 'tidy', retention: this.#retention, nowMs: this.#options.clock.wallMs() });
  }
}
