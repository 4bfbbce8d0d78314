import { styleText } from 'node:util';
import { columnsOf, cut } from '../base/printable.ts';

/** Titles of sections stand out on a terminal: a first line, or one after an empty line, that is not indented. */
export function highlighted(lines: readonly string[], stream: NodeJS.WriteStream): string[] {
  return lines.map((line, at) => {
    const isTitle = line !== '' && !line.startsWith(' ') && (at === 0 || lines[at - 1] === '');
    return isTitle ? styleText('bold', line, { stream }) : line;
  });
}

/** As many lines, and as much of each, as fit. The last one says what does not. */
export function fitting(lines: readonly string[], rows: number, columns: number): string[] {
  const shown =
    lines.length <= rows ? lines : [...lines.slice(0, rows - 1), `… and ${lines.length - rows + 1} lines more`];
  return shown.map((line) => (columnsOf(line) <= columns ? line : cut(line, columns)));
}

const alternate = '\u001B[?1049h\u001B[?25l';
const normal = '\u001B[?25h\u001B[?1049l';
const home = '\u001B[H';
const endOfLine = '\u001B[K';
const endOfScreen = '\u001B[J';
/** Of a terminal that does not say. */
const plain = { rows: 24, columns: 80 };

/**
 * Text that is painted over and over: on a terminal in the same place, on a screen of its own that goes away at the end;
 * elsewhere one after the other, with an empty line in between.
 */
export class Screen {
  readonly #out: NodeJS.WriteStream;
  #painted = '';
  #paintings = 0;

  constructor(out: NodeJS.WriteStream) {
    this.#out = out;
  }

  paint(text: string): void {
    this.#paintings += 1;
    this.#painted = text;
    if (!this.#out.isTTY) {
      this.#out.write(`${this.#paintings === 1 ? '' : '\n'}${text}\n`);
      return;
    }
    const { rows, columns } = this.#out;
    const fits = fitting(text.split('\n'), (rows || plain.rows) - 1, columns || plain.columns);
    const lines = highlighted(fits, this.#out);
    const painting = lines.map((line) => `${line}${endOfLine}\n`).join('');
    this.#out.write(`${this.#paintings === 1 ? alternate : ''}${home}${painting}${endOfScreen}`);
  }

  /** Leaves what was painted last where the command's output belongs. */
  close(): void {
    if (!this.#out.isTTY || this.#paintings === 0) return;
    this.#out.write(`${normal}${highlighted(this.#painted.split('\n'), this.#out).join('\n')}\n`);
  }
}
