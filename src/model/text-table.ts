import { columnsOf } from '../base/printable.ts';

/** `left`: text; `right`: figures. */
export type Side = 'left' | 'right';

/** Lines of a table in printable text: columns aligned, two spaces between them, none at the end of a line. */
export function tableLines(rows: readonly (readonly string[])[], sides: readonly Side[]): string[] {
  const widths = sides.map((_, at) => Math.max(0, ...rows.map((row) => columnsOf(row[at] ?? ''))));
  return rows.map((row) =>
    row
      .map((cell, at) => padded(cell, widths[at]!, sides[at]!))
      .join('  ')
      .trimEnd(),
  );
}

function padded(text: string, width: number, side: Side): string {
  const space = ' '.repeat(Math.max(0, width - columnsOf(text)));
  return side === 'left' ? text + space : space + text;
}
