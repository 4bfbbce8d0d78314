import { nackReasons, noVitals, type Vitals } from '../model/vitals.ts';
import type { FrameWriter } from '../tunnel/writer.ts';
import { verdict } from './admission.ts';
import { Cell } from './board.ts';
import { ProcessReadings, type Reading, type Readings } from './readings.ts';

const kibibyte = 1024;
const mebibyte = 1024 * 1024;

/**
 * Puts vitals together from the board and the operating system, and writes them: on the main thread until there is a
 * sentinel, on the sentinel's afterwards. Also leaves on the board what admission must know.
 */
export class VitalsReporter {
  readonly #cells: Int32Array;
  readonly #writer: FrameWriter;
  readonly #readings: Readings;
  #sequence = 0;
  #told: Vitals = noVitals;
  #atMs: number;
  #throttledUs = 0;
  #attributed: Wrapping;
  #active: Wrapping;
  #countedActiveUs = 0;

  constructor(cells: Int32Array, writer: FrameWriter, nowMs: number, readings: Readings = new ProcessReadings()) {
    this.#readings = readings;
    this.#atMs = nowMs;
    this.#cells = cells;
    this.#writer = writer;
    this.#attributed = new Wrapping(cells[Cell.attributedUs] ?? 0);
    this.#active = new Wrapping(cells[Cell.activeUs] ?? 0);
    this.#countedActiveUs = this.#active.total;
  }

  /**
   * Writes VITALS; the caller flushes. `turnMs`: how long the turn that goes on has lasted, 0 outside of one.
   * `stuckMs`: how long the loop has been stuck in it, 0 if it is not.
   */
  report(nowMs: number, turnMs: number, stuckMs: number): Vitals {
    const cells = this.#cells;
    // Before the process's total is read: it is never less than what was attributed of it.
    const attributedUs = this.#attributed.follow(cells[Cell.attributedUs] ?? 0);
    const reading = this.#readings.read(nowMs);
    const periodUs = Math.max(1, (nowMs - this.#atMs) * 1000);
    const ailment = this.#ailment(reading, periodUs);
    const vitals: Vitals = {
      ...reading,
      heapBytes: (cells[Cell.heapKiB] ?? 0) * kibibyte,
      loopPermille: this.#loopPermille(periodUs, turnMs),
      loopStuckMs: Math.trunc(stuckMs),
      inFlight: cells[Cell.inFlight] ?? 0,
      waiting: cells[Cell.waiting] ?? 0,
      background: cells[Cell.background] ?? 0,
      errors: cells[Cell.errors] ?? 0,
      attributedUs,
      ailment,
      loopDelayMs: this.#loopDelayMs(turnMs),
    };
    Atomics.store(cells, Cell.verdict, ailment);
    this.#sequence += 1;
    this.#writer.vitals(this.#sequence, this.#told, vitals);
    this.#told = vitals;
    this.#atMs = nowMs;
    this.#throttledUs = reading.throttledUs;
    return vitals;
  }

  close(): void {
    this.#readings.close();
  }

  /** As in vitals and on the board. */
  #ailment(reading: Reading, periodUs: number): number {
    const ailment = verdict({
      rssBytes: reading.rssBytes,
      memoryBytes: (this.#cells[Cell.memoryMiB] ?? 0) * mebibyte,
      fds: reading.fds,
      fdLimit: this.#readings.fdLimit,
      throttledPermille: this.#sequence === 0 ? 0 : ((reading.throttledUs - this.#throttledUs) * 1000) / periodUs,
    });
    return ailment === null ? 0 : nackReasons.indexOf(ailment) + 1;
  }

  /** Busy time ÷ time. The turn that goes on counts as far as it has come. */
  #loopPermille(periodUs: number, turnMs: number): number {
    const activeUs = this.#active.follow(this.#cells[Cell.activeUs] ?? 0) + turnMs * 1000;
    const busyUs = Math.max(0, activeUs - this.#countedActiveUs);
    this.#countedActiveUs = Math.max(this.#countedActiveUs, activeUs);
    return Math.min(1000, Math.round((busyUs * 1000) / periodUs));
  }

  /** The longest turn since the last report, which takes it. */
  #loopDelayMs(turnMs: number): number {
    const cells = this.#cells;
    const period = cells[Cell.turnPeriod] ?? 0;
    const endedMs = Atomics.load(cells, Cell.longestIn) === period ? (cells[Cell.longestTurnMs] ?? 0) : 0;
    Atomics.store(cells, Cell.turnPeriod, period + 1);
    return Math.trunc(Math.max(endedMs, turnMs));
  }
}

/** A total of which only the low 32 bits can be seen; it must be looked at before it has grown by 2³². */
class Wrapping {
  total: number;
  #seen: number;

  /** Now: it has not wrapped before the first look. */
  constructor(seen: number) {
    this.#seen = seen;
    this.total = seen >>> 0;
  }

  follow(seen: number): number {
    this.total += (seen - this.#seen) >>> 0;
    this.#seen = seen;
    return this.total;
  }
}
