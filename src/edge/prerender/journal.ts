// Which tags were called back, over restarts: a line of JSON each, appended; written anew when it has grown.
import * as fs from 'node:fs/promises';
import { dirname } from 'node:path';
import { limits } from '../../base/limits.ts';
import type { Log } from '../../base/log.ts';
import type { MarkLine, TagMarks } from './marks.ts';

export class MarkJournal {
  readonly #file: string;
  readonly #marks: TagMarks;
  readonly #log: Log;
  #waiting = '';
  #bytes = 0;
  #writing: Promise<void> = Promise.resolve();

  /** `file`: absolute. */
  constructor(file: string, marks: TagMarks, log: Log) {
    this.#file = file;
    this.#marks = marks;
    this.#log = log;
  }

  /** Reads what is there into the marks. A line that is torn or no mark is passed over. */
  async open(): Promise<void> {
    const text = await fs.readFile(this.#file, 'utf8').catch(() => '');
    for (const line of text.split('\n')) {
      const mark = line === '' ? null : readLine(line);
      if (mark !== null) this.#marks.restore(mark);
    }
    if (text !== '') await this.#attempt(() => this.#rewrite());
  }

  /** Resolves when they are in the file, or it was logged that they could not be written. */
  append(lines: readonly MarkLine[]): Promise<void> {
    const first = this.#waiting === '';
    for (const line of lines) this.#waiting += writeLine(line);
    // What is added while another piece is written goes with the next one.
    if (first && this.#waiting !== '') this.#writing = this.#writing.then(() => this.#attempt(() => this.#flush()));
    return this.#writing;
  }

  async #flush(): Promise<void> {
    const text = this.#waiting;
    this.#waiting = '';
    this.#bytes += Buffer.byteLength(text);
    if (this.#bytes > limits.pageJournalBytes) await this.#rewrite();
    else await fs.appendFile(this.#file, text, { mode: 0o600 });
  }

  async #rewrite(): Promise<void> {
    const text = this.#marks.lines().map(writeLine).join('');
    await fs.mkdir(dirname(this.#file), { recursive: true, mode: 0o700 });
    await fs.writeFile(`${this.#file}.tmp`, text, { mode: 0o600 });
    await fs.rename(`${this.#file}.tmp`, this.#file);
    this.#bytes = 0;
  }

  async #attempt(act: () => Promise<void>): Promise<void> {
    try {
      await act();
    } catch (error) {
      this.#log.error('which tags were called back cannot be written: a restart will not know', {
        file: this.#file,
        why: error instanceof Error ? error.message : String(error),
      });
    }
  }
}

const finite = (ms: number): number | null => (Number.isFinite(ms) ? ms : null);

const writeLine = ({ scope, tag, staleMs, deletedMs, fromMs }: MarkLine): string =>
  `${JSON.stringify([scope, tag, finite(staleMs), finite(deletedMs), finite(fromMs)])}\n`;

const isTime = (value: unknown): value is number | null => value === null || typeof value === 'number';

function readLine(line: string): MarkLine | null {
  try {
    const [scope, tag, staleMs, deletedMs, fromMs] = JSON.parse(line) as unknown[];
    if (typeof scope !== 'string' || (tag !== null && typeof tag !== 'string')) return null;
    if (!isTime(staleMs) || !isTime(deletedMs) || !isTime(fromMs)) return null;
    return {
      scope,
      tag,
      staleMs: staleMs ?? -Infinity,
      deletedMs: deletedMs ?? -Infinity,
      fromMs: fromMs ?? Infinity,
    };
  } catch {
    return null;
  }
}
