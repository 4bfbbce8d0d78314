import { groupsOf, pcre } from './conditions.ts';

/** A rule's regular expression over the path, and what can be said without running it. */
export interface PathPattern {
  readonly regexp: RegExp;
  /** What every path that matches begins with; lower case unless `caseSensitive`. Empty: nothing is known. */
  readonly prefix: string;
  readonly caseSensitive: boolean;
  /** Written without the leading slash of paths: it is tried on the path without it, too. */
  readonly slashless: boolean;
  readonly groups: { readonly count: number; readonly names: readonly string[] };
}

/** `src`: anchored. Throws a SyntaxError for what JavaScript has no such pattern for. */
export function compilePattern(src: string, caseSensitive: boolean): PathPattern {
  const regexp = new RegExp(pcre(src), caseSensitive ? '' : 'i');
  const prefix = literalPrefix(src);
  return {
    regexp,
    // Every path has the slash.
    prefix: prefix === '/' ? '' : caseSensitive ? prefix : prefix.toLowerCase(),
    caseSensitive,
    slashless: /^\^?(?:\((?:\?(?::|P?<\w+>))?)*\w/.test(src),
    groups: groupsOf(regexp),
  };
}

/** Plain characters that the pattern begins with. Nothing, when it has an alternative to them. */
function literalPrefix(src: string): string {
  if (!/^\^\\?\//.test(src) || hasTopLevelAlternative(src)) return '';
  let prefix = '';
  for (let at = 1; at < src.length; at += 1) {
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

function hasTopLevelAlternative(src: string): boolean {
  let depth = 0;
  let inClass = false;
  for (let at = 0; at < src.length; at += 1) {
    const character = src[at]!;
    if (character === '\\') at += 1;
    else if (inClass) inClass = character !== ']';
    else if (character === '[') inClass = true;
    else if (character === '(') depth += 1;
    else if (character === ')') depth -= 1;
    else if (character === '|' && depth === 0) return true;
  }
  return false;
}

/** Null: no match. `lowered`: the path in lower case. */
export function matchPath(pattern: PathPattern, path: string, lowered: string): RegExpExecArray | null {
  if (pattern.prefix !== '') {
    const subject = pattern.caseSensitive ? path : lowered;
    if (!subject.startsWith(pattern.prefix)) return null;
  }
  const match = pattern.regexp.exec(path);
  return match !== null || !pattern.slashless ? match : pattern.regexp.exec(path.slice(1));
}
