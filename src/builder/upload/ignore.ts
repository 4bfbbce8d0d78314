/** One line of a .gitignore. */
interface Rule {
  readonly pattern: RegExp;
  readonly isNegated: boolean;
  readonly isOfFolders: boolean;
}

/** Rules of one file. */
export type IgnoreRules = readonly Rule[];

/** Of the text of a .gitignore, as gitignore(5) has it. */
export function ignoreRules(text: string): IgnoreRules {
  return text
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .flatMap((line) => ruleOf(line) ?? []);
}

function ruleOf(line: string): Rule | null {
  // Spaces at the end count when they are escaped.
  let pattern = line.replace(/(?<!\\)((?:\\\\)*)[ \t]+$/, '$1');
  if (pattern === '' || pattern.startsWith('#')) return null;
  const isNegated = pattern.startsWith('!');
  if (isNegated) pattern = pattern.slice(1);
  const isOfFolders = pattern.endsWith('/');
  if (isOfFolders) pattern = pattern.slice(0, -1);
  const isAnchored = pattern.includes('/');
  pattern = pattern.replace(/^\//, '');
  if (pattern === '') return null;
  return {
    pattern: new RegExp(`^${isAnchored ? '' : '(?:.*/)?'}${expression(pattern)}$`, 'su'),
    isNegated,
    isOfFolders,
  };
}

/** A pattern without its outer slashes, as a regular expression. */
function expression(pattern: string): string {
  let out = '';
  for (let at = 0; at < pattern.length;) {
    const rest = pattern.slice(at);
    const [taken, made] = part(rest, at === 0 || pattern[at - 1] === '/');
    out += made;
    at += taken;
  }
  return out;
}

/** How many characters the beginning of `rest` is, and what it means. */
function part(rest: string, isAtStart: boolean): readonly [number, string] {
  if (isAtStart && rest.startsWith('**/')) return [3, '(?:.*/)?'];
  if (isAtStart && rest === '**') return [2, '.+'];
  const stars = /^\*+/.exec(rest)?.[0].length ?? 0;
  if (stars > 0) return [stars, '[^/]*'];
  if (rest.startsWith('?')) return [1, '[^/]'];
  if (rest.startsWith('\\') && rest.length > 1) return characterAt(rest, 1);
  const set = /^\[([!^]?)(\]?[^\]]*)\]/.exec(rest);
  if (set !== null) return [set[0].length, `(?!/)[${set[1] === '' ? '' : '^'}${setContent(set[2]!)}]`];
  return characterAt(rest, 0);
}

/** A whole one, of however many units. */
function characterAt(text: string, at: number): readonly [number, string] {
  const character = String.fromCodePoint(text.codePointAt(at)!);
  return [at + character.length, character.replace(/[\\^$.*+?()[\]{}|/]/u, String.raw`\$&`)];
}

const setContent = (content: string): string =>
  content.replaceAll(/\[:(\w+):\]/g, '').replaceAll(/\\(?![\\\]^-])|[[\]^&~|{}()/]/g, String.raw`\$&`);

/** Rules that hold in a folder; `folder` is relative, with forward slashes; the empty string: everywhere. */
export interface IgnoreLayer {
  readonly folder: string;
  readonly rules: IgnoreRules;
}

/**
 * Whether a path is left out, by the last rule that says anything of it in the last layer that does. What lies in a folder
 * that is left out is not asked for: it is left out with it.
 */
export function isIgnored(layers: readonly IgnoreLayer[], path: string, isFolder: boolean): boolean {
  for (const { folder, rules } of layers.toReversed()) {
    if (folder !== '' && !path.startsWith(`${folder}/`)) continue;
    const below = folder === '' ? path : path.slice(folder.length + 1);
    const last = rules.findLast((rule) => (!rule.isOfFolders || isFolder) && rule.pattern.test(below));
    if (last !== undefined) return !last.isNegated;
  }
  return false;
}
