import { readFile, stat } from 'node:fs/promises';
import type * as z from 'zod';
import { UsageError } from '../../base/errors.ts';
import { limits } from '../../base/limits.ts';
import { faultLines, syntaxFaultAt } from '../faults.ts';

/** What is wrong in the files of an output, gathered so that all of it is told at once. */
export class Faults {
  readonly #lines = new Set<string>();

  /** `line`: place in the file, what is there, what is allowed. */
  add(file: string, line: string): void {
    this.#lines.add(`${file}: ${line}`);
  }

  get any(): boolean {
    return this.#lines.size > 0;
  }

  throwIfAny(): void {
    if (this.#lines.size === 0) return;
    const shown = [...this.#lines].slice(0, limits.faultsShown);
    const more = this.#lines.size - shown.length;
    throw new UsageError([...shown, ...(more > 0 ? [`and ${more} more like these`] : [])].join('\n'));
  }
}

export interface JsonFile {
  readonly bytes: Buffer;
  readonly value: unknown;
}

/** Null without the file, and when it cannot be read, which is added to the faults. */
export async function readJson(path: string, faults: Faults): Promise<JsonFile | null> {
  const bytes = await readBounded(path, faults);
  if (bytes === null) return null;
  const text = bytes.toString('utf8').replace(/^\uFEFF/, '');
  try {
    return { bytes, value: JSON.parse(text) as unknown };
  } catch (error) {
    faults.add(path, syntaxText(text, error as Error));
    return null;
  }
}

async function readBounded(path: string, faults: Faults): Promise<Buffer | null> {
  try {
    const { size } = await stat(path);
    if (size <= limits.outputJsonBytes) return await readFile(path);
    faults.add(path, `${size} bytes; at most ${limits.outputJsonBytes} are read`);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code !== 'ENOENT') faults.add(path, `cannot be read: ${message}`);
  }
  return null;
}

function syntaxText(text: string, error: Error): string {
  // Finding the place takes some twenty attempts to parse it.
  if (text.length > limits.configBytes) return `not valid JSON: ${error.message}`;
  const { line, column, reason } = syntaxFaultAt(text);
  return `not valid JSON: line ${line}, column ${column}: ${reason}`;
}

/** Null when it is not of that form; every fault is added. */
export function checked<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  path: string,
  faults: Faults,
): z.infer<Schema> | null {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  for (const line of faultLines(parsed.error.issues, value)) faults.add(path, line);
  return null;
}
