import type { Runtime } from '../model/function.ts';

/** Newest last. */
export const runtimes = ['nodejs22.x', 'nodejs24.x', 'nodejs26.x'] as const satisfies readonly Runtime[];
export const runtimeDefault: Runtime = 'nodejs24.x';

/** Whether there is such an interpreter is for the machine to say. */
export const pythonRuntimeForm = 'python3\\.[1-9]\\d';

/** Asked for by projects that have not been changed for long, and what runs in its place. */
export const discontinuedRuntimes: Readonly<Record<string, Runtime>> = { 'nodejs20.x': 'nodejs22.x' };

/**
 * What `engines.node` of package.json chooses: the default where that satisfies it (so that ">=18" is not the newest there
 * is), else the highest major that does, as on the hosted platform. `asked`: a range of semantic versions. Null: none does, or
 * it is no range.
 */
export function runtimeFor(asked: string): Runtime | null {
  const intervals = asked.split('||').map(intervalOf);
  const fits = (runtime: string): boolean => {
    const major = Number(/\d+/.exec(runtime)![0]);
    return intervals.some(
      (one) =>
        one !== null &&
        isSome(
          intersection(one, [
            [major, 0, 0],
            [major + 1, 0, 0],
          ]),
        ),
    );
  };
  const best = [runtimeDefault, ...runtimes.toReversed()].find(fits);
  if (best !== undefined) return best;
  const older = Object.keys(discontinuedRuntimes).find(fits);
  return older === undefined ? null : discontinuedRuntimes[older]!;
}

type Version = readonly [major: number, minor: number, patch: number];
/** From the first on, below the second. */
type Interval = readonly [from: Version, below: Version];

const none: Version = [0, 0, 0];
const beyond: Version = [Infinity, 0, 0];

const part = '(\\d+|[xX*])';
const versionText = `v?${part}(?:\\.${part}(?:\\.${part}(?:[-+][\\w.+-]+)?)?)?`;
const comparatorPattern = new RegExp(`^(>=|<=|>|<|=|\\^|~>?)?\\s*${versionText}$`);
const hyphenPattern = new RegExp(`^\\s*(${versionText})\\s+-\\s+(${versionText})\\s*$`);

/** What all comparators of one alternative have in common; null: it is no range. */
function intervalOf(text: string): Interval | null {
  const hyphen = hyphenPattern.exec(text);
  // Each of the two has three groups of its own.
  const list = hyphen === null ? text : `>=${hyphen[1]} <=${hyphen[5]}`;
  const comparators = list
    .trim()
    .replaceAll(/(>=|<=|>|<|=|\^|~>?)\s+/g, '$1')
    .split(/\s+/);
  let all: Interval = [none, beyond];
  for (const comparator of comparators) {
    const one = comparator === '' ? all : ofComparator(comparator);
    if (one === null) return null;
    all = intersection(all, one);
  }
  return all;
}

function ofComparator(text: string): Interval | null {
  const found = comparatorPattern.exec(text);
  if (found === null) return null;
  const [, operator = '', ...parts] = found;
  const given: number[] = [];
  for (const each of parts) {
    if (each === undefined || !/^\d+$/.test(each)) break;
    given.push(Number(each));
  }
  const lowest: Version = [given[0] ?? 0, given[1] ?? 0, given[2] ?? 0];
  // The first version that is no longer meant by as many parts as are given.
  const after = given.length === 0 ? beyond : stepped(lowest, given.length - 1);
  if (operator === '>=') return [lowest, beyond];
  if (operator === '>') return [after, beyond];
  if (operator === '<') return [none, lowest];
  if (operator === '<=') return [none, after];
  if (operator === '^') return [lowest, given.length === 0 ? beyond : stepped(lowest, firstNonZero(given))];
  if (operator.startsWith('~')) return [lowest, given.length > 1 ? stepped(lowest, 1) : after];
  return [lowest, after];
}

const firstNonZero = (given: readonly number[]): number => {
  const index = given.findIndex((each) => each > 0);
  return index === -1 ? given.length - 1 : index;
};

function stepped([major, minor, patch]: Version, index: number): Version {
  if (index === 0) return [major + 1, 0, 0];
  return index === 1 ? [major, minor + 1, 0] : [major, minor, patch + 1];
}

const compare = (a: Version, b: Version): number => a[0] - b[0] || a[1] - b[1] || a[2] - b[2];
const isSome = ([from, below]: Interval): boolean => compare(from, below) < 0;
const intersection = (a: Interval, b: Interval): Interval => [
  compare(a[0], b[0]) >= 0 ? a[0] : b[0],
  compare(a[1], b[1]) <= 0 ? a[1] : b[1],
];
