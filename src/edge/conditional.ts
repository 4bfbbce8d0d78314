/** What a file is, for validators. */
export interface Version {
  readonly sizeBytes: number;
  readonly modifiedMs: number;
}

/** The conditional and range headers of a request, as sent. */
export interface Conditions {
  readonly ifMatch?: string | undefined;
  readonly ifNoneMatch?: string | undefined;
  readonly ifModifiedSince?: string | undefined;
  readonly ifUnmodifiedSince?: string | undefined;
  readonly ifRange?: string | undefined;
  readonly range?: string | undefined;
}

export type Selection =
  | { readonly kind: 'whole' }
  | { readonly kind: 'part'; readonly first: number; readonly last: number }
  | { readonly kind: 'unchanged' }
  | { readonly kind: 'failed' }
  | { readonly kind: 'unsatisfiable' };

/** Strong: a file that changes within the same millisecond and keeps its length is not told apart. */
export const entityTag = (version: Version): string =>
  `"${version.sizeBytes.toString(16)}-${Math.trunc(version.modifiedMs).toString(16)}"`;
export const lastModified = (version: Version): string => new Date(version.modifiedMs).toUTCString();

const seconds = (ms: number): number => Math.trunc(ms / 1000);

function tagMatches(list: string, tag: string): boolean {
  if (list.trim() === '*') return true;
  return list.split(',').some((one) => one.trim().replace(/^W\//, '') === tag);
}

/** Null: not a date, so the condition is not there. */
function sinceSeconds(text: string): number | null {
  const parsed = Date.parse(text);
  return Number.isNaN(parsed) ? null : seconds(parsed);
}

/** RFC 9110, 13.2.2 and 14.2, in that order. Several ranges are answered by the whole, which the RFC allows. */
export function select(conditions: Conditions, version: Version): Selection {
  const tag = entityTag(version);
  const modified = seconds(version.modifiedMs);
  if (conditions.ifMatch !== undefined) {
    if (conditions.ifMatch.trim() !== '*' && !conditions.ifMatch.split(',').some((one) => one.trim() === tag))
      return { kind: 'failed' };
  } else if (conditions.ifUnmodifiedSince !== undefined) {
    const since = sinceSeconds(conditions.ifUnmodifiedSince);
    if (since !== null && modified > since) return { kind: 'failed' };
  }
  if (conditions.ifNoneMatch !== undefined) {
    if (tagMatches(conditions.ifNoneMatch, tag)) return { kind: 'unchanged' };
  } else if (conditions.ifModifiedSince !== undefined) {
    const since = sinceSeconds(conditions.ifModifiedSince);
    if (since !== null && modified <= since) return { kind: 'unchanged' };
  }
  if (conditions.range === undefined || !rangeStillHolds(conditions.ifRange, version)) return { kind: 'whole' };
  return selectRange(conditions.range, version.sizeBytes);
}

function rangeStillHolds(ifRange: string | undefined, version: Version): boolean {
  if (ifRange === undefined) return true;
  if (ifRange.startsWith('"') || ifRange.startsWith('W/')) return ifRange === entityTag(version);
  return sinceSeconds(ifRange) === seconds(version.modifiedMs);
}

function selectRange(range: string, sizeBytes: number): Selection {
  const parts = /^bytes=\s*(\d{0,15})-(\d{0,15})\s*$/i.exec(range);
  if (parts === null || (parts[1] === '' && parts[2] === '')) return { kind: 'whole' };
  if (parts[1] === '') {
    const suffix = Number(parts[2]);
    if (suffix === 0 || sizeBytes === 0) return { kind: 'unsatisfiable' };
    return { kind: 'part', first: Math.max(0, sizeBytes - suffix), last: sizeBytes - 1 };
  }
  const first = Number(parts[1]);
  const last = parts[2] === '' ? sizeBytes - 1 : Number(parts[2]);
  // A last byte before the first makes it no range at all (RFC 9110, 14.1.1).
  if (parts[2] !== '' && last < first) return { kind: 'whole' };
  if (first >= sizeBytes) return { kind: 'unsatisfiable' };
  return { kind: 'part', first, last: Math.min(last, sizeBytes - 1) };
}
