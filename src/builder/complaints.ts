import { resolve } from 'node:path';
import type { BuildFailure, Message } from 'esbuild';

/** How far the first line of a file was moved before the compiler saw it. */
export type Prefixes = ReadonlyMap<string, number>;

const unmoved: Prefixes = new Map();

/** What the compiler found wrong; throws what is no such thing. */
export function errorsOf(failure: unknown): readonly Message[] {
  const { errors } = failure as Partial<BuildFailure>;
  if (errors === undefined) throw failure;
  return errors;
}

/** `FILE:LINE:COLUMN: text`, each once. */
export function complaints(messages: readonly Message[], dir: string, prefixes: Prefixes = unmoved): string[] {
  const lines = messages.map(({ location, text, notes }) => {
    const advice = notes.map((note) => `\n    ${note.text}`).join('');
    if (location === null) return `${dir}: ${text}${advice}`;
    const path = resolve(dir, location.file);
    const prefix = location.line === 1 ? (prefixes.get(path) ?? 0) : 0;
    return `${path}:${location.line}:${location.column + 1 - prefix}: ${text}${advice}`;
  });
  return [...new Set(lines)];
}
