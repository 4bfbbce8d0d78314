import type { Clock } from '../../base/clock.ts';
import { cut } from '../../base/printable.ts';
import { bytesText, counted } from '../figures.ts';
import type { Output } from '../output.ts';

interface Whole {
  readonly files: number;
  readonly bytes: number;
}

const barColumns = 24;
/** Painted so often at most. */
const periodMs = 80;

/** How far an upload has come: on a terminal a bar that moves, elsewhere a line for each quarter. */
export class Progress {
  readonly #whole: Whole;
  readonly #output: Output;
  readonly #err: NodeJS.WriteStream;
  readonly #clock: Clock;
  readonly #startedMs: number;
  #bytes = 0;
  #files = 0;
  #paintedMs = Number.NEGATIVE_INFINITY;
  #quarter = 0;

  constructor(whole: Whole, output: Output, err: NodeJS.WriteStream, clock: Clock) {
    this.#whole = whole;
    this.#output = output;
    this.#err = err;
    this.#clock = clock;
    this.#startedMs = clock.nowMs();
  }

  /** Fewer, where some have to be sent again. */
  moved(bytes: number): void {
    this.#bytes += bytes;
    this.#show();
  }

  fileDone(): void {
    this.#files += 1;
    this.#show();
  }

  /** Leaves the line to others. */
  end(): void {
    if (this.#output.isLive) this.#err.write('\r\u001B[K');
  }

  get #part(): number {
    return this.#whole.bytes === 0 ? 1 : Math.min(1, Math.max(0, this.#bytes / this.#whole.bytes));
  }

  #show(): void {
    if (!this.#output.isLive) {
      const quarter = Math.floor(this.#part * 4);
      if (quarter <= this.#quarter || quarter >= 4) return;
      this.#quarter = quarter;
      this.#output.note(`uploaded ${quarter * 25} %, ${bytesText(this.#bytes)}`);
      return;
    }
    const nowMs = this.#clock.nowMs();
    if (nowMs - this.#paintedMs < periodMs) return;
    this.#paintedMs = nowMs;
    this.#err.write(`\r${cut(this.#line(nowMs), (this.#err.columns || 80) - 1)}\u001B[K`);
  }

  #line(nowMs: number): string {
    const full = Math.round(this.#part * barColumns);
    const bar = '█'.repeat(full) + '░'.repeat(barColumns - full);
    const { files, bytes } = this.#whole;
    const speed = (this.#bytes / Math.max(1, nowMs - this.#startedMs)) * 1000;
    return `uploading ${bar} ${Math.floor(this.#part * 100)} %  ${this.#files} of ${counted(files, 'file')}, ${bytesText(Math.max(0, this.#bytes))} of ${bytesText(bytes)}, ${bytesText(Math.max(0, speed))}/s`;
  }
}
