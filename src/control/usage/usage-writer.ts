import type { Clock } from '../../base/clock.ts';
import { limits } from '../../base/limits.ts';
import type { Log } from '../../base/log.ts';
import type { UsageRow } from '../../meter/rollup.ts';

export interface UsageWriterParts {
  readonly clock: Clock;
  readonly log: Log;
  /** All of them, or none: throws then. */
  write(rows: readonly UsageRow[]): void;
}

/**
 * Writes usage a little at a time: the process that it is in has requests to answer. What cannot be written, of a full disk for
 * one, is kept and tried again, and is nobody else's trouble.
 */
export class UsageWriter {
  readonly #parts: UsageWriterParts;
  #waiting: UsageRow[] = [];
  #isUnderWay = false;
  #isFailing = false;
  #isClosed = false;

  constructor(parts: UsageWriterParts) {
    this.#parts = parts;
  }

  /** What is not written yet, oldest first. */
  get waiting(): readonly UsageRow[] {
    return this.#waiting;
  }

  /** Never throws. */
  add(rows: readonly UsageRow[]): void {
    this.#waiting.push(...rows);
    const lost = this.#waiting.length - limits.usageWaitingRows;
    if (lost > 0) {
      this.#waiting.splice(0, lost);
      this.#parts.log.error('usage is lost: it could not be written for too long', { rows: lost });
    }
    if (this.#isUnderWay) return;
    this.#isUnderWay = true;
    this.#parts.clock.soon(() => this.#go());
  }

  /** What is left is written now, if it can be. Idempotent. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    while (this.#waiting.length > 0 && this.#writeSome());
    if (this.#waiting.length > 0)
      this.#parts.log.error('usage is lost: it could not be written', { rows: this.#waiting.length });
  }

  #go(): void {
    if (this.#isClosed) return;
    const isWritten = this.#waiting.length === 0 || this.#writeSome();
    if (!isWritten) this.#parts.clock.after(limits.usageRetryMs, () => this.#go());
    else if (this.#waiting.length > 0) this.#parts.clock.soon(() => this.#go());
    else this.#isUnderWay = false;
  }

  /** False: it could not be, which was told. */
  #writeSome(): boolean {
    const rows = this.#waiting.slice(0, limits.usageWriteRows);
    try {
      this.#parts.write(rows);
    } catch (error) {
      if (!this.#isFailing) {
        const why = (error as Error).message;
        this.#parts.log.error('usage cannot be written: it is kept, and tried again', { why });
      }
      this.#isFailing = true;
      return false;
    }
    this.#isFailing = false;
    this.#waiting = this.#waiting.slice(rows.length);
    return true;
  }
}
