import { printable, printableLines } from '../base/printable.ts';
import { look, painted } from './painted.ts';
import type { Part } from './painted.ts';
import type { Streams } from './terminal.ts';
import { tableLines } from './table.ts';
import type { Column } from './table.ts';

interface OutputOptions {
  readonly json: boolean;
  readonly quiet: boolean;
}

/**
 * What a command says. Results go to standard output, what happens meanwhile to standard error. Whatever is said is made
 * printable: names and messages come from elsewhere.
 */
export class Output {
  readonly #streams: Streams;
  readonly json: boolean;
  readonly quiet: boolean;

  constructor(streams: Streams, { json, quiet }: OutputOptions) {
    this.#streams = streams;
    this.json = json;
    this.quiet = quiet;
  }

  /** Whether a person looks on while it happens. */
  get isLive(): boolean {
    return this.#streams.err.isTTY && !this.json && !this.quiet;
  }

  /** Columns that a line may have; infinite where it goes to a file or a program. */
  get columns(): number {
    return this.#streams.out.isTTY ? this.#streams.out.columns || 80 : Number.POSITIVE_INFINITY;
  }

  /** A result, as one JSON document. */
  document(value: unknown): void {
    this.#streams.out.write(`${printableLines(JSON.stringify(value, null, 2))}\n`);
  }

  /** One of many, a line each. */
  record(value: unknown): void {
    this.#streams.out.write(`${printable(JSON.stringify(value))}\n`);
  }

  /** As it is: a document that is not for a terminal. */
  verbatim(text: string): void {
    this.#streams.out.write(this.#streams.out.isTTY ? printableLines(text) : text);
  }

  /** A line of the result, for people. */
  say(...parts: readonly Part[]): void {
    this.#streams.out.write(`${parts.map((part) => look(part, this.#streams.out)).join('')}\n`);
  }

  /** A line about what happens. */
  note(...parts: readonly Part[]): void {
    if (this.quiet || this.json) return;
    this.#streams.err.write(`${parts.map((part) => look(part, this.#streams.err)).join('')}\n`);
  }

  /** What is not as it should be, and does not keep the command from going on. */
  warn(text: string): void {
    if (this.json) return;
    this.#streams.err.write(`${look(painted('warning: ', 'yellow'), this.#streams.err)}${printableLines(text)}\n`);
  }

  table(columns: readonly Column[], rows: readonly (readonly Part[])[]): void {
    for (const line of tableLines(columns, rows, this.columns)) this.say(...line);
  }
}
