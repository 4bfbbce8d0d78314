// Pure: what is to be done with what a function answered for a page.
import { createHash } from 'node:crypto';
import { limits } from '../../base/limits.ts';
import type { Prerender } from '../../model/output.ts';
import { parseCacheControl } from './cache-control.ts';
import type { CacheControl } from './cache-control.ts';
import { headerList, headerOf } from './fields.ts';
import { everyTag } from './marks.ts';
import { isShellType } from './shell.ts';

/** Whether an answer is kept. */
type Keeping =
  /** It is, in the place of the one before. */
  | 'kept'
  /** It is not, and neither is the one before: the page says that it is to be made for everybody anew. */
  | 'personal'
  /** It is not, and the one before is: this one went wrong. */
  | 'failed'
  /** It is not: it lacks what is needed to go on (a page that was postponed, without its state). */
  | 'postponed';

export interface Verdict {
  readonly keeping: Keeping;
  readonly status: number;
  /** For clients. Without lengths and what is meant for the platform alone. */
  readonly headers: readonly string[];
  /** Milliseconds since the Unix epoch; Infinity: for good. */
  readonly freshUntilMs: number;
  readonly staleUntilMs: number;
  readonly tags: readonly string[];
  /** The body is a state and the beginning of a document: `Content-Type` as the function sent it. Else null. */
  readonly shellType: string | null;
}

/** RFC 9111 and the hosted platform: what may be kept by its status. */
const keptStatuses = new Set([200, 301, 302, 303, 307, 308, 404, 410]);

/** What is for the platform, belongs to one connection, or to one client (a cookie is nobody's when everybody gets it). */
const dropped = new Set([
  'age',
  'connection',
  'content-length',
  'date',
  'keep-alive',
  'set-cookie',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'vercel-cache-tag',
  'vercel-cdn-cache-control',
  'x-next-cache-tags',
  'x-vercel-cache',
]);

/** `atMs`: when the answer was asked for, since the Unix epoch. */
export function judgeAnswer(status: number, headers: readonly string[], page: Prerender, atMs: number): Verdict {
  const control = sharedControl(headers);
  const contentType = headerOf(headers, 'content-type') ?? '';
  const shellType = isShellType(contentType) ? contentType : null;
  const postponed = shellType === null && page.chain !== null && headerOf(headers, 'x-nextjs-postponed') === '1';
  const lifetime = lifetimeOf(control, page, atMs);
  return {
    keeping: postponed ? 'postponed' : keepingOf(status, control, shellType !== null),
    status,
    headers: forClients(headers),
    ...lifetime,
    tags: tagsOf(headers),
    shellType,
  };
}

/** The most particular field of those that speak to this cache goes before the others. */
function sharedControl(headers: readonly string[]): CacheControl {
  const text =
    headerList(headers, 'vercel-cdn-cache-control') ??
    headerList(headers, 'cdn-cache-control') ??
    headerList(headers, 'cache-control') ??
    '';
  return parseCacheControl(text);
}

/** The beginning of a document is everybody's, whatever is said of the whole. */
function keepingOf(status: number, control: CacheControl, shell: boolean): Keeping {
  if (!keptStatuses.has(status)) return 'failed';
  return control.personal && !shell ? 'personal' : 'kept';
}

/** What the answer says (s-maxage, stale-while-revalidate), else what the build said of the page. */
function lifetimeOf(
  { sharedMaxAgeS, staleWhileRevalidateS }: CacheControl,
  { expirationS, staleExpirationS }: Prerender,
  atMs: number,
): { freshUntilMs: number; staleUntilMs: number } {
  const freshS = sharedMaxAgeS ?? expirationS ?? Infinity;
  const freshUntilMs = atMs + freshS * 1000;
  const said = sharedMaxAgeS !== null && staleWhileRevalidateS !== null;
  const staleUntilMs = said
    ? freshUntilMs + staleWhileRevalidateS * 1000
    : atMs + (staleExpirationS ?? Infinity) * 1000;
  return { freshUntilMs, staleUntilMs: Math.max(freshUntilMs, staleUntilMs) };
}

/** A build's own answer: as the function's, but what is there is there, whatever its Cache-Control says. */
export function judgeFallback(page: Prerender, atMs: number): Verdict {
  const headers = Object.entries(page.initialHeaders).flat();
  const verdict = judgeAnswer(page.initialStatus, headers, { ...page, chain: null }, atMs);
  return { ...verdict, keeping: 'kept', ...lifetimeOf(parseCacheControl(''), page, atMs) };
}

function forClients(headers: readonly string[]): string[] {
  const kept: string[] = [];
  for (let at = 0; at + 1 < headers.length; at += 2) {
    const name = headers[at]!.toLowerCase();
    if (dropped.has(name) || name.startsWith('x-weir-') || name.startsWith('x-vercel-internal-')) continue;
    // Without a value the edge says what it says by itself.
    const value = name === 'cache-control' ? parseCacheControl(headers[at + 1]!).rest : headers[at + 1]!;
    if (value !== '' || name !== 'cache-control') kept.push(headers[at]!, value);
  }
  return kept;
}

/** Names by which the answer can be called back. One with too many is called back by every name. */
function tagsOf(headers: readonly string[]): readonly string[] {
  const tags = new Set<string>();
  for (const name of ['x-next-cache-tags', 'vercel-cache-tag']) {
    for (const tag of (headerList(headers, name) ?? '').split(',')) {
      const plain = tag.trim();
      if (plain === '') continue;
      const fits = tags.size < limits.pageTags && Buffer.byteLength(plain) <= limits.pageTagBytes;
      tags.add(fits ? plain : everyTag);
    }
  }
  return [...tags];
}

/** An entity tag of the content, for answers that come without: equal bytes have equal ones. */
export const contentTag = (body: Buffer): string =>
  `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`;
