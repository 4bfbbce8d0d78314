import type { Explainable, Explained, Explanation } from './explain.ts';

/** Longer names are no slip of the finger. */
const comparedCharacters = 256;
/** This much of a name may be wrong for another to be suggested. */
const wrongShare = 0.4;
const codeExtension = /\.(?:[mc]?[jt]s|[jt]sx)$/;

/**
 * What a person calls a function, looked up: its id, its label (`PROJECT/api/hello`), or the end of that from a slash on
 * (`api/hello`, `hello`), also with a leading slash or the file's extension. Among versions of one function the one that is
 * served is meant; an earlier one has its id. `explain`: null when nothing has been asked of the function yet. Null as a
 * name: the list of all. Pure.
 */
export function explainByName(
  name: string | null,
  functions: readonly Explainable[],
  explain: (id: string) => Explanation | null,
): Explained {
  if (name === null) return { kind: 'list', functions };
  const found = resolve(name, functions);
  const [one] = found;
  if (one === undefined) return { kind: 'unknown', name, meant: nearest(name, functions), functions };
  if (found.length > 1) return { kind: 'ambiguous', name, candidates: found };
  const explanation = explain(one.id);
  return explanation === null ? { kind: 'idle', function: one } : { kind: 'found', explanation };
}

function resolve(name: string, functions: readonly Explainable[]): readonly Explainable[] {
  const plain = name.replace(/^\/+/, '');
  for (const wanted of new Set([plain, plain.replace(codeExtension, '')])) {
    if (wanted === '') continue;
    const found =
      some(functions, ({ id }) => id === wanted) ??
      some(functions, ({ label }) => label === wanted) ??
      some(functions, ({ label }) => label.endsWith(`/${wanted}`));
    if (found !== null) return found;
  }
  return [];
}

/** Those that are served, if any are; null: none. */
function some(functions: readonly Explainable[], is: (each: Explainable) => boolean): readonly Explainable[] | null {
  const found = functions.filter(is);
  const served = found.filter(({ retired }) => !retired);
  if (served.length > 0) return served;
  return found.length > 0 ? found : null;
}

/** The label whose end of as many segments is closest, if it is close. */
function nearest(name: string, functions: readonly Explainable[]): string | null {
  const wanted = name.replace(/^\/+/, '').replace(codeExtension, '').toLowerCase();
  if (wanted === '' || wanted.length > comparedCharacters) return null;
  const segments = wanted.split('/').length;
  let best: string | null = null;
  let fewest = Math.floor(wanted.length * wrongShare) + 1;
  for (const { label, retired } of functions) {
    if (retired) continue;
    const end = label.toLowerCase().split('/').slice(-segments).join('/');
    if (Math.abs(end.length - wanted.length) >= fewest) continue;
    const wrong = slips(wanted, end);
    if (wrong < fewest) [best, fewest] = [label, wrong];
  }
  return best;
}

/** Characters to insert, remove, replace, or swap with their neighbour to make one the other (optimal string alignment). */
function slips(one: string, other: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: other.length + 1 }, (_, at) => at);
  for (let i = 1; i <= one.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= other.length; j += 1) {
      const same = one[i - 1] === other[j - 1] ? 0 : 1;
      let fewest = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + same);
      if (one[i - 1] === other[j - 2] && one[i - 2] === other[j - 1]) fewest = Math.min(fewest, beforeLast[j - 2]! + 1);
      row.push(fewest);
    }
    [beforeLast, last] = [last, row];
  }
  return last[other.length]!;
}
