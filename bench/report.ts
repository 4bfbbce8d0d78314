// Tables, as text that is also Markdown.

export type Cell = string | number;
export type Row = Readonly<Record<string, Cell>>;
export interface Section {
  readonly text: string;
}

const show = (cell: Cell): string => {
  if (typeof cell === 'string') return cell;
  if (!Number.isFinite(cell)) return '–';
  if (Math.abs(cell) >= 1000) return Math.round(cell).toLocaleString('en').replaceAll(',', ' ');
  return Math.abs(cell) >= 100 ? cell.toFixed(0) : cell.toPrecision(3);
};

/** A heading, a table of `rows` (the first row names the columns), and what is to be said of it. */
export function section(title: string, rows: readonly Row[], note = ''): Section {
  const names = Object.keys(rows[0] ?? {});
  const cells = [names, names.map(() => '---'), ...rows.map((row) => names.map((name) => show(row[name] ?? '')))];
  const widths = names.map((_, column) => Math.max(...cells.map((line) => line[column]!.length)));
  const lines = cells.map((line) => `| ${line.map((cell, column) => cell.padEnd(widths[column]!)).join(' | ')} |`);
  return { text: `## ${title}\n\n${lines.join('\n')}${note === '' ? '' : `\n\n${note}`}` };
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

export const quantile = (values: readonly number[], at: number): number =>
  values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * at))]!;
