/** What a deployment has, as far as routing asks. */
export interface Outputs {
  /**
   * `path`: decoded, without leading and trailing slash, empty for the root. Returns the key of the output that answers,
   * or null. `asked`: the same as it was asked for, encoded, with a leading slash.
   */
  find(path: string, asked: string): string | null;
}

/** Of several indices of one folder: a page before a function before whatever else is called index. */
const rankOf = (name: string): number => (name === 'index.html' ? 0 : name === 'index' ? 1 : 2);

/** Outputs by their keys, and by the folders that they are the index of. An output of just that name comes first. */
export class OutputPaths implements Outputs {
  private readonly keys: ReadonlySet<string>;
  private readonly indices = new Map<string, string>();

  /** Keys are paths without leading slash. */
  constructor(keys: Iterable<string>) {
    this.keys = new Set(keys);
    for (const key of this.keys) {
      const { folder, name } = partsOf(key);
      if (name !== 'index' && !name.startsWith('index.')) continue;
      const other = this.indices.get(folder);
      if (other === undefined || byRank(name, partsOf(other).name) < 0) this.indices.set(folder, key);
    }
  }

  find(path: string): string | null {
    if (path !== '' && this.keys.has(path)) return path;
    return this.indices.get(path) ?? null;
  }
}

function partsOf(key: string): { folder: string; name: string } {
  const slash = key.lastIndexOf('/');
  return { folder: slash === -1 ? '' : key.slice(0, slash), name: key.slice(slash + 1) };
}

const byRank = (one: string, other: string): number => rankOf(one) - rankOf(other) || (one < other ? -1 : 1);
