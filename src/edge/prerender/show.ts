// Hot path: a kept answer, as a client gets it.
import { limits } from '../../base/limits.ts';
import type { Exchange, Invocation, RequestHead } from '../../model/invoke.ts';
import { headerOf, tagMatches } from './fields.ts';
import { answered, withoutContent } from './follower.ts';
import type { HeldBytes } from './held.ts';
import type { CacheWord, KeptPage } from './kept.ts';

/** The page's headers with those that say where it comes from. */
export function shownHeaders(page: KeptPage, word: CacheWord, nowMs: number): string[] {
  const ageS = Math.max(0, Math.trunc((nowMs - page.askedMs) / 1000));
  return [...page.headers, 'Age', String(ageS), 'X-Vercel-Cache', word];
}

export interface Shown {
  readonly word: CacheWord;
  readonly nowMs: number;
}

/** For a page that is whole. `requestHeaders`: its condition decides whether the client has it already. */
export function showPage(page: KeptPage, exchange: Exchange, shown: Shown, requestHeaders: readonly string[]): void {
  const headers = shownHeaders(page, shown.word, shown.nowMs);
  if (isUnchanged(page, requestHeaders)) exchange.reply(304, withoutContent(headers), null);
  else exchange.reply(page.status, headers, page.body);
}

function isUnchanged(page: KeptPage, requestHeaders: readonly string[]): boolean {
  const ifNoneMatch = page.status === 200 ? headerOf(requestHeaders, 'if-none-match') : undefined;
  return ifNoneMatch !== undefined && tagMatches(ifNoneMatch, page.entityTag);
}

/**
 * The same for a page that is too large to stay in memory: the client gets it at its own pace. Null: clients that are slow
 * hold so much already that there is no room for it.
 */
export function sendPage(page: KeptPage, exchange: Exchange, shown: Shown, to: SentTo): Invocation | null {
  if (to.head.method === 'HEAD' || isUnchanged(page, to.head.headers)) {
    showPage(page, exchange, shown, to.head.headers);
    return answered;
  }
  if (!to.held.hold(page.body)) return null;
  exchange.head(page.status, [
    ...shownHeaders(page, shown.word, shown.nowMs),
    'Content-Length',
    String(page.body.length),
  ]);
  const sending = new Sending(page.body, exchange, to.held);
  sending.resume();
  return sending;
}

interface SentTo {
  readonly head: RequestHead;
  readonly held: HeldBytes;
}

/** A body that goes to a client in pieces. */
class Sending implements Invocation {
  readonly #body: Buffer;
  readonly #exchange: Exchange;
  readonly #held: HeldBytes;
  #sent = 0;
  #over = false;

  constructor(body: Buffer, exchange: Exchange, held: HeldBytes) {
    this.#body = body;
    this.#exchange = exchange;
    this.#held = held;
  }

  write(): boolean {
    return true;
  }

  endBody(): void {
    // It was asked for without a body.
  }

  resume(): void {
    while (!this.#over) {
      const piece = this.#body.subarray(this.#sent, this.#sent + limits.pagePieceBytes);
      if (piece.length === 0) {
        this.#end();
        this.#exchange.end();
        return;
      }
      this.#sent += piece.length;
      if (!this.#exchange.body(piece)) return;
    }
  }

  cancel(): void {
    this.#end();
  }

  #end(): void {
    if (this.#over) return;
    this.#over = true;
    this.#held.letGo(this.#body);
  }
}
