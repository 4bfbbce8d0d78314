import type { Transform } from '../../model/routing.ts';
import { compileValue } from './conditions.ts';
import { type HeaderTarget, isFraming } from './effects.ts';
import type { EffectLog } from './effects.ts';
import type { Query } from './query.ts';
import { type Captured, type Names, type Template, compileTemplate, expand, toPath } from './template.ts';

export type CompiledTransform =
  | {
      readonly type: 'request.headers' | 'request.query' | 'response.headers';
      readonly op: 'append' | 'set' | 'delete';
      /** Headers: lower case. */
      readonly target: HeaderTarget;
      readonly values: readonly Template[];
    }
  | { readonly type: 'request.path'; readonly value: Template };

export function compileTransform(transform: Transform, names: Names): CompiledTransform {
  const known = { ...names, environment: (transform.env ?? []).toSorted((one, other) => other.length - one.length) };
  if (transform.type === 'request.path') {
    return { type: transform.type, value: compileTemplate(transform.args, known) };
  }
  const { type, op, args = [] } = transform;
  const values = (typeof args === 'string' ? [args] : args).map((value) => compileTemplate(value, known));
  return { type, op, target: compileTarget(transform.target.key, type !== 'request.query'), values };
}

/** Unlike in a condition, a string is a name and no pattern. */
function compileTarget(
  key: Exclude<Transform, { type: 'request.path' }>['target']['key'],
  folds: boolean,
): HeaderTarget {
  if (typeof key === 'string') return folds ? key.toLowerCase() : key;
  const matches = compileValue(key);
  return (name) => matches(name) !== null;
}

/** What a transform changes: headers in the log, and these two. */
export interface Transformed {
  readonly query: Query;
  /** The path that a function is asked for: encoded, begins with `/`. */
  readonly seenPath: string;
}

/** Null: a value became too long. */
export function applyTransform(
  transform: CompiledTransform,
  before: Transformed,
  context: {
    readonly captured: Captured;
    readonly log: EffectLog;
    readonly environment: Readonly<Record<string, string>>;
  },
): Transformed | null {
  const { captured, log, environment } = context;
  if (transform.type === 'request.path') {
    const path = expand(transform.value, captured, 'path', environment);
    return path === null ? null : { ...before, seenPath: absolutePath(toPath(path)) };
  }
  const values: string[] = [];
  for (const template of transform.values) {
    const value = expand(template, captured, 'header', environment);
    if (value === null) return null;
    values.push(value);
  }
  const { type, op, target } = transform;
  if (type === 'request.query') return { ...before, query: editQuery(before.query, op, target, values) };
  if (typeof target === 'string' && isFraming(target)) return before;
  const edit = op === 'delete' ? { op, target } : { op, target, values };
  if (type === 'request.headers') log.editRequest(edit);
  else log.editResponse(edit);
  return before;
}

function editQuery(query: Query, op: 'append' | 'set' | 'delete', target: HeaderTarget, values: string[]): Query {
  const names = typeof target === 'string' ? [target] : query.names().filter(target);
  let edited = query;
  for (const name of names) {
    if (op === 'append') edited = edited.append(name, values);
    else edited = op === 'set' ? edited.set(name, values) : edited.without(name);
  }
  return edited;
}

/** Beginning with one slash, without two in a row: `//host` would be another host to whoever resolves it. */
export function absolutePath(path: string): string {
  const rooted = path.startsWith('/') ? path : `/${path}`;
  return rooted.includes('//') ? rooted.replaceAll(/\/{2,}/g, '/') : rooted;
}
