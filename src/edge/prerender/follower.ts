import type { Failure } from '../../base/errors.ts';
import type { Exchange, Invocation, RequestHead } from '../../model/invoke.ts';
import { headerOf, tagMatches } from './fields.ts';
import type { CacheWord } from './kept.ts';

/** A client's handle on an answer that is found out elsewhere: until it is known what the handle leads to, and after. */
export class Handle implements Invocation {
  #inner: Invocation | null = null;
  #gone = false;

  /** The client is no longer there. */
  get gone(): boolean {
    return this.#gone;
  }

  lead(inner: Invocation): void {
    this.#inner = inner;
    if (this.#gone) inner.cancel();
  }

  /** A page is asked for without a body: what is sent all the same goes nowhere. */
  write(): boolean {
    return true;
  }

  endBody(): void {
    // Nobody waits for it.
  }

  resume(): void {
    this.#inner?.resume();
  }

  cancel(): void {
    this.#gone = true;
    this.#inner?.cancel();
  }
}

/** Of an answer that is complete already. */
export const answered: Invocation = {
  write: () => true,
  endBody: () => undefined,
  resume: () => undefined,
  cancel: () => undefined,
};

/** One client that gets what a regeneration makes, at its own pace. */
export class Follower implements Invocation {
  readonly #exchange: Exchange;
  /** What this client asked for. */
  readonly head: RequestHead;
  readonly word: CacheWord;
  readonly #source: FollowerSource;
  /** Of all pieces, the one that comes next. */
  at = 0;
  /** The head was written. */
  #begun = false;
  #full = false;
  over = false;
  #inner: Invocation | null = null;

  constructor(source: FollowerSource, exchange: Exchange, head: RequestHead, word: CacheWord) {
    this.#source = source;
    this.#exchange = exchange;
    this.head = head;
    this.word = word;
  }

  write(): boolean {
    return true;
  }

  endBody(): void {
    // A page is asked for without a body.
  }

  resume(): void {
    if (this.#inner !== null) this.#inner.resume();
    else if (!this.over) {
      this.#full = false;
      this.#source.advanced(this);
    }
  }

  cancel(): void {
    this.over = true;
    if (this.#inner === null) this.#source.left(this);
    else this.#inner.cancel();
  }

  /** Gives the client what there is of `pieces`, whose first has the number `from`. `whole`: nothing more will come. */
  give(answer: { readonly status: number; readonly headers: readonly string[] }, pieces: Pieces): void {
    if (this.over) return;
    if (!this.#begun && !this.#begin(answer, pieces)) return;
    while (!this.#full && this.at < pieces.from + pieces.list.length) {
      const piece = pieces.list[this.at - pieces.from]!;
      this.at += 1;
      this.#full = !this.#exchange.body(piece);
    }
    if (pieces.whole && this.at === pieces.from + pieces.list.length) {
      this.over = true;
      this.#exchange.end();
    }
  }

  fail(failure: Failure): void {
    if (this.over) return;
    this.over = true;
    this.#exchange.fail(failure);
  }

  /** The answer comes from elsewhere. */
  handOver(give: (exchange: Exchange) => Invocation): void {
    if (this.over) return;
    this.#inner = give(this.#exchange);
    // The client may have left meanwhile.
    if (this.over) this.#inner.cancel();
  }

  /** False: that was all. */
  #begin(
    { status, headers }: { readonly status: number; readonly headers: readonly string[] },
    pieces: Pieces,
  ): boolean {
    const all = [...headers, 'X-Vercel-Cache', this.word];
    if (status === 200 && unchanged(headers, this.head.headers)) {
      this.over = true;
      this.#exchange.reply(304, withoutContent(all), null);
      return false;
    }
    this.#begun = true;
    if (pieces.whole && pieces.from === 0 && pieces.list.length <= 1) {
      this.over = true;
      this.#exchange.reply(status, all, pieces.list[0] ?? null);
      return false;
    }
    this.#exchange.head(status, all);
    return true;
  }
}

/** What has come of a body and is still held. */
export interface Pieces {
  readonly list: readonly Buffer[];
  readonly from: number;
  readonly whole: boolean;
}

export interface FollowerSource {
  /** It may be given more. */
  advanced(follower: Follower): void;
  left(follower: Follower): void;
}

/** The client has what is answered already. */
function unchanged(answer: readonly string[], request: readonly string[]): boolean {
  const condition = headerOf(request, 'if-none-match');
  const tag = condition === undefined ? undefined : headerOf(answer, 'etag');
  return tag !== undefined && tagMatches(condition!, tag);
}

/** RFC 9110, 15.4.5: of a 304 what says something of the content alone is left out. */
export function withoutContent(headers: readonly string[]): string[] {
  const kept: string[] = [];
  for (let at = 0; at < headers.length; at += 2) {
    if (!/^content-/i.test(headers[at]!)) kept.push(headers[at]!, headers[at + 1]!);
  }
  return kept;
}
