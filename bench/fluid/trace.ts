// The part of the trace that is replayed.
import { createReadStream, existsSync } from 'node:fs';
import { createInterface } from 'node:readline';

export interface TraceRow {
  /** Since the first row, in the trace's own time. */
  readonly atMs: number;
  readonly contextTokens: number;
  readonly generatedTokens: number;
}

const header = 'TIMESTAMP,ContextTokens,GeneratedTokens';

/** The rows of the first `ms`. Rejects with the line and what is wrong in it. */
export async function readTrace(file: string, ms: number): Promise<TraceRow[]> {
  if (!existsSync(file)) throw new Error(`${file}: there is no such file; --trace names another`);
  const rows: TraceRow[] = [];
  let line = 0;
  let firstMs = Number.NaN;
  for await (const text of createInterface({ input: createReadStream(file) })) {
    line += 1;
    if (line === 1) {
      if (text !== header) throw new Error(`${file}:1: expected ${header}, got ${text.slice(0, 80)}`);
      continue;
    }
    const row = parsed(text);
    if (typeof row === 'string') throw new Error(`${file}:${line}: ${row}`);
    if (rows.length === 0) firstMs = row.atMs;
    const atMs = row.atMs - firstMs;
    if (atMs < (rows.at(-1)?.atMs ?? 0)) throw new Error(`${file}:${line}: it is earlier than the line before`);
    if (atMs >= ms) break;
    rows.push({ ...row, atMs });
  }
  if (rows.length === 0) throw new Error(`${file}: it has no requests`);
  return rows;
}

function parsed(text: string): TraceRow | string {
  const [time = '', ...counts] = text.split(',');
  const [, date, clock, fraction] = /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)\.(\d+)$/.exec(time) ?? [];
  const wholeMs = Date.parse(`${date}T${clock}Z`);
  if (Number.isNaN(wholeMs)) return `expected a time such as 2023-11-16 18:17:03.9799600, got ${JSON.stringify(time)}`;
  const [contextTokens, generatedTokens, ...more] = counts.map((count) => (/^\d+$/.test(count) ? Number(count) : null));
  if (contextTokens === undefined || contextTokens === null || generatedTokens === undefined || more.length > 0)
    return `expected a time and two whole numbers, got ${JSON.stringify(text.slice(0, 80))}`;
  if (generatedTokens === null) return `GeneratedTokens: expected a whole number, got ${JSON.stringify(counts[1])}`;
  return { atMs: wholeMs + Number(`0.${fraction}`) * 1000, contextTokens, generatedTokens };
}
