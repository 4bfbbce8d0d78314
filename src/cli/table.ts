import { columnsOf, cut, printable } from '../base/printable.ts';
import { bold, plain } from './painted.ts';
import type { Part } from './painted.ts';

export interface Column {
  readonly title: string;
  readonly align?: 'right';
  /** Made narrower where the terminal is: least of all what is needed to go on, as an id. */
  readonly shrinks?: boolean;
}

const gap = '  ';
/** Narrower than this a column says nothing. */
const least = 8;

/** Lines of a table whose columns are as wide as what is in them, and all together as wide as fits. */
export function tableLines(
  columns: readonly Column[],
  rows: readonly (readonly Part[])[],
  width: number = Number.POSITIVE_INFINITY,
): Part[][] {
  const titles = columns.map(({ title }) => bold(title));
  const lines = [titles, ...rows].map((row) => row.map(onOneLine));
  const widths = columns.map((_, at) => Math.max(...lines.map((line) => columnsOf(plain(line[at]!)))));
  narrow(widths, columns, width);
  return lines.map((line) => line.flatMap((part, at) => cell(part, at, columns, widths)));
}

const onOneLine = (part: Part): Part =>
  typeof part === 'string' ? printable(part) : { ...part, text: printable(part.text) };

/** Takes from the widest that may shrink, until it fits or nothing is left to take. */
function narrow(widths: number[], columns: readonly Column[], width: number): void {
  const all = (): number => widths.reduce((sum, each) => sum + each, gap.length * (widths.length - 1));
  while (all() > width) {
    let widest = -1;
    for (const [at, { shrinks = false }] of columns.entries()) {
      if (shrinks && widths[at]! > least && (widest === -1 || widths[at]! > widths[widest]!)) widest = at;
    }
    if (widest === -1) return;
    widths[widest]! -= 1;
  }
}

function cell(part: Part, at: number, columns: readonly Column[], widths: readonly number[]): Part[] {
  const isLast = at === columns.length - 1;
  const text = cut(plain(part), widths[at]!);
  const space = ' '.repeat(Math.max(0, widths[at]! - columnsOf(text)));
  const shown: Part = typeof part === 'string' ? text : { ...part, text };
  const between = isLast ? '' : gap;
  if (columns[at]!.align === 'right') return [space, shown, between];
  return isLast ? [shown] : [shown, space + between];
}
