import type { z } from 'zod';

type Issue = z.core.$ZodIssue;

/** Every fault of a configuration file, a line each: `functions["api/*.ts"].memory: expected …, got …`. */
export function faultLines(issues: readonly Issue[], root: unknown): string[] {
  return issues.flatMap((issue) => {
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((key) => `${pathText([...issue.path, key])}: there is no such setting`);
    }
    if (issue.code === 'invalid_key') {
      return [`${pathText(issue.path)}: expected ${issue.issues[0]?.message ?? issue.message} as its name`];
    }
    const value = valueAt(root, issue.path);
    return [`${pathText(issue.path)}: expected ${issue.message}, got ${valueText(value, issue.path)}`];
  });
}

/** `functions["api/*.ts"].memory`; the whole file is called `(top level)`. */
export function pathText(path: readonly PropertyKey[]): string {
  if (path.length === 0) return '(top level)';
  return path
    .map((part, index) => {
      if (typeof part === 'string' && /^[A-Za-z_$][\w$]*$/.test(part)) return index === 0 ? part : `.${part}`;
      return `[${JSON.stringify(part)}]`;
    })
    .join('');
}

function valueAt(root: unknown, path: readonly PropertyKey[]): unknown {
  let value = root;
  for (const part of path) value = (value as Record<PropertyKey, unknown> | null | undefined)?.[part];
  return value;
}

const secrets: ReadonlySet<PropertyKey> = new Set(['environment', 'env', 'bypassToken']);

/** What stands in an environment may be a secret: its kind is shown, not its value. */
export function valueText(value: unknown, path: readonly PropertyKey[]): string {
  const kind = value === null ? 'null' : Array.isArray(value) ? 'a list' : `a ${typeof value}`;
  if (path.some((part) => secrets.has(part))) return kind;
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'a list' : 'an object';
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

/** Where JSON.parse stumbled, as `line:column` from 1. V8 tells it in some of its messages only. */
export function syntaxFaultAt(text: string): { line: number; column: number; reason: string } {
  // A beginning of correct JSON fails only for being unfinished; the shortest one that fails otherwise ends at the fault.
  let whole = 0;
  let broken = text.length + 1;
  while (broken - whole > 1) {
    const middle = (whole + broken) >>> 1;
    if (failsForItsEndOnly(text.slice(0, middle))) whole = middle;
    else broken = middle;
  }
  const unfinished = broken > text.length;
  const before = text.slice(0, unfinished ? text.length : broken - 1).split('\n');
  const reason = unfinished ? 'the file ends too early' : `unexpected ${JSON.stringify(text[broken - 1])}`;
  return { line: before.length, column: (before.at(-1) ?? '').length + 1, reason };
}

function failsForItsEndOnly(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch (error) {
    const message = (error as Error).message;
    if (message.startsWith('Unexpected end') || message.startsWith('Unterminated string')) return true;
    const position = / at position (\d+)/.exec(message)?.[1];
    return position !== undefined && Number(position) >= text.length;
  }
}
