import type { Outputs } from './outputs.ts';

/** An output that is at a path. */
export interface Look {
  readonly key: string;
  /** By the decoded path, as builders name outputs; some name them as they are asked for, encoded. */
  readonly decoded: boolean;
}

/** `path`: encoded, begins with `/`. A slash at its end changes nothing. */
export function lookIn(outputs: Outputs, path: string): Look | null {
  const asked = path.slice(1, path.length > 1 && path.endsWith('/') ? -1 : undefined);
  const plain = decodedPath(asked);
  const key = outputs.find(plain, `/${asked}`);
  if (key !== null) return { key, decoded: true };
  const other = plain === asked ? null : outputs.find(asked, `/${asked}`);
  return other === null ? null : { key: other, decoded: false };
}

/** An encoded slash separates nothing, so it stays encoded. What is badly encoded is taken as it is. */
export function decodedPath(path: string): string {
  if (!path.includes('%')) return path;
  try {
    return decodeURIComponent(path.replaceAll(/%2f/gi, '%252F'));
  } catch {
    return path;
  }
}

/** The value of `x-matched-path` (see `Found.matchedPath`). `said`: by a rule, encoded as paths are. */
export function matchedPathOf({ key, decoded }: Look, said: string | undefined): string {
  const path = said ?? `/${key.replace(/(?:^|\/)index$/, '')}`;
  const plain = decoded && said !== undefined ? decodedPath(path) : path;
  if (/^[\x20-\x7e]*$/.test(plain)) return plain;
  // What is decoded may hold a line feed, which would end the field: these stay encoded.
  // oxlint-disable-next-line no-control-regex -- these are what is looked for
  return Buffer.from(plain.replaceAll(/[\0-\x1f\x7f]/g, encodeURIComponent)).toString('latin1');
}

/** `location` with the query of the request, where it has none of its own. */
export function withQuery(location: string, query: string): string {
  if (query === '' || location.includes('?')) return location;
  const fragment = location.indexOf('#');
  return fragment === -1
    ? `${location}?${query}`
    : `${location.slice(0, fragment)}?${query}${location.slice(fragment)}`;
}
