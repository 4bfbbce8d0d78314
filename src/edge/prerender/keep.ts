// Pure but for hashing: an answer, put together as it is kept.
import { headerOf } from './fields.ts';
import type { KeptPage } from './kept.ts';
import { readShell } from './shell.ts';
import { contentTag } from './verdict.ts';
import type { Verdict } from './verdict.ts';

/** Of a document that is only begun the rest is made for each client. */
const shellCacheControl = 'private, no-cache, no-store, max-age=0, must-revalidate';

export interface Making {
  /** When the answer was asked for, since the Unix epoch. */
  readonly askedMs: number;
  readonly group: string | null;
  readonly built: boolean;
}

/** Null: it says that it begins with a state, and does not. `tag`: contentTag of the body, where it is known. */
export function keep(verdict: Verdict, body: Buffer, making: Making, tag?: string): KeptPage | null {
  const { status, freshUntilMs, staleUntilMs, tags, shellType } = verdict;
  const shell = shellType === null ? null : readShell(shellType, body);
  if (shellType !== null && shell === null) return null;
  const said = headerOf(verdict.headers, 'etag');
  const entityTag = shell === null ? (said ?? tag ?? contentTag(body)) : '';
  const headers =
    shell === null
      ? [...verdict.headers, ...(said === undefined ? ['ETag', entityTag] : [])]
      : shellHeaders(verdict.headers, shell.type);
  return {
    status,
    headers,
    body,
    stateBytes: shell?.stateBytes ?? -1,
    freshUntilMs,
    staleUntilMs,
    tags,
    entityTag,
    ...making,
  };
}

/** Too old to be shown, from the beginning. */
export const nothingKept: KeptPage = {
  status: 404,
  headers: [],
  body: Buffer.alloc(0),
  stateBytes: -1,
  askedMs: 0,
  freshUntilMs: 0,
  staleUntilMs: 0,
  tags: [],
  group: null,
  built: false,
  entityTag: '',
};

/** Of a document whose rest is made for one client. `type`: its media type. */
export function shellHeaders(headers: readonly string[], type: string): string[] {
  const own: string[] = [];
  for (let at = 0; at < headers.length; at += 2) {
    if (!/^(?:content-type|cache-control|etag|last-modified)$/i.test(headers[at]!))
      own.push(headers[at]!, headers[at + 1]!);
  }
  own.push('Content-Type', type, 'Cache-Control', shellCacheControl);
  return own;
}
