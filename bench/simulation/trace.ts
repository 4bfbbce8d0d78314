import { readFileSync } from 'node:fs';
import { UsageError } from '../../src/base/errors.ts';

/** One request to a language model: when, counted from the first, and how many tokens it generated. */
export interface TraceRow {
  readonly atMs: number;
  readonly generatedTokens: number;
}

const header = 'TIMESTAMP,ContextTokens,GeneratedTokens';
const timestamp = /^(\d{4})-(\d\d)-(\d\d) (\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?$/;
const tokensMost = 10_000_000;
/** Between two rows. A mistyped year is one of many months, which a virtual clock would go through tick by tick. */
const gapMostMs = 86_400_000;

/** Throws UsageError naming file, line, value and what is allowed. */
export function readTrace(path: string): TraceRow[] {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new UsageError(`${path}: cannot be read (${(error as NodeJS.ErrnoException).code ?? String(error)})`);
  }
  return parseTrace(text, path);
}

/** `path` is for messages. Throws UsageError naming file, line, value and what is allowed. */
export function parseTrace(text: string, path: string): TraceRow[] {
  const lines = text
    .replace(/^\u{feff}/u, '')
    .split('\n')
    .map((line) => line.replace(/\r$/, ''));
  if (lines.at(-1) === '') lines.pop();
  if (lines[0] !== header) fail(path, 1, `the header is ${quoted(lines[0] ?? '')}`, header);
  const rows: TraceRow[] = [];
  let firstMs = 0;
  for (let at = 1; at < lines.length; at += 1) {
    const row = parseRow(lines[at]!, path, at + 1);
    if (at === 1) firstMs = row.atMs;
    const atMs = row.atMs - firstMs;
    const beforeMs = rows.at(-1)?.atMs ?? 0;
    const what = `TIMESTAMP is ${quoted(lines[at]!.split(',')[0]!)}`;
    if (atMs < beforeMs) fail(path, at + 1, what, 'not before the line above');
    if (atMs - beforeMs > gapMostMs) fail(path, at + 1, what, 'at most a day after the line above');
    rows.push({ atMs, generatedTokens: row.generatedTokens });
  }
  if (rows.length === 0) fail(path, 2, 'there is no request', 'at least one line below the header');
  return rows;
}

function parseRow(line: string, path: string, number: number): TraceRow {
  const fields = line.split(',');
  if (fields.length !== 3) fail(path, number, `the line is ${quoted(line)}`, `3 fields (${header})`);
  const [at, context, generated] = fields as [string, string, string];
  const atMs = parseTime(at);
  if (atMs === null) fail(path, number, `TIMESTAMP is ${quoted(at)}`, 'a time like 2023-11-16 18:17:03.9799600');
  tokens('ContextTokens', context, path, number);
  return { atMs, generatedTokens: tokens('GeneratedTokens', generated, path, number) };
}

function tokens(field: string, value: string, path: string, number: number): number {
  const count = /^\d{1,12}$/.test(value) ? Number(value) : Infinity;
  if (count > tokensMost) fail(path, number, `${field} is ${quoted(value)}`, `a whole number from 0 to ${tokensMost}`);
  return count;
}

/** Milliseconds since the Unix epoch, with a fraction; null: it is no such time. */
function parseTime(value: string): number | null {
  const match = timestamp.exec(value);
  if (match === null) return null;
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map(Number) as [
    number,
    number,
    number,
    ...number[],
  ];
  const wholeMs = Date.UTC(year, month - 1, day, hour, minute, second);
  // Date.UTC takes a 31st of February for a day of March.
  if (new Date(wholeMs).toISOString().slice(0, 19) !== value.slice(0, 19).replace(' ', 'T')) return null;
  return wholeMs + Number(`0.${match[7] ?? '0'}`) * 1000;
}

const quoted = (value: string): string => JSON.stringify(value.length > 80 ? `${value.slice(0, 80)}…` : value);

function fail(path: string, line: number, what: string, expected: string): never {
  throw new UsageError(`${path}:${line}: ${what}: expected ${expected}`);
}
