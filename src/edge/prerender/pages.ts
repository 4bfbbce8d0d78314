import type { Clock } from '../../base/clock.ts';
import { limits } from '../../base/limits.ts';
import type { Log } from '../../base/log.ts';
import type { Exchange, Invocation, Invoker, RequestHead } from '../../model/invoke.ts';
import type { Fallback, Prerender } from '../../model/output.ts';
import type { Chains } from '../chain.ts';
import { chainHeader } from '../head.ts';
import { DecoratedExchange, noEffects } from '../passage/decorated.ts';
import { bodyless, makingHead, resumingHead, wishOf } from './ask.ts';
import type { Matches, PageAsk } from './ask.ts';
import { readFallback } from './fallback.ts';
import { Failures } from './failures.ts';
import { headerOf } from './fields.ts';
import { answered, Handle } from './follower.ts';
import type { Follower } from './follower.ts';
import { keep, nothingKept, shellHeaders } from './keep.ts';
import type { CacheWord, KeptPage } from './kept.ts';
import { pageKey } from './key.ts';
import type { PageKey } from './key.ts';
import { Regeneration } from './regeneration.ts';
import type { Outcome } from './regeneration.ts';
import { Resumption } from './resume.ts';
import type { HotPage } from './shelf.ts';
import { sendPage, showPage, shownHeaders } from './show.ts';
import { judgeAnswer } from './verdict.ts';
import type { Verdict } from './verdict.ts';

export interface PagesOptions {
  readonly invoker: Invoker;
  readonly clock: Clock;
  readonly log: Log;
  readonly chains: Chains;
  /** For invocations that no client asked for. */
  nextId(): string;
  /** Whether one of the conditions holds for a request: src/edge/routing. */
  readonly matches: Matches;
}

/** Why a page is made. */
type Cause = 'missing' | 'stale' | 'group' | 'deleted' | 'on-demand';

/** What is under way for one key. */
interface Slot {
  current: Regeneration;
  /** Asked for by token while another one was under way, which may have begun before what it is to show. */
  next: { readonly regeneration: Regeneration; readonly begin: () => void } | null;
}

/** What is under way and has gone wrong of one deployment. */
interface Desk {
  readonly slots: Map<string, Slot>;
  readonly failures: Failures;
  /** Pages that are made anew in the background. */
  refreshing: number;
}

interface Asked {
  readonly ask: PageAsk;
  readonly key: PageKey;
  readonly exchange: Exchange;
}

/** Answers requests for pages that are kept (incremental static regeneration), from what is kept or by making it anew. */
export class Pages {
  readonly #options: PagesOptions;
  /** By shelf, since keys are of one deployment each. */
  readonly #desks = new WeakMap<object, Desk>();
  #refreshing = 0;

  constructor(options: PagesOptions) {
    this.#options = options;
  }

  /** As an Invoker would. Throws as the invoker does. */
  answer(ask: PageAsk, exchange: Exchange): Invocation {
    const wish = wishOf(ask, this.#options.matches);
    const host = ask.host === null ? (headerOf(ask.head.headers, 'host') ?? '') : null;
    const key = wish.kind === 'bypass' ? null : pageKey(ask.output, ask.page, ask.head, host);
    // What has no key is not kept.
    if (key === null) return this.#bypass(ask, exchange);
    const asked: Asked = { ask, key, exchange };
    if (wish.kind === 'revalidate') return this.#revalidate(asked, wish.ifKept);
    const hot = ask.shelf.hot(key.text);
    if (hot !== null) return this.#serve(asked, hot);
    return this.#later(asked, (handle) => this.#lookUp(asked, handle));
  }

  #bypass({ spec, head }: PageAsk, exchange: Exchange): Invocation {
    return this.#options.invoker.invoke(
      spec,
      head,
      new DecoratedExchange(exchange, { ...noEffects, responseHeaders: ['x-vercel-cache', 'BYPASS'] }, null),
    );
  }

  /** By the function, for a request that a page would have been shown. */
  #aside(ask: PageAsk, exchange: Exchange): Invocation {
    return this.#bypass({ ...ask, head: bodyless(ask.head) }, exchange);
  }

  /** What takes a while to find out. A mistake in it costs one client an error page. */
  #later({ ask, exchange }: Asked, find: (handle: Handle) => Promise<Invocation | null>): Invocation {
    const handle = new Handle();
    const lead = (invocation: Invocation | null): void => handle.lead(invocation ?? answered);
    find(handle).then(lead, (error: unknown) => {
      const why = error instanceof Error ? (error.stack ?? error.message) : String(error);
      this.#options.log.error('a kept page failed', { id: ask.head.id, function: ask.spec.label, why });
      if (!handle.gone)
        exchange.fail({ code: 'INTERNAL_UNEXPECTED_ERROR', detail: 'The kept page could not be answered.' });
    });
    return handle;
  }

  async #lookUp(asked: Asked, handle: Handle): Promise<Invocation | null> {
    const { ask, key } = asked;
    const kept = (await ask.shelf.load(key.text)) ?? (await this.#fallback(asked));
    if (handle.gone) return null;
    // It may have been made meanwhile.
    const found = ask.shelf.hot(key.text) ?? kept;
    return found === null ? this.#join(asked, 'missing', 'MISS') : this.#serve(asked, found);
  }

  /** The build's own answer, in memory as long as there is room. */
  async #fallback({ ask, key }: Asked): Promise<HotPage | null> {
    const { page, shelf } = ask;
    if (page.fallback === null) return null;
    const name = key.query === '' ? key.text : `\0${page.fallback.file}`;
    const held = shelf.hot(name);
    if (held !== null) return held;
    const mostBytes = limits.pageBodyBytes;
    const read = await readFallback(page as Prerender & { fallback: Fallback }, groupOf(page, key), mostBytes);
    if (read === null) {
      this.#options.log.warn('what the build has of a page cannot be read', { file: page.fallback.file });
      return null;
    }
    return shelf.hot(name) ?? shelf.remember(name, read);
  }

  /** From what is kept, as far as it may be shown. */
  #serve(asked: Asked, hot: HotPage): Invocation {
    const { ask, key } = asked;
    const nowMs = this.#options.clock.wallMs();
    const { page } = hot;
    // What the build has for all values of a parameter is shown until there is what belongs to this one.
    const general = page.built && key.query !== '';
    if (ask.unfit?.(page.headers, ask.head) === true) return this.#aside(ask, asked.exchange);
    const known = ask.shelf.freshness(hot, nowMs);
    // One that is not kept any more may have been newer than what the build has.
    const freshness = known === 'fresh' && page.built && ask.shelf.lost ? 'stale' : known;
    if (freshness === 'expired') return this.#join(asked, 'missing', 'MISS');
    if (freshness === 'deleted') return this.#join(asked, 'deleted', 'REVALIDATED');
    if (freshness === 'stale' || general) this.#refresh(asked, page);
    if (freshness === 'stale' && !general) return this.#show(asked, page, 'STALE');
    return this.#show(asked, page, page.built ? 'PRERENDER' : 'HIT');
  }

  #show(asked: Asked, page: KeptPage, word: CacheWord): Invocation {
    const { ask, exchange } = asked;
    const nowMs = this.#options.clock.wallMs();
    if (page.stateBytes < 0) {
      const shown = { word, nowMs };
      if (!ask.shelf.isSmall(page))
        return sendPage(page, exchange, shown, { head: ask.head, held: ask.shelf.held }) ?? this.#aside(ask, exchange);
      showPage(page, exchange, shown, ask.head.headers);
      return answered;
    }
    const { held } = ask.shelf;
    const isHeld = ask.head.method !== 'HEAD' && ask.chain !== null && !ask.shelf.isSmall(page);
    if (isHeld && !held.hold(page.body)) return this.#aside(ask, exchange);
    exchange.head(page.status, shownHeaders(page, word, nowMs));
    if (ask.head.method === 'HEAD') {
      exchange.end();
      return answered;
    }
    if (page.stateBytes < page.body.length) exchange.body(page.body.subarray(page.stateBytes));
    return this.#goOn(asked, page.body.subarray(0, page.stateBytes), () => {
      if (isHeld) held.letGo(page.body);
    });
  }

  /** The rest of a page whose head was written. `ended`: called once if the page's output has a chain. */
  #goOn({ ask, exchange }: Asked, state: Buffer, ended = (): void => undefined): Invocation {
    if (ask.chain === null) {
      exchange.fail({
        code: 'INTERNAL_UNEXPECTED_ERROR',
        detail: 'The deployment has nothing that goes on with the page.',
      });
      return answered;
    }
    const resumption = new Resumption(exchange, state, ended);
    const head = resumingHead(ask, this.#options.nextId(), state.length);
    resumption.begin(this.#options.invoker, ask.chain, head);
    return resumption;
  }

  /** In the background, unless it is under way, has just failed, or many are. */
  #refresh({ ask, key }: Asked, page: KeptPage): void {
    const desk = this.#deskOf(ask);
    if (this.#refreshing >= limits.pageRefreshes || desk.refreshing >= limits.pageRefreshesOfOne) return;
    if (desk.slots.has(key.text) || desk.failures.paused(key.text, this.#options.clock.nowMs())) return;
    this.#refreshing += 1;
    desk.refreshing += 1;
    const cause = ask.shelf.behindGroup(page) ? 'group' : 'stale';
    const regeneration = this.#regeneration(ask, key, cause, () => {
      this.#refreshing -= 1;
      desk.refreshing -= 1;
    });
    desk.slots.set(key.text, { current: regeneration, next: null });
    regeneration.begin();
  }

  /** The answer of the regeneration that is under way, or of a new one. */
  #join(asked: Asked, cause: Cause, word: CacheWord): Invocation {
    const { ask, key } = asked;
    const slot = this.#deskOf(ask).slots.get(key.text);
    if (slot !== undefined && this.#mayBeAwaitedBy(ask)) return this.#aside(ask, asked.exchange);
    if (slot !== undefined) return this.#follow(asked, slot.current, word);
    const regeneration = this.#regeneration(ask, key, cause);
    this.#deskOf(ask).slots.set(key.text, { current: regeneration, next: null });
    const follower = this.#follow(asked, regeneration, word);
    regeneration.begin();
    return follower;
  }

  #revalidate(asked: Asked, ifKept: boolean): Invocation {
    if (!ifKept) return this.#remake(asked);
    return this.#later(asked, async (handle) => {
      const { ask, key, exchange } = asked;
      const there = ask.page.fallback !== null || (await ask.shelf.load(key.text)) !== null;
      if (handle.gone) return null;
      if (there) return this.#remake(asked);
      exchange.fail({ code: 'NOT_FOUND', detail: 'There is no such page yet.' });
      return null;
    });
  }

  /** By a regeneration that begins now; or, where one is under way, by one that begins after it, for all who ask until then. */
  #remake(asked: Asked): Invocation {
    const { ask, key } = asked;
    const slot = this.#deskOf(ask).slots.get(key.text);
    if (slot === undefined) return this.#join(asked, 'on-demand', 'REVALIDATED');
    if (slot.next === null) {
      const regeneration = this.#regeneration(ask, key, 'on-demand');
      slot.next = { regeneration, begin: () => regeneration.begin() };
    }
    if (this.#mayBeAwaitedBy(ask)) return this.#aside(ask, asked.exchange);
    return this.#follow(asked, slot.next.regeneration, 'REVALIDATED');
  }

  /** Its function led to this request, and may wait for the answer before it goes on with the page: nobody would ever end. */
  #mayBeAwaitedBy({ spec, head }: PageAsk): boolean {
    const chain = headerOf(head.headers, chainHeader);
    // It has the request's own place in it.
    return chain !== undefined && this.#options.chains.timesIn(chain, spec) > 1;
  }

  #follow({ ask, exchange }: Asked, regeneration: Regeneration, word: CacheWord): Follower {
    return regeneration.follow(exchange, ask.head, word);
  }

  #regeneration(ask: PageAsk, key: PageKey, cause: Cause, ended?: () => void): Regeneration {
    const { invoker, clock } = this.#options;
    let askedMs = 0;
    const regeneration = new Regeneration({
      mostBytes: limits.pageBodyBytes,
      held: ask.shelf.held,
      invoke: (exchange) => {
        askedMs = clock.wallMs();
        return invoker.invoke(ask.spec, this.#makingHead(ask, key, cause), exchange);
      },
      judge: (status, headers) => judgeAnswer(status, headers, ask.page, askedMs),
      replaced: (verdict) => verdict.keeping === 'postponed' || hidesError(ask.page, verdict),
      closed: () => this.#vacate(ask, key, regeneration),
      settled: (outcome) => {
        ended?.();
        return this.#settled({ ask, key }, outcome, { cause, askedMs });
      },
    });
    return regeneration;
  }

  /** What its function asks for is known for that, even if no function led to it: it may ask for the page itself. */
  #makingHead(ask: PageAsk, key: PageKey, cause: Cause): RequestHead {
    const head = makingHead(ask, key, this.#options.nextId(), cause === 'on-demand');
    if (headerOf(head.headers, chainHeader) !== undefined) return head;
    const link = this.#options.chains.extend('', ask.spec);
    return link.kind === 'loop' ? head : { ...head, headers: [...head.headers, chainHeader, link.header] };
  }

  /** What comes from now on does not find it. */
  #vacate(ask: PageAsk, key: PageKey, regeneration: Regeneration): void {
    const slots = this.#deskOf(ask).slots;
    const slot = slots.get(key.text);
    if (slot === undefined || slot.current !== regeneration) return;
    if (slot.next === null) {
      slots.delete(key.text);
      return;
    }
    const { next } = slot;
    slot.current = next.regeneration;
    slot.next = null;
    // After what is under way has been kept: this one is newer.
    this.#options.clock.soon(next.begin);
  }

  /** Keeps what came, or not; and says how followers are answered when it is not as it came. */
  #settled(
    { ask, key }: { readonly ask: PageAsk; readonly key: PageKey },
    outcome: Outcome,
    made: { readonly cause: Cause; readonly askedMs: number },
  ): ((follower: Follower) => void) | null {
    if (outcome.kind !== 'answered') {
      this.#failed(ask, key, outcome.kind === 'failed' ? outcome.failure.code : 'too large');
      return null;
    }
    const { verdict, body } = outcome;
    if (verdict.keeping === 'kept') return this.#kept({ ask, key }, { verdict, body }, made);
    if (verdict.keeping === 'personal') this.#forget(ask, key);
    else this.#failed(ask, key, verdict.keeping === 'failed' ? `status ${verdict.status}` : verdict.keeping);
    if (verdict.keeping === 'postponed') return (follower) => this.#render(follower, { ask, key }, verdict);
    if (!hidesError(ask.page, verdict)) return null;
    const detail = `The page could not be made: the function answered ${verdict.status}.`;
    return (follower) => follower.fail({ code: 'FUNCTION_INVOCATION_FAILED', detail });
  }

  #kept(
    { ask, key }: { readonly ask: PageAsk; readonly key: PageKey },
    answer: { readonly verdict: Verdict; readonly body: Buffer },
    { cause, askedMs }: { readonly cause: Cause; readonly askedMs: number },
  ): ((follower: Follower) => void) | null {
    const group = groupOf(ask.page, key);
    const page = keep(answer.verdict, answer.body, { askedMs, group, built: false });
    if (page === null) {
      this.#failed(ask, key, 'not what its Content-Type says');
      const detail = 'The page has not the form that its Content-Type says.';
      return (follower) => follower.fail({ code: 'FUNCTION_RESPONSE_INVALID', detail });
    }
    if (!ask.shelf.put(key.text, page))
      this.#options.log.warn('a page is not kept: there is too much of it, or too much to be written', {
        page: ask.output,
        bytes: page.body.length,
      });
    this.#deskOf(ask).failures.made(key.text);
    // One that only catches up with its group does not send the others of it round again.
    if (group !== null && cause !== 'group' && cause !== 'missing')
      ask.shelf.groupMade(group, askedMs, cause === 'on-demand' || cause === 'deleted');
    if (page.stateBytes < 0) return null;
    return (follower) => {
      const own = askOf(ask, follower);
      follower.handOver((exchange) =>
        ask.unfit?.(page.headers, own.head) === true
          ? this.#aside(own, exchange)
          : this.#show({ ask: own, key, exchange }, page, follower.word),
      );
    };
  }

  /** A page that was postponed, and whose state did not come along: rendered whole, for each client. */
  #render(follower: Follower, { ask, key }: { readonly ask: PageAsk; readonly key: PageKey }, verdict: Verdict): void {
    follower.handOver((exchange) => {
      const own = askOf(ask, follower);
      if (own.chain === null) return this.#aside(own, exchange);
      const type = headerOf(verdict.headers, 'content-type') ?? 'text/html; charset=utf-8';
      exchange.head(verdict.status, [...shellHeaders(verdict.headers, type), 'X-Vercel-Cache', 'BYPASS']);
      return this.#goOn({ ask: own, key, exchange }, Buffer.alloc(0));
    });
  }

  /** What was kept is no longer shown; what the build has, neither: it would come back otherwise. */
  #forget(ask: PageAsk, key: PageKey): void {
    ask.shelf.delete(key.text);
    if (ask.page.fallback !== null) ask.shelf.put(key.text, nothingKept);
  }

  #failed(ask: PageAsk, key: PageKey, why: string): void {
    const { clock, log } = this.#options;
    log.warn('a page could not be made anew', { page: ask.output, function: ask.spec.label, why });
    this.#deskOf(ask).failures.failed(key.text, clock.nowMs());
  }

  #deskOf({ shelf }: PageAsk): Desk {
    let desk = this.#desks.get(shelf);
    if (desk === undefined) {
      desk = { slots: new Map(), failures: new Failures(), refreshing: 0 };
      this.#desks.set(shelf, desk);
    }
    return desk;
  }
}

/** What one of those who wait for a page has asked for itself: what is made for it alone is made of that. */
const askOf = (ask: PageAsk, { head }: Follower): PageAsk => ({ ...ask, head });

const hidesError = (page: Prerender, { status }: Verdict): boolean => status >= 500 && !page.exposeErrorBody;

/** Pages of one group are made anew together where they are of the same parameters. */
const groupOf = (page: Prerender, { query }: PageKey): string | null =>
  page.group === null ? null : query === '' ? String(page.group) : `${page.group}?${query}`;
