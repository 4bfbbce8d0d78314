// Hot path: a kept answer, as a client gets it.
import type { Exchange } from '../../model/invoke.ts';
import { headerOf, tagMatches } from './fields.ts';
import { withoutContent } from './follower.ts';
import type { CacheWord, KeptPage } from './kept.ts';

/** The page's headers with those that say where it comes from. */
export function shownHeaders(page: KeptPage, word: CacheWord, nowMs: number): string[] {
  const ageS = Math.max(0, Math.trunc((nowMs - page.askedMs) / 1000));
  return [...page.headers, 'Age', String(ageS), 'X-Vercel-Cache', word];
}

/** For a page that is whole. `requestHeaders`: its condition decides whether the client has it already. */
export function showPage(
  page: KeptPage,
  exchange: Exchange,
  shown: { readonly word: CacheWord; readonly nowMs: number },
  requestHeaders: readonly string[],
): void {
  const headers = shownHeaders(page, shown.word, shown.nowMs);
  const ifNoneMatch = page.status === 200 ? headerOf(requestHeaders, 'if-none-match') : undefined;
  if (ifNoneMatch !== undefined && tagMatches(ifNoneMatch, page.entityTag))
    exchange.reply(304, withoutContent(headers), null);
  else exchange.reply(page.status, headers, page.body);
}
