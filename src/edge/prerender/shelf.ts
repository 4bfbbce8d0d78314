// Hot path: `hot` and `freshness` are what a request for a kept page costs.
import { limits } from '../../base/limits.ts';
import type { HeldBytes } from './held.ts';
import type { Freshness, KeptPage } from './kept.ts';
import { Recency } from './recency.ts';
import type { Used } from './recency.ts';
import type { PageStore, StoredPage } from './store.ts';

/** A kept answer in memory. */
export interface HotPage extends Used {
  readonly shelf: Shelf;
  readonly key: string;
  readonly page: KeptPage;
  /** Null: it is in memory alone, and can be had from the build. */
  readonly stored: StoredPage | null;
  /** What the marks said of it, at the version of them. */
  judged: Judged;
}

interface Judged {
  readonly version: number;
  readonly stale: boolean;
  readonly deletedFromMs: number;
}
const unjudged: Judged = { version: -1, stale: false, deletedFromMs: Infinity };

/** When a group was made anew, and whether what is older may still be shown. */
interface GroupMark {
  readonly askedMs: number;
  readonly deleted: boolean;
}

/** The kept answers of one deployment. */
export class Shelf {
  readonly #store: PageStore;
  readonly #drawer: string;
  readonly scope: string;
  /** For PageStore: what is in memory of it. */
  readonly memory = { bytes: 0, used: new Recency<HotPage>() };
  #closed = false;
  readonly #hot = new Map<string, HotPage>();
  readonly #groups = new Map<string, GroupMark>();
  #groupsVersion = 0;

  constructor(store: PageStore, drawer: string, scope: string) {
    this.#store = store;
    this.#drawer = drawer;
    this.scope = scope;
  }

  /** Pages were kept that no longer are: what the build has of them may be older than what was shown. */
  get lost(): boolean {
    return this.#store.lost(this.#drawer);
  }

  /** For all who are sent what is not in memory anyway. */
  get held(): HeldBytes {
    return this.#store.held;
  }

  /** It is in memory however many are sent it. */
  isSmall(page: KeptPage): boolean {
    return this.#store.mayWarm(page);
  }

  /** What is in memory. */
  hot(key: string): HotPage | null {
    const found = this.#hot.get(key);
    if (found === undefined) return null;
    this.#store.used(found);
    return found;
  }

  /** From memory or disk. Null: nothing is kept. */
  async load(key: string): Promise<HotPage | null> {
    const stored = this.#store.stored(this.#drawer, key);
    if (stored === null) return this.hot(key);
    const { version } = stored;
    const page = await this.#store.read(stored, key);
    // What was put in its place while it was read is newer; and what was removed is gone.
    if (stored.removed || stored.version !== version) return this.load(key);
    if (page === null) return this.hot(key);
    const found = this.#hot.get(key);
    if (found?.page === page) return found;
    const read: HotPage = { shelf: this, key, page, stored, judged: unjudged, before: null, after: null };
    if (!stored.removed && this.#store.mayWarm(page)) this.#warm(read);
    return read;
  }

  /** In the place of what was kept. False: it is not kept, and neither is what was before. */
  put(key: string, page: KeptPage): boolean {
    // Nobody asks for it any more.
    if (this.#closed) return true;
    const before = this.#hot.get(key);
    if (before !== undefined) this.#store.cool(before);
    if (!this.#store.put(this.#drawer, key, page)) return false;
    const stored = this.#store.stored(this.#drawer, key);
    if (stored !== null && this.#store.mayWarm(page))
      this.#warm({ shelf: this, key, page, stored, judged: unjudged, before: null, after: null });
    return true;
  }

  /** In memory alone: it can be had again. */
  remember(key: string, page: KeptPage): HotPage {
    const hot: HotPage = { shelf: this, key, page, stored: null, judged: unjudged, before: null, after: null };
    if (this.#store.mayWarm(page)) this.#warm(hot);
    return hot;
  }

  delete(key: string): void {
    const hot = this.#hot.get(key);
    if (hot !== undefined) this.#store.cool(hot);
    const stored = this.#store.stored(this.#drawer, key);
    if (stored !== null) this.#store.drop(stored, true);
  }

  freshness(hot: HotPage, nowMs: number): Freshness {
    const { page } = hot;
    const version = this.#store.marks.version + this.#groupsVersion;
    if (hot.judged.version !== version) hot.judged = this.#judge(page, version);
    const { judged } = hot;
    if (nowMs >= judged.deletedFromMs) return 'deleted';
    if (nowMs >= page.staleUntilMs) return 'expired';
    return judged.stale || nowMs >= page.freshUntilMs ? 'stale' : 'fresh';
  }

  /** A page of the group was made anew as asked at `askedMs`. `deleted`: the others are not shown until they have been, too. */
  groupMade(group: string, askedMs: number, deleted: boolean): void {
    this.#groups.delete(group);
    this.#groups.set(group, { askedMs, deleted });
    this.#groupsVersion += 1;
    if (this.#groups.size <= limits.pageGroupMarks) return;
    for (const oldest of this.#groups.keys()) {
      this.#groups.delete(oldest);
      return;
    }
  }

  /** It is stale for no other reason than that another one of its group was made anew. */
  behindGroup(page: KeptPage): boolean {
    const mark = page.group === null ? undefined : this.#groups.get(page.group);
    return mark !== undefined && page.askedMs < mark.askedMs;
  }

  /** For PageStore. False: it was not there. */
  forget(hot: HotPage): boolean {
    return this.#hot.get(hot.key) === hot && this.#hot.delete(hot.key);
  }

  /** The deployment is served no more. */
  get closed(): boolean {
    return this.#closed;
  }

  /** For PageStore: what requests that are under way still find of it does not stay in memory. */
  close(): void {
    this.#closed = true;
    for (const hot of this.#hot.values()) this.#store.cool(hot);
  }

  #warm(hot: HotPage): void {
    if (this.#closed) return;
    const before = this.#hot.get(hot.key);
    if (before !== undefined) this.#store.cool(before);
    this.#hot.set(hot.key, hot);
    this.#store.warm(hot);
  }

  #judge(page: KeptPage, version: number): Judged {
    const called = this.#store.marks.called(this.scope, page.tags, page.askedMs);
    const behind = this.behindGroup(page);
    const gone = behind && this.#groups.get(page.group!)!.deleted;
    return {
      version,
      stale: called.stale || behind,
      deletedFromMs: gone ? -Infinity : called.deletedFromMs,
    };
  }
}
