import { regularExpression } from './backtracking.ts';
import { groupsOf, pcre } from './conditions.ts';

/** A rule's regular expression over the path, and what can be said without running it. */
export interface PathPattern {
  readonly regexp: RegExp;
  /** What every path that matches begins with; lower case unless `caseSensitive`. Empty: nothing is known. */
  readonly prefix: string;
  /** The character that every path that matches ends with, likewise. */
  readonly last: string;
  readonly caseSensitive: boolean;
  /** Written without the leading slash of paths: it is tried on the path without it, too. */
  readonly slashless: boolean;
  readonly groups: { readonly count: number; readonly names: readonly string[] };
}

/** `src`: anchored. Throws a SyntaxError for what JavaScript has no such pattern for. */
export function compilePattern(src: string, caseSensitive: boolean): PathPattern {
  const regexp = regularExpression(pcre(src), caseSensitive ? '' : 'i');
  const sure = hasTopLevelAlternative(src)
    ? { prefix: '', last: '' }
    : { prefix: literalPrefix(src), last: lastOf(src) };
  const folded = (text: string): string => (caseSensitive ? text : text.toLowerCase());
  return {
    regexp,
    // Every path has the slash.
    prefix: sure.prefix === '/' ? '' : folded(sure.prefix),
    last: folded(sure.last),
    caseSensitive,
    slashless: /^\^?(?:\((?:\?(?::|P?<\w+>))?)*\w/.test(src),
    groups: groupsOf(regexp),
  };
}

/** Plain characters that the pattern begins with. */
function literalPrefix(src: string): string {
  const begin = afterLookaheads(src);
  if (!src.startsWith('^') || !/^\\?\//.test(src.slice(begin))) return '';
  let prefix = '';
  for (let at = begin; at < src.length; at += 1) {
    let character = src[at]!;
    if (character === '\\') {
      character = src[at + 1] ?? '';
      // Escaped letters and digits are classes, references, control characters.
      if (!/^[!-/:-@[-`{-~]$/.test(character)) break;
      at += 1;
    } else if (/[.[\](){}*+?|$^]/.test(character)) break;
    // The repeated or optional one is no part of what is sure.
    if (/[*+?{]/.test(src[at + 1] ?? '')) break;
    prefix += character;
  }
  return /^[\x21-\x7e]*$/.test(prefix) ? prefix : '';
}

/** The plain character before `$` at the end: `/` of what is sent to the path without it. */
const lastOf = (src: string): string => /(?:[^\\]|^)(?:\\(?=\W)|(?=[\w/]))([!-~])\$$/.exec(src)?.[1] ?? '';

/** `(?!/_next)` says what does not follow, and takes nothing: Next.js begins redirects with it. */
function afterLookaheads(src: string): number {
  let at = 1;
  while (/^\(\?[!=]/.test(src.slice(at, at + 3))) {
    const end = groupEnd(src, at);
    if (end === -1) return at;
    at = end + 1;
  }
  return at;
}

/** Where the group that begins at `from` ends; -1: it does not. */
function groupEnd(src: string, from: number): number {
  let end = -1;
  walkSource(src, (character, depth, at) => {
    if (at > from && character === ')' && depth === 0 && end === -1) end = at;
  });
  return end;
}

function hasTopLevelAlternative(src: string): boolean {
  let found = false;
  walkSource(src, (character, depth) => {
    found ||= character === '|' && depth === 0;
  });
  return found;
}

/** Every character that is not escaped and not in a class, with the depth of groups that it is in. */
function walkSource(src: string, visit: (character: string, depth: number, at: number) => void): void {
  let depth = 0;
  let inClass = false;
  for (let at = 0; at < src.length; at += 1) {
    const character = src[at]!;
    if (character === '\\') at += 1;
    else if (inClass) inClass = character !== ']';
    else if (character === '[') inClass = true;
    else {
      if (character === '(') depth += 1;
      else if (character === ')') depth -= 1;
      visit(character, depth, at);
    }
  }
}

/** Null: no match. `lowered`: the path in lower case. */
export function matchPath(pattern: PathPattern, path: string, lowered: string): RegExpExecArray | null {
  const subject = pattern.caseSensitive ? path : lowered;
  if (pattern.prefix !== '' && !subject.startsWith(pattern.prefix)) return null;
  if (pattern.last !== '' && !subject.endsWith(pattern.last)) return null;
  const match = pattern.regexp.exec(path);
  return match !== null || !pattern.slashless ? match : pattern.regexp.exec(path.slice(1));
}
