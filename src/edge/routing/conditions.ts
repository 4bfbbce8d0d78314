import type { Condition, ConditionValue } from '../../model/routing.ts';
import { regularExpression } from './backtracking.ts';

/** Null: it is not that value. Otherwise what its named groups matched. */
export type Matcher = (value: string) => Groups | null;
export type Groups = Readonly<Record<string, string>>;

export interface CompiledCondition {
  readonly type: Condition['type'];
  /** Headers: lower case. Host: empty. */
  readonly key: string;
  /** Null: it is enough that there is a value. */
  readonly matches: Matcher | null;
  /** Names that a destination can refer to when this has matched. */
  readonly names: readonly string[];
}

/** What conditions look at: the request as it is by now, after earlier rules and the middleware. */
export interface Conditioned {
  /** See `hostnameOf`. */
  readonly hostname: string;
  header(name: string): string | undefined;
  cookie(name: string): string | undefined;
  parameter(name: string): string | undefined;
}

const none: Groups = Object.freeze({});

/** Throws a SyntaxError for what is no regular expression. */
export function compileCondition(condition: Condition): CompiledCondition {
  const { type, value } = condition;
  // An empty string is no pattern, to Next.js: it means that any value will do.
  const asked = value === '' ? undefined : value;
  const written = type === 'host' ? '' : condition.key;
  const key = type === 'header' ? written.toLowerCase() : written;
  if (asked === undefined) {
    if (type === 'host') return { type, key, matches: null, names: ['host'] };
    return { type, key, matches: null, names: [...new Set([key, written, safeName(written)])].filter(isName) };
  }
  const names = groupNames(asked);
  const matches = compileValue(asked);
  if (type === 'host' && names.length === 0) return { type, key, matches, names: ['host'] };
  return { type, key, matches, names };
}

/** Next.js and @vercel/routing-utils name a condition without a value in destinations by the letters of its key. */
const safeName = (key: string): string => key.replaceAll(/[^a-zA-Z]/g, '');
const isName = (name: string): boolean => /^[\w-]+$/.test(name);

/** A string is a pattern over the whole value; of operators all must hold. */
export function compileValue(value: ConditionValue): Matcher {
  if (typeof value === 'string') return matcherOf(regularExpression(`^(?:${pcre(value)})$`, ''));
  const checks: Matcher[] = [];
  const hold = (holds: (text: string) => boolean): void => void checks.push((text) => (holds(text) ? none : null));
  const { eq, neq, inc, ninc, pre, suf, re, gt, gte, lt, lte } = value;
  if (eq !== undefined) hold((text) => text === String(eq));
  if (neq !== undefined) hold((text) => text !== neq);
  if (inc !== undefined) hold((text) => inc.includes(text));
  if (ninc !== undefined) hold((text) => !ninc.includes(text));
  if (pre !== undefined) hold((text) => text.startsWith(pre));
  if (suf !== undefined) hold((text) => text.endsWith(suf));
  if (gt !== undefined) hold((text) => numberOf(text) > gt);
  if (gte !== undefined) hold((text) => numberOf(text) >= gte);
  if (lt !== undefined) hold((text) => numberOf(text) < lt);
  if (lte !== undefined) hold((text) => numberOf(text) <= lte);
  if (re !== undefined) checks.push(matcherOf(regularExpression(pcre(re), '')));
  return (text) => {
    let groups: Groups = none;
    for (const check of checks) {
      const found = check(text);
      if (found === null) return null;
      if (found !== none) groups = found;
    }
    return groups;
  };
}

/** What JavaScript writes otherwise than PCRE, and means the same. */
export const pcre = (pattern: string): string => pattern.replaceAll('(?P<', '(?<');

/** NaN, which is neither more nor less than anything: not a number. */
const numberOf = (text: string): number => (text.trim() === '' ? Number.NaN : Number(text));

function matcherOf(pattern: RegExp): Matcher {
  return (text) => {
    const groups = pattern.exec(text);
    if (groups === null) return null;
    return groups.groups === undefined ? none : definedOf(groups.groups);
  };
}

function definedOf(groups: Readonly<Record<string, string | undefined>>): Groups {
  const found: Record<string, string> = {};
  for (const [name, text] of Object.entries(groups)) found[name] = text ?? '';
  return found;
}

function groupNames(value: ConditionValue): string[] {
  const pattern = typeof value === 'string' ? value : value.re;
  return pattern === undefined ? [] : groupsOf(new RegExp(pcre(pattern))).names;
}

/** How many groups a pattern has, and the names of those that have one. */
export function groupsOf(pattern: RegExp): { readonly count: number; readonly names: string[] } {
  const all = new RegExp(`${pattern.source}|`, pattern.flags).exec('')!;
  return { count: all.length - 1, names: Object.keys(all.groups ?? {}) };
}

/** Of a Host header that the edge has let in: lower case, no port; `example.com.` is `example.com`, as it is to the edge. */
export const hostnameOf = (host: string): string => host.toLowerCase().replace(/:\d*$/, '').replace(/\.$/, '');

/** Null: one of them does not hold. Otherwise what they captured. */
export function holdsAll(conditions: readonly CompiledCondition[], request: Conditioned): Groups | null {
  let captured: Groups = none;
  for (const condition of conditions) {
    const found = holds(condition, request);
    if (found === null) return null;
    if (found !== none) captured = captured === none ? found : { ...captured, ...found };
  }
  return captured;
}

export const holdsAny = (conditions: readonly CompiledCondition[], request: Conditioned): boolean =>
  conditions.some((condition) => holds(condition, request) !== null);

/** What is not there holds under no condition, `neq` and `ninc` included. */
function holds({ type, key, matches, names }: CompiledCondition, request: Conditioned): Groups | null {
  const value = valueOf(type, key, request);
  if (value === undefined) return null;
  const groups = matches === null ? none : matches(value);
  if (groups === null || groups !== none || names.length === 0) return groups;
  const named: Record<string, string> = {};
  for (const name of names) named[name] = value;
  return named;
}

function valueOf(type: Condition['type'], key: string, request: Conditioned): string | undefined {
  if (type === 'host') return request.hostname;
  if (type === 'header') return request.header(key);
  return type === 'cookie' ? request.cookie(key) : request.parameter(key);
}

/** Of a Cookie header (RFC 6265, 4.2.1); of several with one name the first. */
export function cookieOf(header: string | undefined, name: string): string | undefined {
  if (header === undefined) return undefined;
  for (const pair of header.split(';')) {
    const equals = pair.indexOf('=');
    if (equals !== -1 && pair.slice(0, equals).trim() === name) return pair.slice(equals + 1).trim();
  }
  return undefined;
}
