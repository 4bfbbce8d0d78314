/**
 * Next.js in minimal mode can only begin a page that has parts of its own for each client: it hands what it has, and the
 * state to go on from, to the platform (`onCacheEntryV2`). Where the edge makes such a page to keep it, it gets both in one
 * answer, in the form in which builds write them: src/edge/prerender/shell.ts.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';

type Handle = (req: unknown, res: unknown) => unknown;

/** What Next.js hands over; of it, what is looked at. */
interface Entry {
  readonly value: {
    readonly html?: { toUnchunkedString?(): string };
    readonly postponed?: unknown;
    readonly status?: number;
    readonly headers?: Readonly<Record<string, string | string[] | number | undefined>>;
  } | null;
  readonly cacheControl?: { readonly revalidate?: number | false; readonly expire?: number | undefined };
}

/** The edge's own word that an answer is to be kept; clients' are stripped. */
const making = 'x-weir-page';
const years = 31_536_000;

/** Null: it is no launcher of Next.js. */
export function withShells(handle: unknown): Handle | null {
  const launcher = handle as { getRequestHandlerWithMetadata?: (metadata: object) => Handle };
  if (typeof launcher.getRequestHandlerWithMetadata !== 'function') return null;
  return (req, res) => {
    const { headers, url = '' } = req as IncomingMessage;
    if (headers[making] === undefined) return (handle as Handle)(req, res);
    // Next.js writes another path into the request as it goes.
    const isData = url.replace(/\?.*$/s, '').endsWith('.rsc');
    const onCacheEntryV2 = (entry: Entry): boolean => answerShell(entry, res as ServerResponse, isData);
    return launcher.getRequestHandlerWithMetadata!({ onCacheEntryV2 })(req, res);
  };
}

/** False: it is complete, and Next.js answers. */
function answerShell({ value, cacheControl }: Entry, res: ServerResponse, isData: boolean): boolean {
  if (typeof value?.postponed !== 'string') return false;
  const { postponed, status, headers = {}, html } = value;
  for (const [name, field] of Object.entries(headers)) if (field !== undefined) res.setHeader(name, field);
  res.statusCode = status ?? 200;
  const origin = isData ? 'text/x-component' : 'text/html; charset=utf-8';
  const length = Buffer.byteLength(postponed);
  res.setHeader(
    'content-type',
    `application/x-nextjs-pre-render; state-length=${length}; origin=${JSON.stringify(origin)}`,
  );
  res.setHeader('cache-control', lifetime(cacheControl));
  // Of data nothing is begun: all of it comes from the state.
  res.end(isData ? postponed : postponed + (html?.toUnchunkedString?.() ?? ''));
  return true;
}

function lifetime({ revalidate, expire }: NonNullable<Entry['cacheControl']> = {}): string {
  const freshS = typeof revalidate === 'number' ? revalidate : years;
  const staleS = expire === undefined ? 0 : expire - freshS;
  return staleS > 0 ? `s-maxage=${freshS}, stale-while-revalidate=${staleS}` : `s-maxage=${freshS}`;
}
