type Version = readonly number[];

/** Whether a version satisfies `>=3.11,<3.14` (PEP 440); null: it is no list of specifiers. */
export function satisfies(version: Version, specifiers: string): boolean | null {
  const clauses = specifiers.split(',').map((clause) => clause.trim());
  const answers = new Set(clauses.filter((clause) => clause !== '').map((clause) => satisfiesOne(version, clause)));
  return answers.has(null) ? null : !answers.has(false);
}

const clausePattern = /^(===|==|~=|!=|<=|>=|<|>)\s*v?(\d+(?:\.\d+)*)(\.\*)?$/;

function satisfiesOne(version: Version, clause: string): boolean | null {
  const found = clausePattern.exec(clause);
  if (found === null) return null;
  const [, operator, text, isPrefix] = found;
  const given = text!.split('.').map(Number);
  if (isPrefix !== undefined && operator !== '==' && operator !== '!=') return null;
  const begins = given.every((part, index) => part === (version[index] ?? 0));
  const order = compare(version, given);
  switch (operator) {
    case '==':
    case '===':
      return isPrefix === undefined ? order === 0 : begins;
    case '!=':
      return isPrefix === undefined ? order !== 0 : !begins;
    case '~=':
      return given.length < 2 ? null : order >= 0 && given.slice(0, -1).every((part, index) => part === version[index]);
    case '<=':
      return order <= 0;
    case '>=':
      return order >= 0;
    case '<':
      return order < 0;
    case '>':
    case undefined:
    default:
      return order > 0;
  }
}

function compare(a: Version, b: Version): number {
  for (let index = 0; index < Math.max(a.length, b.length); index += 1) {
    const difference = (a[index] ?? 0) - (b[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
